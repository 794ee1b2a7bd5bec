#!/bin/sh
# Sees to it that the tests find what they need beside Go: a Redis server, and what
# the commands of docs/operations/day-two.md use.
set -eu
missing=
for tool in redis-server openssl curl jq; do
	command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing$missing for the tests"
	# shellcheck disable=SC2086 # several packages, each named as its program
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >/dev/null
	exit 0
fi
echo "missing:$missing. Install them (Debian: sudo apt-get install$missing, macOS: brew install redis)," >&2
echo "or, without redis-server only, run FINSAM_WITHOUT_REDIS=1 make test, which then proves nothing about the Redis cache and the shared limits." >&2
[ "${FINSAM_WITHOUT_REDIS:-}" = 1 ] && [ "$missing" = " redis-server" ]
