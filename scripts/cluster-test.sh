#!/bin/sh
# Installs the chart on a Kubernetes and lives with it: on ../shared/testcluster when
# that is beside the project, else on whatever KUBECONFIG names (the image must be
# where its nodes find it: FINSAM_IMAGE_REGISTRY, FINSAM_IMAGE_TAG). RUN=regexp picks
# tests; KEEP=1 leaves the test cluster up.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
testcluster=$root/../shared/testcluster
mkdir -p dist

echo "== programs and stories"
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/ ./services/standalone/cmd/finsam
go test -c -tags cluster -o dist/e2e.test ./test/e2e
go test -c -tags cluster -o dist/cluster.test ./test/cluster
export FINSAM_BIN="$root/bin" FINSAM_STORY="$root/dist/e2e.test"

if [ ! -d "$testcluster" ]; then
	PATH=$(scripts/tools.sh):$PATH
	export PATH
	cd test/cluster && exec "$root/dist/cluster.test" -test.v -test.timeout 30m -test.run "${RUN:-.}"
fi

. "$testcluster/env.sh"
[ -x "$BIN/kubebox" ] && [ -x "$BIN/helm" ] && [ -e "$IMAGES/coredns.tar" ] || { echo "== test cluster, once"; "$testcluster/install.sh"; }
echo "== images"
TAG=localhost/finsam:dev scripts/images.sh
cp dist/finsam.tar "$IMAGES/finsam.tar"
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o dist/mongowire ./test/mongowire/cmd/mongowire
"$BIN/imgtool" pack -o "$IMAGES/mongowire.tar" -t localhost/mongowire:1 dist/mongowire=/mongowire >/dev/null
[ -e "$IMAGES/redis.tar" ] || "$testcluster/debimage.sh" localhost/redis:1 "$IMAGES/redis.tar" /usr/bin/redis-server redis-server

echo "== cluster"
"$testcluster/down.sh" >/dev/null 2>&1 || true
[ "${KEEP:-}" = 1 ] || trap '"$testcluster/down.sh" >/dev/null 2>&1' EXIT
"$testcluster/up.sh"
export FINSAM_CLUSTER_HOSTPATH="$KUBE_ROOT/finsam-volumes"
cd test/cluster && "$testcluster/k.sh" "$root/dist/cluster.test" -test.v -test.timeout 30m -test.run "${RUN:-.}"
