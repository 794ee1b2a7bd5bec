package service_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// extended is an amendment by which the consent covers Partille too.
func extended(r *referral.Referral) referral.Changes {
	c := r.Consent
	c.Authorities = append(slices.Clone(c.Authorities), "partille")
	return referral.Changes{Consent: &c}
}

func TestAnAmendedReasonIsReadOldAndNewByThoseWhoMayReadTexts(t *testing.T) {
	w := referraltest.New(t)
	r := created(t, w)
	reason := "Påhittat på nytt."
	v, err := w.Service.Amend(referraltest.As(referraltest.Officer), r.ID, 1, referral.Changes{Reason: &reason}, "Fel ord.")
	wants(t, "amend", err, nil)
	if err != nil {
		return
	}
	first := referraltest.Submission().Reason
	if reasonOf(v) != reason || v.Texts.Reasons[2] != (referral.Change[string]{Old: first, New: reason}) || v.Texts.Steps[2] != "Fel ord." {
		t.Errorf("the sender reads %q, %v", reasonOf(v), v.Texts.Reasons)
	}
	seen, err := w.Service.Get(referraltest.As(referraltest.Intake), r.ID)
	if err != nil || seen.Texts.Reasons[2].Old != first || reasonOf(seen) != reason {
		t.Errorf("the receiver reads %+v, %v", seen, err)
	}
	_, err = w.Service.Amend(referraltest.As(referraltest.FK), r.ID, 1, extended(r), "x")
	wants(t, "on an old version", err, fault.ErrStale)
	_, err = w.Service.Amend(referraltest.As(referraltest.Intake), r.ID, 2, extended(r), "x")
	wants(t, "by the municipality, which did not send it", err, fault.ErrNotFound)
}

func TestAnAmendedReferenceIsOncePerAuthorityAndTheRepeatIsAsItWas(t *testing.T) {
	w := referraltest.New(t)
	fk := referraltest.As(referraltest.FK)
	sub := referraltest.Submission()
	sub.ExternalReference = "FK-1"
	_, err := w.Service.Create(fk, "", sub)
	wants(t, "first", err, nil)
	sub.ExternalReference = "FK-2"
	two, err := w.Service.Create(fk, "key", sub)
	wants(t, "second", err, nil)
	taken, free := "FK-1", "FK-3"
	_, err = w.Service.Amend(fk, two.Referral.ID, 1, referral.Changes{ExternalReference: &taken}, "x")
	wants(t, "a reference that is taken", err, referral.ErrExternalReference)
	_, err = w.Service.Amend(fk, two.Referral.ID, 1, referral.Changes{ExternalReference: &free}, "x")
	wants(t, "a free one", err, nil)
	again, err := w.Service.Create(fk, "key", sub)
	if err != nil || again.Referral.ExternalReference != "FK-2" {
		t.Errorf("the repeat of the creation: %+v, %v", again, err)
	}
}

func TestATransferIsSeenByBothAndThenByOne(t *testing.T) {
	w := referraltest.New(t)
	r := created(t, w)
	molndal, other, fk := referraltest.As(referraltest.Intake), referraltest.As(referraltest.Partille), referraltest.As(referraltest.FK)
	_, err := w.Service.RequestTransfer(molndal, r.ID, 1, "1402", "Flyttat.")
	wants(t, "without consent", err, referral.ErrConsentWithoutMunicipality)
	_, err = w.Service.Amend(fk, r.ID, 1, extended(r), "Flyttat.")
	wants(t, "the consent is extended", err, nil)
	_, err = w.Service.Assign(molndal, r.ID, 2, "mottagare-2")
	wants(t, "assigned", err, nil)
	_, err = w.Service.RequestTransfer(molndal, r.ID, 3, "0180", "x")
	wants(t, "to one that is no member", err, referral.ErrMunicipality)
	v, err := w.Service.RequestTransfer(molndal, r.ID, 3, "1402", "Flyttat.")
	wants(t, "with consent", err, nil)
	if err != nil || v.Responsible != "mottagare-2" {
		t.Fatalf("got %+v", v)
	}
	asked, err := w.Service.Get(other, r.ID)
	if err != nil || reasonOf(asked) == "" || asked.Responsible != "" || !slices.Equal(asked.Operations, []string{"acceptTransfer", "declineTransfer"}) {
		t.Fatalf("the one asked sees %+v, %v", asked, err)
	}
	l, err := w.Service.List(other, service.Filter{TransferTo: "1402"}, store.Window{Limit: 20, Page: 1})
	if err != nil || !slices.Equal(idsOf(l), []string{r.ID}) {
		t.Errorf("what waits for its answer: %v, %v", l, err)
	}
	if l, err := w.Service.List(other, service.Filter{}, store.Window{Limit: 20, Page: 1}); err != nil || len(l.Items) != 0 {
		t.Errorf("what it has: %v, %v", idsOf(l), err)
	}
	if l, err := w.Service.List(molndal, service.Filter{TransferTo: "1441"}, store.Window{Limit: 20, Page: 1}); err != nil || len(l.Items) != 0 {
		t.Errorf("what another is asked: %v, %v", idsOf(l), err)
	}
	_, err = w.Service.AcceptTransfer(molndal, r.ID, 4, "")
	wants(t, "taken over by the one that asked", err, fault.ErrNotFound)
	_, err = w.Service.CancelTransfer(other, r.ID, 4, "")
	wants(t, "taken back by the one that was asked", err, fault.ErrNotFound)
	taken, err := w.Service.AcceptTransfer(other, r.ID, 4, "Välkommen.")
	if err != nil || taken.Referral.Status().State != referral.StateSubmitted || taken.Referral.Status().Municipality != "1402" {
		t.Fatalf("got %+v, %v", taken, err)
	}
	_, err = w.Service.Get(molndal, r.ID)
	wants(t, "the one that had it learns that it was handed over", err, referral.ErrHandedOver)
	if err != nil && fault.Of(err).Text.SV != "Remissen lämnades över till Partille 2026-03-02." {
		t.Errorf("got %q", fault.Of(err).Text.SV)
	}
	_, err = w.Service.Get(referraltest.As(referraltest.AF), r.ID)
	if !errors.Is(err, fault.ErrNotFound) || errors.Is(err, referral.ErrHandedOver) {
		t.Errorf("somebody else learns %v", err)
	}
	_, err = w.Service.Accept(other, r.ID, 5, acceptance())
	wants(t, "and the new one decides", err, nil)
}

