//go:build tools

// Package tools pins what scripts/tools.sh builds from this module.
package tools

import _ "github.com/helm-unittest/helm-unittest/cmd/helm-unittest"
