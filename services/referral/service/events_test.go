package service_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// enrolment is the id of the enrolment in these tests.
const enrolment = "7d1f8f0a-7a55-5d5d-8a8e-0a0b6c2d3e4f"

// ofEnrolment returns an event of the enrolment that follows the referral.
func ofEnrolment(r *referral.Referral, id, kind string, data map[string]string) feed.Event {
	d := map[string]string{"referral": r.ID, "participant": r.Participant}
	maps.Copy(d, data)
	return feed.Event{ID: id, Type: "se.finsam.enrolment." + kind, Subject: enrolment, Association: "insjoriket", Data: d}
}

// ofPerson returns an event of the person.
func ofPerson(r *referral.Referral, id, kind string, data map[string]string) feed.Event {
	return feed.Event{ID: id, Type: "se.finsam.participant." + kind, Subject: r.Participant, Association: "insjoriket", Data: data}
}

// until reads the referral as the actor until ok holds.
func until(t *testing.T, w *referraltest.World, a actor.Actor, id string, ok func(*referral.View) bool) *referral.View {
	t.Helper()
	var v *referral.View
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var err error
		if v, err = w.Service.Get(referraltest.As(a), id); err != nil {
			t.Fatal(err)
		}
		if ok(v) {
			return v
		}
	}
	t.Fatalf("it never came to that: %+v", v)
	return nil
}

func inState(s referral.State) func(*referral.View) bool {
	return func(v *referral.View) bool { return v.State == s }
}

// enrolled returns a referral whose enrolment is planned.
func enrolled(t *testing.T, w *referraltest.World) *referral.Referral {
	t.Helper()
	r := created(t, w)
	if _, err := w.Service.Accept(referraltest.As(referraltest.Intake), r.ID, 1, acceptance()); err != nil {
		t.Fatal(err)
	}
	w.Peer.Add(ofEnrolment(r, "e/1", "planned", map[string]string{"on": "2026-03-16", "firstDay": "2026-03-16", "lastDay": "2026-08-30"}))
	until(t, w, referraltest.Intake, r.ID, inState(referral.StateEnrolled))
	return r
}

func TestTheEnrolmentsFeedIsFollowedToTheOutcome(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	r := enrolled(t, w)
	for _, e := range []feed.Event{
		ofEnrolment(r, "e/2", "started", map[string]string{"on": "2026-03-16", "number": "1"}),
		ofEnrolment(r, "e/3", "check_in_due", map[string]string{"number": "1"}),
		ofEnrolment(r, "e/4", "answered", map[string]string{"number": "1", "readiness": "ready"}),
		ofEnrolment(r, "e/5", "decided", map[string]string{"number": "1", "decision": "continue", "on": "2026-04-27"}),
		ofEnrolment(r, "e/5", "decided", map[string]string{"number": "1", "decision": "continue", "on": "2026-04-27"}), // comes twice
		ofEnrolment(r, "e/6", "something_new", nil),
		ofEnrolment(r, "e/7", "closed", map[string]string{"outcome": "completed", "on": "2026-08-30"}),
		ofEnrolment(r, "e/8", "started", nil), // after the end: passed over
	} {
		w.Peer.Add(e)
	}
	v := until(t, w, referraltest.Officer, r.ID, inState(referral.StateClosed))
	if v.Outcome != "completed" || v.Enrolment != enrolment {
		t.Fatalf("got outcome %q, course %+v", v.Outcome, v.Enrolment)
	}
	var kinds []string
	var course []referral.Step
	for _, s := range v.Steps {
		if s.Progress == nil {
			continue
		}
		course = append(course, s)
		kinds = append(kinds, s.Progress.Kind+" "+s.Progress.Code)
	}
	want := []string{"planned ", "started ", "check_in_due ", "answered ready", "decided continue", "closed completed"}
	if !slices.Equal(kinds, want) || course[0].Progress.LastDay != "2026-08-30" || course[2].Progress.Block != 1 {
		t.Fatalf("got %v until %s", kinds, course[0].Progress.LastDay)
	}
}

// The day until which a place is taken follows what the enrolment says since: a prolonged
// block, another plan, and a plan that was not moved after all.
func TestTheLastDayIsTheOneThatIsPlannedNow(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	r := enrolled(t, w)
	for _, c := range []struct {
		n, kind, day string
		data         map[string]string
	}{
		{"2", "started", "2026-08-30", map[string]string{"on": "2026-03-16", "number": "1", "until": "2026-08-30"}},
		{"3", "decided", "2026-09-13", map[string]string{"number": "1", "decision": "prolong", "until": "2026-09-13"}},
		{"4", "plan_moved", "2026-06-21", map[string]string{"until": "2026-06-21"}},
		{"5", "corrected", "2026-09-13", map[string]string{"corrects": "4", "until": "2026-09-13"}},
	} {
		w.Peer.Add(ofEnrolment(r, enrolment+"/"+c.n, c.kind, c.data))
		until(t, w, referraltest.Officer, r.ID, func(v *referral.View) bool { return v.Status.LastDay == c.day })
	}
}

