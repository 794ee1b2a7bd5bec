#!/bin/sh
# Puts into the test cluster what a real one has and it has not: a metrics-server,
# an Ingress controller, and the kinds of Prometheus' operator and the Gateway API.
#   build  makes the images, once, pinned, from Go modules
#   apply  puts all of it into the cluster that is up; prints the Ingress' address
set -eu
cd "$(dirname "$0")/.."
testcluster=$PWD/../shared/testcluster
. "$testcluster/env.sh"
export CGO_ENABLED=0 GOWORK=off GOFLAGS=

# The proxy of Go modules has no checksum of v0.8.0; this one works with 1.34.
metrics=v0.7.2

case $1 in
build)
	[ -e "$IMAGES/metrics-server.tar" ] || {
		GOBIN="$BIN" go install -trimpath -ldflags '-s -w' "sigs.k8s.io/metrics-server/cmd/metrics-server@$metrics"
		"$BIN/imgtool" pack -o "$IMAGES/metrics-server.tar" -t localhost/metrics-server:1 "$BIN/metrics-server=/metrics-server" >/dev/null
	}
	[ -e "$IMAGES/skipper.tar" ] || {
		go -C test/cluster/ingress build -trimpath -ldflags '-s -w' -o "$BIN/skipper" github.com/zalando/skipper/cmd/skipper
		"$BIN/imgtool" pack -o "$IMAGES/skipper.tar" -t localhost/skipper:1 "$BIN/skipper=/skipper" >/dev/null
	}
	;;
apply)
	k() { "$testcluster/k.sh" kubectl "$@"; }
	module() { go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }
	{
		# What there is one of must not stand on the node that is lost.
		k -n kube-system patch deployment coredns -p '{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"node1"}}}}}'
		k apply -f "$testcluster/metrics.yaml"
		k -n kube-system patch deployment metrics-server -p '{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"node1"}}}}}'
		k apply -f test/cluster/testdata/ingress.yaml
		operator=$(module github.com/prometheus-operator/prometheus-operator@v0.85.0)/example/prometheus-operator-crd
		routes=$(module sigs.k8s.io/gateway-api@v1.4.0)/config/crd/standard
		k apply --server-side -f "$operator/monitoring.coreos.com_servicemonitors.yaml" \
			-f "$operator/monitoring.coreos.com_prometheusrules.yaml" -f "$routes/gateway.networking.k8s.io_httproutes.yaml"
		for d in coredns metrics-server skipper; do k -n kube-system rollout status "deployment/$d" --timeout=2m; done
	} >&2
	echo "$(k -n kube-system get service skipper -o 'jsonpath={.spec.clusterIP}'):443"
	;;
esac
