#!/bin/sh
# Prints a folder with JSON schemas of every kind of Kubernetes, split by the test
# cluster's own script from the API server's OpenAPI document: that of the running
# test cluster's version, as its Go module holds it. Prints nothing when the test
# cluster is not beside the project: kubeconform then fetches its own.
set -eu
testcluster=$(cd "$(dirname "$0")/../../shared/testcluster" 2>/dev/null && pwd) || exit 0
[ -f "$testcluster/openapi2schemas.py" ] || exit 0
version=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$testcluster/src/kube/go.mod")
out=${XDG_CACHE_HOME:-$HOME/.cache}/finsam-tools/schemas-$version
if [ ! -f "$out/_definitions.json" ]; then
	dir=$(cd /tmp && GOWORK=off GOFLAGS=-mod=mod go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	python3 "$testcluster/openapi2schemas.py" "$dir/api/openapi-spec/swagger.json" "$out.new" >&2
	mv "$out.new" "$out"
fi
echo "$out"
