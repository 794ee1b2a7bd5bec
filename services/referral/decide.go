package referral

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Acceptance is what the municipality decided when it accepted.
type Acceptance struct {
	Initiative        string `json:"initiative"`
	InitiativeVersion int    `json:"initiativeVersion,omitempty"` // by which it was decided
	Municipality      string `json:"municipality"`                // four-digit code
	StartDate         string `json:"startDate"`                   // date
	Coach             string `json:"coach"`                       // subject of the coach
	// Joins is the id of the person's enrolment that runs already and that the referral
	// joins; empty: it leads to one.
	Joins           string `json:"joins,omitempty"`
	AnswersCheckIns bool   `json:"answersCheckIns,omitempty"` // with Joins: its sender is asked at the check-ins too
}

// CheckAcceptance returns what prevents an acceptance by the municipality own, the
// person's age apart.
func (r *Referral) CheckAcceptance(now time.Time, own string, a Acceptance) error {
	if err := r.Status().Check(Accepted); err != nil {
		return err
	}
	if a.Municipality != own {
		return ErrOtherMunicipality.AtField("/municipality")
	}
	return r.checkStart(now, a, "")
}

// Accept accepts the person into an initiative. age is the person's age in whole years
// on the start date; one that is unknown (nil) prevents nothing, the municipality decides.
func (r *Referral) Accept(by history.Author, now time.Time, own string, a Acceptance, in association.Initiative, age *int) error {
	if err := r.CheckAcceptance(now, own, a); err != nil {
		return err
	}
	if err := CheckAge(in, age, "/startDate"); err != nil {
		return err
	}
	a.InitiativeVersion = in.Version
	return r.Take(by, now, Step{Kind: Accepted, Acceptance: &a})
}

// CheckAge returns ErrAge for an age on the start date that is not within the
// initiative's; one that is unknown (nil) is.
func CheckAge(in association.Initiative, age *int, pointer string) error {
	if age == nil || *age >= in.Ages.Lowest && *age <= in.Ages.Highest {
		return nil
	}
	return ErrAge.WithText(
		fmt.Sprintf("Personen ska ha fyllt %d men inte %d år på startdagen.", in.Ages.Lowest, in.Ages.Highest+1),
		fmt.Sprintf("The person must have turned %d but not %d on the start date.", in.Ages.Lowest, in.Ages.Highest+1)).AtField(pointer)
}

// Join accepts the referral into the enrolment that runs, by the path that leads to it:
// the referral by which the person was accepted into the initiative; nil: none. It takes
// no place, and its sender follows the enrolment as far as its own consent goes. A path
// that has come to no enrolment yet may still be withdrawn: nothing joins it.
func (r *Referral) Join(by history.Author, now time.Time, path *Referral, answersCheckIns bool) error {
	s := r.Status()
	if err := s.Check(Accepted); err != nil {
		return err
	}
	if path == nil {
		return ErrNothingToJoin
	}
	switch running := path.Status(); {
	case running.Municipality != s.Municipality:
		return ErrNothingToJoin
	case running.State != StateEnrolled:
		return ErrNotPlanned
	default:
		a := *running.Accepted.Acceptance
		a.Joins, a.AnswersCheckIns = running.Enrolment, answersCheckIns
		return r.Take(by, now, Step{Kind: Accepted, Acceptance: &a})
	}
}

// Waitlist puts the person on the waiting list of an initiative, or changes the
// priority, or puts an offered place back.
func (r *Referral) Waitlist(by history.Author, now time.Time, priority, initiative string) error {
	return r.Take(by, now, Step{Kind: Waitlisted, Code: priority, Initiative: initiative})
}

// OfferPlace keeps a place in an initiative for a person in the queue.
func (r *Referral) OfferPlace(now time.Time, initiative string) error {
	if s := r.Status(); !s.IsWaiting() {
		return stateFault(s.State)
	}
	return r.Take(history.System("referral"), now, Step{Kind: MovedUp, Initiative: initiative})
}

// Withdraw takes the referral back. will says whose will it is, "referrer" or "person";
// a person who withdraws, as self says, does so by own will.
func (r *Referral) Withdraw(by history.Author, now time.Time, will string, self bool, text []byte) error {
	if self && will != "person" {
		return ErrWithdrawer.AtField("/by")
	}
	return r.Take(by, now, Step{Kind: Withdrawn, Code: will, Text: text})
}

// Assign makes somebody at the municipality responsible for the referral; empty: nobody.
func (r *Referral) Assign(by history.Author, now time.Time, responsible string) error {
	s := r.Status()
	if err := s.Check(Assigned); err != nil {
		return err
	}
	switch {
	case personnummer.Contains(responsible):
		return personnummer.ErrNumberHere.AtField("/responsible")
	case responsible == s.Responsible:
		return ErrAssignedAlready.AtField("/responsible")
	}
	return r.Take(by, now, Step{Kind: Assigned, Responsible: responsible})
}

