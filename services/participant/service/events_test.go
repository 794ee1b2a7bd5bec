package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
	. "github.com/finsam/finsam/services/participant/participanttest"
	"github.com/finsam/finsam/services/participant/service"
)

func published(t *testing.T, f *Suite, want int) []feed.Event {
	t.Helper()
	var events []feed.Event
	servicetest.Eventually(t, "the steps are published", func() bool {
		var err error
		if events, err = f.Feed.After(context.Background(), 0, 500, 0); err != nil {
			t.Fatal(err)
		}
		return len(events) >= want
	})
	return events
}

func kinds(events []feed.Event, subject string) string {
	var all []string
	for _, e := range events {
		if e.Subject == subject {
			all = append(all, e.Type[strings.LastIndex(e.Type, ".")+1:])
		}
	}
	return strings.Join(all, " ")
}

func TestTheEventOfAnAnswerAndOfItsCorrectionNamesWhoseAnswerItIs(t *testing.T) {
	f := Start(t)
	_, _, enrolment := f.Enrolled(23, "2026-10-05")
	servicetest.Must(t, func() error {
		if _, err := f.Service.Start(servicetest.As(Coach), enrolment, 0, "2026-10-05", nil, ""); err != nil {
			return err
		}
		if _, err := f.AnswerCheckIn(servicetest.As(FKUnit), enrolment, 0, 1, "ready", "", "Redo."); err != nil {
			return err
		}
		v, err := f.Enrolment(servicetest.As(FKUnit), enrolment)
		if err != nil {
			return err
		}
		c := participant.Correction{Step: v.Version, Instead: &participant.Replacement{}}
		_, err = f.Correct(servicetest.As(FKUnit), enrolment, 0, c, "Fel text.", "Inte redo.")
		return err
	}())
	answers := 0
	for _, e := range published(t, f, 8) {
		if e.Data["readiness"] != "" {
			answers++
			if e.Data["answeredBy"] != "fk" {
				t.Errorf("%s: %v", e.Type, e.Data)
			}
		}
	}
	if answers != 2 {
		t.Errorf("%d events say an answer", answers)
	}
}

func TestAnAcceptedReferralBecomesOneEnrolment(t *testing.T) {
	f := Start(t)
	in, id, enrolment := f.Enrolled(20, "2026-12-07")
	v, err := f.Enrolment(servicetest.As(Coach), enrolment)
	if err != nil {
		t.Fatal(err)
	}
	c := v.Progress
	if c.State != participant.StatePlanned || len(c.Blocks) != 4 || c.Blocks[3].PlannedLast != "2027-05-23" || v.Coach != "coach-17" || v.Plan.Version == "" {
		t.Errorf("got %+v", v.Enrolment)
	}
	// The same event once more, as after a crash in the middle.
	f.Accept(in.Consent.Referral, id, "2027-01-11")
	f.Accept(Person(21).Consent.Referral, f.Store(Person(21)), "2026-12-07")
	servicetest.Eventually(t, "the later one is planned", func() bool {
		p, err := f.Enrolments(servicetest.As(Coach), service.EnrolmentFilter{}, store.Window{Limit: 20, Page: 1})
		return err == nil && p.Total.Records == 2
	})
	if again, err := f.Enrolment(servicetest.As(Coach), enrolment); err != nil || again.Version != 1 || again.PlannedStart != "2026-12-07" {
		t.Errorf("got %+v, %v", again, err)
	}
}

func TestAnEnrolmentFollowsThePlanOfItsMunicipality(t *testing.T) {
	f := StartQuiet(t)
	in, err := f.World.Associations.Get(Tenant)
	servicetest.Must(t, err)
	initiative := in.Initiatives[0]
	initiative.Plans["1481"] = association.Plan{MaxWeeks: 30, Blocks: initiative.Plan.Blocks[2:], CorrectionDays: 5}
	servicetest.Run(t, f.Run)
	_, _, enrolment := f.Enrolled(22, "2026-12-07")
	v, err := f.Enrolment(servicetest.As(Coach), enrolment)
	if err != nil || v.Plan.MaxWeeks != 30 || v.Plan.CorrectionDays != 5 || len(v.Progress.Blocks) != 2 || v.Progress.Blocks[1].PlannedLast != "2027-02-28" {
		t.Errorf("got %+v, %v", v.Plan, err)
	}
}

