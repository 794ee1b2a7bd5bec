package referral

import (
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
)

// Draft is a referral that somebody is writing: shared by those of a unit, or by
// the receivers of a municipality, and known to nobody else. It has no steps and
// tells no events, and the vault does not know the person yet.
type Draft struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Authority    string              `json:"authority,omitempty"`    // with Unit: whose it is
	Unit         string              `json:"unit,omitempty"`         // of a referrer
	Municipality string              `json:"municipality,omitempty"` // of a receiver; then without authority and unit
	Content      []byte              `json:"content"`                // all that has been written, sealed whole
	CreatedBy    string              `json:"createdBy"`
	CreatedAt    time.Time           `json:"createdAt"`
	ChangedBy    string              `json:"changedBy"`
	ChangedAt    time.Time           `json:"changedAt"`
	Changes      int64               `json:"changes"`
	Receipt      idempotency.Receipt `json:"receipt"`
}

// What bounds drafts: personal data that nobody has asked for must have an end.
const (
	draftLife = 90 * 24 * time.Hour // from when it was begun, however often it is changed
	maxDrafts = store.MaxCounted    // of one unit or municipality
)

// What a draft can answer instead of what was asked for.
var (
	ErrTooManyDrafts = fault.New(fault.Conflict, "too-many-drafts",
		"Ni har redan 1000 utkast. Skicka eller ta bort något först.",
		"You have 1000 drafts already. Send or delete one first.")
	ErrDraftSent = fault.New(fault.Conflict, "draft-sent",
		"Utkastet är redan skickat som remiss.", "The draft has been sent as a referral already.")
)

// newDraftFor returns a draft of where the actor drafts, still empty; ok is false for one
// who is signed in for no such place.
func newDraftFor(a actor.Actor) (d Draft, ok bool) {
	d.Association = a.Association
	switch relation, _ := access.Scope("createDraft", a); relation {
	case access.OwnUnit:
		d.Authority, d.Unit = a.Authority, a.Unit
		return d, a.Authority != "" && a.Unit != ""
	case access.OwnMunicipality:
		d.Municipality = a.Municipality
		return d, a.Municipality != ""
	}
	return d, false
}

// Write puts sealed content in the place of what the draft has.
func (d *Draft) Write(by string, now time.Time, sealed []byte) {
	d.Content, d.ChangedBy, d.ChangedAt = sealed, by, now.UTC().Truncate(time.Millisecond)
	d.Changes++
	if d.Changes == 1 {
		d.CreatedBy, d.CreatedAt = d.ChangedBy, d.ChangedAt
	}
}

// ExpiresAt is when the draft is destroyed, unless it is sent before.
func (d *Draft) ExpiresAt() time.Time { return d.CreatedAt.Add(draftLife) }

// expired reports whether the draft's time is over: then it is not shown, swept or not.
func (d *Draft) expired(now time.Time) bool { return !now.Before(d.ExpiresAt()) }

// Resource is the draft as far as access depends on it.
func (d *Draft) Resource() access.Resource {
	return access.Resource{Association: d.Association, Relationships: []access.Relationship{
		{Authority: d.Authority, Unit: d.Unit, Municipality: d.Municipality},
	}}
}

// ownerKey names those whose the draft is, as it is found by.
func (d *Draft) ownerKey() string {
	if d.Municipality != "" {
		return "municipality/" + d.Municipality
	}
	return "unit/" + d.Authority + "/" + d.Unit
}

// draftContext binds the sealed content to its draft.
func draftContext(id string) string { return "draft/" + id }

// sendings is the namespace of the ids that drafts give to their referrals.
var sendings = uuid.MustParse("0b7f2f5e-3f0c-4c39-8a51-5d3c1a9be7d4")

// sentAs returns the id of the referral that a draft becomes. It follows from the
// draft's alone, so that a draft becomes one referral however often it is sent.
func sentAs(draft string) string { return uuid.NewSHA1(sendings, []byte(draft)).String() }

// sentFrom is what a repeated sending is allowed by when the draft is gone: the
// referral as the thing that its draft was.
func (r *Referral) sentFrom(a actor.Actor) access.Resource {
	tie := access.Relationship{Authority: r.Authority, Unit: r.Unit}
	if r.Authority == a.Authority {
		tie.Municipality = r.WishedMunicipality // a receiver sends to the own one only
	}
	return access.Resource{Association: r.Association, Relationships: []access.Relationship{tie}}
}

const (
	keyHolder  = "holder"    // see Draft.holder
	keyChanged = "changedAt" // Unix milliseconds
	keyExpires = "expiresAt" // Unix milliseconds
)

func draftCollection() store.Schema[Draft] {
	return store.Schema[Draft]{
		Name:    "drafts",
		Indexes: []store.Index{{keyHolder, keyChanged}, {keyExpires}},
		ID:      func(d *Draft) (string, string) { return d.Association, d.ID },
		Version: func(d *Draft) int64 { return d.Changes },
		Keys: func(d *Draft) store.Keys {
			return store.Keys{keyHolder: d.ownerKey(), keyChanged: d.ChangedAt.UnixMilli(), keyExpires: d.ExpiresAt().UnixMilli()}
		},
	}
}
