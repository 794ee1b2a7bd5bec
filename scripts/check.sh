#!/bin/sh
# Checks that need no server: what a reviewer should not have to look for.
set -eu
cd "$(dirname "$0")/.."
export GOGC=400 # the compiler and staticcheck collect garbage more seldom: see test.sh
say() { printf '== %s\n' "$1"; }

say "gofmt"
unformatted=$(git ls-files '*.go' | xargs gofmt -l)
[ -z "$unformatted" ] || { echo "run gofmt -w on: $unformatted" >&2; exit 1; }

say "go vet"
go vet work
GOWORK=off go -C test/prometheus vet ./...

say "staticcheck"
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 $(go list work)

say "each module complete on its own, and tidy"
for m in "$@"; do
	# list -export compiles everything and links nothing.
	GOWORK=off go -C "$m" list -export ./... >/dev/null && GOWORK=off go -C "$m" mod tidy -diff || { echo "$m: run make tidy" >&2; exit 1; }
done

say "generated files are current"
sums() { git ls-files -z | xargs -0 sha256sum 2>/dev/null; }
sums >"${TMPDIR:-/tmp}/finsam-before.$$"
make -s generate
sums >"${TMPDIR:-/tmp}/finsam-after.$$"
old=$(diff "${TMPDIR:-/tmp}/finsam-before.$$" "${TMPDIR:-/tmp}/finsam-after.$$" | sed -n 's/^> [0-9a-f]*  //p')
rm -f "${TMPDIR:-/tmp}/finsam-before.$$" "${TMPDIR:-/tmp}/finsam-after.$$"
[ -z "$old" ] || { echo "out of date, now rewritten, commit them: $old" >&2; exit 1; }

# The vulnerability database: the one beside the project, else the public one.
db=../shared/data/vulndb.tar.xz
if [ -f "$db" ]; then
	say "govulncheck"
	cache=${TMPDIR:-/tmp}/finsam-vulndb-$(cksum <"$db" | cut -d' ' -f1)
	[ -d "$cache" ] || { mkdir -p "$cache.part" && tar -xJf "$db" -C "$cache.part" && mv "$cache.part" "$cache"; }
	# What ships: the image, with everything that the services reach, and finsamctl.
	for m in services/standalone finsamctl; do
		GOWORK=off go run golang.org/x/vuln/cmd/govulncheck@v1.1.4 -C "$m" -db "file://$cache" ./...
	done
fi
