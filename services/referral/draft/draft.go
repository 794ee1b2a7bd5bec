// Package draft keeps referrals that somebody is still writing.
package draft

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/retention"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// Draft is a referral that somebody is writing: shared by the members of a unit, or by
// the receivers of a municipality, and known to nobody else. It has no steps and no
// events, and the vault does not know the person yet.
type Draft struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Authority    string              `json:"authority,omitempty"` // with Unit: whose it is
	Unit         string              `json:"unit,omitempty"`
	Municipality string              `json:"municipality,omitempty"` // of a receiver; then without authority and unit
	Content      []byte              `json:"content"`                // all that has been written, encrypted
	CreatedBy    string              `json:"createdBy"`
	CreatedAt    time.Time           `json:"createdAt"`
	ChangedBy    string              `json:"changedBy"`
	ChangedAt    time.Time           `json:"changedAt"`
	Changes      int64               `json:"changes"`
	Receipt      idempotency.Receipt `json:"receipt"`
}

const maxDrafts = store.MaxCounted // of one unit or municipality

const (
	sweepInterval = time.Hour
	sweepTimeout  = time.Minute // of one round
	maxSwept      = 100         // drafts of one association in one read
)

// The refusals of this package.
var (
	ErrTooMany = fault.New(fault.Conflict, "too-many-drafts",
		"Ni har redan 1000 utkast. Skicka eller ta bort något först.", "You have 1000 drafts already. Send or delete one first.")
	ErrSent = fault.New(fault.Conflict, "draft-sent",
		"Utkastet är redan skickat som remiss. Öppna remissen i stället.", "The draft has been sent as a referral already. Open the referral instead.")
)

// newFor returns an empty draft of the place where the actor drafts; false for one who
// is signed in for no such place.
func newFor(a actor.Actor) (d Draft, ok bool) {
	d.Association = a.Association
	switch access.Scope("createDraft", a) {
	case access.OwnUnit:
		d.Authority, d.Unit = a.Authority, a.Unit
		return d, a.Authority != "" && a.Unit != ""
	case access.OwnMunicipality:
		d.Municipality = a.Municipality
		return d, a.Municipality != ""
	}
	return d, false
}

// Write replaces the content by another, encrypted one.
func (d *Draft) Write(by string, now time.Time, encrypted []byte) {
	d.Content, d.ChangedBy, d.ChangedAt = encrypted, by, history.Stamp(now)
	d.Changes++
	if d.Changes == 1 {
		d.CreatedBy, d.CreatedAt = d.ChangedBy, d.ChangedAt
	}
}

// ExpiresAt is when the draft is destroyed, unless it is sent before.
func (d *Draft) ExpiresAt() time.Time { return d.CreatedAt.Add(retention.Draft) }

// isExpired reports whether the time is over. An expired draft is not shown, even if
// it has not been deleted yet.
func (d *Draft) isExpired(now time.Time) bool { return !now.Before(d.ExpiresAt()) }

// Resource is the draft as access to it depends on it.
func (d *Draft) Resource() access.Resource {
	return access.Resource{Association: d.Association, Relationships: []access.Relationship{
		{Authority: d.Authority, Unit: d.Unit, Municipality: d.Municipality},
	}}
}

// owner identifies whose the draft is.
func (d *Draft) owner() string {
	if d.Municipality != "" {
		return "municipality/" + d.Municipality
	}
	return "unit/" + d.Authority + "/" + d.Unit
}

// bindingPrefix and its id are what the encrypted content of a draft is bound to.
const bindingPrefix = "draft/"

// referralSpace is the name space of the ids of the referrals that drafts become.
var referralSpace = uuid.MustParse("0b7f2f5e-3f0c-4c39-8a51-5d3c1a9be7d4")

// ReferralID returns the id of the referral that a draft becomes. It follows from the
// draft's alone, so that a draft becomes one referral however often it is sent.
func ReferralID(draft string) string { return uuid.NewSHA1(referralSpace, []byte(draft)).String() }

const (
	ownerKey   = "holder"
	changedKey = "changedAt" // Unix milliseconds
	expiresKey = "expiresAt" // Unix milliseconds
)

// Collection declares how drafts are stored.
var Collection = store.Schema[Draft]{
	Name:    "drafts",
	Indexes: []store.Index{{ownerKey, changedKey}, {expiresKey}},
	ID:      func(d *Draft) (string, string) { return d.Association, d.ID },
	Version: func(d *Draft) int64 { return d.Changes },
	Keys: func(d *Draft) store.Keys {
		return store.Keys{ownerKey: d.owner(), changedKey: d.ChangedAt.UnixMilli(), expiresKey: d.ExpiresAt().UnixMilli()}
	},
}

