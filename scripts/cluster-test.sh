#!/bin/sh
# Installs the chart on a Kubernetes and lives with it: on ../shared/testcluster when
# that is beside the project, else on whatever KUBECONFIG names.
#
#   RUN=regexp   only these tests        KEEP=1   leaves the test cluster and namespaces
#
# Outside, on a cluster of your own (it makes and deletes namespaces finsam-services,
# finsam-standalone, finsam-examples, finsam-document, finsam-alone and finsam-beside, and
# drains its second node of their pods):
#
#   FINSAM_IMAGE_REGISTRY, FINSAM_IMAGE_TAG   where its nodes find the image (localhost, dev)
#   FINSAM_IMAGE_BEFORE         tag of an older version's image there, to upgrade from and
#                               roll back to; without it all upgrades are to the same one
#   FINSAM_TEST_INGRESS         host:port of the Ingress controller's TLS; without it, and
#                               without a way to cluster IPs, requests go through a tunnel
#                               that breaks with the pod it leads to
#   FINSAM_TEST_INGRESS_CLASS   its class, unless it serves all
#   FINSAM_TEST_MONGO_URI       a real MongoDB, reached from the cluster and from here: its
#                               databases finsam-* ARE DROPPED; then all load reads personal
#                               data. Without it: the wire server of the tests, which needs
#                               the images localhost/mongowire:1 and localhost/redis:1
#   FINSAM_TEST_CUT, FINSAM_TEST_JOIN   commands that take the second node off the network
#                               and join it again; without them that is left out
set -eu
cd "$(dirname "$0")/.."
export CGO_ENABLED=0 GOFLAGS="-trimpath -tags=grpcnotrace" # as make does: one build cache
root=$PWD
testcluster=$root/../shared/testcluster
mkdir -p dist
only=${RUN:-.} # the test cluster has a RUN of its own

# What a machine must let us do for the test cluster. Where it does not, that is no
# failure of ours, and nothing is said to have been shown.
if [ -d "$testcluster" ]; then
	why=
	[ "$(id -u)" = 0 ] || why="root is needed for network namespaces and containers"
	[ -n "$why" ] || unshare --net --mount --pid --uts --ipc --fork --mount-proc true 2>/dev/null || why="the machine lets nobody make namespaces (unshare)"
	[ -n "$why" ] || [ -d /sys/fs/cgroup/memory ] || why="there are no control groups of version 1 below /sys/fs/cgroup"
	if [ -z "$why" ] && command -v ip >/dev/null 2>&1; then
		ip netns add finsam-probe 2>/dev/null && ip netns del finsam-probe || why="the machine lets nobody make network namespaces (ip netns add)"
	fi
	if [ -n "$why" ]; then
		echo "cluster suite not run here: $why"
		exit 0
	fi
fi

echo "== stories"
go test -c -tags cluster -o dist/e2e.test ./test/e2e
export FINSAM_STORY="$root/dist/e2e.test"

if [ ! -d "$testcluster" ]; then
	go build -o bin/ ./services/standalone/cmd/finsam
	PATH=$(scripts/tools.sh):$PATH
	export PATH
	FINSAM_BIN="$root/bin" exec go test -tags cluster -count=1 -v -timeout 40m -run "$only" ./test/cluster
fi

. "$testcluster/env.sh"
[ -x "$BIN/kubebox" ] && [ -x "$BIN/helm" ] && [ -e "$IMAGES/coredns.tar" ] || { echo "== test cluster, once"; "$testcluster/install.sh"; }
echo "== images"
# The version before: that of the newest tag. Without one the same source has another
# version's name, and the upgrade shows two images and no older program.
old=$(git describe --tags --abbrev=0 HEAD^ 2>/dev/null || true)
if [ -n "$old" ]; then
	echo "the version before: $old"
	copy=$(mktemp -d)
	git archive "$old" | tar -xf - -C "$copy"
	(cd "$copy" && VERSION=$old TAG=localhost/finsam:before scripts/images.sh)
	mv "$copy/dist/finsam.tar" "$IMAGES/finsam-before.tar"
	rm -rf "$copy"
else
	echo "there is no tag: the version before is this source under another name"
	VERSION=before TAG=localhost/finsam:before OUT=dist/before scripts/images.sh
	mv dist/before/finsam.tar "$IMAGES/finsam-before.tar"
fi
[ "${FINSAM_IMAGE_BUILT:-}" = 1 ] || TAG=localhost/finsam:dev scripts/images.sh
cp dist/finsam.tar "$IMAGES/finsam.tar"
export FINSAM_BIN="$root/dist"
go build -o dist/mongowire ./test/mongowire/cmd/mongowire
"$BIN/imgtool" pack -o "$IMAGES/mongowire.tar" -t localhost/mongowire:1 dist/mongowire=/mongowire >/dev/null
[ -e "$IMAGES/redis.tar" ] || "$testcluster/debimage.sh" localhost/redis:1 "$IMAGES/redis.tar" /usr/bin/redis-server redis-server
scripts/cluster-addons.sh build

echo "== cluster of two nodes"
"$testcluster/down.sh" >/dev/null 2>&1 || true
[ "${KEEP:-}" = 1 ] || trap '"$testcluster/down.sh" >/dev/null 2>&1' EXIT
# Whatever else the machine does must not make its nodes look lost.
NODES=2 nice -n -10 "$testcluster/up.sh"
# Else all pods together get what one other process of the machine gets.
echo 20480 >"/sys/fs/cgroup/cpu$CGROUP_ROOT/cpu.shares" || true
FINSAM_TEST_INGRESS=$(scripts/cluster-addons.sh apply)
export FINSAM_IMAGE_BEFORE=before FINSAM_TEST_INGRESS FINSAM_CLUSTER_HOSTPATH="$KUBE_ROOT/finsam-volumes"
export FINSAM_TEST_CUT="ip link set vn2 down" FINSAM_TEST_JOIN="ip link set vn2 up"
go test -tags cluster -count=1 -v -timeout 40m -run "$only" -exec "nice -n -15 $testcluster/k.sh" ./test/cluster
