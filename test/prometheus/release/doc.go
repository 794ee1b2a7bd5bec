// Package release holds no code, only a test of the alerts as the chart configures them for
// one release; make chart runs it.
package release
