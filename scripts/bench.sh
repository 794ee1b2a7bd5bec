#!/bin/sh
# Measures the built programs side by side; -h lists the flags. FINSAM_BIN names the
# folder of other programs, such as those of the version before.
set -eu
cd "$(dirname "$0")/.."
# What the figures are of is part of them.
machine="Commit $(git describe --tags --always --dirty 2>/dev/null || echo unknown); $(uname -sm), $(nproc) cores, $(go env GOVERSION), load $(cut -d' ' -f1-3 /proc/loadavg) before, $(date -u +%FT%RZ)."
FINSAM_BIN="${FINSAM_BIN:-$PWD/bin}" exec go test -run '^$' -bench '^BenchmarkSuite$' -benchtime 1x -timeout 2h ./test/bench -args -machine "$machine" "$@"