func TestADecisionIsCorrectedWithinTheTimeOfTheProgrammeWhereItWasTaken(t *testing.T) {
	for name, c := range map[string]struct {
		transferred bool
		age         time.Duration
		want        *fault.Error
	}{
		"within the association's time":          {false, 13 * 24 * time.Hour, nil},
		"after it":                               {false, 15 * 24 * time.Hour, history.ErrOthersStep},
		"within the time of the plan there":      {true, 24 * time.Hour, nil},
		"after it, within the association's one": {true, 4 * 24 * time.Hour, history.ErrOthersStep},
	} {
		t.Run(name, func(t *testing.T) {
			w := referraltest.New(t)
			in, err := w.World.Associations.Get("insjoriket")
			wants(t, "the association", err, nil)
			plan := in.Initiatives[0].Plan
			plan.CorrectionDays = 3
			in.Initiatives[0].Plans["1402"] = plan
			r := created(t, w)
			who, version := referraltest.As(referraltest.Intake), int64(1)
			if c.transferred {
				_, err = w.Service.Amend(referraltest.As(referraltest.FK), r.ID, 1, extended(r), "Flyttat.")
				wants(t, "the consent is extended", err, nil)
				_, err = w.Service.RequestTransfer(who, r.ID, 2, "1402", "Flyttat.")
				wants(t, "asked", err, nil)
				who, version = referraltest.As(referraltest.Partille), 4
				_, err = w.Service.AcceptTransfer(who, r.ID, 3, "")
				wants(t, "taken over", err, nil)
			}
			_, err = w.Service.Reject(who, r.ID, version, "other", "Påhittat.")
			wants(t, "rejected", err, nil)
			w.Clock.Advance(c.age)
			v, err := w.Service.Get(who, r.ID)
			if err != nil || slices.Contains(v.Operations, "correctReferral") != (c.want == nil) {
				t.Errorf("who rejected it may now %v, %v", v.Operations, err)
			}
			_, err = w.Service.Correct(who, r.ID, version+1, referral.Correction{Step: version + 1}, "Fel remiss.", "")
			wants(t, "corrected", err, c.want)
		})
	}
}

