package participant

import (
	"errors"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
)

// Correction is a step that was taken by mistake, and what should have been taken.
type Correction struct {
	Step    int64
	Reason  []byte       // encrypted
	Instead *Replacement // nil: the step should not have been taken
}

// Replacement is what a step should have said; what is empty stays as it was.
type Replacement struct {
	On         map[StepKind]civil.Date // the day, by the kind of step that has it
	Decision   Decision
	Weeks      int    // of a prolongation
	Text       []byte // encrypted
	EndReason  EndReason
	Occupation *Occupation
	Livelihood []string
}

// stepTexts name the steps that a correction may contradict.
var stepTexts = codelist.Labels[StepKind]("EnrolmentStepKind")

// Correctable are the kinds of step that are corrected: what the coach notes and decides,
// and what the sender answers. A move to another plan is taken back whole.
var Correctable = []StepKind{Started, BlockStarted, Answered, NotAnswered, Decided, Resumed, ConversationHeld, Closed, PlanMoved}

// CorrectionOf is how package history reads the corrections among the steps.
func CorrectionOf(s *EnrolmentStep) *history.Correction[EnrolmentStep] { return s.Correction }

// Story returns the steps as they should have been.
func (e *Enrolment) Story() []EnrolmentStep { return history.Story(e.Steps, CorrectionOf) }

// Correct marks a step as taken by mistake. What time has brought because of it goes with
// it; a later step by somebody that would break the rules prevents it. It returns what the
// step is instead, nil for nothing.
func (e *Enrolment) Correct(by history.Author, now time.Time, manages bool, c Correction) (instead *EnrolmentStep, err error) {
	isKind := func(s *EnrolmentStep) bool { return slices.Contains(Correctable, s.Kind) }
	was, err := history.Correctable(e.Steps, e.Story(), c.Step, isKind, by, manages, e.PlanNow().CorrectionDays, now)
	if err != nil {
		return nil, err
	}
	if was.Kind == PlanMoved { // a block that began since has its days and content by that plan
		for _, s := range e.Story() {
			if (s.Kind == Started || s.Kind == BlockStarted) && s.N > was.N {
				return nil, history.Later(s.Entry, stepTexts[s.Kind])
			}
		}
	}
	step := EnrolmentStep{Kind: Corrected, Text: c.Reason, Correction: &history.Correction[EnrolmentStep]{Of: c.Step}}
	if c.Instead != nil {
		with, err := c.Instead.replace(was)
		if err != nil {
			return nil, err
		}
		step.Correction.With = &with
	}
	if err := e.correct(step, by, now); err != nil {
		return nil, err
	}
	return step.Correction.With, nil
}

// replace returns the step with what it should have said.
func (r Replacement) replace(was EnrolmentStep) (EnrolmentStep, error) {
	with := was
	with.Entry = history.Entry{}
	for _, on := range r.On { // a block's start has the name of the enrolment's
		if on != "" && on != r.On[was.Kind] {
			return with, history.ErrReplacement.AtField("/replacement")
		}
	}
	documented := was.Kind == Closed && was.Occupation != nil
	switch {
	case (r.Decision != "" || r.Weeks > 0) && was.Kind != Decided,
		(r.EndReason != "" || r.Occupation != nil || len(r.Livelihood) > 0) && !documented,
		r.Text != nil && (was.Kind == Started || was.Kind == BlockStarted || was.Kind == Resumed || was.Kind == PlanMoved):
		return with, history.ErrReplacement.AtField("/replacement")
	}
	if on := r.On[was.Kind]; on != "" {
		with.On = on
	}
	if r.Decision != "" && r.Decision != was.Decision {
		with.Decision, with.Weeks, with.Exception = r.Decision, 0, nil
	}
	if r.Weeks > 0 {
		with.Weeks = r.Weeks
	}
	if r.Text != nil {
		with.Text = r.Text
	}
	if r.EndReason != "" {
		with.EndReason = r.EndReason
	}
	if r.Occupation != nil {
		with.Occupation = r.Occupation
	}
	if len(r.Livelihood) > 0 {
		with.Livelihood = r.Livelihood
	}
	if r.Text == nil && with.On == was.On && with.Decision == was.Decision && with.Weeks == was.Weeks && with.EndReason == was.EndReason &&
		(with.Occupation == was.Occupation || *with.Occupation == *was.Occupation) && slices.Equal(with.Livelihood, was.Livelihood) {
		return with, history.ErrNothingCorrected.AtField("/replacement")
	}
	return with, nil
}

