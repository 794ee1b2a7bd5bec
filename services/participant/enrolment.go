package participant

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// Enrolment is one person's way through one initiative in one municipality.
// What is beside the steps was settled when it was planned and changes only with the
// referral's acceptance, see Replan; all that happens is a step.
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
	Unshared     []string        `json:"unshared,omitempty"` // what the consent keeps from the sender: progress, outcome
	PlannedStart civil.Date      `json:"plannedStart"`
	WeeksBefore  int             `json:"weeksBefore,omitempty"` // that earlier enrolments of the person in the initiative used
	Plan         Plan            `json:"plan"`
	Steps        []EnrolmentStep `json:"steps"`
}

// Plan is the plan of the initiative in the municipality, as it was when the enrolment was
// planned, or was moved to it; a later version changes nothing here.
type Plan struct {
	Version     string `json:"version"`               // the object's number
	IsMunicipal bool   `json:"isMunicipal,omitempty"` // of the municipality's own plan, not the initiative's
	MaxWeeks    int    `json:"maxWeeks"`
	MinAge      int    `json:"minAge,omitempty"` // whole years on the first day
	MaxAge      int    `json:"maxAge,omitempty"` // as MinAge, itself allowed; 0: no limit
	// CheckInDays is how many days before a block's last day its check-in can be held.
	CheckInDays int `json:"checkInDays,omitempty"`
	// CorrectionDays is how many days who took a step may correct it.
	CorrectionDays int `json:"correctionDays,omitempty"`
	// IgnoresWeeksBefore says that the weeks of earlier enrolments do not count.
	IgnoresWeeksBefore bool        `json:"ignoresWeeksBefore,omitempty"`
	Blocks             []PlanBlock `json:"blocks"`
}

// Is reports whether two plans are the same version of the same one. What a municipality's
// plan leaves to the initiative's own becomes another without a version of its own.
func (p *Plan) Is(q *Plan) bool {
	return p.Version == q.Version && p.IsMunicipal == q.IsMunicipal && (!p.IsMunicipal || p.MaxWeeks == q.MaxWeeks && p.CheckInDays == q.CheckInDays &&
		p.IgnoresWeeksBefore == q.IgnoresWeeksBefore && slices.EqualFunc(p.Blocks, q.Blocks, func(a, b PlanBlock) bool {
		return a.Name == b.Name && a.Weeks == b.Weeks && a.CheckIn == b.CheckIn && slices.Equal(a.Content, b.Content)
	}))
}

// PlanID returns the id of the programme's object of which a plan of the enrolment is a version;
// empty for a plan of before objects had versions, which is a hash.
func (e *Enrolment) PlanID(p *Plan) string {
	switch {
	case len(p.Version) >= 12:
		return ""
	case p.IsMunicipal:
		return "plan." + e.Initiative + "." + e.Municipality
	}
	return "plan." + e.Initiative
}

// PlanBlock is one block of a plan; blocks are numbered from 1 without gaps.
type PlanBlock struct {
	Name    string `json:"name,omitempty"`
	Weeks   int    `json:"weeks"`
	CheckIn bool   `json:"checkIn"` // the referrer is asked before the next block
	// Content are the categories of activity that belong to the block; none: all do.
	Content []string `json:"content,omitempty"`
}

// EnrolmentStep is one thing that happened.
type EnrolmentStep struct {
	history.Entry
	Kind       StepKind    `json:"kind"`
	Number     int         `json:"number,omitempty"` // of the block or check-in
	On         civil.Date  `json:"on,omitempty"`     // the day it happened
	Held       civil.Date  `json:"heldOn,omitempty"` // the day of a check-in's meeting, if it is known
	Readiness  string      `json:"readiness,omitempty"`
	Decision   Decision    `json:"decision,omitempty"`
	Weeks      int         `json:"weeks,omitempty"` // of a prolongation
	Exception  *Exception  `json:"exception,omitempty"`
	Outcome    Outcome     `json:"outcome,omitempty"`
	EndReason  EndReason   `json:"endReason,omitempty"`
	Occupation *Occupation `json:"occupation,omitempty"`
	Livelihood []string    `json:"livelihood,omitempty"`
	Plan       *Plan       `json:"plan,omitempty"` // from now on, of a move
	Text       []byte      `json:"text,omitempty"` // encrypted

	Correction *history.Correction[EnrolmentStep] `json:"correction,omitempty"`
}

