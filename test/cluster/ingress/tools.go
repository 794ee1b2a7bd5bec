//go:build tools

// Package ingress pins the Ingress controller that the tests on a cluster use.
package ingress

import _ "github.com/zalando/skipper/cmd/skipper"
