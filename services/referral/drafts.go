package referral

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
)

// DraftView is a draft as those see it whose it is.
type DraftView struct {
	*Draft
	Clear []byte // what has been written, as it came; nil in a list
}

// DraftList is a part of the list of drafts.
type DraftList struct {
	Items []*DraftView
	Next  string       // cursor; empty on the last page
	Total *store.Total // nil when it was read by cursor
}

// CreateDraft keeps what has been written so far, of whatever is still missing.
// The same key with the same content gives the same draft; see package once.
func (s *Service) CreateDraft(ctx context.Context, key string, content []byte) (*DraftView, error) {
	const operation = "createDraft"
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return nil, fault.ErrForbidden
	}
	d, ok := newDraftFor(a)
	if !ok {
		return nil, ErrUnit
	}
	named := key != ""
	if named {
		key = d.ownerKey() + "/" + key // another unit's keys are others
	}
	r := idempotency.Request{Actor: a, Operation: operation, Key: key, Fingerprint: s.Cipher.Fingerprint(content), Now: s.Now(), NewID: s.NewID}
	made, _, err := idempotency.Create(ctx, s.drafts, r,
		func(d *Draft) idempotency.Receipt { return d.Receipt },
		func(id string) (*Draft, error) {
			if err := s.roomForDraft(ctx, &d); err != nil {
				return nil, err
			}
			d.ID, d.Receipt = id, idempotency.Receipt{Fingerprint: r.Fingerprint, At: r.Now}
			if named {
				// A draft of this key may have been sent and be gone.
				if err := s.unsent(ctx, &d); err != nil {
					return nil, err
				}
			}
			return &d, s.write(&d, a.Subject, content)
		})
	if err != nil {
		return nil, err
	}
	if err := s.AccessLog.Record(ctx, accesslog.Entry{Operation: operation, Thing: "draft/" + made.Value.ID}); err != nil {
		return nil, err
	}
	return s.seeDraft(made.Value)
}

// roomForDraft refuses one draft too many. Several that come at once may together
// go a little beyond.
func (s *Service) roomForDraft(ctx context.Context, d *Draft) error {
	n, err := s.drafts.Total(ctx, d.Association, d.sameOwner())
	if err == nil && n.Records >= maxDrafts {
		err = ErrTooManyDrafts
	}
	return err
}

// sameOwner finds the drafts of those whose d is.
func (d *Draft) sameOwner() []store.Cond {
	return []store.Cond{{Key: keyHolder, Op: store.Eq, Value: d.ownerKey()}}
}

// unsent refuses a draft that has become a referral.
func (s *Service) unsent(ctx context.Context, d *Draft) error {
	_, err := s.referrals.Get(ctx, d.Association, sentAs(d.ID))
	switch {
	case err == nil:
		return ErrDraftSent
	case errors.Is(err, store.ErrNotFound):
		return nil
	}
	return err
}

func (s *Service) write(d *Draft, by string, content []byte) error {
	sealed, err := s.Cipher.Encrypt(content, draftContext(d.ID))
	if err != nil {
		return fmt.Errorf("draft %s: %w", d.ID, err)
	}
	d.Write(by, s.Now(), sealed)
	return nil
}

func (s *Service) seeDraft(d *Draft) (*DraftView, error) {
	content, err := s.Cipher.Decrypt(d.Content, draftContext(d.ID))
	if err != nil {
		return nil, fmt.Errorf("draft %s: %w", d.ID, err)
	}
	return &DraftView{Draft: d, Clear: content}, nil
}

// loadDraft finds a draft that the caller may do this to, and notes the access or
// the refusal. A foreign one and one whose time is over do not exist.
func (s *Service) loadDraft(ctx context.Context, operation, id string) (store.Versioned[Draft], error) {
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return store.Versioned[Draft]{}, fault.ErrForbidden
	}
	entry := accesslog.Entry{Operation: operation, Thing: "draft/" + id, Outcome: accesslog.Done}
	d, err := s.drafts.Get(ctx, a.Association, id)
	if err == nil {
		_, err = access.Decide(operation, a, d.Value.Resource())
	}
	if err == nil && d.Value.expired(s.Now()) {
		err = fault.ErrNotFound
	}
	if errors.Is(err, fault.ErrNotFound) {
		entry.Outcome, entry.Why = accesslog.Refused, "not-related"
		err = fault.ErrNotFound
	} else if err != nil {
		return d, err
	}
	if logErr := s.AccessLog.Record(ctx, entry); logErr != nil {
		return d, logErr
	}
	return d, err
}

