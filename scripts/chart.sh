#!/bin/sh
# Checks the chart without a cluster: lint and schema for every example, the suites
# of helm-unittest, the rules of the network policies, every object against Kubernetes'
# own schemas, the README against the values. UPDATE=1 writes the README; PACKAGE=1 makes dist/finsam-<version>.tgz.
set -eu
cd "$(dirname "$0")/.."
PATH=$(scripts/tools.sh):$PATH
export PATH
chart=deploy/helm/finsam
say() { printf '== %s\n' "$1"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "README of the chart"
helm-docs --chart-search-root "$chart" --template-files README.md.gotmpl --sort-values-order file --dry-run --log-level error >"$work/README.md"
if [ "${UPDATE:-}" = 1 ]; then cp "$work/README.md" $chart/README.md; fi
cmp -s "$work/README.md" $chart/README.md || { echo "$chart/README.md is old: run UPDATE=1 make chart" >&2; exit 1; }

say "helm lint --strict"
for f in $chart/examples/*.yaml; do
	helm lint --strict --quiet "$chart" -f "$f"
	helm template finsam "$chart" -n finsam -f "$f" >"$work/$(basename "$f")"
done

say "helm-unittest"
helm-unittest --strict "$chart"

say "network policies"
go test -tags chart -count=1 ./test/policies

say "alerts of a release"
GOWORK=off go -C test/prometheus test -tags chart -count=1 ./release

say "kubeconform"
set -- -strict -summary
own=-schema-location\ default
for schemas in $(scripts/kubeschemas.sh); do
	set -- "$@" -schema-location "$schemas/{{.ResourceKind}}{{.KindSuffix}}.json"
	case $schemas in */schemas-*) own= ;; esac
done
# shellcheck disable=SC2086 # no word or two
kubeconform "$@" $own "$work"/*.yaml >"$work/summary" || { cat "$work/summary" >&2; exit 1; }
cat "$work/summary"
# Every example's object was held against a schema, and a wrong one is found.
grep -q 'Skipped: 0$' "$work/summary"
sed 's/parentRefs:/parentRef:/' "$work/gateway-api-private-ca.yaml" >"$work/wrong.yaml"
if kubeconform "$@" $own "$work/wrong.yaml" >/dev/null; then echo "a wrong HTTPRoute passed" >&2; exit 1; fi

say "below a parent chart"
parent=$work/parent
mkdir -p "$parent/charts" "$parent/templates" && cp -r $chart "$parent/charts/finsam"
printf 'apiVersion: v2\nname: parent\nversion: 0.1.0\ndependencies: [{ name: finsam, alias: path, version: "*", condition: path.enabled }]\n' >"$parent/Chart.yaml"
{ printf 'global: { team: it, imageRegistry: mirror.example.se }\npath:\n' && sed 's/^/  /' $chart/examples/services-replica-set.yaml; } >"$parent/values.yaml"
helm template p "$parent" >"$work/parent.yaml"
kubeconform "$@" $own "$work/parent.yaml"
grep -q 'image: mirror.example.se/finsam/finsam:' "$work/parent.yaml" || { echo "the parent's registry is not used" >&2; exit 1; }
if helm template p "$parent" --set path.enabled=false | grep -q kind:; then echo "it is there although it is switched off" >&2; exit 1; fi
if helm template p "$parent" --set path.gatway.replicas=3 >/dev/null 2>&1; then echo "a typo below a parent passed" >&2; exit 1; fi

if [ "${PACKAGE:-}" = 1 ]; then
	say "package"
	mkdir -p dist && helm package "$chart" -d dist
fi
