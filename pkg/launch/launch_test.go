package launch_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/certificate/certificatetest"
	"github.com/finsam/finsam/pkg/freeport"
	"github.com/finsam/finsam/pkg/launch"
)

// asChild creates the test binary behave as a program whose main is Main.
const asChild = "FINSAM_TEST_CHILD"

func TestMain(m *testing.M) {
	if how := os.Getenv(asChild); how != "" {
		launch.Main(func(ctx context.Context, environ map[string]string) error {
			switch {
			case environ[asChild] != how:
				return errors.New("the environment did not arrive")
			case how == "wait":
				_, _ = os.Stdout.WriteString("waiting\n")
				<-ctx.Done()
				return ctx.Err()
			}
			return errors.New("FINSAM_STORE: is not set")
		})
		return
	}
	os.Exit(m.Run())
}

func TestAProgramThatCannotStartSaysWhyAndExitsWithOne(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asChild+"=fail")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || string(out) != "finsam: FINSAM_STORE: is not set\n" {
		t.Fatalf("%v: %q", err, out)
	}
}

func TestAProgramThatIsStoppedExitsWithZero(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asChild+"=wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// whole is an environment in which everything is there.
func whole(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := launch.WriteKeys(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "associations"), 0o700); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"FINSAM_ADDR": "127.0.0.1:0", "FINSAM_ADMIN_ADDR": "127.0.0.1:0", "FINSAM_LOG_LEVEL": "error", "FINSAM_LINGER": "0s",
		"FINSAM_STORE": "sqlite:" + filepath.Join(dir, "x.db"), "FINSAM_KEYS_DIR": filepath.Join(dir, "keys"),
		"FINSAM_ASSOCIATIONS_DIR": filepath.Join(dir, "associations"), "FINSAM_PARTICIPANT_URL": "http://127.0.0.1:1",
	}
}

var all = launch.Requirements{Service: "referral", Store: true, Cipher: true, Associations: true, Peers: []string{"participant"}}

func TestACompleteEnvironmentMakesAllPartsAndTheyServe(t *testing.T) {
	p, err := launch.Open(t.Context(), all, whole(t))
	if err != nil {
		t.Fatal(err)
	}
	id := p.NewID()
	if p.Engine == nil || p.Feed == nil || p.AccessLog == nil || p.Cipher == nil || p.Associations == nil || p.Signer == nil || p.Verifier == nil ||
		p.NewID() == id || len(p.Peers) != 1 || p.Client("participant").Base != "http://127.0.0.1:1" {
		t.Fatalf("something is missing: %+v", p)
	}
	token, err := p.Client("participant").OwnToken("")
	if err != nil {
		t.Fatal(err)
	}
	if a, issuer, err := p.Verifier.Verify(token); err != nil || issuer != "referral" || a.Subject != "service:referral" {
		t.Fatalf("its own token: %+v %s %v", a, issuer, err)
	}
	if err := p.AccessLog.Record(t.Context(), accesslog.Entry{Operation: "x"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	worked := make(chan struct{})
	work := func(ctx context.Context) error { close(worked); <-ctx.Done(); return ctx.Err() }
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx, http.NotFoundHandler(), work) }()
	<-worked
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
}