func TestAStartIsHeldAgainstTheCalendarAndTheAgreements(t *testing.T) {
	w := referraltest.New(t)
	in, err := w.World.Associations.Get("insjoriket")
	wants(t, "the association", err, nil)
	early := 0
	in.Calendar.PublicHolidays, in.Calendar.DaysBeforeReceipt = "closed", &early
	in.Weeks[0].Calendar = &association.Calendar{Closed: []association.ClosedPeriod{{From: "2026-04-07", Until: "2026-04-08", SV: "Påhittad planering", EN: "Invented planning"}}}
	in.Initiatives[0].Agreements = []association.Agreement{{Municipality: "1402", From: "2026-01-01"}}
	r := created(t, w)
	intake := referraltest.As(referraltest.Intake)
	_, err = w.Service.Accept(intake, r.ID, 1, acceptance())
	wants(t, "accepted where the initiative is not performed", err, referral.ErrNotPerformed)
	in.Initiatives[0].Agreements = []association.Agreement{{Municipality: "1481", From: "2026-01-01", Until: "2026-12-31"}}
	_, err = w.Service.Accept(intake, r.ID, 1, acceptance())
	wants(t, "accepted", err, nil)
	for day, want := range map[string]*fault.Error{"2026-04-03": referral.ErrHoliday, "2026-04-07": referral.ErrHoliday, "2027-01-11": referral.ErrNotPerformed, "2026-02-27": referral.ErrBeforeReceipt} {
		_, err = w.Service.Correct(intake, r.ID, 2, referral.Correction{Step: 2, Instead: &referral.Decision{StartDate: day}}, "Fel dag.", "")
		wants(t, day, err, want)
		if want != nil && (err == nil || fault.Of(err).Fields[0].Pointer != "/replacement/startDate") {
			t.Errorf("%s: %v", day, err)
		}
	}
}

func TestTheEventOfATransferNamesBothMunicipalities(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	r := created(t, w)
	molndal, other := referraltest.As(referraltest.Intake), referraltest.As(referraltest.Partille)
	_, err := w.Service.Amend(referraltest.As(referraltest.FK), r.ID, 1, extended(r), "x")
	wants(t, "amend", err, nil)
	_, err = w.Service.RequestTransfer(molndal, r.ID, 2, "1402", "x")
	wants(t, "ask", err, nil)
	_, err = w.Service.DeclineTransfer(other, r.ID, 3, "x")
	wants(t, "decline", err, nil)
	_, err = w.Service.RequestTransfer(molndal, r.ID, 4, "1402", "x")
	wants(t, "ask again", err, nil)
	_, err = w.Service.AcceptTransfer(other, r.ID, 5, "")
	wants(t, "accept", err, nil)
	events := log(t, w, 6)
	for i, want := range []map[string]string{
		{"municipality": "1481"},
		{"municipality": "1481", "fields": "consent", "authorities": "fk,molndal,partille", "textVersion": "2026-1", "givenOn": "2026-02-27"},
		{"municipality": "1481", "to": "1402"},
		{"municipality": "1481", "to": "1402"},
		{"municipality": "1481", "to": "1402"},
		{"municipality": "1402", "from": "1481"},
	} {
		want["referral"], want["participant"], want["unit"] = r.ID, r.Participant, r.Unit
		for key, value := range want {
			if events[i].Data[key] != value {
				t.Errorf("%s contains %v, want %s %s", events[i].Type, events[i].Data, key, value)
			}
		}
		if len(events[i].Data) != len(want) {
			t.Errorf("%s contains more: %v", events[i].Type, events[i].Data)
		}
	}
}

// TestWithSeveralInitiativesAReferralIsTestedAndCorrectedByItsOwn is: the checklist that was
// answered says which it is about, and a decision is corrected by the plan of its initiative.
func TestWithSeveralInitiativesAReferralIsTestedAndCorrectedByItsOwn(t *testing.T) {
	w := referraltest.New(t)
	in, err := w.World.Associations.Get("insjoriket")
	wants(t, "the association", err, nil)
	other := in.Initiatives[0]
	other.ID, other.Version = "sparet", 7
	other.RightTime = []association.Question{{ID: "left_school", SV: "Påhittad fråga?", EN: "An invented question?"}}
	other.Plans = nil
	other.Plan.CorrectionDays = 3
	in.Initiatives = append(in.Initiatives, other)
	sub := referraltest.Submission()
	sub.RightTime = []referral.TimelyAnswer{{Item: "sleeps_well", Answer: "yes"}}
	_, err = w.Service.Create(referraltest.As(referraltest.FK), "", sub)
	wants(t, "an item of no checklist", err, referral.ErrRightTimeItem)
	sub.RightTime = []referral.TimelyAnswer{{Item: "left_school", Answer: "yes"}}
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", sub)
	wants(t, "received", err, nil)
	if a := v.Texts.Assessment; a == nil || a.Initiative != "sparet" || a.Version != "7" || a.Timely != referral.Met || v.Referral.TargetGroupMet != referral.Met {
		t.Fatalf("tested by %+v", a)
	}
	intake, accepted := referraltest.As(referraltest.Intake), acceptance()
	accepted.Initiative = "sparet"
	_, err = w.Service.Accept(intake, v.Referral.ID, 1, accepted)
	wants(t, "accepted", err, nil)
	w.Clock.Advance(4 * 24 * time.Hour)
	_, err = w.Service.Correct(intake, v.Referral.ID, 2, referral.Correction{Step: 2}, "Fel remiss.", "")
	wants(t, "after the time of its initiative's plan", err, history.ErrOthersStep)
}
