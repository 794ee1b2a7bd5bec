#!/bin/sh
# Every test. The programs of make build are the suite that some of them start.
set -eu
cd "$(dirname "$0")/.."
export FINSAM_BIN="$PWD/bin"
todo=$(mktemp)
scratch=
trap 'rm -rf "$todo" "$scratch"' EXIT
trap 'exit 130' INT TERM
# The compiler and the linker collect their garbage more seldom, which spares them a fifth of
# the processor for a third more memory. A test is linked in two thirds of the time without
# what a debugger reads.
export GOGC=400
# On a machine that has nothing yet, what the tests need is installed and downloaded while
# what needs neither is compiled: the heavy half of the standard library.
scripts/setup.sh &
setup=$!
{ go list -deps -test work && GOWORK=off go -C test/prometheus list -deps -test ./... && GOWORK=off go -C deploy/image list -deps -test ./...; } >/dev/null 2>&1 &
go build net/http/httptest go/types encoding/xml
wait $setup
make -s build
# The tests of each package are linked into bin/test and stay there: the next run links what
# has changed. Packages of one name are in folders of their own. A line of the list is a
# folder below bin/test, a name, the package's folder and its path.
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}} {{.ImportPath}}{{end}}' work | grep . |
	awk '{ name = $2; sub(".*/", "", name); print ++seen[name], name, $1, $2 }' >"$todo"
for n in $(cut -d' ' -f1 "$todo" | sort -u); do
	mkdir -p "bin/test/$n"
	# shellcheck disable=SC2046 # many packages
	go test -vet=off -ldflags "-s -w" -c -o "bin/test/$n/" $(awk -v "n=$n" '$1 == n { print $4 }' "$todo")
done
for m in test/prometheus deploy/image; do
	mkdir -p "bin/test/$m"
	GOWORK=off go -C "$m" test -vet=off -ldflags "-s -w" -c -o "$PWD/bin/test/$m/" ./...
	echo "$m ${m##*/} $PWD/$m github.com/finsam/finsam/$m" >>"$todo"
done
unset GOGC
# What tests write is thrown away: where there is room in memory, nobody waits for a disk.
if [ -z "${TMPDIR:-}" ] && [ "$(df -kP /dev/shm 2>/dev/null | awk 'END { print $4 + 0 }')" -gt 4000000 ]; then
	scratch=$(mktemp -d /dev/shm/finsam-test-XXXXXX)
	export TMPDIR="$scratch"
fi
# What lasts longest begins first, beside as many others as there are cores.
longest='/test/(e2e|attack|prometheus|storemongo)$|/referral/rest$|/services/(standalone|gateway)$'
{ grep -E "$longest" "$todo" | sort -k2; grep -vE "$longest" "$todo"; } |
	xargs -n 4 -P $(($(getconf _NPROCESSORS_ONLN) + 1)) scripts/test-package.sh
