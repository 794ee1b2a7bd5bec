package referral

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// eventPrefix begins the types of the events that referrals tell.
const eventPrefix = "se.finsam.referral."

// event tells step n of a referral. Whom the enrolment is hidden from is not
// told of it either: then no authority is named, and no authority's own feed
// bears the event.
func event(r *Referral, n int64) feed.Event {
	s := r.Steps[n-1]
	e := feed.Event{
		Type: eventPrefix + string(s.Kind), Subject: r.ID, Time: s.At,
		Association: r.Association, Authority: r.Authority, TraceParent: s.TraceParent,
		Data: map[string]string{"referral": r.ID, "participant": r.Participant, "unit": r.Unit},
	}
	then := r.at(n)
	e.Data["municipality"] = then.Municipality()
	if r.AuthorityKind == actor.Self {
		e.Authority = "" // persons are no authority with a feed of its own
	}
	if s.hidden(then.senderVisibility()) {
		e.Authority = ""
	}
	switch s.Kind {
	case Submitted, Withdrawn, Rejected, Waitlisted, MarkedInError, Assigned, MovedUp:
		if s.Initiative != "" {
			e.Data["initiative"] = s.Initiative
		}
	case Amended:
		e.Data["fields"] = strings.Join(s.Amendment.fields(), ",")
		if s.Amendment.Consent != nil {
			// The vault, which follows, opens the person to those named since.
			consent := then.Consent.naming(r.Authority, r.AuthorityKind)
			e.Data["authorities"] = strings.Join(consent.Authorities, ",")
			e.Data["textVersion"], e.Data["givenOn"] = consent.TextVersion, consent.GivenOn
		}
	case TransferRequested:
		e.Data["to"] = s.Municipality
	case TransferAccepted:
		e.Data["from"] = r.at(n - 1).Municipality()
	case TransferDeclined, TransferCancelled:
		e.Data["to"] = then.last(TransferRequested).Municipality
	case Overdue:
		if asked := s.Turn.Municipality; asked != then.Municipality() {
			e.Data["to"] = asked // of a transfer: both are told
		}
		e.Data["party"], e.Data["wait"] = string(s.Turn.Party), string(s.Turn.Wait)
		e.Data["since"], e.Data["due"] = s.Turn.Since.Format(time.RFC3339), s.Turn.Due.Format(time.RFC3339)
	case AttachmentAdded, AttachmentRemoved:
		e.Data["attachment"] = s.Attachment.ID
	case Accepted:
		e.Data["initiative"] = s.Acceptance.Initiative
		e.Data["startDate"] = s.Acceptance.StartDate
		e.Data["coach"] = s.Acceptance.Coach
		e.Data["authority"] = r.Authority
		if kept := then.consentedVisibility().unshared(); len(kept) > 0 {
			e.Data["unshared"] = strings.Join(kept, ",") // the enrolment is as hidden as its mirror here
		}
	}
	return e
}

// visibleStepNumber returns the number by which a referral's sender may be told of a step now; 0: not
// at all. The rule is the one that its events are made by, held against the consent of
// now: an event that was made while it held may be asked for later.
func (s *Service) visibleStepNumber(ctx context.Context, association, id string) (func(step int64) int64, error) {
	r, err := s.referrals.Get(ctx, association, id)
	if errors.Is(err, store.ErrNotFound) {
		return func(int64) int64 { return 0 }, nil
	}
	if err != nil {
		return nil, err
	}
	to := r.Value.senderVisibility()
	return func(n int64) int64 {
		if n < 1 || n > r.Value.Version() || r.Value.Steps[n-1].hidden(to) {
			return 0
		}
		return r.Value.number(n, to)
	}, nil
}

// What this service follows in the participant service's feed.
const (
	enrolmentEvents  = "se.finsam.enrolment."
	consentWithdrawn = "se.finsam.participant.consent_withdrawn"
	protected        = "se.finsam.participant.protected"
	unprotected      = "se.finsam.participant.unprotected"
)

