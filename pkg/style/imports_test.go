package style

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const prefix = "github.com/finsam/finsam/"

// rule tells which packages must never be reached from some others, and why.
type rule struct {
	packages string   // path below the project, "*" for one name
	never    []string // import path, or what it begins with when it ends in "/"
	except   []string
	reason   string
}

var drivers = []string{"go.mongodb.org/mongo-driver/", "github.com/redis/", "modernc.org/"}

var rules = []rule{
	{
		packages: "services/*", except: []string{"services/gateway", "services/standalone"},
		never:  append([]string{"net/http", "github.com/labstack/echo/", "go.opentelemetry.io/otel/sdk/"}, drivers...),
		reason: "a noun and its verbs are tested without a server or a database, and outlive both",
	},
	{
		packages: "services/*/rest",
		never:    drivers,
		reason:   "a handler turns the contract into a verb and back; what is stored is the verb's business",
	},
	{
		packages: "pkg/*",
		never:    []string{prefix + "services/"},
		reason:   "what is shared knows no service",
	},
	{
		packages: "finsamctl",
		never:    []string{prefix + "pkg/", prefix + "services/"},
		reason:   "the integrators' client knows the public API and nothing behind it",
	},
	{
		packages: "services/gateway",
		never:    []string{prefix + "services/referral", prefix + "services/participant", prefix + "services/activity"},
		reason:   "the front door reads the contract; it has no domain words",
	},
	{
		packages: "services/gateway/cmd/gateway",
		never:    append([]string{prefix + "services/referral", prefix + "services/participant", prefix + "services/activity"}, "github.com/FerretDB/"),
		reason:   "each service is a program of its own",
	},
}

func TestTheImportTable(t *testing.T) {
	root := projectRoot(t)
	for _, pkg := range packages(t, root) {
		for _, r := range rules {
			if !r.covers(pkg.path) {
				continue
			}
			for _, dep := range pkg.deps {
				if r.forbids(dep) {
					t.Errorf("%s reaches %s, but %s", pkg.path, dep, r.reason)
				}
			}
		}
		for _, dep := range pkg.deps {
			if one, two := service(pkg.path), service(strings.TrimPrefix(dep, prefix)); one != "" && two != "" && one != two && one != "standalone" {
				t.Errorf("%s reaches %s, but services meet only over pkg/api", pkg.path, dep)
			}
		}
	}
}

func (r rule) covers(path string) bool {
	ok, err := filepath.Match(r.packages, path)
	if strings.HasPrefix(r.packages, "pkg/") {
		ok = strings.HasPrefix(path, "pkg/")
	}
	return err == nil && ok && !slices.Contains(r.except, path)
}

func (r rule) forbids(dep string) bool {
	return slices.ContainsFunc(r.never, func(n string) bool {
		return dep == n || strings.HasSuffix(n, "/") && strings.HasPrefix(dep, n)
	})
}

// service gives the name of the service that a path below services/ belongs to.
func service(path string) string {
	rest, ok := strings.CutPrefix(path, "services/")
	name, _, _ := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return name
}

type listed struct {
	path string // below the project
	deps []string
}

// packages lists every package of the workspace with all that it reaches, tests
// left out.
func packages(t *testing.T, root string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Deps ","}}`, "work")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for line := range strings.Lines(string(out)) {
		path, deps, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, listed{strings.TrimPrefix(path, prefix), strings.Split(deps, ",")})
	}
	if len(all) < 20 {
		t.Fatalf("only %d packages found: the list is not whole", len(all))
	}
	return all
}

// projectRoot is the folder of go.work.
func projectRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOWORK").Output()
	file := strings.TrimSpace(string(out))
	if err != nil || filepath.Base(file) != "go.work" {
		t.Fatalf("no go.work: %q, %v", file, err)
	}
	return filepath.Dir(file)
}
