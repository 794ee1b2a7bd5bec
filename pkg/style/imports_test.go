package style

import (
	"path"
	"slices"
	"strings"
	"testing"
)

const prefix = "github.com/finsam/finsam/"

// rule forbids some packages to import or to reach others, and says why.
type rule struct {
	packages string   // path below the project, "*" for one name; "/..." for all below as well
	except   []string // path.Match patterns
	imports  []string // must not be imported directly; ends in "/": nor what is below
	reaches  []string // must not be reached at all
	reason   string
}

var (
	drivers  = []string{"go.mongodb.org/mongo-driver/", "github.com/redis/", "modernc.org/"}
	front    = []string{"github.com/labstack/echo/", "go.opentelemetry.io/otel/sdk/"}
	services = []string{prefix + "services/referral", prefix + "services/participant", prefix + "services/activity"}
)

var rules = []rule{
	{
		packages: "services/*", except: []string{"services/gateway", "services/standalone"},
		imports: []string{
			"context", "net/http", "os", "log/slog", "go.opentelemetry.io/", "github.com/labstack/",
			prefix + "pkg/store", prefix + "pkg/feed", prefix + "pkg/accesslog", prefix + "pkg/web/", prefix + "pkg/guard", prefix + "pkg/jobs",
		},
		reaches: drivers,
		reason:  "the noun is pure: its rules are tested by a table, without a clock, a database or a server, and outlive all three",
	},
	{
		packages: "services/*/service",
		imports:  []string{"net/http"},
		reaches:  slices.Concat(drivers, front),
		reason:   "the verbs are tested without a server or a database, and outlive both",
	},
	{
		packages: "services/*/rest",
		reaches:  drivers,
		reason:   "a handler turns the contract into a verb and back; what is stored is the verb's business",
	},
	{
		packages: "pkg/...",
		reaches:  []string{prefix + "services/"},
		reason:   "what is shared knows no service",
	},
	{
		packages: "finsamctl",
		reaches:  []string{prefix + "pkg/", prefix + "services/"},
		reason:   "the integrators' client knows the public API and nothing behind it",
	},
	{
		packages: "services/gateway",
		reaches:  services,
		reason:   "the front door reads the contract; it has no domain words",
	},
	{
		packages: "services/gateway/cmd/gateway",
		reaches:  append([]string{"github.com/FerretDB/"}, services...),
		reason:   "each service is a program of its own",
	},
	{
		packages: "services/*/cmd/*",
		reaches:  []string{"html/template", "github.com/xuri/excelize/"},
		reason:   "what finds methods by their names makes the linker keep all methods of all types: half a program more, and 8 MB of memory (ADR 52)",
	},
}

func TestTheImportTable(t *testing.T) {
	for _, pkg := range packages(t) {
		if pkg.path == "" {
			continue
		}
		for _, r := range rules {
			if !r.covers(pkg.path) {
				continue
			}
			for _, dep := range pkg.Imports {
				if isAmong(dep, r.imports) {
					report(t, pkg.path, "%s imports %s, but %s", pkg.path, dep, r.reason)
				}
			}
			for _, dep := range pkg.Deps {
				if isAmong(dep, r.reaches) {
					report(t, pkg.path, "%s reaches %s, but %s", pkg.path, dep, r.reason)
				}
			}
		}
		for _, dep := range pkg.Deps {
			if one, two := service(pkg.path), service(strings.TrimPrefix(dep, prefix)); one != "" && two != "" && one != two && one != "standalone" {
				report(t, pkg.path, "%s reaches %s, but services meet only over pkg/api", pkg.path, dep)
			}
		}
		for _, dep := range pkg.Imports {
			if one, two := room(pkg.path), room(strings.TrimPrefix(dep, prefix)); one != "" && two != "" && one != two {
				report(t, pkg.path, "%s imports %s, but a room does not call another: the service hands it what it needs, so each can be read alone", pkg.path, dep)
			}
		}
	}
}

func (r rule) covers(pkg string) bool {
	if all, ok := strings.CutSuffix(r.packages, "/..."); ok {
		return isBelow(pkg, all)
	}
	ok, _ := path.Match(r.packages, pkg)
	return ok && !slices.ContainsFunc(r.except, func(e string) bool { ok, _ := path.Match(e, pkg); return ok })
}

func isAmong(dep string, list []string) bool {
	return slices.ContainsFunc(list, func(n string) bool {
		return dep == n || strings.HasSuffix(n, "/") && strings.HasPrefix(dep, n)
	})
}

// service returns the name of the service that a path below services/ belongs to.
func service(pkg string) string {
	rest, ok := strings.CutPrefix(pkg, "services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// room returns the folder of a room with its own storage or loop, "" for the noun, the
// floors that every service has, and leaves that any room may use.
func room(pkg string) string {
	parts := strings.Split(pkg, "/")
	if len(parts) < 3 || parts[0] != "services" || parts[1] == "gateway" || parts[1] == "standalone" {
		return ""
	}
	switch name := parts[2]; name {
	case "service", "rest", "cmd", "program", "internal", "sheet", parts[1] + "test":
		return ""
	}
	return strings.Join(parts[:3], "/")
}
