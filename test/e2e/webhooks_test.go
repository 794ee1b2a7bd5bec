package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// authority is the receiver of an authority: a real server with TLS, that writes
// down what it is sent and answers as the test wants.
type authority struct {
	*httptest.Server
	ca string // file with its certificate

	mu     sync.Mutex
	got    []message
	answer int
}

type message struct {
	header http.Header
	body   []byte
	status int // as it was answered
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	r := &authority{answer: 204}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, message{q.Header.Clone(), body, r.answer})
		w.WriteHeader(r.answer)
	}))
	t.Cleanup(r.Close)
	r.ca = filepath.Join(t.TempDir(), "receiver-ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
	if err := os.WriteFile(r.ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// answers lets the receiver answer so from now on.
func (r *authority) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = status
}

// has returns the messages of a type that were answered so, oldest first.
func (r *authority) has(kind string, status int) (found []message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.got {
		var b struct{ Type string }
		if json.Unmarshal(m.body, &b) == nil && b.Type == kind && m.status == status {
			found = append(found, m)
		}
	}
	return found
}

// gets waits until there are n of them.
func (r *authority) gets(t *testing.T, kind string, status, n int) []message {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if found := r.has(kind, status); len(found) >= n {
			return found
		}
	}
	t.Fatalf("%d messages of %s answered with %d, want %d", len(r.has(kind, status)), kind, status, n)
	return nil
}

// verified wants a message to be signed with the secret, in the judgement of the
// library that Standard Webhooks publishes.
func verified(t *testing.T, secret string, m message) bool {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return w.Verify(m.body, m.header) == nil
}

func TestAnAuthorityIsNotifiedByWebhookInOneProcess(t *testing.T) {
	t.Parallel()
	r := newAuthority(t)
	notifiedByWebhook(t, suite.OneProcess(t, "FINSAM_WEBHOOK_ALLOW=127.0.0.0/8", "SSL_CERT_FILE="+r.ca), r, "finsam")
}

func TestAnAuthorityIsNotifiedByWebhookOverFourProcesses(t *testing.T) {
	t.Parallel()
	r := newAuthority(t)
	notifiedByWebhook(t, suite.FourProcesses(t, "FINSAM_WEBHOOK_ALLOW=127.0.0.0/8", "SSL_CERT_FILE="+r.ca), r, "referral")
}

// notifiedByWebhook is the whole life of a webhook: created, tried, called, called again
// after failures and a crash, with a new secret, gone, and back.
func notifiedByWebhook(t *testing.T, s *suite.Suite, r *authority, process string) {
	w := walk{s, t}
	made := w.Must(t, 201, suite.Request{
		Method: "POST", Path: "/webhooks", Token: w.Token(t, fkSystem), Body: map[string]any{"url": r.URL + "/finsam", "active": true},
	})
	hook, secret := "/webhooks/"+made.Text("id"), made.Text("secret")
	if again := w.get(fkSystem, hook); again.At("secret") != nil {
		t.Error("a secret is shown once")
	}
	w.Must(t, 202, suite.Request{Method: "POST", Path: hook + "/test-deliveries", Token: w.Token(t, fkSystem)})
	w.verifiedByFinsamctl(secret, r.gets(t, "se.finsam.test", 204, 1)[0])

	p := persontest.New(rand.New(rand.NewPCG(9, 1)), day(0))
	thing := "/referrals/" + w.Must(t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: referral(p.Number, p.GivenName, "Kanariefågelsson"),
	}).Text("id")
	r.gets(t, "se.finsam.referral.submitted", 204, 1)
	r.answers(503)
	w.change(intake, thing, "supplement-requests", map[string]any{"text": "Påhittat: vilken vårdcentral?"})
	refused := r.gets(t, "se.finsam.referral.supplement_requested", 503, 1)[0]
	w.Processes[process].Kill() // while it waits to be tried again
	r.answers(204)
	w.Processes[process].Start(t)
	w.Processes[process].WaitReady(t)
	taken := r.gets(t, "se.finsam.referral.supplement_requested", 204, 1)[0]
	if taken.header.Get("webhook-id") != refused.header.Get("webhook-id") || !bytes.Equal(taken.body, refused.body) {
		t.Errorf("the second try is another message:\n%s\n%s", refused.body, taken.body)
	}
	w.hasIDsOnly(taken, thing, p.Number)

	rotated := w.Must(t, 200, suite.Request{
		Method: "POST", Path: hook + "/secrets", Token: w.Token(t, fkSystem),
		Header: map[string]string{"If-Match": w.get(fkSystem, hook).Header.Get("ETag")},
	}).Text("secret")
	w.change(fkSystem, thing, "supplements", map[string]any{"text": "Påhittat: Hälsan 1."})
	w.change(intake, thing, "rejection", map[string]any{"code": "other_initiative", "text": "Påhittat: annan insats."})
	both := r.gets(t, "se.finsam.referral.rejected", 204, 1)[0]
	if rotated == secret || !verified(t, secret, both) || !verified(t, rotated, both) {
		t.Error("while the secret is changed, both verify")
	}
	foreign := both
	foreign.body = bytes.Replace(both.body, []byte("rejected"), []byte("accepted"), 1)
	if verified(t, rotated, foreign) {
		t.Error("a message that was changed on its way is valid")
	}
	w.goneAndBack(r, hook)
}