// loadDraftAt is loadDraft of one that must be at that version.
func (s *Service) loadDraftAt(ctx context.Context, operation, id string, version int64) (store.Versioned[Draft], error) {
	d, err := s.loadDraft(ctx, operation, id)
	if err == nil && d.Version != version {
		err = store.ErrStale
	}
	return d, err
}

// GetDraft returns a draft with all that has been written.
func (s *Service) GetDraft(ctx context.Context, id string) (*DraftView, error) {
	d, err := s.loadDraft(ctx, "getDraft", id)
	if err != nil {
		return nil, err
	}
	return s.seeDraft(d.Value)
}

// ReplaceDraft puts other content in the place of what the draft at ifVersion has.
func (s *Service) ReplaceDraft(ctx context.Context, id string, ifVersion int64, content []byte) (*DraftView, error) {
	d, err := s.loadDraftAt(ctx, "replaceDraft", id, ifVersion)
	if err != nil {
		return nil, err
	}
	if err := s.unsent(ctx, d.Value); err != nil {
		return nil, err
	}
	if err := s.write(d.Value, actor.From(ctx).Subject, content); err != nil {
		return nil, err
	}
	if d, err = s.drafts.Replace(ctx, d); err != nil {
		return nil, err
	}
	return s.seeDraft(d.Value)
}

// DeleteDraft destroys the draft at ifVersion.
func (s *Service) DeleteDraft(ctx context.Context, id string, ifVersion int64) error {
	d, err := s.loadDraftAt(ctx, "deleteDraft", id, ifVersion)
	if err != nil {
		return err
	}
	return s.drafts.Delete(ctx, d.Value.Association, id, ifVersion)
}

// latestChanged is the order of the list of drafts.
var latestChanged = []store.Order{{Key: keyChanged, Desc: true}}

// Drafts returns the drafts of the caller's unit or municipality, without what has
// been written; the latest changed first.
func (s *Service) Drafts(ctx context.Context, w Window) (*DraftList, error) {
	const operation = "listDrafts"
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return nil, fault.ErrForbidden
	}
	after, err := store.ParseCursor(w.Cursor, len(latestChanged))
	if err != nil {
		return nil, err
	}
	l := &DraftList{Items: []*DraftView{}}
	if w.Cursor == "" {
		l.Total = new(store.Total)
	}
	if own, ok := newDraftFor(a); ok {
		if err := s.readDrafts(ctx, l, &own, after, w); err != nil {
			return nil, err
		}
	}
	return l, s.AccessLog.Record(ctx, accesslog.Entry{Operation: operation, Thing: "drafts"})
}

func (s *Service) readDrafts(ctx context.Context, l *DraftList, own *Draft, after store.Cursor, w Window) error {
	q := store.Query{
		Association: own.Association, Sort: latestChanged, After: after, Limit: w.Limit,
		Where: append(own.sameOwner(), store.Cond{Key: keyExpires, Op: store.Gt, Value: s.Now().UnixMilli()}),
	}
	if l.Total != nil {
		total, err := s.drafts.Total(ctx, q.Association, q.Where)
		if err != nil {
			return err
		}
		*l.Total, q.Skip = total, (w.Page-1)*w.Limit
	}
	page, err := s.drafts.Find(ctx, q)
	for _, d := range page.Items {
		l.Items = append(l.Items, &DraftView{Draft: d.Value})
	}
	l.Next = page.Next.String()
	return err
}

