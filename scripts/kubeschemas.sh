#!/bin/sh
# Prints folders with the JSON schemas that kubeconform checks the chart's objects
# against, one per line. First ServiceMonitor, PrometheusRule and HTTPRoute, converted
# by kubeconform's own script from the definitions in their Go modules. Then those of
# Kubernetes, split by the test cluster's script from the API server's OpenAPI document
# of the version that it runs; without the test cluster beside the project that line is
# missing and kubeconform fetches its own.
set -eu
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/finsam-tools

# module version: prints its folder, downloaded if need be
module() { (cd /tmp && GOWORK=off GOFLAGS=-mod=mod go mod download -json "$1@$2") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

operator=v0.85.0
gateway=v1.6.3
kubeconform=$(readlink "$(scripts/tools.sh)/kubeconform" | sed 's/^kubeconform-//')
python3 -c 'import yaml' 2>/dev/null || { [ "$(id -u)" = 0 ] && apt-get install -qq python3-yaml >&2; } || { echo "python3 with PyYAML is missing (Debian: apt-get install python3-yaml)" >&2; exit 1; }
crds=$cache/crds-$operator-$gateway-$kubeconform
if [ ! -d "$crds" ]; then
	o=$(module github.com/prometheus-operator/prometheus-operator $operator)/example/prometheus-operator-crd
	g=$(module sigs.k8s.io/gateway-api $gateway)/config/crd/standard
	convert=$(module github.com/yannh/kubeconform "$kubeconform")/scripts/openapi2jsonschema.py
	rm -rf "$crds.new" && mkdir -p "$crds.new"
	(cd "$crds.new" && DENY_ROOT_ADDITIONAL_PROPERTIES=1 FILENAME_FORMAT='{kind}-{group}-{version}' python3 "$convert" \
		"$o/monitoring.coreos.com_servicemonitors.yaml" "$o/monitoring.coreos.com_prometheusrules.yaml" \
		"$g/gateway.networking.k8s.io_httproutes.yaml") >&2
	mv "$crds.new" "$crds"
fi
echo "$crds"

testcluster=$(cd ../shared/testcluster 2>/dev/null && pwd) || exit 0
[ -f "$testcluster/openapi2schemas.py" ] || exit 0
version=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$testcluster/src/kube/go.mod")
out=$cache/schemas-$version
if [ ! -f "$out/_definitions.json" ]; then
	python3 "$testcluster/openapi2schemas.py" "$(module k8s.io/kubernetes "$version")/api/openapi-spec/swagger.json" "$out.new" >&2
	mv "$out.new" "$out"
fi
echo "$out"
