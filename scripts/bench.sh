#!/bin/sh
# Measures the built programs side by side; flags go to test/bench (-h tells).
set -eu
cd "$(dirname "$0")/.."
# What else the machine does is part of every figure: say so beforehand.
echo "$(uname -sm), $(nproc) cores, $(go env GOVERSION), load $(cut -d' ' -f1-3 /proc/loadavg), $(date -u +%FT%RZ), $(git describe --tags --always --dirty 2>/dev/null || echo no version)"
echo
FINSAM_BIN="$PWD/bin" exec go run ./test/bench "$@"
