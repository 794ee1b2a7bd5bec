#!/bin/sh
# Runs every fuzz target of the modules named, one after another.
set -eu
cd "$(dirname "$0")/.."
for m in "$@"; do
	grep -rl --include='*_test.go' '^func Fuzz' "$m" 2>/dev/null | while read -r file; do
		for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$file"); do
			echo "== $file $target"
			go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" "./$(dirname "$file")"
		done
	done
done
