package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/freeport"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// commands returns the blocks of sh in a chapter of docs/operations, in order,
// without those that need a cluster.
func commands(t *testing.T, chapter string) string {
	t.Helper()
	blocks := slices.DeleteFunc(suite.Blocks(t, "## "+chapter, "sh"), func(b string) bool { return strings.Contains(b, "kubectl") })
	if len(blocks) == 0 {
		t.Fatalf("the chapter %q has no commands", chapter)
	}
	return strings.Join(blocks, "")
}

// follow runs a chapter's commands in an empty folder with the example's file,
// one after the other, and returns what they print. The first that fails ends it.
func follow(t *testing.T, chapter string) string {
	t.Helper()
	for _, tool := range []string{"openssl", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v: the document's commands need %s (make setup)", err, tool)
		}
	}
	script := "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n" + commands(t, chapter)
	script = strings.ReplaceAll(script, "127.0.0.1:8080", freeport.Addr(t))
	script = strings.ReplaceAll(script, "127.0.0.1:9090", freeport.Addr(t))
	dir := t.TempDir()
	example, err := os.ReadFile("../../services/standalone/example/insjoriket.yaml")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "insjoriket.yaml"), example, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.WaitDelay = dir, 10*time.Second
	cmd.Env = append(os.Environ(), "PATH="+suite.Programs(t)+":"+os.Getenv("PATH"), "FINSAM_STORE=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
		for _, l := range logs {
			text, _ := os.ReadFile(l)
			t.Logf("%s:\n%s", filepath.Base(l), text)
		}
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// holds fails unless the text has all parts, in this order.
func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%q is not where it was to be:\n%s", part, text)
		}
		rest = after
	}
}

func TestTheChapterThatConnectsAnAuthorityIsTrue(t *testing.T) {
	t.Parallel()
	holds(t, follow(t, "Connect an authority"),
		"names no issuer", "fk of insjoriket, as integration, referrer", "the token is for system-1 of fk",
		"201", `"state":"submitted"`, "401")
}

// Every program is restarted after each stage, one after the other, as in a rolling
// restart: programs of two stages work together all the time.
func TestKeysAreRotatedWhileTheSuiteWorks(t *testing.T) {
	t.Parallel()
	s := suite.FourProcesses(t, append(slices.Clone(unlimited), "FINSAM_LINGER=0s")...)
	w := walk{Suite: s, t: t}
	first := w.post("Första")
	keys := filepath.Join(s.Data, "keys")
	before, err := os.ReadFile(filepath.Join(keys, "gateway.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{launch.Announce, launch.Switch, launch.Retire} {
		holds(t, s.Finsam(t, "keys", "rotate", stage, "--data", s.Data), "restart every program")
		for _, name := range suite.Services {
			p := s.Processes[name]
			p.Stop()
			p.Start(t)
			p.WaitReady(t)
			w.post("Under " + stage)
			if got := w.get(fkOfficer, first).Text("reason"); got != "Påhittat exempel: Första" {
				t.Fatalf("%s, %s: the first referral says %q", stage, name, got)
			}
		}
	}
	if after, err := os.ReadFile(filepath.Join(keys, "gateway.key")); err != nil || bytes.Equal(before, after) {
		t.Errorf("the gateway has the key of before: %v", err)
	}
}

// post posts a referral of a new person and returns its path.
func (w walk) post(reason string) string {
	w.t.Helper()
	now := time.Now().UnixNano()
	body := referral(persontest.NumberAged(rand.New(rand.NewPCG(41, uint64(now))), day(0), 41, false), "Rut", "Påhittad")
	body["reason"] = "Påhittat exempel: " + reason
	a := w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(w.t, fkSystem), Body: body,
		Header: map[string]string{"Idempotency-Key": fmt.Sprint("rotate-", now)}})
	return "/referrals/" + a.Text("id")
}
