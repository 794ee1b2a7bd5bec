#!/bin/sh
# Checks the chart without a cluster: lint and schema for every example, the suites
# of helm-unittest, every object against Kubernetes' own schemas, the README against
# the values. UPDATE=1 writes the README; PACKAGE=1 makes dist/finsam-<version>.tgz.
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

say "kubeconform"
schemas=$(scripts/kubeschemas.sh)
set -- -strict -summary
if [ -n "$schemas" ]; then
	set -- "$@" -schema-location "$schemas/{{.ResourceKind}}{{.KindSuffix}}.json"
else
	set -- "$@" -schema-location default
fi
# Kinds of others: their definitions are not in Kubernetes.
kubeconform "$@" -skip ServiceMonitor,PrometheusRule,HTTPRoute "$work"/*.yaml

if [ "${PACKAGE:-}" = 1 ]; then
	say "package"
	mkdir -p dist && helm package "$chart" -d dist
fi