// correct takes a step that corrects another, if each step of the story could then be
// taken: by the same rules, on the day on which it was.
func (e *Enrolment) correct(step EnrolmentStep, by history.Author, now time.Time) error {
	then := *e
	then.Steps = history.Append(slices.Clone(e.Steps), step, by, now)
	c, again := step.Correction, *e
	again.Steps = nil
	story := then.Story()
	for i, s := range story {
		if s.Kind == CheckInDue && i+1 < len(story) { // it can be held when somebody answers
			if next := &story[i+1]; next.Kind == Answered || next.Kind == NotAnswered {
				s.On = max(s.On, civil.DateOf(next.At))
			}
		}
		isCorrected, at := s.N == c.Of, s.At
		if isCorrected {
			at = now
		}
		switch err := again.retake(&s, at); {
		case err == nil && isCorrected && c.With != nil: // with its outcome
			taken := again.Steps[len(again.Steps)-1]
			taken.Entry = history.Entry{}
			*c.With = taken
		case err == nil:
		case isCorrected:
			return InReplacement(err)
		case s.Kind == CheckInDue || s.Kind == Closing || s.Kind == Closed && s.Outcome == Cancelled && step.Cause != "":
			c.Voids = append(c.Voids, s.N)
		default:
			return history.Later(s.Entry, stepTexts[s.Kind]).Because(err)
		}
	}
	e.Steps = then.Steps
	return nil
}

// InReplacement returns what is wrong with a step as what is wrong with a replacement.
func InReplacement(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	wrong := *f
	wrong.Fields = slices.Clone(f.Fields)
	for i := range wrong.Fields {
		wrong.Fields[i].Pointer = "/replacement" + wrong.Fields[i].Pointer
	}
	return &wrong
}

// retake takes a step of a story once more, by the rules of its kind.
func (e *Enrolment) retake(s *EnrolmentStep, now time.Time) error {
	by := history.Author{Subject: s.By, Authority: s.Authority, Unit: s.Unit}
	p := e.Progress()
	switch s.Kind {
	case Corrected: // the story has followed it, and its numbers are not those of the steps taken here
		return nil
	case Started:
		return e.Start(s.On, s.Exception, by, now)
	case BlockStarted:
		return e.StartBlock(s.Number, s.On, s.Exception, by, now)
	case CheckInDue:
		if p.State != StateActive || s.Number != p.Block || !p.canHold(s.On) {
			return ErrState
		}
	case Closing:
		if p.State != StateActive || p.current().CheckIn || p.Block < len(p.Blocks) || s.On <= p.current().RunsTo() {
			return ErrState
		}
	case Answered, NotAnswered:
		if p.State != StateCheckInDue {
			return ErrState
		}
		if s.Kind == NotAnswered {
			return e.RecordNonAnswer(s.Number, s.Held, s.Text, by, now)
		}
		return e.Answer(s.Number, s.Readiness, s.Held, s.Text, by, now)
	case ExceptionRefused:
		if in := p.checkIn(p.Block); p.State != StateCheckInDue || in == nil || in.Request == nil {
			return ErrState
		}
	case ExceptionRequested, Decided:
		if s.Decision == "" { // the start of a block is asked for
			break
		}
		in, err := p.openCheckIn(s.Number, s.Kind)
		if err != nil {
			return err
		}
		d := CheckInDecision{Decision: s.Decision, On: s.On, Weeks: s.Weeks, Reason: s.Text, Exception: s.Exception}
		if err := e.checkDecision(&p, in, d, now); err != nil {
			return err
		}
	case Resumed:
		return e.Resume(s.On, by, now)
	case PlanMoved:
		return e.MovePlan(*s.Plan, s.Text, by, now)
	case ConversationHeld:
		return e.HoldConversation(s.On, s.Text, by, now)
	case Closed:
		if s.Outcome == Cancelled {
			return e.Cancel(s.Text, s.Cause, by, now)
		}
		return e.Close(Documentation{On: s.On, EndReason: s.EndReason, Occupation: *s.Occupation, Livelihood: s.Livelihood, Summary: s.Text}, by, now)
	}
	e.append(*s, by, now)
	return nil
}

// Replan follows what the referral's acceptance says since it was corrected, or (corrected
// is false) was made once more after it had been taken back: from then on the enrolment is
// planned so. What has begun keeps its plan. It reports whether that was new: the same
// event again changes nothing.
func (e *Enrolment) Replan(as *Enrolment, corrected bool, cause string, by history.Author, now time.Time) bool {
	p := e.Progress()
	cancelled := p.State == StateClosed && p.Outcome == Cancelled
	switch {
	case e.follows(cause),
		p.State == StateClosed && !cancelled,
		!cancelled && !corrected, !cancelled && e.PlannedStart == as.PlannedStart && e.Coach == as.Coach:
		return false
	}
	was := *e
	e.PlannedStart, e.Coach = as.PlannedStart, as.Coach
	if cancelled { // others may have run and ended since
		e.WeeksBefore = as.WeeksBefore
	}
	if p.Started == "" {
		e.Initiative, e.Municipality, e.Plan, e.Unshared = as.Initiative, as.Municipality, as.Plan, as.Unshared
	}
	step := EnrolmentStep{
		Kind: Corrected, Entry: history.Entry{Cause: cause},
		Correction: &history.Correction[EnrolmentStep]{Of: 1, With: &EnrolmentStep{Kind: Planned, On: as.PlannedStart}},
	}
	if cancelled {
		step.Correction.Voids = []int64{p.Closed.N}
	}
	for _, s := range e.Story() {
		if s.Kind == PlanMoved && p.Started == "" { // what it is planned by now is later
			step.Correction.Voids = append(step.Correction.Voids, s.N)
		}
	}
	if e.correct(step, by, now) != nil {
		*e = was
		return false
	}
	return true
}
