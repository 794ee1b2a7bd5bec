// Package metrics is empty: go mod tidy looks for it.
package metrics