// Exception lets an enrolment run longer than the plan's maximum: by the weeks of a
// prolongation, or at the start of a block by all that were used before.
type Exception struct {
	Reason   []byte `json:"reason"`             // encrypted
	Approver string `json:"approver,omitempty"` // subject of who approved; empty: nobody yet
}

// Occupation is what the person does afterwards; 100 percent is 40 hours a week.
type Occupation struct {
	Kind   string `json:"kind"`
	Extent int    `json:"extent,omitempty"` // percent; of works and studies only
}

// enrolmentSpace is the name space of enrolment ids (RFC 9562, version 5).
var enrolmentSpace = uuid.MustParse("0f1f5a0e-9a2c-4a53-8f0b-6c1d2f7be0a4")

// EnrolmentID returns the id of the enrolment that an accepted referral leads to;
// the same referral can never lead to two.
func EnrolmentID(association, referral string) string {
	return uuid.NewSHA1(enrolmentSpace, []byte(association+"\x00"+referral)).String()
}

// NewEnrolment plans the enrolment that an accepted referral leads to.
func NewEnrolment(e Enrolment, cause string, by history.Author, now time.Time) *Enrolment {
	e.ID = EnrolmentID(e.Association, e.Referral)
	e.Steps = history.Append(nil, EnrolmentStep{Kind: Planned, On: e.PlannedStart, Entry: history.Entry{Cause: cause}}, by, now)
	return &e
}

// PlanNow returns the plan that the enrolment follows: the one that it was moved to last, or
// by which it was planned.
func (e *Enrolment) PlanNow() *Plan {
	for _, s := range slices.Backward(e.Story()) {
		if s.Plan != nil {
			return s.Plan
		}
	}
	return &e.Plan
}

// MovePlan lets an enrolment that is planned or runs follow another version of the plan from
// now on. Blocks that have begun stay as they are, and their weeks count: it exceeds the
// plan's weeks by no more than exceptions have let it before.
func (e *Enrolment) MovePlan(to Plan, reason []byte, by history.Author, now time.Time) error {
	p := e.Progress()
	if !enrolmentTable.Allows(p.State, PlanMoved) {
		return ErrState
	}
	if to.Is(e.PlanNow()) {
		return ErrSamePlan.AtField("/planVersion")
	}
	against := e.weeksAgainst(&to)
	excess := max(0, against+totalWeeks(p.Blocks)-e.PlanNow().MaxWeeks)
	p.lay(to.Blocks)
	weeks := against + totalWeeks(p.Blocks)
	switch {
	case len(to.Blocks) == 0, len(to.Blocks) < p.Block, len(to.Blocks) == p.Block && p.current().CheckIn:
		return ErrPlanTooShort.AtField("/planVersion")
	case weeks > to.MaxWeeks+excess && p.Block > 0: // what does not fit is else asked for as blocks begin
		return ErrPlanTooLong.WithText(
			fmt.Sprintf("Med veckorna som redan är använda blir det %d veckor, och den versionen av planen har högst %d.", weeks, to.MaxWeeks),
			fmt.Sprintf("With the weeks used already it would be %d weeks, and that version of the plan has at most %d.", weeks, to.MaxWeeks)).AtField("/planVersion")
	}
	e.append(EnrolmentStep{Kind: PlanMoved, On: civil.DateOf(now), Plan: &to, Text: reason}, by, now)
	return nil
}

