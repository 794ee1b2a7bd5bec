package launch

import (
	"runtime/debug"
	"sync"

	"github.com/finsam/finsam/pkg/telemetry"
)

// Set by the linker for a release: -X github.com/finsam/finsam/pkg/launch.version=1.2.3
// and .revision=<commit>. Other builds have what the Go toolchain records.
var version, revision string

// recorded is what the toolchain recorded; the zero value when it recorded nothing.
var recorded = sync.OnceValue(func() debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return *info
	}
	return debug.BuildInfo{}
})

// Version returns the version of the binary: the release's, else the module's,
// else the commit's first twelve digits, else "dev".
func Version() string {
	if version != "" {
		return version
	}
	if v := recorded().Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if r := Revision(); len(r) >= 12 {
		return r[:12]
	}
	return "dev"
}

// Revision returns the commit that the binary was built from, "" when it is unknown.
func Revision() string {
	if revision != "" {
		return revision
	}
	for _, s := range recorded().Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// Program names the binary for telemetry, as the service that it is.
func Program(service string) telemetry.Program {
	return telemetry.Program{Service: service, Version: Version(), Revision: Revision()}
}
