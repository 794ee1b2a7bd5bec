package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// event returns the event of step n of a referral. One that is hidden from the sender
// names no authority, so that no authority's own feed has it.
func event(r *referral.Referral, n int64) feed.Event {
	step := &r.Steps[n-1]
	then := r.AsOf(n)
	status := then.Status()
	e := feed.Event{
		Type: referral.EventPrefix + string(step.Kind), Subject: r.ID, Time: step.At,
		Association: r.Association, Authority: r.Authority, TraceParent: step.TraceParent,
		Data: map[string]string{"referral": r.ID, "participant": r.Participant, "unit": r.Unit, "municipality": status.Municipality},
	}
	// Persons are not an authority with a feed of its own.
	if r.AuthorityKind == actor.Self || step.IsHidden(status.SenderVisibility()) {
		e.Authority = ""
	}
	switch step.Kind {
	case referral.Waitlisted, referral.MovedUp:
		e.Data["initiative"] = step.Initiative
	case referral.Amended:
		e.Data["fields"] = strings.Join(step.Amendment.Fields(), ",")
		if step.Amendment.Consent != nil {
			// The vault, which follows, opens the person to those named since.
			e.Data["authorities"] = strings.Join(then.Consent.Authorities, ",")
			e.Data["textVersion"], e.Data["givenOn"] = then.Consent.TextVersion, then.Consent.GivenOn
		}
	case referral.TransferRequested:
		e.Data["to"] = step.Municipality
	case referral.TransferAccepted:
		e.Data["from"] = r.AsOf(n - 1).Status().Municipality
	case referral.TransferDeclined, referral.TransferCancelled:
		e.Data["to"] = r.AsOf(n - 1).Status().Transfer.Municipality
	case referral.Overdue:
		if asked := step.Turn.Municipality; asked != status.Municipality {
			e.Data["to"] = asked // of a transfer: both are notified
		}
		e.Data["party"], e.Data["wait"] = string(step.Turn.Party), string(step.Turn.Wait)
		e.Data["since"], e.Data["due"] = step.Turn.Since.Format(time.RFC3339), step.Turn.Due.Format(time.RFC3339)
	case referral.AttachmentAdded, referral.AttachmentRemoved:
		e.Data["attachment"] = step.Attachment.ID
	case referral.Corrected:
		e.Data["corrected"] = step.Code
		if status.Accepted != nil && step.Code == string(referral.Accepted) {
			accepted(e, r, status)
		}
		if step.Code == string(referral.Rejected) && status.State != referral.StateRejected {
			e.Data["reopened"] = "true"
		}
	case referral.Accepted:
		accepted(e, r, status)
	}
	return e
}

// accepted adds what the participant service plans the enrolment by.
func accepted(e feed.Event, r *referral.Referral, status *referral.Status) {
	a := status.Accepted.Acceptance
	e.Data["initiative"], e.Data["startDate"], e.Data["coach"], e.Data["authority"] = a.Initiative, a.StartDate, a.Coach, r.Authority
	if withheld := status.Scope().Withheld; len(withheld) > 0 {
		e.Data["unshared"] = strings.Join(withheld, ",") // the enrolment is as hidden as its copy here
	}
	if a.Joins != "" {
		e.Data["joins"] = a.Joins
		if a.AnswersCheckIns {
			e.Data["answersCheckIns"] = "true"
		}
	}
}

// visibleStepNumber returns the number by which a referral's sender, or a municipality
// that was asked to take over, may be notified of a step now; 0: it may not. The rule is
// that of its events, held against the present consent: an event that was made while it
// held may be asked for later.
func (s *Service) visibleStepNumber(ctx context.Context, association, id string) (func(step int64, asked string) int64, error) {
	r, err := s.referrals.Get(ctx, association, id)
	if errors.Is(err, store.ErrNotFound) {
		return func(int64, string) int64 { return 0 }, nil
	}
	if err != nil {
		return nil, err
	}
	status := r.Value.Status()
	to := status.SenderVisibility()
	return func(n int64, asked string) int64 {
		switch {
		case n < 1 || n > r.Value.Version():
			return 0
		// One that was asked may know of it while it is asked and the consent that opened the
		// referral to it holds, or once it has had it.
		case asked != "" && (status.TransferTarget() == asked || status.Municipality == asked || status.HandedOverBy(asked) != nil):
			return n
		case asked != "" || r.Value.Steps[n-1].IsHidden(to):
			return 0
		}
		return status.VisibleNumber(n, to)
	}, nil
}

