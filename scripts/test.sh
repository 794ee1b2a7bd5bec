#!/bin/sh
# Every test. The programs of make build are the suite that some of them start.
set -eu
cd "$(dirname "$0")/.."
export FINSAM_BIN="$PWD/bin"
# The compiler and the linker collect their garbage more seldom, which spares them a fifth of
# the processor for a third more memory; the tests and what they start do not see it. A test
# is linked in two thirds of the time without what a debugger reads.
export GOGC=400
set -- -ldflags "-s -w" -exec "env -u GOGC" -vet=off -count=1
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# On a machine that has nothing yet, what the tests need is installed and downloaded while
# what needs neither is compiled: the heavy half of the standard library.
scripts/setup.sh &
setup=$!
{ go list -deps -test work && GOWORK=off go -C test/prometheus list -deps -test ./... && GOWORK=off go -C deploy/image list -deps -test ./...; } >/dev/null 2>&1 &
go build net/http/httptest go/types encoding/xml
wait $setup
make -s build
# What mostly waits runs beside the rest: a running suite is scraped. Of the workspace the
# packages that last longest or have most to compile begin first, beside as many others as
# there are cores. The last one is compiled here too, so that it only has to run.
{ GOWORK=off go -C test/prometheus test "$@" -timeout 10m ./... && GOWORK=off go -C deploy/image test "$@" ./... && go test -vet=off -c -o /dev/null ./pkg/style; } >"$out" 2>&1 &
beside=$!
go test "$@" -p $(($(getconf _NPROCESSORS_ONLN) + 1)) -timeout 10m ./test/e2e ./test/... $(go list work | grep -v /pkg/style) || { kill $beside 2>/dev/null; exit 1; }
# It reads what the compiler wrote of every package, which is all there now.
go test "$@" ./pkg/style
wait $beside || { cat "$out"; exit 1; }
cat "$out"
