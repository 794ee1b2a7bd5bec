#!/bin/sh
# Every test. The programs of make build are the suite that some of them start.
set -eu
cd "$(dirname "$0")/.."
export FINSAM_BIN="$PWD/bin"
GOWORK=off go -C deploy/image test -count=1 ./...
# What mostly waits runs beside the rest: Prometheus scrapes a running suite, and the
# longest package of the workspace begins first, beside as many others as there are cores.
out=$(mktemp)
trap 'rm -f "$out"' EXIT
GOWORK=off go -C test/prometheus test -count=1 -timeout 10m ./... >"$out" 2>&1 &
prometheus=$!
go test -p $(($(getconf _NPROCESSORS_ONLN) + 1)) -vet=off -count=1 -timeout 10m ./test/e2e work || { kill $prometheus 2>/dev/null; exit 1; }
wait $prometheus || { cat "$out"; exit 1; }
cat "$out"
