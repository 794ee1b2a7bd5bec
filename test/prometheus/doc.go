// Package prometheus proves what an operator sees: a real Prometheus scrapes the
// running suite, and every query of the dashboards and alerts must find its
// series and labels there, and nobody's name.
//
// It is a module of its own, outside go.work: Prometheus brings the clients of
// half a dozen clouds with it, which nothing else here shall meet.
package prometheus
