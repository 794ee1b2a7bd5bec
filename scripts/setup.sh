#!/bin/sh
# Sees to it that the tests find what they need beside Go: a Redis server.
set -eu
command -v redis-server >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing redis-server for the cache tests"
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends redis-server; } >/dev/null
	exit 0
fi
echo "redis-server is missing: install it (Debian: sudo apt-get install redis-server, macOS: brew install redis)," >&2
echo "or run FINSAM_WITHOUT_REDIS=1 make test, which then proves nothing about the Redis cache and the shared limits." >&2
[ "${FINSAM_WITHOUT_REDIS:-}" = 1 ]