// View is a draft as its owners see it.
type View struct {
	*Draft
	Plain []byte // what has been written, as it was sent; nil in a list
}

// Config is what drafts need.
type Config struct {
	parts.Parts
	Referrals *store.Collection[referral.Referral]
}

// Service has the drafts. Its verbs take the caller from the context and decide by the
// access table; they may be called at once.
type Service struct {
	Config
	drafts    *store.Collection[Draft]
	documents *guard.Documents[Draft]

	// Job destroys the drafts whose time is over.
	Job *jobs.Job
}

// New opens the drafts on the engine.
func New(ctx context.Context, c Config) (*Service, error) {
	drafts, err := store.Open(ctx, c.Engine, Collection)
	if err != nil {
		return nil, fmt.Errorf("drafts: %w", err)
	}
	s := &Service{Config: c, drafts: drafts}
	s.documents = &guard.Documents[Draft]{
		Log: c.AccessLog, Store: drafts, Kind: "draft",
		Resource: func(_ context.Context, _ actor.Actor, _ string, d *Draft) (access.Resource, error) {
			if d.isExpired(c.Now()) {
				return access.Resource{}, nil // it does not exist any more
			}
			return d.Resource(), nil
		},
		Participants: func(*Draft) []string { return nil },
	}
	s.Job = jobs.Every(sweepInterval, jobs.Config{
		Service: "referral", Name: "expire-drafts", Do: jobs.ForEach(c.Associations, s.sweepAssociation), Timeout: sweepTimeout, Log: c.Log,
	})
	return s, nil
}

// Create stores what has been written so far, whatever is still missing. The same key
// with the same content returns the same draft; see package idempotency.
func (s *Service) Create(ctx context.Context, key string, content []byte) (*View, error) {
	const operation = "createDraft"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "drafts")
	if err != nil {
		return nil, err
	}
	entry := accesslog.Entry{Operation: operation, Thing: "drafts", Why: string(access.Scope(operation, a))}
	d, ok := newFor(a)
	if !ok {
		return nil, guard.Enter(ctx, s.AccessLog, entry, referral.ErrUnit)
	}
	hasKey := key != ""
	if hasKey {
		key = d.owner() + "/" + key // apart from the keys of other units
	}
	r := idempotency.Request{Actor: a, Operation: operation, Key: key, Fingerprint: s.Cipher.Fingerprint(content), Now: s.Now(), NewID: s.NewID}
	created, _, err := idempotency.Create(ctx, s.drafts, r,
		func(d *Draft) idempotency.Receipt { return d.Receipt },
		func(id string) (*Draft, error) {
			// Several requests at once may together exceed the bound a little.
			n, err := s.drafts.Total(ctx, d.Association, []store.Cond{store.Equals(ownerKey, d.owner())})
			if err != nil {
				return nil, err
			}
			if n.Records >= maxDrafts {
				return nil, ErrTooMany
			}
			d.ID, d.Receipt = id, idempotency.Receipt{Fingerprint: r.Fingerprint, At: r.Now}
			if hasKey { // a draft of this key may have been sent and be gone
				if err := s.checkUnsent(ctx, &d); err != nil {
					return nil, err
				}
			}
			return &d, s.write(&d, a.Subject, content)
		})
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	entry.Thing = "draft/" + created.Value.ID
	if err := guard.Enter(ctx, s.AccessLog, entry, nil); err != nil {
		return nil, err
	}
	return s.view(created.Value)
}

// checkUnsent returns ErrSent for a draft that has become a referral.
func (s *Service) checkUnsent(ctx context.Context, d *Draft) error {
	_, err := s.Referrals.Get(ctx, d.Association, ReferralID(d.ID))
	switch {
	case err == nil:
		return ErrSent
	case errors.Is(err, store.ErrNotFound):
		return nil
	}
	return err
}

func (s *Service) write(d *Draft, by string, content []byte) error {
	encrypted, err := s.Cipher.Encrypt(content, bindingPrefix+d.ID)
	if err != nil {
		return fmt.Errorf("draft %s: %w", d.ID, err)
	}
	d.Write(by, s.Now(), encrypted)
	return nil
}

func (s *Service) view(d *Draft) (*View, error) {
	plain, err := s.Cipher.Decrypt(d.Content, bindingPrefix+d.ID)
	if err != nil {
		return nil, fmt.Errorf("draft %s: %w", d.ID, err)
	}
	return &View{Draft: d, Plain: plain}, nil
}

// Get returns a draft with all that has been written.
func (s *Service) Get(ctx context.Context, id string) (*View, error) {
	d, err := s.documents.Load(ctx, actor.From(ctx), guard.Call{Operation: "getDraft", ID: id})
	if err != nil {
		return nil, err
	}
	return s.view(d.Value)
}

