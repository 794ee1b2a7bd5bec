package participant

import (
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// What the rules of a running enrolment answer.
var (
	ErrBlockNumber = fault.New(fault.Conflict, "not-next-block",
		"Det blocket står inte i tur att starta.", "That block is not the next one to start.")
	ErrCheckInNumber = fault.New(fault.Conflict, "check-in-not-due",
		"Den avstämningen är inte aktuell nu.", "That check-in is not due now.")
	ErrAnswered = fault.New(fault.Conflict, "check-in-already-answered",
		"Avstämningen är redan besvarad.", "The check-in has been answered already.")
	ErrUnanswered = fault.New(fault.Conflict, "check-in-unanswered",
		"Remittentens svar saknas. Notera att inget svar kom om beslutet inte kan vänta.",
		"The referrer's answer is missing. Record that none came if the decision cannot wait.")
	ErrWeeks = fault.New(fault.Unprocessable, "weeks-with-prolong",
		"Antal veckor ska anges vid förlängning, och bara då.", "The number of weeks is wanted for a prolongation, and only then.")
	ErrException = fault.New(fault.Unprocessable, "exception-with-prolong",
		"Ett undantag kan bara ges vid förlängning.", "An exception can be given for a prolongation only.")
	ErrTooManyWeeks = fault.New(fault.Unprocessable, "more-weeks-than-planned",
		"Förlängningen ger fler veckor än planen medger. Ange undantag med skäl och beslutsfattare.",
		"The prolongation gives more weeks than the plan allows. Give an exception with reason and approver.")
)

// clock is who takes the steps that time brings.
var clock = Who{By: "service:participant", Authority: "finsam"}

// Start begins the enrolment and its first block on a day that has come.
func (e *Enrolment) Start(on civil.Date, who Who, now time.Time) error {
	if !e.Progress().State.allows(Started) {
		return ErrState
	}
	// More than a year before the plan is a slip of the pen, not a late note.
	if err := happened(on, e.PlannedStart.AddDays(-366), civil.DateOf(now), "/startedOn"); err != nil {
		return err
	}
	s := e.step(Started, who, now)
	s.On, s.Number = on, 1
	return nil
}

// StartBlock begins the next block; the check-in before it has been decided.
func (e *Enrolment) StartBlock(number int, on civil.Date, who Who, now time.Time) error {
	c := e.Progress()
	if !c.State.allows(BlockStarted) {
		return ErrState
	}
	if c.State == StateActive && c.current().CheckIn {
		return ErrState // the table lets a running block be followed for those without check-in
	}
	if !c.mayBegin(number) {
		return ErrBlockNumber
	}
	if err := happened(on, max(c.current().runsTo().AddDays(1), c.notBefore), civil.DateOf(now), "/startedOn"); err != nil {
		return err
	}
	s := e.step(BlockStarted, who, now)
	s.On, s.Number = on, number
	return nil
}

// MarkOverdue takes the step that time has brought, if one: the check-in after a
// block's last day, or the closing after the last block's. It tells whether.
func (e *Enrolment) MarkOverdue(now time.Time) bool {
	c := e.Progress()
	due := c.DueOn()
	if due == "" || due >= civil.DateOf(now) {
		return false
	}
	kind := Closing
	if c.current().CheckIn {
		kind = CheckInDue
	}
	s := e.step(kind, clock, now)
	s.On, s.Number = due.AddDays(1), c.Block
	return true
}

// open returns the check-in that waits, if it is this one.
func (e *Enrolment) open(number int, kind StepKind) (*CheckIn, error) {
	c := e.Progress()
	if !c.State.allows(kind) {
		return nil, ErrState
	}
	if number != c.Block {
		return nil, ErrCheckInNumber
	}
	return c.checkIn(number), nil
}

// Answer notes the referrer's answer. It may still come when a non-answer has
// been recorded, as long as nothing is decided.
func (e *Enrolment) Answer(number int, readiness string, text []byte, who Who, now time.Time) error {
	in, err := e.open(number, Answered)
	if err != nil {
		return err
	}
	if in.Answer != nil && in.Answer.Kind == Answered {
		return ErrAnswered
	}
	s := e.step(Answered, who, now)
	s.Number, s.On, s.Readiness, s.Text = number, civil.DateOf(now), readiness, text
	return nil
}

// RecordNonAnswer notes that no answer came.
func (e *Enrolment) RecordNonAnswer(number int, text []byte, who Who, now time.Time) error {
	in, err := e.open(number, NotAnswered)
	if err != nil {
		return err
	}
	if in.Answer != nil {
		return ErrAnswered
	}
	s := e.step(NotAnswered, who, now)
	s.Number, s.On, s.Text = number, civil.DateOf(now), text
	return nil
}

// CheckInDecision is what is decided at a check-in.
type CheckInDecision struct {
	Decision  Decision
	On        civil.Date
	Weeks     int        // of a prolongation
	Reason    []byte     // sealed
	Exception *Exception // wanted when the plan's most weeks are passed
}

// Decide decides at the check-in that waits, once it is answered or a non-answer
// is recorded.
func (e *Enrolment) Decide(number int, d CheckInDecision, who Who, now time.Time) error {
	in, err := e.open(number, Decided)
	if err != nil {
		return err
	}
	if in.Answer == nil {
		return ErrUnanswered
	}
	c := e.Progress()
	if err := happened(d.On, c.current().First, civil.DateOf(now), "/decidedOn"); err != nil {
		return err
	}
	if err := d.fits(c, e.Plan.MaxWeeks); err != nil {
		return err
	}
	if d.Exception != nil {
		if err := noNumber("/exception/approver", d.Exception.Approver); err != nil {
			return err
		}
	}
	s := e.step(Decided, who, now)
	s.Number, s.On, s.Decision, s.Weeks, s.Text, s.Exception = number, d.On, d.Decision, d.Weeks, d.Reason, d.Exception
	return nil
}

func (d CheckInDecision) fits(c Progress, maxWeeks int) error {
	switch {
	case (d.Decision == Prolong) != (d.Weeks > 0):
		return ErrWeeks.AtField("/weeks")
	case d.Exception != nil && d.Decision != Prolong:
		return ErrException.AtField("/exception")
	case d.Weeks > 0 && d.Exception == nil && c.totalWeeks()+d.Weeks > maxWeeks:
		return ErrTooManyWeeks.AtField("/exception")
	}
	return nil
}

// Resume ends a pause; the next block may start from that day.
func (e *Enrolment) Resume(on civil.Date, who Who, now time.Time) error {
	c := e.Progress()
	if !c.State.allows(Resumed) {
		return ErrState
	}
	if err := happened(on, c.notBefore, civil.DateOf(now), "/resumedOn"); err != nil {
		return err
	}
	s := e.step(Resumed, who, now)
	s.On, s.Number = on, c.Block
	return nil
}