// What this service follows in the participant service's feed.
const (
	enrolmentEvents  = "se.finsam.enrolment."
	enrolled         = "se.finsam.participant.enrolled"
	consentWithdrawn = "se.finsam.participant.consent_withdrawn"
	protected        = "se.finsam.participant.protected"
	unprotected      = "se.finsam.participant.unprotected"
)

// Handle takes what an event of the participant service means for referrals as a step of
// theirs. It may come more than once.
func (s *Service) Handle(ctx context.Context, e feed.Event) error {
	if e.Type == enrolled && e.Data["joined"] != "" {
		return s.enrolJoined(ctx, e)
	}
	step, ok := stepOf(e)
	if !ok {
		return nil
	}
	id := e.Data["referral"]
	if !strings.HasPrefix(e.Type, enrolmentEvents) {
		if id != "" {
			return s.follow(ctx, e, id, step)
		}
		// An event about the person concerns every referral about it.
		return s.eachAbout(ctx, e.Association, e.Subject, func(r *referral.Referral) error {
			return s.follow(ctx, e, r.ID, step)
		})
	}
	// The referral that led to the enrolment may have been withdrawn meanwhile; those that
	// have joined follow all the same.
	first := s.follow(ctx, e, id, step)
	if first != nil && !errors.Is(first, feed.ErrSkip) || step.Kind == referral.Enrolled {
		return first
	}
	err := s.eachAbout(ctx, e.Association, e.Data["participant"], func(r *referral.Referral) error {
		status := r.Status()
		if r.ID == id || status.Enrolment != e.Subject || status.State != referral.StateEnrolled && step.Kind != referral.Corrected {
			return nil
		}
		return s.follow(ctx, e, r.ID, step)
	})
	return cmp.Or(err, first)
}

// eachAbout calls do for each referral about a person. What one of them skips the others
// get: feed.ErrSkip is returned once all have been visited.
func (s *Service) eachAbout(ctx context.Context, association, participant string, do func(*referral.Referral) error) error {
	about := []store.Cond{store.Equals(keyParticipant, participant)}
	var skipped error
	err := s.referrals.Each(ctx, store.Query{Association: association, Where: about, Sort: latestFirst, Limit: 100}, func(r store.Versioned[referral.Referral]) error {
		err := do(r.Value)
		if errors.Is(err, feed.ErrSkip) {
			skipped, err = err, nil
		}
		return err
	})
	return cmp.Or(err, skipped)
}

// enrolJoined takes what the vault has confirmed as a step: a referral follows an
// enrolment that it did not lead to. The enrolment may have ended on the way: its end is
// then taken over from the referral that led to it. If that ends later, its event finds
// this one.
func (s *Service) enrolJoined(ctx context.Context, e feed.Event) error {
	id := e.Data["referral"]
	joins, end := referral.ProgressStep{}, (*referral.Step)(nil)
	err := s.eachAbout(ctx, e.Association, e.Subject, func(r *referral.Referral) error {
		if status := r.Status(); r.ID != id && status.Enrolment == e.Data["enrolment"] && !status.IsJoined() {
			joins, end = r.Standing()
		}
		return nil
	})
	if err != nil {
		return err
	}
	joins.Kind, joins.Enrolment = referral.ProgressJoined, e.Data["enrolment"]
	if err := s.follow(ctx, e, id, referral.Step{Entry: history.Entry{Cause: e.ID}, Kind: referral.Enrolled, Progress: &joins}); err != nil || end == nil {
		return err
	}
	return s.follow(ctx, e, id, referral.Step{Entry: history.Entry{Cause: end.Cause}, Kind: referral.Closed, Code: end.Code, Progress: end.Progress})
}