// What another authority answered at a check-in is not for the sender, nor what it should
// have answered.
func TestAnAnswerOfAnotherAuthorityIsWithheldAlsoWhenItIsCorrected(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	r := enrolled(t, w)
	for _, e := range []feed.Event{
		ofEnrolment(r, enrolment+"/2", "started", map[string]string{"on": "2026-03-16", "number": "1"}),
		ofEnrolment(r, enrolment+"/3", "check_in_due", map[string]string{"number": "1"}),
		ofEnrolment(r, enrolment+"/4", "answered", map[string]string{"number": "1", "readiness": "ready", "answeredBy": "af"}),
		ofEnrolment(r, enrolment+"/5", "corrected", map[string]string{"corrects": "4", "kind": "answered", "number": "1", "readiness": "unsure", "answeredBy": "af"}),
		ofEnrolment(r, enrolment+"/6", "closed", map[string]string{"outcome": "interrupted", "on": "2026-08-30"}),
	} {
		w.Peer.Add(e)
	}
	v := until(t, w, referraltest.Intake, r.ID, inState(referral.StateClosed))
	corrected := false
	for _, s := range v.Steps {
		if s.Correction != nil {
			corrected, s = true, *s.Correction.With
		}
		if s.Progress != nil && s.Progress.Kind == "answered" && s.Progress.Code != "" {
			t.Errorf("step %d says %s", s.N, s.Progress.Code)
		}
	}
	if !corrected {
		t.Error("the correction is not followed")
	}
}

// Two referrals have joined an enrolment, and the later one was withdrawn: what is corrected
// since is not for it, and for the other one all the same.
func TestWhatOneReferralSkipsTheOthersAboutThePersonFollow(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	first := enrolled(t, w)
	var joined []*referral.Referral
	for n := range 2 {
		w.Clock.Advance(time.Minute)
		r := created(t, w)
		_, err := w.Service.Join(referraltest.As(referraltest.Intake), r.ID, 0, "", false)
		wants(t, "joined", err, nil)
		w.Peer.Add(ofPerson(r, r.Participant+"/"+strconv.Itoa(n), "enrolled", map[string]string{"joined": "true", "referral": r.ID, "enrolment": enrolment}))
		until(t, w, referraltest.Intake, r.ID, inState(referral.StateEnrolled))
		joined = append(joined, r)
	}
	began := func(on string) func(*referral.View) bool {
		return func(v *referral.View) bool {
			return slices.ContainsFunc(v.Story, func(s referral.Step) bool {
				return s.Progress != nil && s.Progress.Kind == "started" && s.Progress.On == on
			})
		}
	}
	w.Peer.Add(ofEnrolment(first, enrolment+"/2", "started", map[string]string{"on": "2026-03-16", "number": "1"}))
	until(t, w, referraltest.Intake, joined[1].ID, began("2026-03-16"))
	_, err := w.Service.Withdraw(referraltest.As(referraltest.Officer), joined[1].ID, 0, "referrer", "")
	wants(t, "withdrawn", err, nil)
	w.Peer.Add(ofEnrolment(first, enrolment+"/3", "corrected", map[string]string{"corrects": "2", "kind": "started", "on": "2026-03-17", "number": "1"}))
	until(t, w, referraltest.Intake, joined[0].ID, began("2026-03-17"))
}

func TestAfterTheConsentIsWithdrawnTheSenderSeesNoProgressAndNoOutcome(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	r := enrolled(t, w)
	if v := until(t, w, referraltest.FK, r.ID, inState(referral.StateEnrolled)); v.Enrolment == "" {
		t.Fatal("the course is hidden while the consent holds")
	}
	w.Peer.Add(ofPerson(r, "p/3", "consent_withdrawn", map[string]string{"referral": r.ID}))
	w.Peer.Add(ofEnrolment(r, "e/2", "closed", map[string]string{"outcome": "interrupted"}))
	until(t, w, referraltest.Coach, r.ID, inState(referral.StateClosed))
	v := until(t, w, referraltest.FK, r.ID, inState(referral.StateAccepted))
	if v.Enrolment != "" || v.Outcome != "" || reasonOf(v) == "" || v.Referral.Status().ConsentWithdrawnAt == nil {
		t.Errorf("the referrer sees course %v, outcome %q, reason %q", v.Enrolment, v.Outcome, reasonOf(v))
	}
	for _, s := range v.Steps {
		if s.Kind == referral.Enrolled || s.Kind == referral.Closed || s.Acceptance != nil {
			t.Errorf("the timeline shows %s", s.Kind)
		}
	}
	if v := until(t, w, referraltest.Coach, r.ID, inState(referral.StateClosed)); v.Outcome != "interrupted" || v.Enrolment == "" {
		t.Errorf("the municipality itself sees outcome %q", v.Outcome)
	}
}

