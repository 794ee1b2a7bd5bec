#!/bin/sh
# Measures the built programs beside their peers in one run, by the benchmark beside the
# project: PEERBENCH_DIR names its folder. ONLY, RUNS and SECS are handed on.
set -eu
cd "$(dirname "$0")/.."
peers=${PEERBENCH_DIR:-$PWD/../shared/peerbench}
if ! [ -x "$peers/product-setup.sh" ] || ! [ -x "$peers/peers-run.sh" ]; then
	echo "bench-peers: no benchmark in $peers (product-setup.sh and peers-run.sh are not there); name its folder in PEERBENCH_DIR" >&2
	exit 1
fi
for program in gateway finsam; do
	[ -x "bin/$program" ] || { echo "bench-peers: bin/$program is not there: run make build" >&2; exit 1; }
done
"$peers/product-setup.sh" "$PWD/bin"
PRODUCT_FILE=${PEERBENCH_PRODUCT:-${PEERBENCH_WORK:-$HOME/.cache/peerbench-work}/product.json}
export PRODUCT_FILE RUNS="${RUNS:-3}" SECS="${SECS:-3}"
ONLY=${ONLY:-direct,nginx-cache,caddy,lura-jose-es256,echo-raw-cached,finsam-gateway,finsam-one-week} "$peers/peers-run.sh" gateway
ONLY=${ONLY:-pocketbase,stack-sqlite-full,echo-sqlite-full,finsam-one,finsam-four} exec "$peers/peers-run.sh" crud
