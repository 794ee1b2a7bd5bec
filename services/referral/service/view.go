package service

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// viewWithDuplicates is view with the person's other referrals, for those who may see
// them. The answer to a creation is without: a repeat must be the same, and they change.
func (s *Service) viewWithDuplicates(ctx context.Context, a actor.Actor, r *referral.Referral) (*referral.View, error) {
	v, err := s.view(ctx, a, r)
	if err != nil {
		return nil, err
	}
	if err := s.fillContacts(ctx, a, v); err != nil {
		return nil, err
	}
	if err := s.Waitlist.DropFull(ctx, v); err != nil {
		return nil, err
	}
	return v, s.fillOthers(ctx, a, v)
}

// view returns what the actor may see of the referral, with its texts and attachments
// where texts are visible.
func (s *Service) view(ctx context.Context, a actor.Actor, r *referral.Referral) (*referral.View, error) {
	return s.viewWith(ctx, a, r, s.texts)
}

// viewWith is view with texts that the caller may know without decrypting them.
func (s *Service) viewWith(ctx context.Context, a actor.Actor, r *referral.Referral, texts func(*referral.View) (*referral.Texts, error)) (*referral.View, error) {
	v := r.Status().View(a, s.Now())
	var err error
	if v.Contact, err = s.contact(a, r); err != nil {
		return nil, err
	}
	if v.Visibility.Texts {
		if v.Texts, err = texts(v); err != nil {
			return nil, err
		}
		if a.Participant != "" {
			v.Texts.Contacts = nil
		}
		for _, step := range r.Attachments() {
			attached, err := s.attachmentView(a, v.Status, r, step)
			if err != nil {
				return nil, err
			}
			v.Attachments = append(v.Attachments, attached)
		}
	}
	s.dropUnconfigured(v)
	return v, s.Waitlist.FillPositions(ctx, v)
}

// contact returns whom to ask about a referral, as it says itself; nil: it does not, or the
// actor is the person, whom it is not for.
func (s *Service) contact(a actor.Actor, r *referral.Referral) (*referral.Contact, error) {
	if a.Participant != "" {
		return nil, nil
	}
	return referral.DecryptContact(r.ID, r.Contact, s.Cipher.Decrypt)
}

// fillContacts sets in the views whom to ask: as the referral says, or else as the register
// says of its unit. The answer to a creation is without the register's, which may change
// before a repeat.
func (s *Service) fillContacts(ctx context.Context, a actor.Actor, views ...*referral.View) error {
	if a.Participant != "" || len(views) == 0 {
		return nil
	}
	register, err := s.recentRegister(ctx, a.Association)
	if err != nil {
		return err
	}
	for _, v := range views {
		if v.Contact == nil { // in a list, or it names none
			if v.Contact, err = s.contact(a, v.Referral); err != nil {
				return err
			}
		}
		if v.Contact == nil {
			v.Contact = register.ContactOf(v.Referral)
		}
	}
	return nil
}

// dropUnconfigured leaves out what cannot be done without a store for blobs.
func (s *Service) dropUnconfigured(v *referral.View) {
	if s.Attachments.Blobs == nil {
		v.Operations = slices.DeleteFunc(v.Operations, func(operation string) bool { return operation == "addAttachment" })
	}
}

