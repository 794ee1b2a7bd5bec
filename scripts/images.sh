#!/bin/sh
# Makes the one image of the suite without any registry, with its bill of materials:
#   dist/finsam.tar        docker load, ctr images import, crane push
#   dist/finsam.cdx.json   every module in it (CycloneDX)
# TAG names it (localhost/finsam:dev), OUT is another folder than dist. CHECK=1 builds it
# again in another folder and compares bit by bit.
set -eu
cd "$(dirname "$0")/.."
version=${VERSION:-$(git describe --tags --always --dirty 2>/dev/null || echo dev)}
revision=$(git rev-parse HEAD 2>/dev/null || echo "")
created=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
tag=${TAG:-localhost/finsam:dev}
out=${OUT:-dist}
stamp="-X github.com/finsam/finsam/pkg/launch.version=$version -X github.com/finsam/finsam/pkg/launch.revision=$revision"

packer=$(mktemp -d)
trap 'rm -rf "$packer"' EXIT
GOWORK=off CGO_ENABLED=0 go -C deploy/image build -trimpath -o "$packer/image" .

make_in() { # folder: the program, the image, the bill of materials
	mkdir -p "$1"
	CGO_ENABLED=0 GOOS=linux GOARCH="${GOARCH:-amd64}" GOFLAGS= \
		go build -trimpath -tags=grpcnotrace -buildvcs=false -ldflags "-s -w -buildid= $stamp" -o "$1/finsam" ./services/standalone/cmd/finsam
	"$packer/image" -binary "$1/finsam" -tag "$tag" -o "$1/finsam.tar" -sbom "$1/finsam.cdx.json" \
		-version "$version" -revision "$revision" -created "$created"
}

make_in "$out"
if [ -n "${CHECK:-}" ]; then
	# The folder may not show in the result.
	copy=$packer/elsewhere
	mkdir -p "$copy" && git ls-files -z | xargs -0 tar -cf - 2>/dev/null | tar -xf - -C "$copy"
	(cd "$copy" && make_in "$copy/dist" >/dev/null)
	for f in finsam finsam.tar finsam.cdx.json; do
		cmp "$out/$f" "$copy/dist/$f" || { echo "$out/$f is not the same when it is built again" >&2; exit 1; }
	done
	echo "built twice, in two folders: the same, bit by bit"
fi