func TestTheMunicipalityOfTheEnrolmentSeesThePerson(t *testing.T) {
	f := Start(t)
	in := Person(22)
	in.Consent.Municipality = "1402"
	id := f.Store(in)
	if _, err := f.Person(servicetest.As(Coach), id); !errors.Is(err, fault.ErrNotFound) {
		t.Fatalf("before the acceptance: %v", err)
	}
	f.Accept(in.Consent.Referral, id, "2026-12-07")
	servicetest.Eventually(t, "Mölndal sees the person", func() bool {
		_, err := f.Person(servicetest.As(Coach), id)
		return err == nil
	})
}

func TestAWithdrawalThatCrossesThePlanCancelsIt(t *testing.T) {
	f := Start(t)
	in, _, enrolment := f.Enrolled(23, "2026-12-07")
	f.Emit("withdrawn", in.Consent.Referral, map[string]string{"referral": in.Consent.Referral})
	servicetest.Eventually(t, "the enrolment is cancelled", func() bool {
		v, err := f.Enrolment(servicetest.As(Coach), enrolment)
		return err == nil && v.Progress.Outcome == participant.Cancelled
	})
}

func TestAReferralThatCameToNothingTiesNobodyToThePerson(t *testing.T) {
	for n, kind := range []string{"rejected", "withdrawn", "marked_in_error"} {
		f := Start(t)
		in := Person(uint64(60 + n))
		in.Consent.Municipality = "1481"
		id := f.Store(in)
		if _, err := f.Person(servicetest.As(Coach), id); err != nil {
			t.Fatalf("before the referral is %s: %v", kind, err)
		}
		f.Emit(kind, in.Consent.Referral, map[string]string{"referral": in.Consent.Referral, "participant": id})
		servicetest.Eventually(t, "the municipality has no more to do with the person", func() bool {
			_, err := f.Person(servicetest.As(Coach), id)
			return errors.Is(err, fault.ErrNotFound)
		})
		v, err := f.Person(servicetest.As(Intake), id)
		if decided := kind == "rejected"; (err == nil) != decided || decided && (v.Identity == nil || v.Identity.Contact != (participant.Contact{}) || len(v.Operations) > 0) {
			t.Errorf("%s: the receivers, who decided or did not, see %+v, %v", kind, v, err)
		}
		entries := f.Accesses(t)
		if last := entries[len(entries)-1]; kind == "rejected" && (last.Why != "own-decision" || last.Identity != accesslog.Shown) {
			t.Errorf("the access log has %+v", last)
		}
		_, err = f.Person(servicetest.As(FKUnit), id)
		if seen, want := err == nil, kind != "marked_in_error"; seen != want {
			t.Errorf("%s: the sender sees the person: %v, want %v", kind, seen, want)
		}
	}
}

func TestWhatCannotBeHandledIsSkipped(t *testing.T) {
	f := Start(t)
	f.Accept("5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11", "nobody", "2026-12-07")
	f.Accept("6b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11", f.Store(Person(24)), "the seventh")
	f.Emit("submitted", "7b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11", nil)
	f.Emit("withdrawn", "7b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11", nil)
	f.Enrolled(25, "2026-12-07")
}