// goneAndBack: a receiver that says it is gone is not called; once it is back, its
// owner turns the webhook on and sends the dead letter again.
func (w walk) goneAndBack(r *authority, hook string) {
	w.t.Helper()
	r.answers(410)
	thing := w.posted(rand.New(rand.NewPCG(9, 2)))
	w.change(intake, thing, "rejection", map[string]any{"code": "other_initiative", "text": "Påhittat: annan insats."})
	off := w.until(fkSystem, hook, "turned off", func(a suite.Answer) bool { return a.Text("state") == "gone" })
	dead := w.until(fkSystem, hook+"/deliveries?page=1&state=dead", "a dead letter", func(a suite.Answer) bool { return a.At("_meta.totalRecords") != 0.0 })
	r.answers(204)
	w.Must(w.t, 200, suite.Request{
		Method: "PUT", Path: hook, Token: w.Token(w.t, fkSystem), Body: map[string]any{"url": r.URL + "/finsam", "active": true},
		Header: map[string]string{"If-Match": off.Header.Get("ETag")},
	})
	all := w.Must(w.t, 200, suite.Request{Method: "POST", Path: hook + "/resending", Token: w.Token(w.t, fkSystem)})
	if all.At("resent") == 0.0 || all.At("more") != false {
		w.t.Errorf("sent again: %s", all.Raw)
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		for _, m := range r.has(dead.Text("items.0.type"), 204) {
			if m.header.Get("webhook-id") == dead.Text("items.0.event") {
				return
			}
		}
		if time.Now().After(end) {
			w.t.Fatalf("the dead letter did not arrive: %s", w.get(fkSystem, hook+"/deliveries").Raw)
		}
	}
}

// hasIDsOnly wants the message to name the referral, and nobody.
func (w walk) hasIDsOnly(m message, thing, number string) {
	w.t.Helper()
	var b struct {
		Data map[string]any
	}
	if err := json.Unmarshal(m.body, &b); err != nil || "/referrals/"+b.Data["referral"].(string) != thing {
		w.t.Errorf("the message is about another: %s", m.body)
	}
	text := string(m.body)
	for name, values := range m.header {
		text += name + strings.Join(values, " ")
	}
	for _, secret := range []string{number, number[2:], "Kanariefågelsson", "vårdcentral"} {
		if strings.Contains(text, secret) {
			w.t.Errorf("a message contains %q", secret)
		}
	}
}

// verifiedByFinsamctl holds a message as it came against the integrator's program.
func (w walk) verifiedByFinsamctl(secret string, m message) {
	w.t.Helper()
	dir := w.t.TempDir()
	var head strings.Builder
	for name := range m.header {
		head.WriteString(name + ": " + m.header.Get(name) + "\n")
	}
	for name, text := range map[string]string{"secret": secret, "headers": head.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	program := filepath.Join(suite.Programs(w.t), "finsamctl")
	for want, body := range map[int][]byte{0: m.body, 3: append([]byte(" "), m.body...)} {
		cmd := exec.Command(program, "webhook", "verify", "--secret-file", filepath.Join(dir, "secret"), "--headers", filepath.Join(dir, "headers"))
		cmd.Stdin = bytes.NewReader(body)
		if code, out := exitCode(w.t, cmd); code != want {
			w.t.Errorf("exit code %d, want %d: %s", code, want, out)
		}
	}
}

func TestAWebhookToANetworkOfTheInstallationIsRefusedAndNothingIsCalled(t *testing.T) {
	t.Parallel()
	r := newAuthority(t)
	s := suite.OneProcess(t, "SSL_CERT_FILE="+r.ca) // nothing is allowed
	for url, status := range map[string]int{
		r.URL: 422, "https://10.0.0.7/": 422, "https://localhost/": 422, "https://169.254.169.254/latest": 422, "http://halsa.example.se/": 400,
	} {
		a := s.Must(t, status, suite.Request{
			Method: "POST", Path: "/webhooks", Token: s.Token(t, fkSystem), Body: map[string]any{"url": url, "active": true},
		})
		if !strings.Contains(string(a.Raw), "/url") {
			t.Errorf("%s: the answer names no field: %s", url, a.Raw)
		}
	}
	if len(r.got) != 0 {
		t.Errorf("the receiver was called %d times", len(r.got))
	}
}
