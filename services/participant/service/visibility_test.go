package service_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/participant"
	. "github.com/finsam/finsam/services/participant/participanttest"
)

// closedEnrolment returns an enrolment that was closed, under a consent that leaves some
// sorts of data out.
func closedEnrolment(t *testing.T, f *Suite, seed uint64, leavesOut string) (person, enrolment string) {
	t.Helper()
	_, person, enrolment = f.Enrolled(seed, "2026-11-16", "unshared", leavesOut)
	v, err := f.Start(servicetest.As(Coach), enrolment, 1, "2026-11-16", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Close(servicetest.As(Coach), enrolment, v.Version, participant.Documentation{
		On: "2026-11-20", EndReason: participant.Work, Occupation: participant.Occupation{Kind: "works", Extent: 50}, Livelihood: []string{"salary"},
	}, "Påhittat slut.")
	if err != nil {
		t.Fatal(err)
	}
	return person, enrolment
}

// enrolledIn reports whether the caller sees that the person was enrolled.
func enrolledIn(t *testing.T, f *Suite, a actor.Actor, person string) bool {
	t.Helper()
	v, err := f.Person(servicetest.As(a), person)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(v.Steps, func(s participant.PersonStep) bool { return s.Kind == participant.Enrolled })
}

func TestTheSenderSeesOfAnEnrolmentWhatTheConsentCovers(t *testing.T) {
	f := Start(t)
	for i, c := range []struct {
		leavesOut       string
		course, outcome bool
	}{{"", true, true}, {"outcome", true, false}, {"progress", false, false}, {"progress,outcome", false, false}} {
		person, enrolment := closedEnrolment(t, f, uint64(900+i), c.leavesOut)
		for _, a := range []actor.Actor{FK, FKUnit, Coach, Participant(person)} {
			sender := a.Authority == "fk"
			v, err := f.Enrolment(servicetest.As(a), enrolment)
			if shown := err == nil; shown != (c.course || !sender) || !shown && !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("without %q, %s: %v", c.leavesOut, a.Subject, err)
			}
			if got := enrolledIn(t, f, a, person); got != (c.course || !sender) {
				t.Errorf("without %q, %s sees that the person was enrolled: %t", c.leavesOut, a.Subject, got)
			}
			if err != nil {
				continue
			}
			last := v.Steps[len(v.Steps)-1]
			hasOutcome := v.Progress.Outcome != "" || last.Outcome != "" || last.EndReason != "" || last.Occupation != nil || len(last.Livelihood) > 0 ||
				v.Texts[last.N].Text != "" || v.Progress.Closed.Outcome != "" || v.Progress.Closed.Occupation != nil
			if hasOutcome != (c.outcome || !sender) || v.Progress.State != participant.StateClosed || last.Kind != participant.Closed || last.On != "2026-11-20" {
				t.Errorf("without %q, %s sees the outcome: %t, of %s", c.leavesOut, a.Subject, hasOutcome, v.Progress.State)
			}
		}
		if _, err := f.AnswerCheckIn(servicetest.As(FK), enrolment, 3, 1, "ready", "", ""); c.course == errors.Is(err, fault.ErrNotFound) {
			t.Errorf("without %q an answer: %v", c.leavesOut, err)
		}
		// From the withdrawal on nothing is shared; the municipality and the person have their own.
		v, err := f.Person(servicetest.As(Coach), person)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WithdrawConsent(servicetest.As(Participant(person)), person, v.Version, v.Consents[0].Referral, ""); err != nil {
			t.Fatal(err)
		}
		for _, a := range []actor.Actor{FK, FKUnit, Coach, Participant(person)} {
			_, ofEnrolment := f.Enrolment(servicetest.As(a), enrolment)
			_, ofPerson := f.Person(servicetest.As(a), person)
			if isSender := a.Authority == "fk"; errors.Is(ofEnrolment, fault.ErrNotFound) != isSender || errors.Is(ofPerson, fault.ErrNotFound) != isSender {
				t.Errorf("withdrawn, without %q, %s: %v, %v", c.leavesOut, a.Subject, ofEnrolment, ofPerson)
			}
		}
	}
}