func TestProtectionOfAPersonHoldsForEveryReferralAboutThem(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	one, two := created(t, w), created(t, w)
	w.Peer.Add(ofPerson(one, "p/3", "protected", map[string]string{"level": "confidentiality_marking", "authority": "molndal", "handlers": "mottagare-1,coach-1"}))
	for _, r := range []*referral.Referral{one, two} {
		until(t, w, referraltest.Intake2, r.ID, func(v *referral.View) bool { return reasonOf(v) == "" && len(v.Steps) == 1 })
		until(t, w, referraltest.Intake, r.ID, func(v *referral.View) bool { return reasonOf(v) != "" && len(v.Steps) == 2 })
	}
	later := created(t, w) // about a person who is protected already
	until(t, w, referraltest.Intake2, later.ID, func(v *referral.View) bool { return reasonOf(v) == "" })
	w.Peer.Add(ofPerson(one, "p/4", "unprotected", nil))
	until(t, w, referraltest.Intake2, later.ID, func(v *referral.View) bool { return reasonOf(v) != "" })
	until(t, w, referraltest.Intake2, two.ID, func(v *referral.View) bool { return reasonOf(v) != "" })
}

func TestAnEnrolmentThatCrossesAWithdrawalIsPassedOver(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	r, other := createdOther(t, w), createdOther(t, w)
	for _, id := range []string{r.ID, other.ID} {
		if _, err := w.Service.Accept(referraltest.As(referraltest.Intake), id, 1, acceptance()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Service.Withdraw(referraltest.As(referraltest.FK), r.ID, 2, "person", ""); err != nil {
		t.Fatal(err)
	}
	w.Peer.Add(ofEnrolment(r, "e/1", "planned", nil))
	w.Peer.Add(ofEnrolment(&referral.Referral{ID: "00000000-0000-0000-0000-000000000000"}, "x/1", "planned", nil))
	w.Peer.Add(ofEnrolment(other, "f/1", "planned", nil))
	until(t, w, referraltest.Intake, other.ID, inState(referral.StateEnrolled))
	if v := until(t, w, referraltest.FK, r.ID, inState(referral.StateWithdrawn)); v.Referral.Version() != 3 {
		t.Errorf("got version %d", v.Referral.Version())
	}
}

func TestTheEventOfEachStepHasIdsAndCodesForThoseWhoMayKnow(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	r := enrolled(t, w)
	w.Peer.Add(ofPerson(r, "p/3", "consent_withdrawn", map[string]string{"referral": r.ID}))
	w.Peer.Add(ofEnrolment(r, "e/2", "started", nil))
	w.Peer.Add(ofPerson(r, "p/4", "protected", nil))
	want := []struct{ kind, authority string }{
		{"submitted", "fk"}, {"accepted", "fk"}, {"enrolled", "fk"}, {"consent_withdrawn", "fk"}, {"progress_reported", ""}, {"protected", ""},
	}
	events := log(t, w, len(want))
	for i, e := range events {
		if e.Type != "se.finsam.referral."+want[i].kind || e.Authority != want[i].authority || e.Subject != r.ID || e.Sequence != int64(i)+1 {
			t.Errorf("event %d: got %s for %q", i+1, e.Type, e.Authority)
		}
	}
	accepted := map[string]string{
		"referral": r.ID, "participant": r.Participant, "initiative": "activera", "municipality": "1481",
		"startDate": "2026-03-16", "coach": "coach-1", "authority": "fk", "unit": "fk-molndal",
	}
	if !maps.Equal(events[1].Data, accepted) {
		t.Errorf("accepted contains %v", events[1].Data)
	}
}

// log reads the service's own feed until it has n events.
func log(t *testing.T, w *referraltest.World, n int) []feed.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var events []feed.Event
	for len(events) < n {
		more, err := w.Feed.After(ctx, int64(len(events)), n, time.Second)
		if err != nil {
			t.Fatalf("%d events of %d: %v", len(events), n, err)
		}
		events = append(events, more...)
	}
	return events
}

func FuzzStepOf(f *testing.F) {
	f.Add("se.finsam.enrolment.started", "2026-03-16", "1")
	f.Add("se.finsam.participant.protected", "", "-7")
	f.Fuzz(func(t *testing.T, kind, on, number string) {
		w := feed.Event{ID: "e/1", Type: kind, Subject: "e", Data: map[string]string{"on": on, "number": number, "referral": "r"}}
		s, ok := service.StepOf(w)
		if ok && !api.ReferralStepKind(s.Kind).Valid() {
			t.Errorf("%s is read as a step of kind %q", kind, s.Kind)
		}
		if s.Progress != nil && s.Progress.Block < 0 {
			t.Errorf("block %d", s.Progress.Block)
		}
	})
}
