// Package suite starts the built binaries for the tests, as an operator would:
// the whole suite in one process, or four services as four processes, each with
// a database file of its own. It knows the product only from outside.
package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/finsam/finsam/pkg/freeport"
)

// Suite is a running suite.
type Suite struct {
	Base      string // the API, such as http://127.0.0.1:4711/finsam/v1
	Data      string // the folder with keys, associations and databases
	Processes map[string]*Process
	Addrs     map[string]string // host:port of each service, when they are processes of their own
	bin       string
	issuers   *Suite // whose demo issuers it has; nil: its own
	tokens    sync.Map
	client    *http.Client
}

// Services are the four processes of the suite in services mode, in the order of their
// start: the activity service has the programme, by which the others are ready.
var Services = []string{"activity", "participant", "referral", "gateway"}

// builtEnv names the folder of built programs; without it they are built for the run.
const builtEnv = "FINSAM_BIN"

// temporary is a folder that lasts as long as the tests of one test binary.
var temporary = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "finsam-tests-") })

// binaries returns the folder of finsam, which holds every service, and finsamctl. They
// are built once for all tests of one test binary, unless FINSAM_BIN has them.
var binaries = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv(builtEnv); dir != "" {
		return dir, nil
	}
	root, err := root()
	if err != nil {
		return "", err
	}
	dir, err := temporary()
	if err != nil {
		return "", err
	}
	cmd := exec.Command("go", slices.Concat([]string{"build"}, buildFlags, []string{"-o", dir + string(os.PathSeparator), "./services/standalone/cmd/finsam", "./finsamctl"})...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work")) // also for a test outside the workspace
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return dir, nil
})

// first is a suite that never runs. Commands have prepared its data folder, from which the
// others have their keys, association and demo issuers: so a suite starts no program but
// those under test, and a token that one test asked for is another's too.
var first = sync.OnceValues(func() (*Suite, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := temporary()
	if err != nil {
		return nil, err
	}
	root, err := root()
	if err != nil {
		return nil, err
	}
	s := &Suite{bin: bin, Data: filepath.Join(dir, "data")}
	for _, args := range [][]string{
		{"load", "--data", s.Data, filepath.Join(root, "services", "standalone", "example", "insjoriket.yaml")},
		{"keys", "--data", s.Data},
		{"token", "--data", s.Data, "--role", "coach", "--authority", "molndal"}, // makes the demo issuers and their trust file
	} {
		if _, err := s.run(args...); err != nil {
			return nil, err
		}
	}
	return s, nil
})

