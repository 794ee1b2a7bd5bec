#!/bin/sh
# Tries what docs/operations.md says about registries on one of this machine, which
# lives as long as the trial: the image built by ko, twice and from two folders, runs
# as nobody, weighs at most 60 MB and has the same digest; the image of `make images`
# and the packed chart go in and come out as they were.
set -eu
cd "$(dirname "$0")/.."
PATH=$(scripts/tools.sh registry):$PATH
export PATH
work=$(mktemp -d)
GOWORK=off CGO_ENABLED=0 go -C deploy/image build -trimpath -o "$work/image" .
"$work/image" -registry "$work/addr" &
registry=$!
trap 'kill $registry; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -f "$work/addr" ] && break || sleep 0.1; done
at=$(cat "$work/addr")
say() { printf '== %s\n' "$1"; }
wrong() { echo "$1" >&2; exit 1; }

say "ko"
VERSION=$(git describe --tags --always) REVISION=$(git rev-parse HEAD) SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export VERSION REVISION SOURCE_DATE_EPOCH KO_DEFAULTBASEIMAGE="$at/base" KO_DOCKER_REPO="$at/ko"
mkdir "$work/copy" && git archive HEAD | tar -xf - -C "$work/copy"
for folder in . "$work/copy"; do
	(cd "$folder" && ko build --bare --insecure-registry --sbom=none ./services/standalone/cmd/finsam) >>"$work/ko" 2>>"$work/ko.log" ||
		{ cat "$work/ko.log" >&2; exit 1; }
done
[ "$(sort -u "$work/ko" | wc -l)" = 1 ] || wrong "ko built two images: $(cat "$work/ko")"
crane --insecure config "$at/ko" | grep -q '"User":"65532:65532"' || wrong "the image that ko builds runs as root"
crane --insecure export "$at/ko" - | tar -tvf - | awk '{ n += $3 } END { printf "%.1f MB unpacked\n", n / 1e6; exit n > 60e6 }' || wrong "more than 60 MB"
head -1 "$work/ko"

say "the image into a registry"
[ -f dist/finsam.tar ] || scripts/images.sh
crane --insecure push dist/finsam.tar "$at/finsam/finsam:0.1.0"
crane --insecure pull "$at/finsam/finsam:0.1.0" "$work/finsam.tar"
for f in dist/finsam.tar "$work/finsam.tar"; do tar -xOf "$f" manifest.json | sed 's/.*"Config":"\([^"]*\)".*/\1/' >>"$work/ids"; done
[ "$(sort -u "$work/ids" | wc -l)" = 1 ] || wrong "another image came out: $(cat "$work/ids")"

say "the chart into a registry"
helm package deploy/helm/finsam -d "$work" >/dev/null
helm push --plain-http "$work"/finsam-0.*.tgz "oci://$at/charts"
mkdir "$work/pulled" && helm pull --plain-http "oci://$at/charts/finsam" -d "$work/pulled"
cmp "$work"/finsam-0.*.tgz "$work"/pulled/finsam-0.*.tgz
helm template finsam --plain-http "oci://$at/charts/finsam" -f deploy/helm/finsam/examples/demo.yaml >/dev/null