// ChangedAt returns when the last step was taken.
func (e *Enrolment) ChangedAt() time.Time { return e.Steps[len(e.Steps)-1].At }

func (e *Enrolment) append(s EnrolmentStep, by history.Author, now time.Time) {
	e.Steps = history.Append(e.Steps, s, by, now)
}

// follows reports whether an event has led to a step.
func (e *Enrolment) follows(cause string) bool {
	return slices.ContainsFunc(e.Steps, func(s EnrolmentStep) bool { return s.Cause == cause })
}

// maxEarlyDays is how long before its plan an enrolment may have begun: more is a slip
// of the pen, not a late note.
const maxEarlyDays = 366

// weeksAgainst returns the weeks of earlier enrolments that count against a plan's
// maximum: none once an exception was made for them.
func (e *Enrolment) weeksAgainst(plan *Plan) int {
	for _, s := range e.Story() {
		if (s.Kind == Started || s.Kind == BlockStarted) && s.Exception != nil {
			return 0
		}
	}
	if plan.IgnoresWeeksBefore {
		return 0
	}
	return e.WeeksBefore
}

// begin takes the step by which the next block begins. When it passes the plan's maximum
// with the weeks that were used, here and before, it is asked for with an exception, and
// begins once that is approved, see Approve.
func (e *Enrolment) begin(p *Progress, s EnrolmentStep, by history.Author, now time.Time) error {
	plan := e.PlanNow()
	against, most := e.weeksAgainst(plan), plan.MaxWeeks
	used := against + p.ActiveWeeks()
	isOver := used+p.Blocks[p.Block].Total() > most && against > 0
	switch {
	case isOver && s.Exception == nil:
		return ErrTooManyWeeks.WithText(
			fmt.Sprintf("Personen har redan använt %d av insatsens %d veckor, så blocket får inte plats. Ange skälet till ett undantag, så frågas enhetens chef.", used, most),
			fmt.Sprintf("The person has used %d of the initiative's %d weeks already, so the block does not fit. Give the reason for an exception; the head of the unit is then asked.", used, most)).AtField("/exception")
	case s.Exception != nil && s.Exception.Approver == "" && !isOver:
		return ErrNoNeed.AtField("/exception")
	case s.Exception != nil && s.Exception.Approver == "":
		s.Kind = ExceptionRequested
	}
	e.append(s, by, now)
	return nil
}

// Start begins the enrolment and its first block on a day that has come; with an exception
// when the weeks that were used before leave no room for it.
func (e *Enrolment) Start(on civil.Date, x *Exception, by history.Author, now time.Time) error {
	p := e.Progress()
	if !enrolmentTable.Allows(p.State, Started) {
		return ErrState
	}
	if on < e.PlannedStart.AddDays(-maxEarlyDays) {
		return ErrTooEarly.WithText("Dagen är mer än ett år före den planerade starten. Ange en senare dag.",
			"The day is more than a year before the planned start. Give a later day.").AtField("/startedOn")
	}
	if err := happened(on, "", civil.DateOf(now), "/startedOn"); err != nil {
		return err
	}
	return e.begin(&p, EnrolmentStep{Kind: Started, On: on, Number: 1, Exception: x}, by, now)
}

// CheckFirstDay returns what prevents an enrolment from beginning on a day: it is before
// the person consented to the referral, or the person's age on it, in whole years, is not
// within the plan's. An age that is unknown (nil) prevents nothing, the municipality
// decides.
func (e *Enrolment) CheckFirstDay(on, consented civil.Date, age *int) error {
	plan := &e.Plan
	for _, s := range e.Story() {
		if s.Kind == Started {
			break
		} else if s.Plan != nil { // moved before it began
			plan = s.Plan
		}
	}
	switch {
	case on < consented:
		return ErrBeforeConsent.AtField("/startedOn")
	case age != nil && plan.MaxAge > 0 && (*age < plan.MinAge || *age > plan.MaxAge):
		return ErrAge.WithText(
			fmt.Sprintf("Personen ska ha fyllt %d men inte %d år på startdagen.", plan.MinAge, plan.MaxAge+1),
			fmt.Sprintf("The person must have turned %d but not %d on the start date.", plan.MinAge, plan.MaxAge+1)).AtField("/startedOn")
	}
	return nil
}