// Main runs the tests of a package and then removes what was made for all of them.
func Main(m *testing.M) {
	code := m.Run()
	if dir, err := temporary(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func prepare(t testing.TB, data string) *Suite {
	t.Helper()
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	return &Suite{bin: bin, Data: data, Processes: map[string]*Process{}, client: client}
}

// prepareWith is prepare with a new data folder that has some folders of the first suite's,
// its demo issuers among them.
func prepareWith(t testing.TB, folders ...string) *Suite {
	t.Helper()
	s := prepare(t, t.TempDir())
	var err error
	if s.issuers, err = first(); err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if err := os.CopyFS(filepath.Join(s.Data, folder), os.DirFS(filepath.Join(s.issuers.Data, folder))); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// OneProcess starts finsam serve --demo on a free port, with extra environment.
func OneProcess(t testing.TB, env ...string) *Suite {
	t.Helper()
	return prepareWith(t, "demo").serve(t, env)
}

// OneProcessOn is OneProcess on a data folder that may have been used before.
func OneProcessOn(t testing.TB, data string, env ...string) *Suite {
	t.Helper()
	return prepare(t, data).serve(t, env)
}

func (s *Suite) serve(t testing.TB, env []string) *Suite {
	t.Helper()
	addr, admin := freeport.Addr(t), freeport.Addr(t)
	s.Base = "http://" + addr + "/finsam/v1"
	s.add(t, &Process{
		Name: "finsam", Admin: "http://" + admin,
		args: []string{filepath.Join(s.bin, "finsam"), "serve", "--demo", "--empty", "--addr", addr, "--admin-addr", admin, "--data", s.Data},
		env:  env,
	})
	return s
}

// FourProcesses starts the services and the gateway as separate processes, each
// service on its own SQLite file, with extra environment for all of them.
func FourProcesses(t testing.TB, env ...string) *Suite {
	t.Helper()
	s := prepareWith(t, "keys", "associations", "demo")
	addrs := map[string]string{}
	for _, name := range Services {
		addrs[name] = freeport.Addr(t)
	}
	s.separate(t, Services, addrs, env)
	return s
}

// GatewayAlone starts the gateway in front of whatever answers at the address,
// taken for all services.
func GatewayAlone(t testing.TB, behind string, env ...string) *Suite {
	t.Helper()
	s := prepareWith(t, "keys", "associations", "demo")
	s.separate(t, []string{"gateway"}, map[string]string{
		"gateway": freeport.Addr(t), "referral": behind, "participant": behind, "activity": behind,
	}, env)
	return s
}

// separate starts these services as processes of their own; addrs says where
// each service is.
func (s *Suite) separate(t testing.TB, names []string, addrs map[string]string, env []string) {
	t.Helper()
	common := append([]string{
		"FINSAM_KEYS_DIR=" + filepath.Join(s.Data, "keys"),
		"FINSAM_TRUST_FILE=" + filepath.Join(s.Data, "demo", "trust.yaml"),
		"FINSAM_BLOBS=folder:" + filepath.Join(s.Data, "attachments"),
		"FINSAM_REFERRAL_URL=http://" + addrs["referral"],
		"FINSAM_PARTICIPANT_URL=http://" + addrs["participant"],
		"FINSAM_ACTIVITY_URL=http://" + addrs["activity"],
	}, env...)
	s.Base = "http://" + addrs["gateway"] + "/finsam/v1"
	s.Addrs = addrs
	for _, name := range names {
		own := common
		if name == "activity" {
			own = append([]string{"FINSAM_ASSOCIATIONS_DIR=" + filepath.Join(s.Data, "associations")}, common...)
		}
		admin := freeport.Addr(t)
		s.add(t, &Process{
			Name: name, Admin: "http://" + admin,
			args: []string{filepath.Join(s.bin, "finsam"), name},
			env: append([]string{
				"FINSAM_ADDR=" + addrs[name],
				"FINSAM_ADMIN_ADDR=" + admin,
				"FINSAM_STORE=sqlite:" + filepath.Join(s.Data, name+".db"),
			}, own...),
		})
	}
}

func (s *Suite) add(t testing.TB, p *Process) {
	t.Helper()
	s.Processes[p.Name] = p
	p.logPath = filepath.Join(s.Data, p.Name+".log")
	p.Start(t)
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s said last:\n%s", p.Name, tail(p.logPath))
		}
		text, _ := os.ReadFile(p.logPath)
		for _, word := range []string{"DATA RACE", "panic", "fatal error: "} { // no answer shows these
			if at := bytes.Index(text, []byte(word)); at >= 0 {
				t.Fatalf("%s said:\n%s", p.Name, text[at:min(len(text), at+4000)])
			}
		}
		for line := range bytes.Lines(text) { // a key that is there twice is lost by most readers
			if line[0] == '{' && bytes.HasSuffix(line, []byte("\n")) && !jsontext.Value(line).IsValid() {
				t.Fatalf("%s wrote a line that is no JSON, or has a key twice:\n%s", p.Name, line)
			}
		}
	})
	p.WaitReady(t)
}

// Programs returns the folder of the built programs, for a test that starts them
// itself.
func Programs(t testing.TB) string {
	t.Helper()
	return prepare(t, "").bin
}

// Finsam runs the finsam program and returns what it prints.
func (s *Suite) Finsam(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.run(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *Suite) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(s.bin, "finsam"), args...).Output()
	if err != nil {
		said := ""
		if e, ok := err.(*exec.ExitError); ok {
			said = string(e.Stderr)
		}
		return "", fmt.Errorf("finsam %s: %w\n%s", strings.Join(args, " "), err, said)
	}
	return strings.TrimSpace(string(out)), nil
}

// root is the project's folder: the one above the working folder with go.work.
func root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, there := os.Stat(filepath.Join(dir, "go.work")); there == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("there is no go.work above the working folder")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}

func tail(path string) string {
	text, _ := os.ReadFile(path)
	if len(text) > 6000 {
		text = text[len(text)-6000:]
	}
	return string(text)
}

var probe = &http.Client{Timeout: time.Second}
