package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/attachment"
	"github.com/finsam/finsam/services/referral/draft"
	"github.com/finsam/finsam/services/referral/figures"
	"github.com/finsam/finsam/services/referral/outbound"
	"github.com/finsam/finsam/services/referral/registrynumber"
	"github.com/finsam/finsam/services/referral/waitlist"
)

// The keys that a referral is found by.
const (
	keyState        = "state"
	keyAuthority    = "authority"
	keyUnit         = "unit"
	keyMunicipality = "municipality"
	keyParticipant  = "participant"
	keySource       = "source"
	keyNumber       = "number"     // the registry number
	keyReceived     = "receivedAt" // Unix milliseconds
	keyExternal     = "external"
	keyReference    = "reference" // with keyExternal: held, or the referral's id once another may have its reference
	keyProtected    = "protected" // only while the person is
	keyResponsible  = "responsible"
	keyDue          = "dueAt"       // Unix milliseconds; only while it is somebody's turn
	keySenderDue    = "senderDueAt" // as keyDue, while the sender may know of the turn
	keySenderState  = "senderState" // as keyState, as far as the sender may know of it
	keyInitiative   = "initiative"
	keyPath         = "path"            // the initiative that it leads into now: see referral.Status.Path
	keyCoach        = "coach"           // named when it was accepted
	keyChanged      = "changedAt"       // Unix milliseconds
	keySenderChange = "senderChangedAt" // as keyChanged, as far as the sender may know of it
	keyTurn         = "turn"            // whose turn it is: see turnOf
	keyAlarm        = "alarmAt"         // as keyDue, until the turn has an Overdue step
)

// Schema declares what this version knows of the service's database. A release that
// declares other keys raises Version; see docs/operations/day-two.md, "Upgrade".
func Schema() migration.Schema {
	return migration.Schema{
		Service: "referral", Version: 4,
		Collections: append([]migration.Collection{
			Collection, registerCollection, publicationCollection,
			waitlist.Collection, registrynumber.Collection, figures.Collection, attachment.Collection, draft.Collection,
		}, outbound.Collections...),
	}
}

// Collection declares how referrals are stored. The indexes follow the relations
// in which a list is read, each ended by the order of the list; a filter of few values is
// behind the order, where an entry is passed over without its document being read. Of two
// acceptances of one person into an initiative, at once or one after the other, the second
// is refused by the unique keyPath. Whole days are due at one moment, so the
// time of receipt is behind it: entries are added at an end, not among a day's others.
var Collection = store.Schema[referral.Referral]{
	Name:      "referrals",
	Published: true,
	Unique:    []store.Index{{keyAuthority, keyExternal, keyReference}, {keyNumber}, {keyParticipant, keyPath}},
	Indexes: []store.Index{
		{keyMunicipality, keyReceived, store.ID, keySource},
		{keyMunicipality, keyState, keyReceived},
		{keyAuthority, keyReceived, store.ID, keySenderState},
		{keyAuthority, keyUnit, keyReceived, store.ID, keySenderState},
		{keyParticipant, keyReceived, store.ID, keyState},
		{keyMunicipality, keyDue, keyReceived},
		{keyAuthority, keySenderDue, keyReceived},
		{keyMunicipality, keyChanged},
		{keyAuthority, keySenderChange, store.ID, keyUnit},
	},
	Sparse: []store.Index{
		{keyTurn, keyDue, keyReceived},
		{keyAlarm, keyReceived},
		{keyResponsible, keyMunicipality, keyReceived},
		{keyCoach, keyMunicipality, keyReceived},
		{waitlist.KeySet, waitlist.KeyRank, waitlist.KeySince},
	},
	// A person has few referrals: the protected are found among them without an index,
	// which would be written at a random place with every referral.
	Narrows: []string{keyInitiative, keyProtected},
	ID:      func(r *referral.Referral) (string, string) { return r.Association, r.ID },
	Version: (*referral.Referral).Version,
	Keys:    keys,
	Listed: func() (any, *referral.Referral) {
		r := &listed{}
		return r, &r.Referral
	},
}

// listed is a referral as a list reads it: the rest stays as it is stored.
type listed struct {
	referral.Referral `json:",inline"`

	TargetGroup unread `json:"targetGroup"`
	Assessment  unread `json:"assessment"`
	Reason      unread `json:"reason"`
	Receipt     unread `json:"receipt"`
}

// unread is a field that is passed over.
type unread struct{}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (*unread) UnmarshalJSONFrom(d *jsontext.Decoder) error { return d.SkipValue() }

