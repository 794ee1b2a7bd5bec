// Package rest has the two types that Prometheus' log names, which its query engine
// imports: the client of Kubernetes they come from is 86 packages that nothing here calls.
package rest

import "context"

// WarningHandlerWithContext takes the warnings of a Kubernetes server.
type WarningHandlerWithContext interface {
	HandleWarningHeaderWithContext(ctx context.Context, code int, agent, message string)
}

// WarningLogger drops them: no test has such a server.
type WarningLogger struct{}

// HandleWarningHeaderWithContext implements WarningHandlerWithContext.
func (WarningLogger) HandleWarningHeaderWithContext(context.Context, int, string, string) {}
