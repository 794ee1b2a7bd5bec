// Package prometheus proves what an operator sees: Prometheus' own parsers read the metrics
// of the running suite, and its own engine answers every query of the dashboards and alerts,
// which must find its series and labels there, and nobody's name.
//
// What Prometheus scrapes and stores with is not here, and the client of Kubernetes that the
// engine imports is an empty one (clientgo): both together are 260 packages, the clients of
// half a dozen clouds among them, that no test calls and each cold run compiled. It is a
// module of its own, outside go.work, because nothing else here shall have those versions.
package prometheus
