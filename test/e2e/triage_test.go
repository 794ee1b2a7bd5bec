package e2e

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// The people of this story besides those of the others; all invented.
var (
	partille   = suite.Caller{Role: "intake", Authority: "partille", Municipality: "1402", Subject: "intake-2"}
	forbundets = suite.Caller{Role: "association_admin", Authority: "forbundet", Subject: "admin-1"}
)

func TestOneIsHandedOverAndAnotherMovesUpFromTheWaitingList(t *testing.T) {
	t.Parallel()
	w := walk{suite.OneProcess(t), t}
	const places = "/capacities/activera/1481"
	w.Must(t, 200, suite.Request{
		Method: "PUT", Path: places, Token: w.Token(t, forbundets), Body: map[string]any{"places": 1},
		Header: map[string]string{"If-Match": w.get(forbundets, places).Header.Get("ETag")},
	})
	r := rand.New(rand.NewPCG(4, 7))
	has, waits, moves := w.posted(r), w.posted(r), w.posted(r)
	w.change(intake, has, "acceptance", map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"})
	enrolment := "/enrolments/" + w.state(intake, has, "enrolled").Text("progress.enrolment")
	w.waits(waits)
	w.handsOver(moves)
	// The one who had the place never begins, and the first in the queue has it.
	w.change(coach, enrolment, "cancellation", map[string]any{"text": "Påhittat: har fått arbete."})
	if a := w.state(fkSystem, has, "closed"); a.Text("outcome") != "cancelled" {
		t.Errorf("the sender sees how it ended: %s", a.Raw)
	}
	ready := w.until(fkSystem, waits, "moved up", func(a suite.Answer) bool { return a.At("placeReady") == true })
	if ready.Text("state") != "waitlisted" || ready.At("queue") != nil {
		t.Errorf("one who is moved up: %s", ready.Raw)
	}
	w.change(intake, waits, "acceptance", map[string]any{"initiative": "activera", "startDate": day(14), "coach": "coach-1"})
	w.state(fkSystem, waits, "enrolled")
	if p := w.get(forbundets, places); p.At("places") != 1.0 || p.At("taken") != nil || p.At("kept") != nil || p.At("waiting") != nil {
		t.Errorf("the association reads what it set, and no count as it changes: %s", p.Raw)
	}
	p := w.get(intake, places)
	if p.At("taken") != 1.0 || p.At("kept") != 0.0 || p.At("waiting") != 0.0 {
		t.Errorf("the places in the end: %s", p.Raw)
	}
}

// posted returns the path of a new referral of another invented person.
func (w walk) posted(r *rand.Rand) string {
	w.t.Helper()
	p := persontest.New(r, day(0))
	made := w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: w.Token(w.t, fkSystem), Body: referral(p.Number, p.GivenName, p.FamilyName),
	})
	return "/referrals/" + made.Text("id")
}

// waits: there is no place, and everybody may know so without naming anybody.
func (w walk) waits(thing string) {
	w.t.Helper()
	etag := w.get(intake, thing).Header.Get("ETag")
	full := w.Must(w.t, 409, suite.Request{
		Method: "POST", Path: thing + "/acceptance", Token: w.Token(w.t, intake), Header: map[string]string{"If-Match": etag},
		Body: map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-1"},
	})
	if full.Text("code") != "no-place" {
		w.t.Errorf("got %s", full.Raw)
	}
	w.change(intake, thing, "waitlisting", map[string]any{"priority": "normal"})
	if a := w.get(fkSystem, thing); a.At("queue.place") != 1.0 || a.At("queue.of") != 1.0 {
		w.t.Errorf("the place in the queue: %s", a.Raw)
	}
	c := w.get(afOfficer, "/capacity?initiative=activera&municipality=1481")
	if c.Text("answer") != "waitlist" || c.At("waiting") != 1.0 || c.Text("expectedStart") <= day(7) {
		w.t.Errorf("capacity: %s", c.Raw)
	}
}

// handsOver: the sender extends the consent, Partille takes the referral over and
// accepts it there; Mölndal sees no more of it, nor of the person.
func (w walk) handsOver(thing string) {
	w.t.Helper()
	a := w.get(intake, thing)
	person := "/participants/" + a.Text("participant")
	refused := w.Must(w.t, 422, suite.Request{
		Method: "POST", Path: thing + "/transfer-requests", Token: w.Token(w.t, intake), Header: map[string]string{"If-Match": a.Header.Get("ETag")},
		Body: map[string]any{"municipality": "1402", "text": "Påhittat: har flyttat."},
	})
	if refused.Text("code") != "consent-without-municipality" {
		w.t.Errorf("got %s", refused.Raw)
	}
	w.change(fkOfficer, thing, "amendments", map[string]any{"reason": "Påhittat: har flyttat.", "changes": map[string]any{
		"consent": map[string]any{"givenOn": day(-1), "textVersion": "2026-1", "authorities": []string{"fk", "molndal", "partille"}},
	}})
	w.change(intake, thing, "transfer-requests", map[string]any{"municipality": "1402", "text": "Påhittat: har flyttat."})
	if a := w.get(partille, "/referrals?transferTo=1402"); "/referrals/"+a.Text("items.0.id") != thing {
		w.t.Errorf("what waits for Partille: %s", a.Raw)
	}
	w.until(partille, person, "seen by Partille", func(suite.Answer) bool { return true })
	w.get(intake, person)
	w.change(partille, thing, "transfer-acceptance", map[string]any{})
	gone := w.Must(w.t, 404, suite.Request{Method: "GET", Path: thing, Token: w.Token(w.t, intake)})
	if gone.Text("code") != "handed-over" {
		w.t.Errorf("got %s", gone.Raw)
	}
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		a, err := w.Do(suite.Request{Method: "GET", Path: person, Token: w.Token(w.t, intake)})
		if err == nil && a.Status == 404 {
			break
		}
		if time.Now().After(end) {
			w.t.Fatalf("Mölndal still sees the person: %d %v", a.Status, err)
		}
	}
	w.change(partille, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(7), "coach": "coach-2"})
	w.state(partille, thing, "enrolled")
	if a := w.get(fkSystem, thing); a.Text("municipality") != "1402" || a.Text("acceptance.municipality") != "1402" || a.At("changeLog.0.changes.consent") == nil {
		w.t.Errorf("the sender sees: %s", a.Raw)
	}
}
