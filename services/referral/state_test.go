package referral

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/history"
)

// reached returns a referral in every state, by the shortest way there.
var reached = map[State][]StepKind{
	noState:             {},
	StateSubmitted:      {Submitted},
	StateSupplement:     {Submitted, SupplementRequested},
	StateTransfer:       {Submitted, TransferRequested},
	StateWaitlisted:     {Submitted, Waitlisted},
	StateAccepted:       {Submitted, Accepted},
	StateRejected:       {Submitted, Rejected},
	StateEnrolled:       {Submitted, Accepted, Enrolled},
	StateClosed:         {Submitted, Accepted, Enrolled, Closed},
	StateWithdrawn:      {Submitted, Withdrawn},
	StateEnteredInError: {Submitted, MarkedInError},
}

func after(kinds ...StepKind) *Referral {
	r := sample()
	r.Steps = nil
	for i, k := range kinds {
		r.Steps = append(r.Steps, Step{
			Entry: history.Entry{N: int64(i) + 1, At: noon, Authority: "fk"}, Kind: k,
			Acceptance: &Acceptance{Municipality: "1481"}, Progress: &ProgressStep{Enrolment: "e"},
		})
	}
	return r
}

// leads is the whole table once more, written by hand from the domain's words:
// what is not named here must be refused.
var leads = map[State]map[StepKind]State{
	noState: {Submitted: StateSubmitted},
	StateSubmitted: {
		SupplementRequested: StateSupplement, TransferRequested: StateTransfer, Waitlisted: StateWaitlisted, Accepted: StateAccepted, Rejected: StateRejected,
		Amended: StateSubmitted, AttachmentAdded: StateSubmitted, AttachmentRemoved: StateSubmitted, Assigned: StateSubmitted, Overdue: StateSubmitted,
		Withdrawn: StateWithdrawn, MarkedInError: StateEnteredInError,
	},
	StateSupplement: {
		Supplemented: StateSubmitted, Rejected: StateRejected,
		Amended: StateSupplement, AttachmentAdded: StateSupplement, AttachmentRemoved: StateSupplement, Assigned: StateSupplement, Overdue: StateSupplement,
		Withdrawn: StateWithdrawn, MarkedInError: StateEnteredInError,
	},
	StateTransfer: {
		TransferAccepted: StateSubmitted, TransferDeclined: StateSubmitted, TransferCancelled: StateSubmitted,
		Amended: StateTransfer, AttachmentAdded: StateTransfer, AttachmentRemoved: StateTransfer, Overdue: StateTransfer,
		Withdrawn: StateWithdrawn, MarkedInError: StateEnteredInError,
	},
	StateWaitlisted: {
		TransferRequested: StateTransfer, Waitlisted: StateWaitlisted, MovedUp: StateWaitlisted, Accepted: StateAccepted, Rejected: StateRejected,
		Amended: StateWaitlisted, AttachmentAdded: StateWaitlisted, AttachmentRemoved: StateWaitlisted, Assigned: StateWaitlisted, Overdue: StateWaitlisted,
		Withdrawn: StateWithdrawn, MarkedInError: StateEnteredInError,
	},
	StateAccepted: {Enrolled: StateEnrolled, Assigned: StateAccepted, Overdue: StateAccepted, Withdrawn: StateWithdrawn},
	StateEnrolled: {ProgressReported: StateEnrolled, Overdue: StateEnrolled, Closed: StateClosed},
}

// stepKinds lists the kinds of step.
var stepKinds = []StepKind{
	Submitted, SupplementRequested, Supplemented, Amended, AttachmentAdded, AttachmentRemoved, Assigned,
	TransferRequested, TransferAccepted, TransferDeclined, TransferCancelled, Waitlisted, MovedUp,
	Accepted, Rejected, Withdrawn, MarkedInError, Enrolled, ProgressReported, Closed, Overdue,
	ConsentWithdrawn, Protected, Unprotected, Corrected,
}