func TestTheFeedHasEveryStepAndNoPerson(t *testing.T) {
	f := Start(t)
	in, id, enrolment := f.Enrolled(26, "2026-04-20")
	v, err := f.Start(servicetest.As(Coach), enrolment, 1, "2026-04-20", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if v, err = f.AnswerCheckIn(servicetest.As(FKUnit), enrolment, v.Version, 1, "ready", "", "en text om personen"); err != nil {
		t.Fatal(err)
	}
	if _, err = f.DecideCheckIn(servicetest.As(Coach), enrolment, v.Version, 1, participant.CheckInDecision{Decision: participant.Continue, On: "2026-06-01"}, "", ""); err != nil {
		t.Fatal(err)
	}
	if _, err = f.Protect(servicetest.As(Coach), id, 3, participant.AssumedIdentity, []string{"coach-17", "chef-2"}); err != nil {
		t.Fatal(err)
	}
	events := published(t, f, 9)
	if got := kinds(events, enrolment); got != "planned started check_in_due answered decided" {
		t.Errorf("enrolment: %s", got)
	}
	if got := kinds(events, id); got != "registered consent_given enrolled protected" {
		t.Errorf("participant: %s", got)
	}
	for i, e := range events {
		if e.Sequence != int64(i+1) || e.Authority != "" {
			t.Errorf("event %d: %+v", i, e)
		}
		switch e.Type {
		case "se.finsam.enrolment.planned":
			if e.Data["firstDay"] != "2026-04-20" || e.Data["lastDay"] != "2026-10-04" || e.Data["until"] != "2026-10-04" || e.Data["referral"] != in.Consent.Referral || e.Data["state"] != "planned" {
				t.Errorf("got %+v", e.Data)
			}
		case "se.finsam.enrolment.decided":
			if e.Data["decision"] != "continue" || e.Data["number"] != "1" || e.Data["on"] != "2026-06-01" {
				t.Errorf("got %+v", e.Data)
			}
		case "se.finsam.participant.protected":
			if e.Data["level"] != "assumed_identity" || e.Data["handlers"] != "coach-17,chef-2" || e.Data["authority"] != "molndal" {
				t.Errorf("got %+v", e.Data)
			}
		}
	}
	text, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{in.Number, in.Number[2:], in.GivenName, in.FamilyName, in.Contact.Email, "en text"} {
		if strings.Contains(string(text), canary) {
			t.Error("there is personal data in the feed")
		}
	}
}

func TestConsentRulesTheReferrersAnswer(t *testing.T) {
	f := Start(t)
	in, id, enrolment := f.Enrolled(27, "2026-04-20")
	v, err := f.Start(servicetest.As(Coach), enrolment, 1, "2026-04-20", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	stranger := FKUnit
	stranger.Unit = "fk-lerum"
	for _, a := range []actor.Actor{stranger, AF} {
		if _, err := f.AnswerCheckIn(servicetest.As(a), enrolment, v.Version, 1, "ready", "", ""); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s: %v", a.Subject, err)
		}
	}
	if _, err := f.WithdrawConsent(servicetest.As(Participant(id)), id, 3, in.Consent.Referral, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := f.AnswerCheckIn(servicetest.As(FKUnit), enrolment, v.Version, 1, "ready", "", ""); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("after the withdrawal: %v", err)
	}
	if _, err := f.Person(servicetest.As(FK), id); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("after the withdrawal: %v", err)
	}
	if _, err := f.RecordNonAnswer(servicetest.As(Coach), enrolment, v.Version, 1, "", ""); err != nil {
		t.Errorf("the way goes on without the referrer: %v", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	f := StartQuiet(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := f.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestAnUnrelatedReferralsConsentCannotBeWithdrawn(t *testing.T) {
	f := StartQuiet(t)
	in := Person(28)
	id := f.Store(in)
	other := in
	other.Consent.Referral, other.Consent.Municipality = "8b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11", "1402"
	f.Store(other)
	for _, referral := range []string{in.Consent.Referral, "9b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11"} {
		if _, err := f.WithdrawConsent(servicetest.As(Elsewhere), id, 3, referral, ""); !errors.Is(err, participant.ErrNoConsent) {
			t.Errorf("%s: %v", referral, err)
		}
	}
	if _, err := f.WithdrawConsent(servicetest.As(Elsewhere), id, 3, other.Consent.Referral, ""); err != nil {
		t.Error(err)
	}
}

// TestWhoWasAcceptedBeforeAnInitiativeEndedIsEnrolled follows an acceptance after the
// initiative has ended, and what comes behind it.
func TestWhoWasAcceptedBeforeAnInitiativeEndedIsEnrolled(t *testing.T) {
	for _, ended := range []civil.Date{"2026-11-22", "2026-11-23"} { // it is accepted on the 22nd
		f := StartQuiet(t)
		in, err := f.World.Associations.Get(Tenant)
		servicetest.Must(t, err)
		f.World.Associations.Serve(Tenant, func(on civil.Date) *association.Association {
			is := *in
			if on >= ended {
				is.Initiatives = nil
			}
			return &is
		})
		f.Clock.Advance(24 * time.Hour)
		servicetest.Run(t, f.Run)
		f.Enrolled(24, "2026-12-07")
	}
}
