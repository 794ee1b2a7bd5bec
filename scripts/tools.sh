#!/bin/sh
# Builds the chart's tools once, pinned, from Go modules, into a cache; prints the
# folder. With ../shared/testcluster installed, its helm is the same.
#   PATH=$(scripts/tools.sh):$PATH
set -eu
cd "$(dirname "$0")/.."
bin=${XDG_CACHE_HOME:-$HOME/.cache}/finsam-tools
mkdir -p "$bin"
export CGO_ENABLED=0 GOWORK=off GOFLAGS=

# name version package [linker flags]: go install, unless that version is there
tool() {
	[ -x "$bin/$1-$2" ] || {
		echo "building $1 $2" >&2
		GOBIN="$bin/new" go install -trimpath -ldflags "-s -w ${4:-}" "$3@$2"
		mv "$bin/new/$1" "$bin/$1-$2"
	}
	ln -sf "$1-$2" "$bin/$1"
}

# helm asks for the Kubernetes version that it was built for; the chart is
# checked against the newest that the test cluster has.
k8s=helm.sh/helm/v3/pkg/chartutil.k8sVersion
lint=helm.sh/helm/v3/pkg/lint/rules.k8sVersion
tool helm v3.22.0 helm.sh/helm/v3/cmd/helm "-X helm.sh/helm/v3/internal/version.version=v3.22.0 -X ${k8s}Major=1 -X ${k8s}Minor=34 -X ${lint}Major=1 -X ${lint}Minor=34"
tool helm-docs v1.14.2 github.com/norwoodj/helm-docs/cmd/helm-docs
tool kubeconform v0.8.0 github.com/yannh/kubeconform/cmd/kubeconform

# helm-unittest replaces a module of its own, so it is built from one (see there).
sum=$(cksum <deploy/tools/go.sum | cut -d' ' -f1)
[ -x "$bin/helm-unittest-$sum" ] || {
	echo "building helm-unittest" >&2
	go -C deploy/tools build -trimpath -ldflags "-s -w" -o "$bin/helm-unittest-$sum" github.com/helm-unittest/helm-unittest/cmd/helm-unittest
}
ln -sf "helm-unittest-$sum" "$bin/helm-unittest"
echo "$bin"
