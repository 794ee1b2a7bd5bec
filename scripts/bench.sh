#!/bin/sh
# Measures the built programs side by side; -h lists the flags. FINSAM_BIN names the
# folder of other programs, such as those of the version before.
set -eu
cd "$(dirname "$0")/.."
# What else the machine does is part of every figure.
echo "$(uname -sm), $(nproc) cores, $(go env GOVERSION), load $(cut -d' ' -f1-3 /proc/loadavg), $(date -u +%FT%RZ), $(git describe --tags --always --dirty 2>/dev/null || echo no version)"
FINSAM_BIN="${FINSAM_BIN:-$PWD/bin}" exec go test -run '^$' -bench '^BenchmarkSuite$' -benchtime 1x -timeout 2h ./test/bench -args "$@"
