package participant

import (
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/google/uuid"
)

// Enrolment is one person's way through one initiative in one municipality.
// What stands beside the steps was settled when it was planned and never
// changes; all that happens is a step.
type Enrolment struct {
	Association  string          `json:"association"`
	ID           string          `json:"id"` // follows from the referral's
	Referral     string          `json:"referral"`
	Participant  string          `json:"participant"`
	Referrer     string          `json:"referrer"` // the authority that sent the referral
	Unit         string          `json:"unit"`     // its unit
	Municipality string          `json:"municipality"`
	Initiative   string          `json:"initiative"`
	Coach        string          `json:"coach"`              // subject at the municipality
	Unshared     []string        `json:"unshared,omitempty"` // what the consent keeps from the sender: course, outcome
	PlannedStart civil.Date      `json:"plannedStart"`
	Plan         Plan            `json:"plan"`
	Steps        []EnrolmentStep `json:"steps"`
}

// Plan is the initiative's plan as it was when the enrolment was planned; a later
// configuration changes nothing here.
type Plan struct {
	Version  string      `json:"version"` // of the configuration
	MaxWeeks int         `json:"maxWeeks"`
	Blocks   []PlanBlock `json:"blocks"`
}

// PlanBlock is one block of a plan; blocks are numbered from 1 without gaps.
type PlanBlock struct {
	Name    string `json:"name,omitempty"`
	Weeks   int    `json:"weeks"`
	CheckIn bool   `json:"checkIn"` // the referrer is asked before the next block
}

// EnrolmentStep is one thing that happened on the way.
type EnrolmentStep struct {
	N           int64       `json:"n"`
	At          time.Time   `json:"at"` // noted here
	By          string      `json:"by"`
	Authority   string      `json:"authority"`
	Kind        StepKind    `json:"kind"`
	Cause       string      `json:"cause,omitempty"`       // id of the event that led to it
	TraceParent string      `json:"traceparent,omitempty"` // the request that it came with
	Number      int         `json:"number,omitempty"`      // of the block or check-in
	On          civil.Date  `json:"on,omitempty"`          // the day it happened
	Readiness   string      `json:"readiness,omitempty"`
	Decision    Decision    `json:"decision,omitempty"`
	Weeks       int         `json:"weeks,omitempty"` // of a prolongation
	Exception   *Exception  `json:"exception,omitempty"`
	Outcome     Outcome     `json:"outcome,omitempty"`
	EndReason   EndReason   `json:"endReason,omitempty"`
	Occupation  *Occupation `json:"occupation,omitempty"`
	Livelihood  []string    `json:"livelihood,omitempty"`
	Text        []byte      `json:"text,omitempty"` // sealed
}

// Exception lets an enrolment run longer than the plan's most weeks.
type Exception struct {
	Reason   []byte `json:"reason"` // sealed
	Approver string `json:"approver"`
}

// Occupation is what the person does afterwards; 100 percent is 40 hours a week.
type Occupation struct {
	Kind   string `json:"kind"`
	Extent int    `json:"extent,omitempty"` // percent; 0: not given
}

// enrolments is the name space of enrolment ids (RFC 9562, version 5).
var enrolments = uuid.MustParse("0f1f5a0e-9a2c-4a53-8f0b-6c1d2f7be0a4")

// EnrolmentID returns the id of the enrolment that an accepted referral leads to;
// the same referral can never lead to two.
func EnrolmentID(association, referral string) string {
	return uuid.NewSHA1(enrolments, []byte(association+"\x00"+referral)).String()
}

// NewEnrolment plans the way that an accepted referral opens.
func NewEnrolment(e Enrolment, cause string, who Who, now time.Time) *Enrolment {
	e.ID = EnrolmentID(e.Association, e.Referral)
	e.Steps = nil
	s := e.step(Planned, who, now)
	s.On, s.Cause = e.PlannedStart, cause
	return &e
}

func (e *Enrolment) step(kind StepKind, who Who, now time.Time) *EnrolmentStep {
	e.Steps = append(e.Steps, EnrolmentStep{
		N: int64(len(e.Steps)) + 1, At: stamp(now), By: who.By, Authority: who.Authority, Kind: kind, TraceParent: who.TraceParent,
	})
	return &e.Steps[len(e.Steps)-1]
}