// StartBlock begins the next block; the check-in before it has been decided. The exception
// is as Start's.
func (e *Enrolment) StartBlock(number int, on civil.Date, x *Exception, by history.Author, now time.Time) error {
	p := e.Progress()
	switch {
	case !enrolmentTable.Allows(p.State, BlockStarted), p.State == StateActive && p.current().CheckIn:
		return ErrState
	case !p.canStart(number):
		return ErrBlockNumber
	}
	if err := happened(on, max(p.current().RunsTo().AddDays(1), p.notBefore), civil.DateOf(now), "/startedOn"); err != nil {
		return err
	}
	return e.begin(&p, EnrolmentStep{Kind: BlockStarted, On: on, Number: number, Exception: x}, by, now)
}

// MarkOverdue takes the step that time has brought: the check-in after a block's last
// day, or the closing after the last block's. It reports whether there was one.
func (e *Enrolment) MarkOverdue(now time.Time) bool {
	p := e.Progress()
	due := p.DueOn()
	if due == "" || due >= civil.DateOf(now) {
		return false
	}
	kind := Closing
	if p.current().CheckIn {
		kind = CheckInDue
	}
	e.append(EnrolmentStep{Kind: kind, On: due.AddDays(1), Number: p.Block}, history.System("participant"), now)
	return true
}

// canHold reports whether the check-in of the running block can be held before the block
// is over.
func (p *Progress) canHold(today civil.Date) bool {
	return p.State == StateActive && p.current().CheckIn && p.checkIn(p.Block).OpenFrom <= today
}

// hold returns the progress with the check-in of a number open: when it is held before
// its block is over, it is due from today.
func (e *Enrolment) hold(number int, held civil.Date, now time.Time) (Progress, error) {
	p, today := e.Progress(), civil.DateOf(now)
	if in := p.checkIn(p.Block); held != "" && in != nil {
		if err := happened(held, in.OpenFrom, today, "/heldOn"); err != nil {
			return p, err
		}
	}
	switch {
	case p.State != StateActive || !p.current().CheckIn:
		return p, nil
	case number != p.Block:
		return p, ErrCheckInNumber
	case !p.canHold(today):
		return p, ErrCheckInEarly
	}
	e.append(EnrolmentStep{Kind: CheckInDue, On: today, Number: number}, history.System("participant"), now)
	return e.Progress(), nil
}

// openCheckIn returns the check-in that waits for a step of a kind, if it is the one
// of the number.
func (p *Progress) openCheckIn(number int, kind StepKind) (*CheckIn, error) {
	switch {
	case !enrolmentTable.Allows(p.State, kind):
		return nil, ErrState
	case number != p.Block:
		return nil, ErrCheckInNumber
	}
	return p.checkIn(number), nil
}

// Answer notes the referrer's answer, with the day of the meeting if there was one. It
// may still come when a non-answer has been recorded, as long as nothing is decided, and
// before the block is over, as many days as the plan says.
func (e *Enrolment) Answer(number int, readiness string, held civil.Date, text []byte, by history.Author, now time.Time) error {
	p, err := e.hold(number, held, now)
	if err != nil {
		return err
	}
	in, err := p.openCheckIn(number, Answered)
	if err != nil {
		return err
	}
	if in.Answer != nil && in.Answer.Kind == Answered {
		return ErrAnswered
	}
	e.append(EnrolmentStep{Kind: Answered, Number: number, On: civil.DateOf(now), Held: held, Readiness: readiness, Text: text}, by, now)
	return nil
}

