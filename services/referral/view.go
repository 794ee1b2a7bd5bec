package referral

import (
	"errors"
	"fmt"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/encryption"
)

// View is a referral as one caller may see it.
type View struct {
	Referral    *Referral
	State       State                         // as far as it is shown; see sight
	ChangedAt   time.Time                     // when the last step was taken that is shown
	Version     int64                         // changed by whatever the caller sees; 0 in lists
	Reason      string                        // empty when texts are hidden
	Duplicates  []Duplicate                   // nil when none are shown to the caller
	Assessed    *Assessment                   // the newest; nil when texts are hidden, or there was no test
	Texts       map[int64]string              // by number of step; nil when texts are hidden
	Reasons     map[int64]Change[string]      // by number of the step that amended the reason; nil when texts are hidden
	Assessments map[int64]Change[*Assessment] // by number of the step that made the test anew; nil when texts are hidden
	Steps       []Step                        // those that the caller may see, their sealed texts left out
	Progress    *ProgressView                 // nil when there is none, or it is hidden
	Outcome     string                        // empty when there is none, or it is hidden
	Queue       *InQueue                      // nil when the referral stands in none
	Responsible string                        // at the municipality that has the referral, for itself only
	Acts        []string                      // the operations that the caller may call now
	Turn        *Turn                         // nil when it is nobody's, or hidden
	Overdue     bool                          // whether the turn's time has passed
	Person      bool                          // whether the vault shows the person to the caller

	Attachments []*AttachmentView // those that are there now; none when texts are hidden

	sight Visibility // what the caller is shown
}

// InQueue is where a referral stands in its queue: first is 1.
type InQueue struct{ Place, Of int64 }

// ProgressView is the person's way through the initiative.
type ProgressView struct {
	Enrolment string
	FirstDay  string // as planned
	LastDay   string
	Steps     []Step // those that bear a course step
}

// see returns what the actor may see of the referral.
func see(r *Referral, a actor.Actor, s *encryption.Cipher, now time.Time) (*View, error) {
	v := outline(r, a, now)
	_, last := r.visibleState(v.sight)
	v.Version = v.Number(last.N)
	for _, step := range r.Steps {
		if !step.hidden(v.sight) {
			v.Steps = append(v.Steps, step.shown(a, v.sight))
		}
	}
	if v.sight.progress && r.Enrolment() != "" {
		v.Progress = course(r.Enrolment(), v.Steps)
	}
	if !v.sight.texts {
		return v, nil
	}
	return v, v.open(s)
}

// outline returns what a list shows of the referral.
func outline(r *Referral, a actor.Actor, now time.Time) *View {
	v := &View{Referral: r, Person: access.Allows("getParticipant", a, r.ResourceFor(a)), sight: r.visibilityFor(a)}
	state, last := r.visibleState(v.sight)
	v.State, v.ChangedAt, v.Acts = state, last.At, r.acts(a, state, v.sight)
	if t, ok := r.Turn(); ok && (!t.Wait.isProgress() || v.sight.progress) {
		v.Turn, v.Overdue = &t, t.Overdue(now)
	}
	if a.Municipality == r.Municipality() {
		v.Responsible = r.Responsible()
	}
	if v.sight.outcome {
		v.Outcome = r.Outcome()
	}
	return v
}

// Number returns a step's number as the caller counts the steps.
func (v *View) Number(n int64) int64 { return v.Referral.number(n, v.sight) }

// shown returns a step without what the actor may not see of it: who did it, at
// another authority, what was planned for the person, and how it ended.
func (s Step) shown(a actor.Actor, to Visibility) Step {
	if !to.progress {
		s.Acceptance, s.Progress = nil, nil
	}
	if s.Authority != a.Authority {
		s.By, s.Unit, s.Responsible = "", "", ""
	}
	if s.Kind == Closed && !to.outcome {
		end := *s.Progress // a closed step that is shown at all is of the course then
		end.Code = ""
		s.Code, s.Progress = "", &end
	}
	return s
}

// open unseals the texts.
func (v *View) open(s *encryption.Cipher) error {
	reason, err := s.Decrypt(v.Referral.Reason, sealContext(v.Referral.ID))
	if err != nil {
		return fmt.Errorf("referral %s: reason: %w", v.Referral.ID, err)
	}
	v.Reason, v.Texts, v.Reasons, v.Assessments = string(reason), map[int64]string{}, map[int64]Change[string]{}, map[int64]Change[*Assessment]{}
	if v.Assessed, err = openAssessment(s, v.Referral.ID, v.Referral.Assessment); err != nil {
		return err
	}
	for _, step := range v.Steps {
		if step.Amendment != nil && step.Amendment.Reason != nil {
			was, errOld := s.Decrypt(step.Amendment.Reason.Old, sealContext(v.Referral.ID))
			is, errNew := s.Decrypt(step.Amendment.Reason.New, sealContext(v.Referral.ID))
			if err := errors.Join(errOld, errNew); err != nil {
				return fmt.Errorf("referral %s: reasons of step %d: %w", v.Referral.ID, step.N, err)
			}
			v.Reasons[step.N] = Change[string]{string(was), string(is)}
		}
		if step.Amendment != nil && step.Amendment.Assessment != nil {
			was, errOld := openAssessment(s, v.Referral.ID, step.Amendment.Assessment.Old)
			is, errNew := openAssessment(s, v.Referral.ID, step.Amendment.Assessment.New)
			if err := errors.Join(errOld, errNew); err != nil {
				return err
			}
			v.Assessments[step.N] = Change[*Assessment]{was, is}
		}
		if step.Text == nil {
			continue
		}
		text, err := s.Decrypt(step.Text, sealContext(v.Referral.ID))
		if err != nil {
			return fmt.Errorf("referral %s: text of step %d: %w", v.Referral.ID, step.N, err)
		}
		v.Texts[step.N] = string(text)
	}
	return nil
}

// conceal takes back what open has given.
func (v *View) conceal() {
	v.Reason, v.Texts, v.Reasons, v.Assessed, v.Assessments = "", nil, nil, nil, nil
}

// sealContext binds a sealed text to its referral.
func sealContext(id string) string { return "referral/" + id }

// acts lists the operations that the state, as it is shown, and the access table
// both allow now.
func (r *Referral) acts(a actor.Actor, in State, to Visibility) []string {
	var names []string
	for _, row := range table {
		if row.Kind == AttachmentRemoved { // an attachment tells it itself
			continue
		}
		if to.allows(row.Kind, in) && row.Operation != "" && access.Allows(row.Operation, a, r.ResourceTo(row.Operation, a)) {
			names = append(names, row.Operation)
		}
	}
	return names
}

// course collects what the enrolment's feed has told.
func course(enrolment string, steps []Step) *ProgressView {
	c := &ProgressView{Enrolment: enrolment}
	for _, step := range steps {
		if step.Progress == nil {
			continue
		}
		if step.Kind == Enrolled {
			c.FirstDay, c.LastDay = step.Progress.FirstDay, step.Progress.LastDay
		}
		c.Steps = append(c.Steps, step)
	}
	return c
}