// UnmarshalBSONValue implements bson.ValueUnmarshaler.
func (*unread) UnmarshalBSONValue(byte, []byte) error { return nil }

func keys(r *referral.Referral) store.Keys {
	status := r.Status()
	sender := status.SenderVisibility()
	senderState, senderChange := status.Visible(sender)
	k := store.Keys{
		keyState:        string(status.State),
		keySenderState:  string(senderState),
		keyAuthority:    r.Authority,
		keyUnit:         r.Unit,
		keyMunicipality: status.Municipality,
		keyParticipant:  r.Participant,
		keySource:       string(r.Source),
		keyReceived:     r.ReceivedAt().UnixMilli(),
		keyNumber:       r.RegistryNumber,
		keyChanged:      r.Steps[len(r.Steps)-1].At.UnixMilli(),
		keySenderChange: senderChange.At.UnixMilli(),
	}
	if r.ExternalReference != "" {
		k[keyExternal], k[keyReference] = r.ExternalReference, held
		if slices.Contains(resendable, status.State) {
			k[keyReference] = r.ID
		}
	}
	if status.Responsible != "" {
		k[keyResponsible] = status.Responsible
	}
	if asked := status.TransferTarget(); asked != "" {
		k[waitlist.KeySet] = askedPrefix + asked
	} else {
		waitlist.SetKeys(k, r.Association, status)
	}
	if status.Protection != nil {
		k[keyProtected] = true
	}
	if t, ok := status.Turn(); ok {
		k[keyDue] = t.Due.UnixMilli()
		if !referral.Waits[t.Wait].IsProgress || sender.Progress {
			k[keySenderDue] = t.Due.UnixMilli()
		}
		if !status.OverdueReported {
			k[keyAlarm] = t.Due.UnixMilli()
		}
		switch {
		case t.Party != referral.PartySender:
			k[keyTurn] = turnOf(t.Party, t.Municipality)
		case r.IsHandedIn(): // the municipality answers for the sender
			k[keyTurn] = turnOf(referral.PartyReceiver, status.Municipality)
		default: // a person's own is found by the person, see taskConditions
			k[keyTurn] = turnOf(referral.PartySender, r.Authority)
		}
	}
	if status.Accepted != nil {
		k[keyInitiative] = status.Accepted.Acceptance.Initiative
		k[keyCoach] = status.Accepted.Acceptance.Coach
	}
	if path := status.Path(); path != "" {
		k[keyPath] = path
	}
	return k
}

// held is the value of keyReference of the one referral that has its external reference.
const held = "held"

// resendable are the states in which a case may be sent again under its reference.
var resendable = []referral.State{referral.StateEnteredInError, referral.StateWithdrawn, referral.StateRejected}

// checkReference returns ErrExternalReference, with the id of the referral that has it,
// when an authority's external reference is taken.
func (s *Service) checkReference(ctx context.Context, association, authority, reference, pointer string) error {
	page, err := s.referrals.Find(ctx, store.Query{
		Association: association, Limit: 1,
		Where: []store.Cond{store.Equals(keyAuthority, authority), store.Equals(keyExternal, reference), store.Equals(keyReference, held)},
	})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	id := page.Items[0].Value.ID
	return referral.ErrExternalReference.WithText(
		fmt.Sprintf("Er myndighet har redan skickat remissen %s med samma externa referens. Använd en annan referens.", id),
		fmt.Sprintf("Your authority has already sent the referral %s with the same external reference. Use another reference.", id)).AtField(pointer)
}

// turnOf returns the value of keyTurn for the receivers or the coaches of a municipality,
// or for a sending authority. A municipality that is asked to take over is a receiver.
func turnOf(p referral.Party, id string) string {
	if p == referral.PartyAsked {
		p = referral.PartyReceiver
	}
	return string(p) + "/" + id
}

// askedPrefix and the municipality are the value of waitlist.KeySet of the referrals that
// another municipality is asked to take over.
const askedPrefix = "asked/"

// latestFirst is the order in which the referrals about a person are read.
var latestFirst = []store.Order{{Key: keyReceived, Desc: true}}

// usedNumbers returns which of the registry numbers are on referrals.
func (s *Service) usedNumbers(ctx context.Context, association string, numbers []string) (map[string]bool, error) {
	page, err := s.referrals.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{store.IsAmong(keyNumber, numbers)}, Limit: registrynumber.MaxBatch,
	})
	used := map[string]bool{}
	for _, r := range page.Items {
		used[r.Value.RegistryNumber] = true
	}
	return used, err
}
