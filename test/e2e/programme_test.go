package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// accepts refers an invented person and accepts it, and returns the referral and the
// enrolment that it leads to.
func (w walk) accepts(n uint64) (referred, enrolment suite.Answer) {
	w.t.Helper()
	p := persontest.New(rand.New(rand.NewPCG(13, n)), day(0))
	a := w.Must(w.t, http.StatusCreated, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(w.t, fkSystem),
		Body: referral(p.Number, p.GivenName, p.FamilyName), Header: map[string]string{"Idempotency-Key": fmt.Sprint("programme-", n)}})
	thing := "/referrals/" + a.Text("id")
	w.change(intake, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(0), "coach": "coach-1"})
	referred = w.until(intake, thing, "enrolled", func(a suite.Answer) bool { return a.Text("progress.enrolment") != "" })
	return referred, w.get(coach, "/enrolments/"+referred.Text("progress.enrolment"))
}

// ready returns what a process answers to who asks whether it is ready.
func ready(t *testing.T, p *suite.Process) (int, string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if resp, err := http.Get(p.Admin + "/readyz"); err == nil {
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(text)
		}
	}
	t.Fatal(p.Name, " does not listen")
	return 0, ""
}

// The activity service owns the programme. The others decide by what they have received,
// say by which version, and wait for it when they have received nothing.
func TestServicesDecideByTheProgrammeThatTheyHaveWhileItsOwnerIsAway(t *testing.T) {
	s := suite.FourProcesses(t, unlimited...)
	w := walk{s, t}
	n := uint64(0)
	decides := func(when, plan string) (by string) {
		t.Helper()
		n++
		r, e := w.accepts(n)
		if by = e.Text("planVersion"); r.At("acceptance.initiativeVersion") != 1.0 || plan != "" && by != plan {
			t.Errorf("%s: accepted by version %v of the initiative and enrolled by %q of the plan", when, r.At("acceptance.initiativeVersion"), by)
		}
		return by
	}
	decides("with the owner", "1")
	owner, participant, referral := s.Processes["activity"], s.Processes["participant"], s.Processes["referral"]
	owner.Kill()
	decides("without the owner", "1")
	referral.Kill()
	referral.Start(t)
	referral.WaitReady(t)
	participant.Kill()

	// The plan changes while a follower is down, and the owner is away when that returns.
	file := filepath.Join(s.Data, "associations", "insjoriket.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("name: Lära känna,"), []byte("name: Lära känna varandra,"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	owner.Start(t)
	owner.WaitReady(t)
	w.until(coach, "/initiatives", "as the file says", func(a suite.Answer) bool { return bytes.Contains(a.Raw, []byte("Lära känna varandra")) })
	owner.Kill()
	participant.Start(t)
	participant.WaitReady(t)
	decides("restarted without the owner", "1")
	owner.Start(t)
	owner.WaitReady(t)
	for end := time.Now().Add(20 * time.Second); decides("behind", "") != "2"; {
		if time.Now().After(end) {
			t.Fatal("it never follows again")
		}
	}
	owner.Kill()

	// A service with a new database has no programme: it waits for the owner.
	referral.Stop()
	stored, _ := filepath.Glob(filepath.Join(s.Data, "referral.db*"))
	for _, f := range stored {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	referral.Start(t)
	if status, said := ready(t, referral); status != http.StatusServiceUnavailable || !strings.Contains(said, "has not received any association") {
		t.Errorf("without a programme: %d %s", status, said)
	}
	owner.Start(t)
	owner.WaitReady(t)
	referral.WaitReady(t)
}
