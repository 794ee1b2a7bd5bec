package backup_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/internaltoken"
)

// house is processes that can be backed up, with the keys of their tokens.
type house struct {
	t       *testing.T
	dir     string
	copied  []string // the services, in the order of their copies
	signers map[string]*internaltoken.Signer
	keys    map[string]ed25519.PublicKey
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, dir: t.TempDir(), signers: map[string]*internaltoken.Signer{}, keys: map[string]ed25519.PublicKey{}}
	for _, issuer := range []string{internaltoken.Gateway, "referral"} {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		h.keys[issuer], h.signers[issuer] = public, internaltoken.NewSigner(issuer, private, time.Now)
	}
	return h
}

// process serves one service's copies and gives the address of its admin port.
func (h *house) process(service, dir string, g *feed.Gate, fails error) string {
	s := &backup.Server{
		Service: service, Dir: dir, Verify: internaltoken.NewVerifier(h.keys, time.Now), Gate: g, Log: slog.New(slog.DiscardHandler),
		Copy: func(_ context.Context, folder string) ([]string, error) {
			h.copied = append(h.copied, service)
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return nil, err
			}
			return []string{service + ".db"}, errors.Join(fails, os.WriteFile(filepath.Join(folder, service+".db"), []byte("invented"), 0o600))
		},
	}
	mux := http.NewServeMux()
	mux.Handle("POST /backup/", s)
	server := httptest.NewServer(mux)
	h.t.Cleanup(server.Close)
	return server.URL
}

func (h *house) make(issuer string, admins ...string) (string, error) {
	return backup.Running{
		Admins: admins, HTTP: http.DefaultClient, Program: "1.2.3", Now: time.Now,
		Token: func() (string, error) { return h.signers[issuer].Token(actor.ForService(issuer, "-")) },
	}.Make(h.t.Context())
}

func TestTheOneThatKeepsThePeopleIsCopiedLastWhileAllRest(t *testing.T) {
	h := newHouse(t)
	gates := map[string]*feed.Gate{}
	var admins []string
	for _, service := range []string{"participant", "referral", "activity"} {
		gates[service] = new(feed.Gate)
		admins = append(admins, h.process(service, h.dir, gates[service], nil))
	}
	made, err := h.make(internaltoken.Gateway, admins...)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(h.copied, " "); got != "activity referral participant" {
		t.Errorf("copied in the order %s", got)
	}
	if m, err := backup.Read(made); err != nil || len(m.Files) != 3 {
		t.Errorf("%+v, %v", m, err)
	}
	h.open(gates)
}

// open holds that no gate is held any more.
func (h *house) open(gates map[string]*feed.Gate) {
	h.t.Helper()
	for service, g := range gates {
		release, err := g.Hold(h.t.Context(), time.Minute)
		if err != nil {
			h.t.Errorf("%s rests on: %v", service, err)
			continue
		}
		release()
	}
}

func TestABackupThatFailsMakesNoSetAndHoldsNobody(t *testing.T) {
	h := newHouse(t)
	gates := map[string]*feed.Gate{"referral": new(feed.Gate), "participant": new(feed.Gate)}
	one, two := h.process("referral", h.dir, gates["referral"], nil), h.process("participant", h.dir, gates["participant"], errors.New("the disk is full"))
	elsewhere := h.process("activity", t.TempDir(), nil, nil)
	for _, c := range []struct {
		sentence, issuer, want string
		admins                 []string
	}{
		{"a copy fails", internaltoken.Gateway, "participant): 409 Conflict: the disk is full", []string{one, two}},
		{"one writes elsewhere", internaltoken.Gateway, "give them the same FINSAM_BACKUP_DIR", []string{one, elsewhere}},
		{"one does not answer", internaltoken.Gateway, "does not answer", []string{one, "http://127.0.0.1:1"}},
		{"a token of a service", "referral", "a token signed with the gateway's key is needed", []string{one}},
		{"no address", internaltoken.Gateway, "must be an address", []string{"\x7f"}},
		{"nobody", internaltoken.Gateway, "no process was named", nil},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if made, err := h.make(c.issuer, c.admins...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("made %q, %v; want %q", made, err, c.want)
			}
			h.open(gates)
		})
	}
	if names, err := backup.Sets(h.dir); err != nil || len(names) != 0 {
		t.Errorf("sets: %v, %v", names, err)
	}
}

func TestAProcessThatMakesNoBackupsSaysWhatItNeeds(t *testing.T) {
	h := newHouse(t)
	bare := httptest.NewServer(http.NotFoundHandler())
	defer bare.Close()
	if _, err := h.make(internaltoken.Gateway, bare.URL); err == nil || !strings.Contains(err.Error(), "start it with FINSAM_BACKUP_DIR") {
		t.Errorf("%v", err)
	}
}

func TestWithoutATokenNothingIsCopied(t *testing.T) {
	h := newHouse(t)
	at := h.process("referral", h.dir, nil, nil)
	for _, path := range []string{"/backup/copy?set=finsam-20261122T120000.000Z", "/backup/hold", "/backup/release"} {
		resp, err := http.Post(at+path, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if len(h.copied) != 0 {
		t.Errorf("copied %v", h.copied)
	}
}