// RecordNonAnswer notes that no answer came, with the day of the meeting if there was one.
func (e *Enrolment) RecordNonAnswer(number int, held civil.Date, text []byte, by history.Author, now time.Time) error {
	p, err := e.hold(number, held, now)
	if err != nil {
		return err
	}
	in, err := p.openCheckIn(number, NotAnswered)
	if err != nil {
		return err
	}
	if in.Answer != nil {
		return ErrAnswered
	}
	e.append(EnrolmentStep{Kind: NotAnswered, Number: number, On: civil.DateOf(now), Held: held, Text: text}, by, now)
	return nil
}

// CheckInDecision is what is decided at a check-in.
type CheckInDecision struct {
	Decision  Decision
	On        civil.Date
	Weeks     int        // of a prolongation
	Reason    []byte     // encrypted
	Exception *Exception // asked for: the plan's maximum is passed
}

// Decide decides at the check-in that waits, once it is answered or a non-answer
// is recorded. With an exception it asks for one: the decision counts once somebody else
// has approved that, see Approve.
func (e *Enrolment) Decide(number int, d CheckInDecision, by history.Author, now time.Time) error {
	p := e.Progress()
	in, err := p.openCheckIn(number, Decided)
	if err != nil {
		return err
	}
	if err := e.checkDecision(&p, in, d, now); err != nil {
		return err
	}
	kind := Decided
	if d.Exception != nil {
		kind = ExceptionRequested
	}
	e.append(EnrolmentStep{
		Kind: kind, Number: number, On: d.On, Decision: d.Decision, Weeks: d.Weeks, Text: d.Reason, Exception: d.Exception,
	}, by, now)
	return nil
}

// checkDecision returns what is wrong with a decision at a check-in.
func (e *Enrolment) checkDecision(p *Progress, in *CheckIn, d CheckInDecision, now time.Time) error {
	if in.Answer == nil {
		return ErrUnanswered
	}
	if err := happened(d.On, max(in.OpenFrom, in.Answer.Held), civil.DateOf(now), "/decidedOn"); err != nil {
		return err
	}
	plan := e.PlanNow()
	switch isLonger := e.weeksAgainst(plan)+totalWeeks(p.Blocks)+d.Weeks > plan.MaxWeeks; {
	case (d.Decision == Prolong) != (d.Weeks > 0):
		return ErrWeeks.AtField("/weeks")
	case d.Exception != nil && (d.Decision != Prolong || !isLonger):
		return ErrException.AtField("/exception")
	case d.Weeks > 0 && d.Exception == nil && isLonger:
		return ErrTooManyWeeks.AtField("/exception")
	}
	return nil
}

// Approve decides on the exception that is asked for, by somebody else than who asked.
// Approved, the decision at the check-in counts, or the block begins, as it was asked for.
func (e *Enrolment) Approve(approved bool, text []byte, by history.Author, now time.Time) error {
	p := e.Progress()
	in, request := p.checkIn(p.Block), p.request()
	switch {
	case request == nil:
		return ErrNotAsked
	case request.By == by.Subject && request.Authority == by.Authority:
		return ErrOwnApproval
	}
	asked := *request
	approval := &Exception{Reason: asked.Exception.Reason, Approver: by.Subject}
	if !approved {
		e.append(EnrolmentStep{Kind: ExceptionRefused, Number: asked.Number, On: civil.DateOf(now), Text: text}, by, now)
		return nil
	}
	switch {
	case asked.Decision == "" && p.Block == 0:
		return e.Start(asked.On, approval, by, now)
	case asked.Decision == "":
		return e.StartBlock(asked.Number, asked.On, approval, by, now)
	}
	d := CheckInDecision{Decision: asked.Decision, On: asked.On, Weeks: asked.Weeks, Reason: asked.Text, Exception: asked.Exception}
	if err := e.checkDecision(&p, in, d, now); err != nil {
		return err
	}
	e.append(EnrolmentStep{
		Kind: Decided, Number: asked.Number, On: asked.On, Decision: asked.Decision, Weeks: asked.Weeks, Text: asked.Text,
		Exception: approval,
	}, by, now)
	return nil
}

