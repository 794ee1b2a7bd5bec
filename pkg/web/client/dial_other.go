//go:build !linux

package client

import (
	"context"
	"syscall"
)

// setUserTimeout is for Linux only; elsewhere the system's own timeout applies.
func setUserTimeout(context.Context, string, string, syscall.RawConn) error { return nil }