// RequestTransfer asks another member municipality to take the referral over. The
// person must have consented to that one too, because both see the referral until it
// has answered.
func (r *Referral) RequestTransfer(by history.Author, now time.Time, to association.Municipality, text []byte) error {
	s := r.Status()
	if err := s.Check(TransferRequested); err != nil {
		return err
	}
	switch {
	case to.Code == s.Municipality:
		return ErrTransferToItself.AtField("/municipality")
	case s.ConsentWithdrawnAt != nil:
		return ErrConsentWithdrawn
	case !r.Consent.Names(to.Authority, actor.Municipality):
		return ErrConsentWithoutMunicipality.AtField("/municipality")
	}
	return r.Take(by, now, Step{Kind: TransferRequested, Municipality: to.Code, Text: text})
}

// AcceptTransfer takes the referral over to the municipality that was asked, own.
func (r *Referral) AcceptTransfer(by history.Author, now time.Time, own string, text []byte) error {
	s := r.Status()
	if err := s.Check(TransferAccepted); err != nil {
		return err
	}
	switch {
	case s.ConsentWithdrawnAt != nil:
		return ErrConsentWithdrawn
	case own != s.TransferTarget():
		return ErrNotAsked
	}
	return r.Take(by, now, Step{Kind: TransferAccepted, Municipality: own, Text: text})
}

// DeclineTransfer leaves the referral with the municipality that has it.
func (r *Referral) DeclineTransfer(by history.Author, now time.Time, own string, text []byte) error {
	s := r.Status()
	if err := s.Check(TransferDeclined); err != nil {
		return err
	}
	if own != s.TransferTarget() {
		return ErrNotAsked
	}
	return r.Take(by, now, Step{Kind: TransferDeclined, Text: text})
}

// CancelTransfer takes the request back.
func (r *Referral) CancelTransfer(by history.Author, now time.Time, text []byte) error {
	return r.Take(by, now, Step{Kind: TransferCancelled, Text: text})
}

// Correction is a decision that was taken by mistake, and what should have been decided.
type Correction struct {
	Step    int64
	Reason  []byte    // encrypted
	Instead *Decision // nil: the decision should not have been taken
}

// Decision is what a decision should have said; what is empty stays as it was.
type Decision struct {
	StartDate string // of an acceptance
	Coach     string // of an acceptance
	Code      string // of a rejection
	Text      []byte // of a rejection, encrypted
	Priority  string // of a place on the waiting list
}

// stepTexts name the steps that a correction may contradict.
var stepTexts = codelist.Labels[StepKind]("ReferralStepKind")

// CheckCorrection returns the decision that somebody may correct as the story has it now,
// with what it should have been, or what prevents that, later steps apart.
func (r *Referral) CheckCorrection(by history.Author, now time.Time, manages bool, c Correction) (was Step, instead *Step, err error) {
	if len(r.Steps) >= maxSteps {
		return was, nil, ErrTooManySteps
	}
	if was, err = history.Correctable(r.Steps, r.Story(), c.Step, (*Step).isDecision, by, manages, r.terms().DaysToCorrect(), now); err != nil {
		return was, nil, err
	}
	if c.Instead == nil {
		return was, nil, nil
	}
	if was.Joins() != "" {
		return was, nil, history.ErrReplacement.WithText(
			"En anslutning rättas genom att tas tillbaka: utelämna replacement, och anslut remissen på nytt om den ska vara ansluten på ett annat sätt.",
			"A joining is corrected by taking it back: leave out replacement, and let the referral join again if it should join in another way.").AtField("/replacement")
	}
	with := was
	with.Entry = history.Entry{}
	d, same := *c.Instead, false
	switch was.Kind {
	case Accepted:
		a := *was.Acceptance
		with.Acceptance = &a
		a.StartDate, a.Coach = cmp.Or(d.StartDate, a.StartDate), cmp.Or(d.Coach, a.Coach)
		d.StartDate, d.Coach = "", ""
		same, err = a == *was.Acceptance, r.checkStart(now, a, "/replacement")
	case Rejected:
		with.Code, d.Code = cmp.Or(d.Code, was.Code), ""
		if d.Text != nil {
			with.Text, d.Text = d.Text, nil
		}
		same = with.Code == was.Code && bytes.Equal(with.Text, was.Text)
	case Waitlisted:
		with.Code, d.Priority = cmp.Or(d.Priority, was.Code), ""
		same = with.Code == was.Code
	}
	switch {
	case d.StartDate+d.Coach+d.Code+d.Priority != "" || d.Text != nil:
		err = history.ErrReplacement.AtField("/replacement")
	case same:
		err = history.ErrNothingCorrected.AtField("/replacement")
	}
	return was, &with, err
}

// checkStart returns what is wrong with the day and the coach of an acceptance.
func (r *Referral) checkStart(now time.Time, a Acceptance, pointer string) error {
	if personnummer.Contains(a.Coach) {
		return personnummer.ErrNumberHere.AtField(pointer + "/coach")
	}
	start, err := civil.Parse(a.StartDate)
	if err != nil {
		return ErrDate.AtField(pointer + "/startDate")
	}
	// A coach may register late, and nobody plans further ahead.
	if today := civil.DateOf(now); start < today.AddYears(-1) || start > today.AddYears(1) {
		return ErrStartDate.AtField(pointer + "/startDate")
	}
	if start < civil.Date(r.Consent.GivenOn) {
		return ErrStartBeforeConsent.AtField(pointer + "/startDate")
	}
	return nil
}

