package launch

import (
	"runtime/debug"

	"github.com/finsam/finsam/pkg/telemetry"
)

// Set by the linker for a release: -X github.com/finsam/finsam/pkg/launch.version=1.2.3
// and .revision=<commit>. Other builds have what the Go toolchain records.
var version, revision string

// Version returns the version of the binary: the release's, else the module's,
// else the commit's first twelve digits, else "dev".
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
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
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
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
