// Package release holds no code, only a test of the alerts as the chart gives them to
// one release; make chart runs it.
package release
