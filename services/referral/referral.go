// Package referral is the referral (remiss): an authority's unit asks a
// municipality to receive a person into the association's initiative.
//
// The noun is a Referral, one document: what was sent, and the steps since. Its
// state and whatever else changes follow from the steps by pure functions; the
// table in transitions.go alone says what may happen when. The verbs are methods
// of Service: load, ask the access table, ask the noun, save. Who the person is,
// the referral does not know: it holds the id that the vault gave.
package referral

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Referral is one referral, as it is stored.
type Referral struct {
	Association        string              `json:"association"`
	ID                 string              `json:"id"`
	Participant        string              `json:"participant"` // the person's id in the vault
	Authority          string              `json:"authority"`   // the referrer's authority, such as "fk"
	AuthorityKind      actor.AuthorityKind `json:"authorityKind"`
	Unit               string              `json:"unit"`
	Source             Source              `json:"source,omitempty"`         // empty: before sources were kept
	RegistryNumber     string              `json:"registryNumber,omitempty"` // empty: received before there were any
	Gender             string              `json:"gender,omitempty"`         // as given, for figures only
	WishedMunicipality string              `json:"wishedMunicipality"`       // four-digit code
	ExternalReference  string              `json:"externalReference,omitempty"`
	TargetGroup        TargetGroup         `json:"targetGroup"`
	TargetGroupMet     Verdict             `json:"targetGroupMet,omitempty"` // of Assessment, for lists; empty: never tested
	Assessment         []byte              `json:"assessment,omitempty"`     // sealed: the newest test
	Consent            Consent             `json:"consent"`
	Reason             []byte              `json:"reason"` // sealed
	Receipt            idempotency.Receipt `json:"receipt"`
	Terms              *association.Terms  `json:"terms,omitempty"` // in force when it came in; nil: the defaults
	Steps              []Step              `json:"steps"`
}

// TargetGroup tells why the person belongs to the initiative's target group.
type TargetGroup struct {
	Reasons   []string              `json:"reasons"`
	Concerned []actor.AuthorityKind `json:"concerned"` // at least two
}

// Consent is what the person has agreed to in writing (OSL 10:1).
type Consent struct {
	GivenOn     string   `json:"givenOn"` // date
	TextVersion string   `json:"textVersion"`
	Authorities []string `json:"authorities"`          // ids or kinds of those it is between
	Categories  []string `json:"categories,omitempty"` // the data it covers; empty: all
}

// The data that a consent may leave out and that this service would show.
const (
	categoryProgress = "progress"
	categoryOutcome  = "outcome"
)

// Step is one thing that happened to the referral. Which of the fields behind
// Kind are set depends on it.
type Step struct {
	N            int64         `json:"n"` // from 1, without gaps
	At           time.Time     `json:"at"`
	Kind         StepKind      `json:"kind"`
	By           string        `json:"by"`        // subject of the one who did it
	Authority    string        `json:"authority"` // for which authority
	Unit         string        `json:"unit,omitempty"`
	Code         string        `json:"code,omitempty"` // reason, priority, whose will, outcome
	Text         []byte        `json:"text,omitempty"` // sealed
	Acceptance   *Acceptance   `json:"acceptance,omitempty"`
	Amendment    *Amendment    `json:"amendment,omitempty"`
	Attachment   *Attachment   `json:"attachment,omitempty"`
	Progress     *ProgressStep `json:"progress,omitempty"`
	Turn         *Turn         `json:"turn,omitempty"`         // that is overdue
	Initiative   string        `json:"initiative,omitempty"`   // waited for
	Municipality string        `json:"municipality,omitempty"` // that is asked to take over, or has
	Responsible  string        `json:"responsible,omitempty"`  // subject at the municipality; empty: nobody any more
	Handlers     []string      `json:"handlers,omitempty"`     // named for a protected person: subjects at HandledBy
	HandledBy    string        `json:"handledBy,omitempty"`    // the authority that named them
	Cause        string        `json:"cause,omitempty"`        // id of the event that led to it
	TraceParent  string        `json:"traceparent,omitempty"`  // the request that led to it
}