func TestEveryStepInEveryStateLeadsWhereTheDomainSays(t *testing.T) {
	if len(reached) != len(States)+1 {
		t.Fatalf("%d states can be reached, there are %d", len(reached)-1, len(States))
	}
	for _, from := range append([]State{noState}, States...) {
		for _, k := range stepKinds {
			want, may := leads[from][k]
			if from != noState && (k == ConsentWithdrawn || k == Protected || k == Unprotected || k == Corrected) {
				want, may = from, true
			}
			t.Run(fmt.Sprintf("%s and %s", from, k), func(t *testing.T) {
				r := after(reached[from]...)
				err := r.Take(history.Author{}, noon, Step{Kind: k, Acceptance: &Acceptance{}, Progress: &ProgressStep{}})
				switch {
				case may && (err != nil || r.Status().State != want):
					t.Fatalf("want %s, got %s, %v", want, r.Status().State, err)
				case !may && (!errors.Is(err, ErrWrongState) || r.Status().State != from || len(r.Steps) != len(reached[from])):
					t.Fatalf("want a refusal and nothing changed, got %s, %v", r.Status().State, err)
				}
			})
		}
	}
}

func TestEveryKindHasOneRowAndEveryStateHasWords(t *testing.T) {
	var kinds []StepKind
	for _, row := range transitions {
		if row.Detail != ofJoined { // beside the kind's own row
			kinds = append(kinds, row.Kind)
		}
	}
	slices.Sort(kinds)
	if want := slices.Sorted(slices.Values(stepKinds)); !slices.Equal(kinds, want) {
		t.Errorf("the rows are about %v, the kinds are %v", kinds, want)
	}
	for _, s := range States {
		if StateTexts[s].SV == "" || StateTexts[s].EN == "" {
			t.Errorf("%s has no words", s)
		}
	}
}

// rolesOf are the roles of the access table that act as a party.
var rolesOf = map[Party][]actor.Role{
	PartyReceiver: {actor.Intake},
	PartyAsked:    {actor.Intake},
	PartySender:   {actor.Referrer, actor.Integration, actor.Participant, actor.Intake}, // who applied; who handed in
	PartyPerson:   {actor.Participant},
	PartyManager:  {actor.Manager},
	PartyCoach:    {actor.Coach},
}

func TestTheRightsToAnOperationAreThoseOfItsParties(t *testing.T) {
	acting := map[string]bool{}
	for _, row := range transitions {
		if slices.Contains(row.By, PartyService) != (row.Operation == "" && len(row.By) == 1 && row.By[0] == PartyService) {
			t.Errorf("%s: what a service does is no operation, and nobody else's act", row.Kind)
		}
		if row.Operation == "" {
			continue
		}
		acting[row.Operation] = true
		var want []actor.Role
		for _, p := range row.By {
			want = append(want, rolesOf[p]...)
		}
		slices.Sort(want)
		if got := slices.Sorted(slices.Values(access.RolesOf(row.Operation))); !slices.Equal(got, slices.Compact(want)) {
			t.Errorf("%s is an act of %v: want the roles %v, the access table has %v", row.Operation, row.By, want, got)
		}
	}
	// The other way: anyone who may change a referral does so by a row.
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if strings.HasPrefix(path, "/referrals/{id}/") && method != "GET" && !acting[op.OperationID] {
				t.Errorf("%s %s (%s) has no row in the table of transitions", method, path, op.OperationID)
			}
		}
	}
}

func TestStepsAreNumberedWithoutGapsAndTheirNumberIsTheVersion(t *testing.T) {
	r := after(Submitted)
	for range 5 {
		if err := r.Waitlist(history.Author{Subject: "i"}, noon, "high", "activera"); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range r.Steps {
		if s.N != int64(i)+1 {
			t.Fatalf("step %d has number %d", i+1, s.N)
		}
	}
	if r.Version() != 6 {
		t.Fatalf("want version 6, got %d", r.Version())
	}
}

func TestPeopleCannotGrowAReferralWithoutEndButEventsAlwaysFit(t *testing.T) {
	r := after(Submitted)
	for len(r.Steps) < maxSteps {
		if err := r.Waitlist(history.Author{}, noon, "low", "activera"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Waitlist(history.Author{}, noon, "low", "activera"); !errors.Is(err, ErrTooManySteps) {
		t.Fatalf("want a refusal, got %v", err)
	}
	if err := r.Take(history.Author{}, noon, Step{Entry: history.Entry{Cause: "p/9"}, Kind: ConsentWithdrawn}); err != nil {
		t.Fatalf("an event was turned away: %v", err)
	}
}