// texts decrypts the texts of the visible steps.
func (s *Service) texts(v *referral.View) (*referral.Texts, error) {
	r := v.Referral
	plain := func(encrypted []byte, of string) (string, error) {
		text, err := s.Cipher.Decrypt(encrypted, referral.TextContext(r.ID))
		if err != nil {
			return "", fmt.Errorf("referral %s: %s: %w", r.ID, of, err)
		}
		return string(text), nil
	}
	assessment := func(encrypted []byte) (*referral.Assessment, error) {
		return referral.DecryptAssessment(r.ID, encrypted, s.Cipher.Decrypt)
	}
	t := &referral.Texts{}
	var err error
	if t.Reason, err = plain(r.Reason, "reason"); err != nil {
		return nil, err
	}
	if t.Assessment, err = assessment(r.Assessment); err != nil {
		return nil, err
	}
	for _, step := range v.Steps {
		if step.Text != nil {
			text, err := plain(step.Text, fmt.Sprintf("text of step %d", step.N))
			if err != nil {
				return nil, err
			}
			if t.Steps == nil {
				t.Steps = map[int64]string{}
			}
			t.Steps[step.N] = text
		}
		if c := step.Correction; c != nil && c.With != nil && c.With.Text != nil {
			text, err := plain(c.With.Text, fmt.Sprintf("text instead of step %d", c.Of))
			if err != nil {
				return nil, err
			}
			if t.Instead == nil {
				t.Instead = map[int64]string{}
			}
			t.Instead[c.Of] = text
		}
		if step.Amendment == nil {
			continue
		}
		if t.Reasons == nil {
			t.Reasons, t.Assessments = map[int64]referral.Change[string]{}, map[int64]referral.Change[*referral.Assessment]{}
		}
		if c := step.Amendment.Reason; c != nil {
			if t.Reasons[step.N], err = changeOf(c, func(b []byte) (string, error) { return plain(b, fmt.Sprintf("reason of step %d", step.N)) }); err != nil {
				return nil, err
			}
		}
		if c := step.Amendment.Assessment; c != nil {
			if t.Assessments[step.N], err = changeOf(c, assessment); err != nil {
				return nil, err
			}
		}
		if c := step.Amendment.Contact; c != nil {
			if t.Contacts == nil {
				t.Contacts = map[int64]referral.Change[*referral.Contact]{}
			}
			if t.Contacts[step.N], err = changeOf(c, func(b []byte) (*referral.Contact, error) { return referral.DecryptContact(r.ID, b, s.Cipher.Decrypt) }); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// changeOf returns a change of encrypted values with both decrypted.
func changeOf[T any](c *referral.Change[[]byte], decrypt func([]byte) (T, error)) (plain referral.Change[T], err error) {
	if plain.Old, err = decrypt(c.Old); err == nil {
		plain.New, err = decrypt(c.New)
	}
	return plain, err
}

// attachmentView returns an attachment as the actor, who may see it, sees it.
func (s *Service) attachmentView(a actor.Actor, status *referral.Status, r *referral.Referral, step *referral.Step) (*referral.AttachmentView, error) {
	x := step.Attachment
	label, err := s.Attachments.Label(r, x)
	return &referral.AttachmentView{
		Label: label, ID: x.ID, Referral: r.ID, Type: x.Type, Size: x.Size, AddedAt: step.At, Authority: step.Authority,
		Readable: s.Attachments.Blobs != nil,
		Removable: s.Attachments.Blobs != nil && step.Authority == a.Authority && status.Check(referral.AttachmentRemoved) == nil &&
			status.GroundsFor(a).Allows("removeAttachment"),
	}, err
}

const (
	maxDuplicates        = 10 // of one person that are shown
	maxConcurrentLookups = 8
)

// ended are the states in which a referral, or the enrolment that followed, has ended.
var ended = []referral.State{referral.StateRejected, referral.StateClosed, referral.StateWithdrawn, referral.StateEnteredInError}

// underWay are the other states.
var underWay = func() (open []any) {
	for _, s := range referral.States {
		if !slices.Contains(ended, s) {
			open = append(open, string(s))
		}
	}
	return open
}()

// others sets, in the view of a referral, the other referrals about the person that are
// under way, the latest first: as duplicates, as far as the actor may know of them, and in
// what the actor may do now. Another acceptance into an initiative that the person is on
// the way into is refused, and where an enrolment runs in the same municipality the
// referral can join it.
func (s *Service) others(ctx context.Context, a actor.Actor, in *association.Association, v *referral.View) error {
	page, err := s.referrals.Find(ctx, store.Query{
		Association: v.Referral.Association,
		Where:       []store.Cond{store.Equals(keyParticipant, v.Referral.Participant), {Key: keyState, Op: store.In, Value: underWay}},
		Sort:        latestFirst, Limit: maxDuplicates + 1,
	})
	taken := map[string]bool{}
	for _, other := range page.Items {
		status := other.Value.Status()
		if other.Value.ID == v.Referral.ID {
			continue
		}
		if d, ok := status.Duplicate(a); ok && v.Duplicates != nil && len(v.Duplicates) < maxDuplicates {
			v.Duplicates = append(v.Duplicates, d)
		}
		path := status.Path()
		if path == "" {
			continue
		}
		taken[path] = true
		if status.State == referral.StateEnrolled && status.Municipality == v.Status.Municipality && v.CanJoin() && !slices.Contains(v.Operations, "joinReferral") {
			v.Operations = append(v.Operations, "joinReferral")
		}
	}
	if len(taken) == len(in.Initiatives) {
		v.Operations = slices.DeleteFunc(v.Operations, func(operation string) bool { return operation == "acceptReferral" })
	}
	return err
}

// fillOthers completes the views with the person's other referrals, for those who see
// them or may decide. One count finds the few people who have any.
func (s *Service) fillOthers(ctx context.Context, a actor.Actor, views ...*referral.View) error {
	var shown []*referral.View
	for i, v := range views {
		if v.Grounds.Allows("getReferral#duplicates") {
			v.Duplicates = []referral.Duplicate{}
		} else if !v.CanJoin() {
			continue
		}
		shown = append(slices.Grow(shown, len(views)-i), v)
	}
	if len(shown) == 0 {
		return nil
	}
	people := make([]any, len(shown))
	for i, v := range shown {
		people[i] = v.Referral.Participant
	}
	counts, err := s.referrals.CountBy(ctx, a.Association, []store.Cond{
		{Key: keyParticipant, Op: store.In, Value: people},
		{Key: keyState, Op: store.In, Value: underWay},
	}, keyParticipant)
	if err != nil {
		return err
	}
	shown = slices.DeleteFunc(shown, func(v *referral.View) bool {
		if !slices.Contains(ended, v.Status.State) {
			return counts[v.Referral.Participant] <= 1 // it is counted itself
		}
		return counts[v.Referral.Participant] == 0
	})
	if len(shown) == 0 {
		return nil
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return err
	}
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(maxConcurrentLookups)
	asker := a // in memory of its own only here
	for _, v := range shown {
		g.Go(func() error { return s.others(each, asker, in, v) })
	}
	return g.Wait()
}