// Replace replaces the content of the draft at ifVersion; 0: at any.
func (s *Service) Replace(ctx context.Context, id string, ifVersion int64, content []byte) (*View, error) {
	a := actor.From(ctx)
	saved, err := s.documents.Change(ctx, a, guard.Call{Operation: "replaceDraft", ID: id}, func(d store.Versioned[Draft]) error {
		if ifVersion != 0 && d.Version != ifVersion {
			return store.ErrStale
		}
		if err := s.checkUnsent(ctx, d.Value); err != nil {
			return err
		}
		return s.write(d.Value, a.Subject, content)
	})
	if err != nil {
		return nil, err
	}
	return s.view(saved.Value)
}

// Delete destroys the draft at ifVersion.
func (s *Service) Delete(ctx context.Context, id string, ifVersion int64) error {
	d, err := s.loadAt(ctx, "deleteDraft", id, ifVersion)
	if err != nil {
		return err
	}
	return s.drafts.Delete(ctx, d.Value.Association, id, d.Version)
}

// loadAt loads a draft that must be at a version; a stale version is entered as failed.
func (s *Service) loadAt(ctx context.Context, operation, id string, ifVersion int64) (store.Versioned[Draft], error) {
	a := actor.From(ctx)
	d, err := s.documents.Load(ctx, a, guard.Call{Operation: operation, ID: id})
	if err == nil && ifVersion != 0 && d.Version != ifVersion {
		err = guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "draft/" + id, Why: string(access.Scope(operation, a))}, store.ErrStale)
	}
	return d, err
}

// Open returns the draft at ifVersion to be sent, decrypted.
func (s *Service) Open(ctx context.Context, operation, id string, ifVersion int64) (*View, error) {
	d, err := s.loadAt(ctx, operation, id, ifVersion)
	if err != nil {
		return nil, err
	}
	return s.view(d.Value)
}

// List returns the drafts of the caller's unit or municipality, without their content;
// the latest changed first.
func (s *Service) List(ctx context.Context, w store.Window) (*store.List[*View], error) {
	a, err := guard.Caller(ctx, s.AccessLog, "listDrafts", "drafts")
	if err != nil {
		return nil, err
	}
	l, entry := &store.List[*View]{Items: []*View{}}, accesslog.Entry{Operation: "listDrafts", Thing: "drafts", Why: string(access.Scope("listDrafts", a))}
	own, ok := newFor(a)
	if !ok { // signed in for no place that has drafts
		l.Total = new(store.Total)
		return l, guard.Enter(ctx, s.AccessLog, entry, nil)
	}
	page, total, err := s.drafts.List(ctx, store.Query{
		Association: own.Association, Sort: []store.Order{{Key: changedKey, Desc: true}},
		Where: []store.Cond{store.Equals(ownerKey, own.owner()), {Key: expiresKey, Op: store.Gt, Value: s.Now().UnixMilli()}},
	}, w)
	if err != nil {
		return nil, err
	}
	l.Next, l.Total = page.Next.String(), total
	for _, d := range page.Items {
		l.Items = append(l.Items, &View{Draft: d.Value})
	}
	return l, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// Destroy deletes a draft that has become a referral. One that is gone already is no
// error, and what somebody has saved meanwhile is left.
func (s *Service) Destroy(ctx context.Context, d *Draft) error {
	err := s.drafts.Delete(ctx, d.Association, d.ID, d.Changes)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrStale) {
		return nil
	}
	return err
}

// DestroySent deletes a draft that has become the referral with that fingerprint of its
// content: ErrSent when it has other content by now. No draft is no error.
func (s *Service) DestroySent(ctx context.Context, association, id, fingerprint string) error {
	d, err := s.drafts.Get(ctx, association, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v, err := s.view(d.Value)
	if err != nil {
		return err
	}
	if s.Cipher.Fingerprint(v.Plain) != fingerprint {
		return ErrSent
	}
	return s.Destroy(ctx, d.Value)
}

func (s *Service) sweepAssociation(ctx context.Context, in *association.Association) error {
	destroyed := 0
	err := s.drafts.Each(ctx, store.Query{
		Association: in.ID, Sort: []store.Order{{Key: expiresKey}}, Limit: maxSwept,
		Where: []store.Cond{store.AtMost(expiresKey, s.Now().UnixMilli())},
	}, func(d store.Versioned[Draft]) error {
		destroyed++
		return s.Destroy(ctx, d.Value)
	})
	if destroyed > 0 {
		s.Log.InfoContext(ctx, "expired drafts were destroyed", "association", in.ID, "drafts", destroyed)
	}
	return err
}
