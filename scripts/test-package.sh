#!/bin/sh
# Runs the tests of one package in its folder, as go test does: FOLDER NAME DIRECTORY PATH,
# the binary being bin/test/FOLDER/NAME.test. What they print is shown when they fail.
set -eu
binary="$(cd "$(dirname "$0")/.." && pwd)/bin/test/$1/$2.test"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
began=$(date +%s)
cd "$3"
if "$binary" -test.paniconexit0 -test.timeout=10m >"$out" 2>&1; then
	result=ok
else
	cat "$out"
	result=FAIL
fi
echo "$result	$4	$(($(date +%s) - began))s"
[ "$result" = ok ]
