package service_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/participant"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

// afReferral is the id of another referral about a person, from Arbetsförmedlingen.
const afReferral = "9b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c33"

// TestWhatIsAcceptedWhileAnotherEnrolmentRunsJoinsIt is: whether the referral service says
// so, or knew of no enrolment that went on after a withdrawal. An event may come twice.
func TestWhatIsAcceptedWhileAnotherEnrolmentRunsJoinsIt(t *testing.T) {
	for n, joins := range []bool{true, false} {
		f := Start(t)
		in, id, enrolment := f.Enrolled(uint64(40+n), "2026-04-20")
		if _, err := f.Start(servicetest.As(Coach), enrolment, 1, "2026-04-20", nil, ""); err != nil {
			t.Fatal(err)
		}
		if !joins {
			f.Emit("withdrawn", in.Consent.Referral, map[string]string{"participant": id})
		}
		other := in
		other.Consent.Referral, other.Consent.Authority, other.Consent.Unit = afReferral, AF.Authority, AF.Unit
		f.Store(other)
		data := map[string]string{
			"referral": afReferral, "participant": id, "initiative": "activera", "municipality": "1481", "startDate": "2026-04-20",
			"coach": "coach-17", "authority": AF.Authority, "unit": AF.Unit,
		}
		if joins {
			data["joins"] = enrolment
		}
		for range 2 {
			f.Emit("accepted", afReferral, data)
		}
		servicetest.Eventually(t, "its sender follows the enrolment", func() bool {
			v, err := f.Enrolment(servicetest.As(AF), enrolment)
			return err == nil && v.Referral == afReferral
		})
		f.Enrolled(uint64(50+n), "2026-12-07") // what came before it is handled
		v, err := f.Enrolment(servicetest.As(Coach), enrolment)
		if err != nil || len(v.Joined) != 1 || v.Joined[0].Referral != afReferral {
			t.Errorf("the coach reads %+v, %v", v, err)
		}
		if _, err := f.Enrolment(servicetest.As(Coach), participant.EnrolmentID("insjoriket", afReferral)); err == nil {
			t.Error("the person has two enrolments")
		}
		said := 0
		for _, e := range published(t, f, 8) {
			if e.Type == "se.finsam.participant.enrolled" && e.Data["referral"] == afReferral && e.Data["joined"] == "true" && e.Data["enrolment"] == enrolment {
				said++
			} else if strings.HasSuffix(e.Type, "enrolled") && e.Data["joined"] != "" {
				t.Errorf("joined: %v", e.Data)
			}
		}
		if said != 1 {
			t.Errorf("it is published %d times", said)
		}
	}
}

func TestAPlanShowsTheWeeksOfEarlierEnrolments(t *testing.T) {
	f := Start(t)
	in, id, enrolment := f.Enrolled(45, "2026-10-26")
	v, err := f.Start(servicetest.As(Coach), enrolment, 1, "2026-10-26", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.Close(servicetest.As(Coach), enrolment, v.Version, participant.Documentation{On: "2026-11-15", EndReason: "moved", Livelihood: []string{"none"}}, "Påhittat."); err != nil {
		t.Fatal(err)
	}
	again := in
	again.Consent.Referral = afReferral
	f.Store(again)
	f.Accept(afReferral, id, "2026-11-23")
	servicetest.Eventually(t, "it is planned with the weeks before it", func() bool {
		v, err := f.Enrolment(servicetest.As(Coach), participant.EnrolmentID("insjoriket", afReferral))
		return err == nil && v.WeeksBefore == 3
	})
}

// accepted is the event that a referral of a person was accepted.
func accepted(referral, person string, n int) feed.Event {
	return feed.Event{
		ID: fmt.Sprintf("%s/%d", referral, n), Type: "se.finsam.referral.accepted", Subject: referral, Time: Noon, Association: Tenant,
		Data: map[string]string{
			"referral": referral, "participant": person, "initiative": "activera", "municipality": "1481", "startDate": "2026-11-23",
			"coach": "coach-17", "authority": "fk", "unit": "fk-molndal",
		},
	}
}

// TestOfTwoPlannedInTheSameMomentThePersonKnowsOnlyOne is: what is not planned leaves
// nothing with the person, and joins what is when its event comes again.
func TestOfTwoPlannedInTheSameMomentThePersonKnowsOnlyOne(t *testing.T) {
	f := StartQuiet(t)
	coach, collided := servicetest.As(Coach), 0
	for n := uint64(0); n < 12 || collided == 0 && n < 200; n++ { // quick writes meet seldom
		in := Person(60 + n)
		var events []feed.Event
		var id string
		for range 4 {
			in.Consent.Referral = uuid.NewString()
			id = f.Store(in)
			events = append(events, accepted(in.Consent.Referral, id, 2))
		}
		var all sync.WaitGroup
		errs := make([]error, len(events))
		for i, e := range events {
			all.Go(func() { errs[i] = f.Handle(t.Context(), e) })
		}
		all.Wait()
		follow := func(when string, want int) {
			t.Helper()
			known, planned := 0, map[string]bool{}
			v, err := f.Person(coach, id)
			servicetest.Must(t, err)
			for _, step := range v.Steps {
				if step.Kind != participant.Enrolled {
					continue
				}
				known++
				planned[step.Enrolment] = true
				if _, err := f.Enrolment(coach, step.Enrolment); err != nil {
					t.Fatalf("%s: the person has an enrolment that is not there: %v", when, err)
				}
			}
			if len(planned) != 1 || known != want {
				t.Fatalf("%s: %d enrolments, known %d times, want %d", when, len(planned), known, want)
			}
		}
		failed := 0
		for _, err := range errs {
			if err != nil {
				failed++
			}
		}
		collided += failed
		follow("at once", len(events)-failed)
		for _, e := range events {
			servicetest.Must(t, f.Handle(t.Context(), e))
		}
		follow("once more", len(events))
	}
	if collided == 0 {
		t.Error("none met another")
	}
}

// TestWhatWasCancelledAndIsAcceptedAgainJoinsWhatRunsNow is: the feed does not stop at it.
func TestWhatWasCancelledAndIsAcceptedAgainJoinsWhatRunsNow(t *testing.T) {
	f := StartQuiet(t)
	in := Person(90)
	first := in.Consent.Referral
	id := f.Store(in)
	in.Consent.Referral = afReferral
	f.Store(in)
	handle := func(e feed.Event) {
		t.Helper()
		servicetest.Must(t, f.Handle(t.Context(), e))
	}
	handle(accepted(first, id, 2))
	withdrawn := accepted(first, id, 3)
	withdrawn.Type = "se.finsam.referral.corrected"
	withdrawn.Data = map[string]string{"participant": id, "corrected": "accepted"}
	handle(withdrawn)
	handle(accepted(afReferral, id, 2))
	handle(accepted(first, id, 4))
	runs := participant.EnrolmentID(Tenant, afReferral)
	v, err := f.Enrolment(actor.With(t.Context(), Coach), runs)
	if err != nil || len(v.Joined) != 1 || v.Joined[0].Referral != first {
		t.Errorf("%+v, %v", v, err)
	}
}