// Correct marks a decision as taken by mistake. What a service did because of it goes
// with it: a planned enrolment, a place that was offered, a reminder; of a joining, all that
// was followed. A later step by
// somebody that would be impossible prevents it: history.ErrLaterStep.
func (r *Referral) Correct(by history.Author, now time.Time, manages bool, c Correction) error {
	was, instead, err := r.CheckCorrection(by, now, manages, c)
	if err != nil {
		return err
	}
	return r.correct(by, now, Step{Kind: Corrected, Code: string(was.Kind), Text: c.Reason, Correction: &history.Correction[Step]{Of: c.Step, With: instead}})
}

// correct takes a step that corrects another, if the story then follows the table.
func (r *Referral) correct(by history.Author, now time.Time, step Step) error {
	then := *r
	then.Steps = history.Append(slices.Clone(r.Steps), step, by, now)
	c := step.Correction
	parts := c.With == nil && r.Steps[c.Of-1].Joins() != "" // from the enrolment, and from what is known of it
	state, joined := noState, false
	for _, s := range then.Story() {
		detail := ""
		if s.Kind == Withdrawn && state == StateEnrolled && joined {
			detail = ofJoined
		}
		next, ok := transitions.Next(state, s.Kind, detail)
		switch {
		case ok:
			state, joined = next, joined && s.Kind != Accepted || s.Joins() != ""
		case parts && (s.Kind == ProgressReported || s.Kind == Closed):
			c.Voids = append(c.Voids, s.N)
		case s.Kind == MovedUp, s.Kind == Enrolled, s.Kind == Overdue, s.Kind == Closed && s.Code == outcomeCancelled: // a service's
			c.Voids = append(c.Voids, s.N)
		default:
			return history.Later(s.Entry, stepTexts[s.Kind])
		}
	}
	// A place that was offered has gone to others since the rejection: the person is in the
	// queue again.
	if s := then.Status(); s.IsPlaceOffered() && step.Code == string(Rejected) {
		for _, x := range slices.Backward(s.story) {
			if x.Kind == MovedUp {
				c.Voids = append(c.Voids, x.N)
				break
			}
		}
	}
	r.Steps = then.Steps
	return nil
}

// outcomeCancelled is the outcome of an enrolment that never began.
const outcomeCancelled = "cancelled"

// Follow takes a step that an event of another service caused. It reports false when a
// step of that cause exists already: an event may come more than once.
func (r *Referral) Follow(by history.Author, now time.Time, step Step) (bool, error) {
	if slices.ContainsFunc(r.Steps, func(old Step) bool { return old.Cause == step.Cause }) {
		return false, nil
	}
	err := r.Take(by, now, step)
	if err != nil && r.reinstate(by, now, &step) {
		err = r.Take(by, now, step)
	}
	return true, err
}

// FollowCorrection takes what the enrolment's service says that it has corrected: step
// `of` of it, by the id of its event, should have been this, or nothing (nil), and the
// steps that went with it nothing. A step that this referral does not have, or no more,
// is taken now. It reports false when a step of that cause exists already.
func (r *Referral) FollowCorrection(by history.Author, now time.Time, cause, of string, voids []string, instead *Step) (bool, error) {
	if slices.ContainsFunc(r.Steps, func(old Step) bool { return old.Cause == cause }) {
		return false, nil
	}
	c := &history.Correction[Step]{With: instead}
	story, kind := r.Story(), StepKind("")
	for _, s := range story {
		switch {
		case s.Cause == of, s.Progress != nil && s.Progress.Of == of:
			c.Of, kind = s.N, s.Kind
		case s.Cause != "" && slices.Contains(voids, s.Cause):
			c.Voids = append(c.Voids, s.N)
		}
	}
	switch {
	case c.Of == 0 && len(c.Voids) == 0 && instead == nil:
		return false, nil
	case c.Of == 0 && instead != nil:
		step, p := *instead, *instead.Progress
		step.Cause, p.Of, step.Progress = cause, of, &p
		return true, r.Take(by, now, step)
	case c.Of == 0:
		c.Of, c.Voids, kind = c.Voids[0], c.Voids[1:], ProgressReported
	}
	return true, r.correct(by, now, Step{Kind: Corrected, Code: string(kind), Entry: history.Entry{Cause: cause}, Correction: c})
}

// reinstate takes back a correction of the acceptance that an enrolment had begun under
// already: the correction crossed its start on the way, and the person is in the
// initiative. It reports whether there was one.
func (r *Referral) reinstate(by history.Author, now time.Time, step *Step) bool {
	if step.Kind != ProgressReported || step.Progress.Kind != "started" {
		return false
	}
	for _, s := range slices.Backward(r.Story()) {
		if s.Kind != Corrected || s.Code != string(Accepted) || s.Correction.With != nil {
			continue
		}
		return r.correct(by, now, Step{Kind: Corrected, Code: string(Accepted), Correction: &history.Correction[Step]{Of: s.N}}) == nil
	}
	return false
}