// A service that follows the programme reads no files, and is not ready as long as it has
// never received any association: it says so to who asks.
func TestAServiceWithoutAProgrammeIsNotReadyAndSaysWhy(t *testing.T) {
	environ := whole(t)
	delete(environ, "FINSAM_ASSOCIATIONS_DIR")
	n := launch.Requirements{Service: "referral", Store: true, Programme: true}
	if _, err := launch.Open(t.Context(), n, environ); err == nil || !strings.HasPrefix(err.Error(), "FINSAM_ACTIVITY_URL: is not set; say where") {
		t.Errorf("without an owner: %v", err)
	}
	environ["FINSAM_ACTIVITY_URL"], environ["FINSAM_ADMIN_ADDR"] = "http://127.0.0.1:1", freeport.Addr(t)
	p, err := launch.Open(t.Context(), n, environ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if len(p.Peers) != 0 {
		t.Errorf("the service follows the owner's feed by itself too: %v", p.Peers)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx, http.NotFoundHandler()) }()
	var resp *http.Response
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if resp, err = http.Get("http://" + environ["FINSAM_ADMIN_ADDR"] + "/readyz"); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if want := "not ready: The service has not received any association from the activity service yet.\n"; resp.StatusCode != 503 || string(said) != want {
		t.Errorf("got %d %s", resp.StatusCode, said)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestWorkThatFailsEndsTheServing(t *testing.T) {
	p, err := launch.Open(t.Context(), all, whole(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	broken := errors.New("the follower is broken")
	if err := p.Serve(t.Context(), http.NotFoundHandler(), func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
}

func TestAWrongValueStopsTheStartInOneSentenceThatNamesTheVariable(t *testing.T) {
	base := whole(t)
	notAKey := filepath.Join(t.TempDir(), "bad")
	if err := launch.WriteKeys(notAKey); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(notAKey, "referral.key"), []byte("mellon"), 0o600); err != nil {
		t.Fatal(err)
	}
	badYAML := t.TempDir()
	if err := os.WriteFile(filepath.Join(badYAML, "a.yaml"), []byte("mellon: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		variable, value, want string
	}{
		"no store":                     {"FINSAM_STORE", "", "is not set; name the database"},
		"a store of another kind":      {"FINSAM_STORE", "postgres://u:mellon@h/d", "must begin with sqlite: or mongodb://"},
		"a store without a file":       {"FINSAM_STORE", "sqlite:", "must be followed by a file"},
		"a store that is a folder":     {"FINSAM_STORE", "sqlite:" + badYAML, "open " + badYAML},
		"a server with a wrong name":   {"FINSAM_STORE", "mongodb://u:mellon@/%zz", "the MongoDB server cannot be used"},
		"no keys":                      {"FINSAM_KEYS_DIR", "", "is not set; name the folder of the keys"},
		"no such folder of keys":       {"FINSAM_KEYS_DIR", "/nowhere", "referral.key is not in the folder"},
		"a key that is not valid":      {"FINSAM_KEYS_DIR", notAKey, "referral.key: is not in PEM"},
		"no associations":              {"FINSAM_ASSOCIATIONS_DIR", "", "is not set"},
		"no such associations":         {"FINSAM_ASSOCIATIONS_DIR", "/nowhere", "no such file"},
		"an association that is wrong": {"FINSAM_ASSOCIATIONS_DIR", badYAML, "a.yaml"},
		"no peer":                      {"FINSAM_PARTICIPANT_URL", "", "is not set; say where the participant service is"},
		"a peer without http":          {"FINSAM_PARTICIPANT_URL", "participant:8082", "must be an address such as"},
		"a peer with a query":          {"FINSAM_PARTICIPANT_URL", "http://p/?mellon", "must be an address such as"},
		"an address without a port":    {"FINSAM_ADDR", "localhost", "write host:port"},
		"an admin address":             {"FINSAM_ADMIN_ADDR", "9090", "write host:port"},
		"a cache of another kind":      {"FINSAM_REDIS_URL", "memcached://u:mellon@h", "must begin with redis://"},
		"a level that does not exist":  {"FINSAM_LOG_LEVEL", "loud", "use debug, info, warn or error"},
		"a time that cannot be read":   {"FINSAM_LINGER", "soon", "such as 3s"},
		"a time that is too long":      {"FINSAM_LINGER", "5m", "is not between 0s and 1m"},
	} {
		t.Run(name, func(t *testing.T) {
			environ := maps.Clone(base)
			environ[c.variable] = c.value
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := launch.Open(ctx, all, environ)
			if err == nil {
				t.Fatal("it started")
			}
			got := err.Error()
			if !strings.HasPrefix(got, c.variable+": ") || !strings.Contains(got, c.want) || strings.Contains(got, "mellon@") || strings.Contains(got, "\n") {
				t.Fatalf("got %s", got)
			}
		})
	}
}

func TestTheErrorOfATakenPortNamesItsVariable(t *testing.T) {
	environ := whole(t)
	first, err := launch.Open(t.Context(), launch.Requirements{Service: "gateway"}, environ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Close() })
	first.Config.Addr = "999.999.999.999:1"
	if err := first.Serve(t.Context(), http.NotFoundHandler()); err == nil || !strings.HasPrefix(err.Error(), "FINSAM_ADDR: ") {
		t.Fatalf("got %v", err)
	}
	first.Config.Addr, first.Config.AdminAddr = "127.0.0.1:0", "off"
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := first.Serve(ctx, http.NotFoundHandler()); err != nil {
		t.Fatalf("without an admin port: %v", err)
	}
}

// A service with certificates serves its own port over TLS and its admin port without,
// and calls others that have them; the gateway's port is for those outside.
func TestServicesWithCertificatesCallOneAnotherOverTLS(t *testing.T) {
	environ := whole(t)
	dir := t.TempDir()
	certificatetest.New(t).Issue(t, dir, time.Now().Add(time.Hour))
	environ["FINSAM_TLS_DIR"] = dir
	if _, err := launch.Open(t.Context(), all, environ); err == nil || !strings.HasPrefix(err.Error(), "FINSAM_PARTICIPANT_URL: must begin with https") {
		t.Errorf("a peer without TLS: %v", err)
	}
	environ["FINSAM_PARTICIPANT_URL"] = "https://127.0.0.1:1"
	environ["FINSAM_TLS_DIR"] = "/nowhere"
	if _, err := launch.Open(t.Context(), all, environ); err == nil || !strings.HasPrefix(err.Error(), "FINSAM_TLS_DIR: ") {
		t.Errorf("no certificates: %v", err)
	}
	environ["FINSAM_TLS_DIR"], environ["FINSAM_TRUST_FILE"] = dir, "trust.yaml"
	for scheme, n := range map[string]launch.Requirements{"https": all, "http": {Service: "gateway", Trust: true}} {
		environ["FINSAM_ADDR"], environ["FINSAM_ADMIN_ADDR"] = freeport.Addr(t), freeport.Addr(t)
		p, err := launch.Open(t.Context(), n, environ)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Serve(ctx, http.NotFoundHandler()) }()
		caller := &http.Client{Transport: p.Transport}
		for url, want := range map[string]int{scheme + "://" + environ["FINSAM_ADDR"]: 404, "http://" + environ["FINSAM_ADMIN_ADDR"] + "/livez": 200} {
			var resp *http.Response
			for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if resp, err = caller.Get(url); err == nil {
					_ = resp.Body.Close()
					break
				}
			}
			if err != nil || resp.StatusCode != want {
				t.Errorf("%s: %v, %v", url, resp, err)
			}
		}
		caller.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
