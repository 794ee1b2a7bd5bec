// Package workqueue is empty: go mod tidy looks for it.
package workqueue