// Acceptance is what the municipality decided when it accepted.
type Acceptance struct {
	Initiative   string `json:"initiative"`
	Municipality string `json:"municipality"` // four-digit code
	StartDate    string `json:"startDate"`    // date
	Coach        string `json:"coach"`        // subject of the coach
}

// ProgressStep is one step of the person's enrolment, as its feed told it.
type ProgressStep struct {
	Kind      string `json:"kind"`
	Enrolment string `json:"enrolment"`
	On        string `json:"on,omitempty"`       // the day it is about
	Block     int    `json:"block,omitempty"`    // number of block or check-in
	Code      string `json:"code,omitempty"`     // answer, decision or outcome
	FirstDay  string `json:"firstDay,omitempty"` // of the way as planned, or of the block
	LastDay   string `json:"lastDay,omitempty"`
}

// Hand is anyone who takes a step, and the request in which.
type Hand struct {
	Subject     string
	Authority   string
	Unit        string
	TraceParent string
}

// maxSteps bounds what people may do to one referral, so that its document has
// an end; what a service tells is never turned away by it.
const maxSteps = 200

// take adds a step if the table allows it now.
func (r *Referral) take(h Hand, now time.Time, s Step) error {
	if !r.May(s.Kind) {
		return stateFault(r.State())
	}
	if len(r.Steps) >= maxSteps && !slices.Contains(rowOf(s.Kind).By, PartyService) {
		return ErrTooManySteps
	}
	s.N = int64(len(r.Steps)) + 1
	s.At = now.UTC().Truncate(time.Millisecond)
	s.By, s.Authority, s.Unit, s.TraceParent = h.Subject, h.Authority, h.Unit, h.TraceParent
	r.Steps = append(r.Steps, s)
	return nil
}

// Accept takes the person into an initiative. age is the person's age in whole
// years on the start date; today is a date.
func (r *Referral) Accept(h Hand, now time.Time, own string, a Acceptance, in association.Initiative, age int) error {
	if err := r.Acceptable(now, own, a); err != nil {
		return err
	}
	if age < in.MinAge || age > in.MaxAge {
		return ageFault(in)
	}
	return r.take(h, now, Step{Kind: Accepted, Acceptance: &a})
}

// Acceptable returns what stands in the way of an acceptance, whatever the
// person's age is; own is the accepting municipality.
func (r *Referral) Acceptable(now time.Time, own string, a Acceptance) error {
	if !r.May(Accepted) {
		return stateFault(r.State())
	}
	if a.Municipality != own {
		return ErrOtherMunicipality.AtField("/municipality")
	}
	if personnummer.Contains(a.Coach) {
		return personnummer.ErrNumberHere.AtField("/coach")
	}
	return startDateFault(now, a.StartDate)
}

// Reject turns the person away, with a reason as a code and a sealed text.
func (r *Referral) Reject(h Hand, now time.Time, code string, text []byte) error {
	return r.take(h, now, Step{Kind: Rejected, Code: code, Text: text})
}

// Waitlist lets the person wait for a place in an initiative, or changes how
// urgent that is, or puts a place back that was kept.
func (r *Referral) Waitlist(h Hand, now time.Time, priority, initiative string) error {
	return r.take(h, now, Step{Kind: Waitlisted, Code: priority, Initiative: initiative})
}

// RequestSupplement asks the referrer for more.
func (r *Referral) RequestSupplement(h Hand, now time.Time, text []byte) error {
	return r.take(h, now, Step{Kind: SupplementRequested, Text: text})
}

// Supplement answers what the municipality asked for.
func (r *Referral) Supplement(h Hand, now time.Time, text []byte) error {
	return r.take(h, now, Step{Kind: Supplemented, Text: text})
}

// Withdraw takes the referral back; by tells whose will it is, "referrer" or
// "person". A person who withdraws does so by own will.
func (r *Referral) Withdraw(h Hand, now time.Time, by string, self bool, text []byte) error {
	if self && by != "person" {
		return ErrWithdrawer.AtField("/by")
	}
	return r.take(h, now, Step{Kind: Withdrawn, Code: by, Text: text})
}

// MarkInError says that the referral should never have been sent.
func (r *Referral) MarkInError(h Hand, now time.Time, text []byte) error {
	return r.take(h, now, Step{Kind: MarkedInError, Text: text})
}
