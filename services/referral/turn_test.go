package referral

import (
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// happened returns a referral whose steps came a day apart from noon on.
func happened(steps ...Step) *Referral {
	r := sample()
	r.Steps = nil
	for i, s := range steps {
		s.N, s.At = int64(i)+1, noon.AddDate(0, 0, i)
		r.Steps = append(r.Steps, s)
	}
	return r
}

func of(kinds ...StepKind) []Step {
	var all []Step
	for _, k := range kinds {
		s := Step{Kind: k}
		if k == TransferRequested || k == TransferAccepted {
			s.Municipality = "1402"
		}
		if k == Accepted {
			s.Acceptance = &Acceptance{Municipality: "1481", StartDate: string(civil.DateOf(noon).AddDays(10))}
		}
		all = append(all, s)
	}
	return all
}

// enrolled returns the steps of one who is enrolled, and then of the course.
func enrolled(course ...ProgressStep) []Step {
	all := append(of(Submitted, Accepted), Step{Kind: Enrolled, Progress: &ProgressStep{Kind: "planned", Enrolment: "e"}})
	for _, c := range course {
		all = append(all, Step{Kind: ProgressReported, Code: c.Code, Progress: &c})
	}
	return all
}

func TestWhoseTurnItIsFollowsFromTheSteps(t *testing.T) {
	started := ProgressStep{Kind: "started", Block: 1}
	due := ProgressStep{Kind: "check_in_due", Block: 1}
	answered, silent := ProgressStep{Kind: "answered", Block: 1}, ProgressStep{Kind: "not_answered", Block: 1}
	decided := func(code string) ProgressStep { return ProgressStep{Kind: "decided", Block: 1, Code: code} }
	without := Step{Kind: ConsentWithdrawn}
	for _, c := range []struct {
		sentence string
		steps    []Step
		wait     Wait
		party    Party
		began    int64
		days     int // from the step to the end of the term
	}{
		{"a new referral waits for the municipality", of(Submitted), WaitDecision, PartyReceiver, 1, 14},
		{"also when it is amended, assigned or given attachments", of(Submitted, Amended, Assigned, AttachmentAdded), WaitDecision, PartyReceiver, 1, 14},
		{"also when its clock has run out", of(Submitted, Overdue), WaitDecision, PartyReceiver, 1, 14},
		{"what is asked of the sender is the sender's", of(Submitted, SupplementRequested), WaitSupplement, PartySender, 2, 14},
		{"a supplement begins a new turn of the municipality", of(Submitted, SupplementRequested, Supplemented), WaitDecision, PartyReceiver, 3, 14},
		{"the municipality that is asked to take over", of(Submitted, TransferRequested), WaitTransfer, PartyAsked, 2, 7},
		{"which takes over, and has a decision to make", of(Submitted, TransferRequested, TransferAccepted), WaitDecision, PartyReceiver, 3, 14},
		{"or declines, and the first one has it", of(Submitted, TransferRequested, TransferDeclined), WaitDecision, PartyReceiver, 3, 14},
		{"in the queue it is nobody's", of(Submitted, Waitlisted), noWait, "", 0, 0},
		{"also with another priority", of(Submitted, Waitlisted, Waitlisted), noWait, "", 0, 0},
		{"a place that is kept is to be taken", of(Submitted, Waitlisted, MovedUp), WaitPlace, PartyReceiver, 3, 7},
		{"the coach starts what is accepted, from the agreed day on", of(Submitted, Accepted), WaitStart, PartyCoach, 2, 10 - 1 + 7},
		{"the enrolment that follows is the same turn", enrolled(), WaitStart, PartyCoach, 2, 10 - 1 + 7},
		{"a block that runs is nobody's", enrolled(started), noWait, "", 0, 0},
		{"a check-in is the sender's to answer", enrolled(started, due), WaitCheckInAnswer, PartySender, 5, 14},
		{"an answer is the coach's to decide on", enrolled(started, due, answered), WaitCheckInDecision, PartyCoach, 6, 7},
		{"and so is silence that is noted", enrolled(started, due, silent), WaitCheckInDecision, PartyCoach, 6, 7},
		{"an answer after all leaves the clock as it is", enrolled(started, due, silent, answered), WaitCheckInDecision, PartyCoach, 6, 7},
		{"without consent the sender is not asked", append(enrolled(started), without, Step{Kind: ProgressReported, Progress: &due}), WaitCheckInDecision, PartyCoach, 6, 7},
		{"and is asked no longer when it ends", append(enrolled(started, due), without), WaitCheckInDecision, PartyCoach, 6, 7},
		{"to go on is the coach's", enrolled(started, due, answered, decided("continue")), WaitNextBlock, PartyCoach, 7, 7},
		{"a prolonged block runs on", enrolled(started, due, answered, decided("prolong")), noWait, "", 0, 0},
		{"a pause stops the clock", enrolled(started, due, answered, decided("pause")), noWait, "", 0, 0},
		{"until it is over", enrolled(started, due, answered, decided("pause"), ProgressStep{Kind: "resumed", Block: 1}), WaitNextBlock, PartyCoach, 8, 7},
		{"an end is to be closed", enrolled(started, due, answered, decided("end")), WaitClosing, PartyCoach, 7, 14},
		{"so is the end of the last block", enrolled(started, ProgressStep{Kind: "closing"}), WaitClosing, PartyCoach, 5, 14},
		{"the conversation is a part of it", enrolled(started, ProgressStep{Kind: "closing"}, ProgressStep{Kind: "conversation_held"}), WaitClosing, PartyCoach, 5, 14},
		{"the same check-in once more is another turn", enrolled(started, due, answered, decided("prolong"), due), WaitCheckInAnswer, PartySender, 8, 14},
		{"a step of the course that is new to this program changes nothing", enrolled(started, due, ProgressStep{Kind: "sung"}), WaitCheckInAnswer, PartySender, 5, 14},
		{"what is closed is nobody's", append(enrolled(started), of(Closed)...), noWait, "", 0, 0},
		{"what is rejected is nobody's", of(Submitted, Rejected), noWait, "", 0, 0},
		{"what is withdrawn is nobody's", of(Submitted, SupplementRequested, Withdrawn), noWait, "", 0, 0},
		{"what was sent in error is nobody's", of(Submitted, MarkedInError), noWait, "", 0, 0},
	} {
		r := happened(c.steps...)
		got, ok := r.Status().Turn()
		if ok != (c.wait != noWait) || got.Wait != c.wait || got.Party != c.party || got.Began != c.began {
			t.Errorf("%s: want %s of %s since step %d, got %+v", c.sentence, c.wait, c.party, c.began, got)
			continue
		}
		if !ok {
			continue
		}
		if want := string(civil.DateOf(got.Since).AddDays(c.days)) + " 23:59:59"; got.Due.In(civil.Zone).Format("2006-01-02 15:04:05") != want {
			t.Errorf("%s: want it due %s, got %s", c.sentence, want, got.Due.In(civil.Zone))
		}
		if (c.party == PartySender) != (got.Municipality == "") {
			t.Errorf("%s: of %q", c.sentence, got.Municipality)
		}
	}
}

func TestACheckInWaitsForNobodyWhoCannotAnswerIt(t *testing.T) {
	for sentence, c := range map[string]struct {
		from actor.AuthorityKind
		of   Source
		want Wait
	}{
		"an authority answers":                      {actor.SocialInsurance, "insurance_office", WaitCheckInAnswer},
		"a private care giver with a system too":    {actor.PrivateCare, SourcePrivateCare, WaitCheckInAnswer},
		"a municipality's own unit too":             {actor.Municipality, "social_services", WaitCheckInAnswer},
		"who applied has no referrer":               {actor.Self, SelfReferral, WaitCheckInDecision},
		"nor has who applied at the municipality":   {actor.Municipality, SelfReferral, WaitCheckInDecision},
		"a private care giver's letter asks nobody": {actor.Municipality, SourcePrivateCare, WaitCheckInDecision},
	} {
		r := happened(enrolled(ProgressStep{Kind: "started", Block: 1}, ProgressStep{Kind: "check_in_due", Block: 1})...)
		r.AuthorityKind, r.Source = c.from, c.of
		if turn, _ := r.Status().Turn(); turn.Wait != c.want {
			t.Errorf("%s: it waits for %s", sentence, turn.Wait)
		}
	}
}

func TestEveryStateHasAnAnswerToWhoseTurnItIs(t *testing.T) {
	for _, s := range States {
		turn, ok := after(reached[s]...).Status().Turn()
		_, waits := waitIn[s]
		if ok != waits {
			t.Errorf("%s: got %+v", s, turn)
		}
	}
}

func TestATermIsTheAssociationsWhenTheReferralCameIn(t *testing.T) {
	r := happened(of(Submitted)...)
	r.Terms = &association.Terms{Decision: 3}
	turn, _ := r.Status().Turn()
	if want := noon.In(civil.Zone).AddDate(0, 0, 3); turn.Due.In(civil.Zone).YearDay() != want.YearDay() {
		t.Errorf("want %s, got %s", want, turn.Due)
	}
	if err := r.Take(history.Author{}, noon, Step{Kind: SupplementRequested}); err != nil {
		t.Fatal(err)
	}
	if turn, _ = r.Status().Turn(); turn.Due.Sub(turn.Since) < 13*24*time.Hour {
		t.Errorf("a term that is not set is the default, got %s", turn.Due)
	}
}

func TestATermEndsAtMidnightInSwedenOverBothClockChanges(t *testing.T) {
	for since, due := range map[string]string{
		"2026-03-20T23:30:00Z": "2026-04-04T21:59:59Z", // the 21st in Sweden, over 29 March
		"2026-10-20T10:00:00Z": "2026-11-03T22:59:59Z", // over 25 October
		"2026-10-11T21:59:59Z": "2026-10-25T22:59:59Z", // to the day of 25 hours itself
	} {
		at, err := time.Parse(time.RFC3339, since)
		if err != nil {
			t.Fatal(err)
		}
		r := happened(of(Submitted)...)
		r.Steps[0].At = at
		if turn, _ := r.Status().Turn(); turn.Due.Format(time.RFC3339) != due {
			t.Errorf("since %s: want %s, got %s", since, due, turn.Due.Format(time.RFC3339))
		}
	}
}

func TestAnOverdueTurnIsReportedOnceAndNotBefore(t *testing.T) {
	r := happened(of(Submitted)...)
	turn, _ := r.Status().Turn()
	if r.MarkOverdue(turn.Due) {
		t.Error("marked overdue while there was a moment left")
	}
	if !r.MarkOverdue(turn.Due.Add(time.Millisecond)) || r.MarkOverdue(turn.Due.AddDate(1, 0, 0)) {
		t.Fatal("want one step")
	}
	s := r.Steps[1]
	if s.Kind != Overdue || s.Code != "receiver" || s.Turn == nil || *s.Turn != turn || r.Status().State != StateSubmitted {
		t.Errorf("got %+v", s)
	}
	if err := r.Take(history.Author{}, turn.Due, Step{Kind: SupplementRequested}); err != nil {
		t.Fatal(err)
	}
	next, _ := r.Status().Turn()
	if !r.MarkOverdue(next.Due.Add(time.Second)) || r.Steps[3].Code != "sender" {
		t.Error("the next turn has a step of its own")
	}
}
