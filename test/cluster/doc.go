// Package cluster installs the chart on a Kubernetes and lives with it there, as
// an operator does. Its tests are built with the tag "cluster" and run by
// `make cluster-test`; they need a kubeconfig, kubectl, helm and the programs.
package cluster