// Resume ends a pause; the next block may start from that day.
func (e *Enrolment) Resume(on civil.Date, by history.Author, now time.Time) error {
	p := e.Progress()
	if !enrolmentTable.Allows(p.State, Resumed) {
		return ErrState
	}
	if err := happened(on, p.notBefore, civil.DateOf(now), "/resumedOn"); err != nil {
		return err
	}
	e.append(EnrolmentStep{Kind: Resumed, On: on, Number: p.Block}, by, now)
	return nil
}

// HoldConversation notes the closing conversation.
func (e *Enrolment) HoldConversation(on civil.Date, text []byte, by history.Author, now time.Time) error {
	p := e.Progress()
	switch {
	case !enrolmentTable.Allows(p.State, ConversationHeld):
		return ErrState
	case p.Conversation != nil:
		return ErrHeld
	}
	if err := happened(on, max(p.current().First, p.notBefore), civil.DateOf(now), "/heldOn"); err != nil {
		return err
	}
	e.append(EnrolmentStep{Kind: ConversationHeld, On: on, Text: text}, by, now)
	return nil
}

// Documentation is what the closing documentation says.
type Documentation struct {
	On         civil.Date
	EndReason  EndReason
	Occupation Occupation
	Livelihood []string
	Summary    []byte // encrypted
}

// Close ends the enrolment with its documentation. It is completed when the
// person has run all blocks, or ended at a check-in as planned or for work or
// studies, and the conversation was held; else it is interrupted, which may
// happen at any time after the start. It does not end before the last thing that
// happened in it.
func (e *Enrolment) Close(d Documentation, by history.Author, now time.Time) error {
	p := e.Progress()
	if _, ok := enrolmentTable.Next(p.State, Closed, string(Interrupted)); !ok {
		return ErrState
	}
	if err := happened(d.On, p.lastHappened(), civil.DateOf(now), "/closedOn"); err != nil {
		return err
	}
	hasExtent := d.Occupation.Kind == "works" || d.Occupation.Kind == "studies"
	switch {
	case len(d.Livelihood) > 1 && slices.Contains(d.Livelihood, "none"):
		return ErrLivelihood.AtField("/livelihoodAfter")
	case d.Occupation.Extent > 0 && !hasExtent:
		return ErrExtent.AtField("/occupationAfter/extent")
	case d.Occupation.Extent == 0 && hasExtent:
		return ErrExtentMissing.AtField("/occupationAfter/extent")
	case d.EndReason == AccordingToPlan && p.State != StateClosing:
		return ErrNotByPlan
	case d.EndReason == AccordingToPlan && p.Conversation == nil:
		return ErrNoConversation
	}
	outcome := Interrupted
	reached := p.ranAll || d.EndReason == AccordingToPlan || d.EndReason == Work || d.EndReason == Studies
	if p.State == StateClosing && p.Conversation != nil && reached && d.EndReason != MisRegistered {
		outcome = Completed
	}
	e.append(EnrolmentStep{
		Kind: Closed, On: d.On, Outcome: outcome, EndReason: d.EndReason, Occupation: &d.Occupation, Livelihood: d.Livelihood, Text: d.Summary,
	}, by, now)
	return nil
}

// Cancel ends an enrolment that never began; cause is the id of the event that led
// to it, if one did. The same event does not cancel what was planned once more since.
func (e *Enrolment) Cancel(text []byte, cause string, by history.Author, now time.Time) error {
	if _, ok := enrolmentTable.Next(e.Progress().State, Closed, string(Cancelled)); !ok || cause != "" && e.follows(cause) {
		return ErrState
	}
	e.append(EnrolmentStep{
		Kind: Closed, On: civil.DateOf(now), Outcome: Cancelled, Text: text, Entry: history.Entry{Cause: cause},
	}, by, now)
	return nil
}