// handle takes what an event means for referrals as a step of theirs. It may
// come twice; the step that bears its id as the cause is there only once.
func (s *Service) handle(ctx context.Context, e feed.Event) error {
	step, ok := stepOf(e)
	if !ok {
		return nil
	}
	if id := e.Data["referral"]; id != "" {
		return s.follow(ctx, e, id, step)
	}
	// Told of the person: it concerns every referral about it.
	var after store.Cursor
	for {
		page, err := s.ofParticipant(ctx, e.Association, e.Subject, after)
		if err != nil {
			return err
		}
		for _, r := range page.Items {
			if err := s.follow(ctx, e, r.Value.ID, step); err != nil {
				return err
			}
		}
		if after = page.Next; after.ID == "" {
			return nil
		}
	}
}

// follow adds the step to one referral, once.
func (s *Service) follow(ctx context.Context, e feed.Event, id string, step Step) error {
	h := Hand{Subject: "service:participant", Authority: "finsam", TraceParent: e.TraceParent}
	saved, err := s.referrals.Update(ctx, e.Association, id, 0, func(r *Referral) error {
		return r.follow(h, s.Now(), step)
	})
	switch {
	case errors.Is(err, ErrWrongState), errors.Is(err, store.ErrNotFound):
		// A withdrawal may cross the enrolment on its way: the participant
		// service, which follows the withdrawal, cancels what it planned.
		return fmt.Errorf("%w: referral %s: %w", feed.ErrSkip, id, err)
	case err != nil:
		return err
	}
	s.publisher.Wake()
	s.stepped(saved.Value)
	return nil
}

// follow takes a step that an event led to, unless it has been taken.
func (r *Referral) follow(h Hand, now time.Time, step Step) error {
	if slices.ContainsFunc(r.Steps, func(old Step) bool { return old.Cause == step.Cause }) {
		return store.Unchanged()
	}
	return r.take(h, now, step)
}

// stepOf reads an event as a step; ok is false for what concerns no referral.
func stepOf(e feed.Event) (s Step, ok bool) {
	s.Cause = e.ID
	switch e.Type {
	case consentWithdrawn:
		s.Kind = ConsentWithdrawn
		return s, true
	case protected:
		s.Kind, s.Code, s.HandledBy = Protected, e.Data["level"], e.Data["authority"]
		s.Handlers = strings.FieldsFunc(e.Data["handlers"], func(r rune) bool { return r == ',' || r == ' ' })
		return s, true
	case unprotected:
		s.Kind = Unprotected
		return s, true
	}
	kind, ofEnrolment := strings.CutPrefix(e.Type, enrolmentEvents)
	if !ofEnrolment || !slices.Contains(progressKinds, kind) {
		return s, false
	}
	s.Progress = progressOf(e, kind)
	s.Code = s.Progress.Kind
	switch kind {
	case "planned":
		s.Kind = Enrolled
	case "closed":
		s.Kind, s.Code = Closed, s.Progress.Code
	default:
		s.Kind = ProgressReported
	}
	return s, true
}

// progressKinds are the enrolment's steps that belong to the course; others, such
// as a consent withdrawn there, have an event of the person's own.
var progressKinds = []string{
	"planned", "started", "block_started", "check_in_due", "answered", "not_answered",
	"decided", "resumed", "closing", "conversation_held", "closed",
}

// maxBlocks bounds the number of a block, as the contract does.
const maxBlocks = 100

// progressOf reads what an enrolment's event says of the course.
func progressOf(e feed.Event, kind string) *ProgressStep {
	c := &ProgressStep{
		Kind: kind, Enrolment: e.Subject, On: e.Data["on"],
		FirstDay: e.Data["firstDay"], LastDay: e.Data["lastDay"],
	}
	if n, err := strconv.Atoi(e.Data["number"]); err == nil && n > 0 && n <= maxBlocks {
		c.Block = n
	}
	switch kind {
	case "answered":
		c.Code = e.Data["readiness"]
	case "decided":
		c.Code = e.Data["decision"]
	case "closed":
		c.Code = e.Data["outcome"]
	}
	return c
}
