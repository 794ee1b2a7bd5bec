package referral

import (
	"errors"
	"fmt"
	"testing"
)

// reached gives a referral in every state, by the shortest way there.
var reached = map[State][]Kind{
	none:                {},
	StateSubmitted:      {Submitted},
	StateSupplement:     {Submitted, SupplementRequested},
	StateWaitlisted:     {Submitted, Waitlisted},
	StateAccepted:       {Submitted, Accepted},
	StateRejected:       {Submitted, Rejected},
	StateEnrolled:       {Submitted, Accepted, Enrolled},
	StateClosed:         {Submitted, Accepted, Enrolled, Closed},
	StateWithdrawn:      {Submitted, Withdrawn},
	StateEnteredInError: {Submitted, MarkedInError},
}

func after(kinds ...Kind) *Referral {
	r := sample()
	r.Steps = nil
	for i, k := range kinds {
		r.Steps = append(r.Steps, Step{
			N: int64(i) + 1, At: noon, Kind: k, Authority: "fk",
			Acceptance: &Acceptance{Municipality: "1481"}, Course: &CourseStep{Enrolment: "e"},
		})
	}
	return r
}

// leads is the whole table once more, written by hand from the domain's words:
// what is not named here must be refused.
var leads = map[State]map[Kind]State{
	none:            {Submitted: StateSubmitted},
	StateSubmitted:  {SupplementRequested: StateSupplement, Waitlisted: StateWaitlisted, Accepted: StateAccepted, Rejected: StateRejected, Withdrawn: StateWithdrawn, MarkedInError: StateEnteredInError},
	StateSupplement: {Supplemented: StateSubmitted, Rejected: StateRejected, Withdrawn: StateWithdrawn, MarkedInError: StateEnteredInError},
	StateWaitlisted: {Waitlisted: StateWaitlisted, Accepted: StateAccepted, Rejected: StateRejected, Withdrawn: StateWithdrawn, MarkedInError: StateEnteredInError},
	StateAccepted:   {Enrolled: StateEnrolled, Withdrawn: StateWithdrawn},
	StateEnrolled:   {Course: StateEnrolled, Closed: StateClosed},
}

func TestEveryStepInEveryStateLeadsWhereTheDomainSays(t *testing.T) {
	if len(reached) != len(States)+1 {
		t.Fatalf("%d states can be reached, there are %d", len(reached)-1, len(States))
	}
	for _, from := range append([]State{none}, States...) {
		for _, k := range Kinds {
			want, may := leads[from][k]
			if from != none && (k == ConsentWithdrawn || k == Protected || k == Unprotected) {
				want, may = from, true
			}
			t.Run(fmt.Sprintf("%s and %s", from, k), func(t *testing.T) {
				r := after(reached[from]...)
				err := r.take(Hand{}, noon, Step{Kind: k})
				switch {
				case may && (err != nil || r.State() != want):
					t.Fatalf("want %s, got %s, %v", want, r.State(), err)
				case !may && (!errors.Is(err, ErrWrongState) || r.State() != from || len(r.Steps) != len(reached[from])):
					t.Fatalf("want a refusal and nothing changed, got %s, %v", r.State(), err)
				}
			})
		}
	}
}

func TestEveryStateHasARowAndWords(t *testing.T) {
	for _, s := range States {
		if _, ok := transitions[s]; !ok {
			t.Errorf("%s has no row", s)
		}
		if words[s].SV == "" || words[s].EN == "" {
			t.Errorf("%s has no words", s)
		}
	}
}

func TestStepsAreNumberedWithoutGapsAndTheirNumberIsTheVersion(t *testing.T) {
	r := after(Submitted)
	for range 5 {
		if err := r.Waitlist(Hand{Subject: "i"}, noon, "high"); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range r.Steps {
		if s.N != int64(i)+1 {
			t.Fatalf("step %d bears number %d", i+1, s.N)
		}
	}
	if r.Version() != 6 {
		t.Fatalf("want version 6, got %d", r.Version())
	}
}

func TestPeopleCannotGrowAReferralWithoutEndButEventsAlwaysFit(t *testing.T) {
	r := after(Submitted)
	for len(r.Steps) < maxSteps {
		if err := r.Waitlist(Hand{}, noon, "low"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Waitlist(Hand{}, noon, "low"); !errors.Is(err, ErrTooManySteps) {
		t.Fatalf("want a refusal, got %v", err)
	}
	if err := r.take(Hand{}, noon, Step{Kind: ConsentWithdrawn, Cause: "p/9"}); err != nil {
		t.Fatalf("an event was turned away: %v", err)
	}
}