// SendDraft creates the referral of the draft at ifVersion, by the same admission as
// Create, and destroys the draft. read holds what was written against the
// contract. The referral stands first: what dies in between leaves a draft that
// gives the same referral when it is sent again. A repeat finds the referral when
// the draft is gone, too. What somebody else saved in the meantime is not lost:
// it stays as a draft, which is read and deleted, but neither changed nor sent.
func (s *Service) SendDraft(ctx context.Context, id string, ifVersion int64, read func([]byte) (Submission, error)) (*View, error) {
	const operation = "sendDraft"
	if !access.MayCall(operation, actor.From(ctx)) {
		return nil, fault.ErrForbidden
	}
	if v, err := s.sent(ctx, operation, id); v != nil || err != nil {
		return v, err
	}
	d, err := s.loadDraftAt(ctx, operation, id, ifVersion)
	if errors.Is(err, fault.ErrNotFound) { // or somebody has sent it just now
		if v, errSent := s.sent(ctx, operation, id); v != nil || errSent != nil {
			return v, errSent
		}
	}
	if err != nil {
		return nil, err
	}
	draft, err := s.seeDraft(d.Value)
	if err != nil {
		return nil, err
	}
	sub, err := read(draft.Clear)
	if err != nil {
		return nil, err
	}
	v, err := s.create(ctx, operation, idempotency.Request{NewID: func() string { return sentAs(id) }, Fingerprint: s.Cipher.Fingerprint(draft.Clear)}, sub)
	if errors.Is(err, store.ErrExists) { // another sending was faster
		if v, err = s.sent(ctx, operation, id); v == nil && err == nil {
			err = ErrDraftSent
		}
		return v, err
	}
	if err != nil {
		return nil, err
	}
	return v, s.destroyDraft(ctx, d)
}

// sent returns the referral that a draft has become already, as it was at its first
// step, and destroys the draft if it was left with what was sent; nil when there
// is no referral, or none of the caller's.
func (s *Service) sent(ctx context.Context, operation, draft string) (*View, error) {
	a := actor.From(ctx)
	r, err := s.referrals.Get(ctx, a.Association, sentAs(draft))
	if errors.Is(err, store.ErrNotFound) || err == nil && !access.Allows(operation, a, r.Value.sentFrom(a)) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	left, err := s.drafts.Get(ctx, a.Association, draft)
	if err == nil {
		err = s.destroySent(ctx, left, r.Value.Receipt.Fingerprint)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	v, err := s.received(ctx, operation, r.Value, true)
	if err == nil && !access.Allows("getReferral#text", a, r.Value.ResourceFor(a)) {
		v.conceal() // the person has become protected, and a draft is a whole unit's
	}
	return v, err
}

// destroySent destroys a draft that has become the referral of that fingerprint,
// unless it says something else by now.
func (s *Service) destroySent(ctx context.Context, d store.Versioned[Draft], fingerprint string) error {
	draft, err := s.seeDraft(d.Value)
	if err != nil {
		return err
	}
	if s.Cipher.Fingerprint(draft.Clear) != fingerprint {
		return ErrDraftSent
	}
	return s.destroyDraft(ctx, d)
}

// destroyDraft removes a draft that has become a referral. One that is gone is
// destroyed, and what somebody has saved meanwhile stays.
func (s *Service) destroyDraft(ctx context.Context, d store.Versioned[Draft]) error {
	err := s.drafts.Delete(ctx, d.Value.Association, d.Value.ID, d.Version)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrStale) {
		return nil
	}
	return err
}

// How the drafts' sweeper goes about.
const (
	expireEvery = time.Hour
	expireBatch = 100 // drafts of one association in one read
	expireRound = time.Minute
)

// SweepDrafts destroys the drafts whose time is over and gives how many it did.
// Several may sweep at once; what one does not come to is left to the next round.
func (s *Service) SweepDrafts(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, expireRound)
	defer cancel()
	destroyed := 0
	for in := range s.draftRounds.from(s.Associations.All()) {
		for more := true; more; {
			page, err := s.drafts.Find(ctx, store.Query{
				Association: in.ID, Sort: []store.Order{{Key: keyExpires}}, Limit: expireBatch,
				Where: []store.Cond{{Key: keyExpires, Op: store.Lte, Value: s.Now().UnixMilli()}},
			})
			if err != nil {
				return destroyed, err
			}
			for _, d := range page.Items {
				err := s.drafts.Delete(ctx, in.ID, d.Value.ID, d.Version)
				if err == nil {
					destroyed++
				} else if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrStale) {
					return destroyed, err
				}
			}
			more = page.Next.ID != ""
		}
	}
	return destroyed, nil
}
