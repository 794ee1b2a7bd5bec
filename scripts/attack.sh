#!/bin/sh
# Attacks the built programs under the memory limits of the chart, one attack after the other,
# while others ask politely; -h lists the flags. FINSAM_BIN names the folder of other programs.
set -eu
cd "$(dirname "$0")/.."
ulimit -n "$(ulimit -H -n)" # 10,000 connections are one of the attacks
machine="Commit $(git describe --tags --always --dirty 2>/dev/null || echo unknown); $(uname -sm), $(nproc) cores, $(go env GOVERSION), load $(cut -d' ' -f1-3 /proc/loadavg) before, $(date -u +%FT%RZ)."
FINSAM_BIN="${FINSAM_BIN:-$PWD/bin}" exec go test -run '^$' -bench '^BenchmarkAttack$' -benchtime 1x -timeout 40m ./test/attack -args -machine "$machine" "$@"