// follow adds the step to one referral, once; a correction is of a step that an earlier
// event brought.
func (s *Service) follow(ctx context.Context, e feed.Event, id string, step referral.Step) error {
	by := history.System("participant")
	by.TraceParent = e.TraceParent
	event := func(n string) string { return e.Subject + "/" + n } // of the enrolment's steps
	var instead *referral.Step
	if kind := e.Data["kind"]; kind != "" {
		was := e
		was.Type = enrolmentEvents + kind
		if should, ok := stepOf(was); ok {
			should.Cause = ""
			instead = &should
		}
	}
	var voids []string
	for n := range strings.FieldsFuncSeq(e.Data["voids"], func(r rune) bool { return r == ',' }) {
		voids = append(voids, event(n))
	}
	saved, err := s.referrals.Update(ctx, e.Association, id, 0, func(r *referral.Referral) error {
		own, should := step, instead
		if by := e.Data["answeredBy"]; by != "" && by != r.Authority { // what one authority says of a person is not for another
			said := &own
			if instead != nil {
				corrected := *instead
				said, should = &corrected, &corrected
			}
			withheld := *said.Progress
			said.Progress, withheld.Code = &withheld, ""
		}
		if step.Kind != referral.Corrected {
			return follow(r, by, s.Now(), own)
		}
		taken, err := r.FollowCorrection(by, s.Now(), e.ID, event(e.Data["corrects"]), voids, should)
		if err != nil {
			return err
		}
		return store.WriteIf(taken)
	})
	switch {
	case errors.Is(err, referral.ErrWrongState), errors.Is(err, history.ErrLaterStep), errors.Is(err, store.ErrTaken), errors.Is(err, store.ErrNotFound):
		// A withdrawal may cross the enrolment on its way: the participant service, which
		// follows the withdrawal, cancels what it planned.
		return fmt.Errorf("%w: referral %s: %w", feed.ErrSkip, id, err)
	case err != nil:
		return err
	}
	s.publisher.Wake()
	s.Waitlist.Stepped(saved.Value)
	return nil
}

// follow is Referral.Follow for store.Collection.Update.
func follow(r *referral.Referral, by history.Author, now time.Time, step referral.Step) error {
	taken, err := r.Follow(by, now, step)
	if err != nil {
		return err
	}
	return store.WriteIf(taken)
}

// stepOf reads an event as a step; ok is false for what concerns no referral.
func stepOf(e feed.Event) (s referral.Step, ok bool) {
	s.Cause = e.ID
	switch e.Type {
	case consentWithdrawn:
		s.Kind = referral.ConsentWithdrawn
		return s, true
	case protected:
		s.Kind, s.Code, s.HandledBy = referral.Protected, e.Data["level"], e.Data["authority"]
		s.Handlers = strings.FieldsFunc(e.Data["handlers"], func(r rune) bool { return r == ',' || r == ' ' })
		return s, true
	case unprotected:
		s.Kind = referral.Unprotected
		return s, true
	}
	kind, ofEnrolment := strings.CutPrefix(e.Type, enrolmentEvents)
	if ofEnrolment && kind == "corrected" {
		s.Kind = referral.Corrected
		return s, true
	}
	if !ofEnrolment || !slices.Contains(progressKinds, kind) {
		return s, false
	}
	p := &referral.ProgressStep{Kind: kind, Enrolment: e.Subject, On: e.Data["on"], FirstDay: e.Data["firstDay"], LastDay: e.Data["lastDay"], Until: e.Data["until"]}
	if n, err := strconv.Atoi(e.Data["number"]); err == nil && n > 0 && n <= maxBlocks {
		p.Block = n
	}
	s.Kind, s.Code, s.Progress = referral.ProgressReported, kind, p
	switch kind {
	case "planned":
		s.Kind = referral.Enrolled
	case "answered":
		p.Code = e.Data["readiness"]
	case "decided":
		p.Code = e.Data["decision"]
	case "closed":
		p.Code = e.Data["outcome"]
		s.Kind, s.Code = referral.Closed, p.Code
	}
	return s, true
}

// progressKinds are the enrolment's steps that belong to the progress; others, such as a
// consent withdrawn there, have an event about the person.
var progressKinds = []string{
	"planned", "started", "block_started", "check_in_due", "answered", "not_answered",
	"decided", "resumed", "plan_moved", "closing", "conversation_held", "closed",
}

// maxBlocks bounds the number of a block, as the contract does.
const maxBlocks = 100
