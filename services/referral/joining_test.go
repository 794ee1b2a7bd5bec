package referral

import (
	"errors"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/history"
)

// joined returns a referral of another authority that has joined the enrolment of a path,
// and followed it by the given steps.
func joined(t *testing.T, answers bool, progress ...ProgressStep) *Referral {
	t.Helper()
	r := after(Submitted)
	if err := r.Join(history.Author{}, noon, running(), answers); err != nil {
		t.Fatal(err)
	}
	for i, p := range progress {
		kind := ProgressReported
		if i == 0 {
			kind = Enrolled
		}
		p.Enrolment = "e"
		if err := r.Take(history.Author{}, noon, Step{Kind: kind, Progress: &p}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// running returns a referral whose person is enrolled.
func running() *Referral {
	r := after(Submitted, Accepted, Enrolled)
	*r.Steps[1].Acceptance = Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16", Coach: "coach-1"}
	return r
}

func TestAReferralJoinsTheEnrolmentThatRunsWithItsReceiverAndNoOther(t *testing.T) {
	elsewhere := running()
	elsewhere.Steps[1].Acceptance.Municipality = "1402"
	for _, c := range []struct {
		sentence string
		is       *Referral
		path     *Referral
		want     error
	}{
		{"submitted", after(Submitted), running(), nil},
		{"on the waiting list", after(Submitted, Waitlisted), running(), nil},
		{"with an offered place", after(Submitted, Waitlisted, MovedUp), running(), nil},
		{"while a supplement is awaited", after(Submitted, SupplementRequested), running(), ErrWrongState},
		{"rejected", after(Submitted, Rejected), running(), ErrWrongState},
		{"accepted already", after(Submitted, Accepted), running(), ErrWrongState},
		{"no path", after(Submitted), nil, ErrNothingToJoin},
		{"a path in another municipality", after(Submitted), elsewhere, ErrNothingToJoin},
		{"a path without an enrolment yet", after(Submitted), after(Submitted, Accepted), ErrNotPlanned},
	} {
		err := c.is.Join(history.Author{}, noon, c.path, true)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: want %v, got %v", c.sentence, c.want, err)
		}
		if s := c.is.Status(); c.want == nil && (s.State != StateAccepted || !s.IsJoined() || s.Place != nil || s.Path() != "" || s.Accepted.Acceptance.Coach != "coach-1") {
			t.Errorf("%s: %s, place %v, path %q", c.sentence, s.State, s.Place, s.Path())
		}
	}
}

func TestOfOnePersonOneReferralLeadsIntoAnInitiative(t *testing.T) {
	for state, kinds := range reached {
		want := ""
		if state == StateAccepted || state == StateEnrolled {
			want = "activera"
		}
		r := after(kinds...)
		for i := range r.Steps {
			r.Steps[i].Acceptance.Initiative = "activera"
		}
		if got := r.Status().Path(); got != want {
			t.Errorf("%s: %q", state, got)
		}
	}
}

// A sender withdraws what has joined at any time; what led to the enrolment does not end
// by a withdrawal.
func TestOnlyWhatHasJoinedIsWithdrawnFromARunningEnrolment(t *testing.T) {
	if err := running().Withdraw(history.Author{}, noon, "referrer", false, nil); !errors.Is(err, ErrWrongState) {
		t.Errorf("the one that led to it: %v", err)
	}
	r := joined(t, false, ProgressStep{Kind: ProgressJoined})
	if err := r.Withdraw(history.Author{}, noon, "referrer", false, nil); err != nil || r.Status().State != StateWithdrawn {
		t.Errorf("%s, %v", r.Status().State, err)
	}
	if err := r.Take(history.Author{}, noon, Step{Kind: ProgressReported, Progress: &ProgressStep{}}); !errors.Is(err, ErrWrongState) {
		t.Errorf("it follows no more: %v", err)
	}
	may := func(r *Referral, to Visibility) bool {
		state, _ := r.Status().Visible(to)
		return len(r.Status().actsIn(state, to).Rows("withdrawReferral")) > 0
	}
	all, nothing := Visibility{Progress: true, Outcome: true}, Visibility{}
	enrolled := joined(t, false, ProgressStep{Kind: ProgressJoined})
	if may(running(), all) || !may(enrolled, all) || may(enrolled, nothing) || may(running(), nothing) {
		t.Error("the withdrawal is shown to those who see that it has joined, and to nobody else")
	}
}

func TestWhatHasJoinedWaitsForItsSenderOnlyWhereItIsAsked(t *testing.T) {
	due := ProgressStep{Kind: "check_in_due", Block: 1}
	for _, c := range []struct {
		sentence string
		r        *Referral
		want     Wait
	}{
		{"accepted", joined(t, true), noWait},
		{"in a block", joined(t, true, ProgressStep{Kind: ProgressJoined}), noWait},
		{"a check-in is due when it joins", joined(t, true, ProgressStep{Kind: ProgressJoined, Code: "check_in_due", Block: 1}), WaitCheckInAnswer},
		{"a check-in becomes due", joined(t, true, ProgressStep{Kind: ProgressJoined}, due), WaitCheckInAnswer},
		{"its sender is not asked", joined(t, false, ProgressStep{Kind: ProgressJoined}, due), noWait},
		{"somebody has answered", joined(t, true, ProgressStep{Kind: ProgressJoined}, due, ProgressStep{Kind: "answered"}), noWait},
		{"the coach's turns are another's", joined(t, true, ProgressStep{Kind: ProgressJoined}, ProgressStep{Kind: "closing"}), noWait},
	} {
		if got, _ := c.r.Status().Turn(); got.Wait != c.want {
			t.Errorf("%s: %q", c.sentence, got.Wait)
		}
	}
}

func TestAReferralThatJoinsTakesOverWhereTheEnrolmentIs(t *testing.T) {
	r := running()
	*r.Steps[2].Progress = ProgressStep{Kind: "planned", Enrolment: "e", FirstDay: "2026-03-16", LastDay: "2026-08-30"}
	for _, p := range []ProgressStep{{Kind: "started", Block: 1, LastDay: "2026-04-26"}, {Kind: "check_in_due", Block: 1}} {
		p.Enrolment = "e"
		if err := r.Take(history.Author{}, noon, Step{Kind: ProgressReported, Progress: &p}); err != nil {
			t.Fatal(err)
		}
	}
	now, end := r.Standing()
	if want := (ProgressStep{FirstDay: "2026-03-16", LastDay: "2026-08-30", Block: 1, Code: "check_in_due"}); now != want || end != nil {
		t.Errorf("got %+v, %v", now, end)
	}
	if err := r.Take(history.Author{}, noon, Step{Kind: Closed, Code: "completed", Progress: &ProgressStep{Kind: "closed", Code: "completed"}}); err != nil {
		t.Fatal(err)
	}
	if _, end := r.Standing(); end == nil || end.Code != "completed" {
		t.Errorf("it ended: %v", end)
	}
}

// A sender's own figures count its referral as accepted, also when another's led to the enrolment.
func TestWhatASenderSeesOfItsOwnSaysNothingOfAnother(t *testing.T) {
	seen := joined(t, true).Seen(Visibility{Progress: true})
	i := slices.IndexFunc(seen.Steps, func(s Step) bool { return s.Kind == Accepted })
	if seen.Steps[i].Acceptance.Joins != "" {
		t.Error("the figures can tell them apart")
	}
}
