package referral

import (
	"context"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/services/referral/outbound"
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
	keyProtected    = "protected" // only while the person is
	keyResponsible  = "responsible"
	keyDue          = "dueAt"       // Unix milliseconds; only while it is somebody's turn
	keySenderDue    = "senderDueAt" // as keyDue, while the sender may know of the turn
	keySenderState  = "senderState" // as keyState, as far as the sender may know of it
	keyInitiative   = "initiative"
	keyTurn         = "turn"    // whose turn it is: see turnKey
	keyAlarm        = "alarmAt" // as keyDue, until the turn has been told to be overdue
	keyStands       = "stands"  // asked, queued or with a place; see below
	keyRank         = "rank"    // of the priority; only in the queue
	keySince        = "since"   // on the list, Unix milliseconds; only in the queue
)

// Schema declares what this version knows of the service's database. A release that
// declares other keys raises Version; see docs/operations/day-two.md, "Upgrade".
func Schema() migration.Schema {
	return migration.Schema{
		Service: "referral", Version: 13,
		Collections: append([]migration.Collection{
			referralCollection(), capacityCollection(), registerCollection(), counterCollection(), monthsCollection(), noteCollection(), draftCollection(),
		}, outbound.Collections()...),
	}
}

// referralCollection declares how referrals are kept. The indexes follow the relations in which
// a list is read, each ended by the order of the list.
func referralCollection() store.Schema[Referral] {
	return store.Schema[Referral]{
		Name:   "referrals",
		Unique: []store.Index{{keyAuthority, keyExternal}, {keyNumber}},
		Indexes: []store.Index{
			{keyMunicipality, keyReceived},
			{keyMunicipality, keyState, keyReceived},
			{keyMunicipality, keySource, keyReceived},
			{keyAuthority, keyReceived},
			{keyAuthority, keySenderState, keyReceived},
			{keyAuthority, keyUnit, keyReceived},
			{keyParticipant, keyReceived},
			{keyMunicipality, keyResponsible, keyReceived},
			{keyMunicipality, keyDue},
			{keyAuthority, keySenderDue},
			{keyTurn, keyDue},
			{keyAlarm},
			{keyStands, keyRank, keySince},
		},
		// A person has few referrals: of these one finds the protected without an index,
		// which would be written at a random place with every referral.
		Narrows: []string{keyInitiative, keyProtected},
		ID:      func(r *Referral) (string, string) { return r.Association, r.ID },
		Version: (*Referral).Version,
		Keys:    keys,
	}
}

func keys(r *Referral) store.Keys {
	told := r.senderVisibility()
	senderState, _ := r.visibleState(told)
	k := store.Keys{
		keyState:        string(r.State()),
		keySenderState:  string(senderState),
		keyAuthority:    r.Authority,
		keyUnit:         r.Unit,
		keyMunicipality: r.Municipality(),
		keyParticipant:  r.Participant,
		keySource:       string(r.SourceOf()),
		keyReceived:     r.ReceivedAt().UnixMilli(),
	}
	// A referral sent in error gives its reference back: the case may be sent anew.
	if r.ExternalReference != "" && r.State() != StateEnteredInError {
		k[keyExternal] = r.ExternalReference
	}
	if who := r.Responsible(); who != "" {
		k[keyResponsible] = who
	}
	if asked := r.TransferTarget(); asked != "" {
		k[keyStands] = askedAt(asked)
	} else if r.waiting() {
		k[keyStands], k[keyRank], k[keySince] = queuedAt(r.Municipality(), r.queue()), int64(r.rank()), r.waitingSince().UnixMilli()
	} else if h, ok := r.holding(); ok {
		k[keyStands] = placedAt(r.Municipality(), h.initiative)
	}
	if r.RegistryNumber != "" {
		k[keyNumber] = r.RegistryNumber
	}
	if on, _ := r.protection(); on {
		k[keyProtected] = true
	}
	if t, ok := r.Turn(); ok {
		k[keyDue], k[keyTurn] = t.Due.UnixMilli(), r.turnKey(t)
		if !t.Wait.isProgress() || told.progress {
			k[keySenderDue] = t.Due.UnixMilli()
		}
		if !r.overdueReported(t) {
			k[keyAlarm] = t.Due.UnixMilli()
		}
	}
	if a := r.last(Accepted); a != nil {
		k[keyInitiative] = a.Acceptance.Initiative
	}
	return k
}

// turnKey names those whose turn it is, as they are found by: the receivers or
// the coaches of a municipality, or a sending authority. What was handed in is
// the receivers' also when the sender is asked; a person's own is found by the
// person, see waiting.
func (r *Referral) turnKey(t Turn) string {
	switch {
	case t.Party == PartySender && r.handedIn():
		return string(PartyReceiver) + "/" + r.Municipality()
	case t.Party == PartySender:
		return string(PartySender) + "/" + r.Authority
	case t.Party == PartyCoach:
		return string(PartyCoach) + "/" + t.Municipality
	}
	return string(PartyReceiver) + "/" + t.Municipality
}

// The values of keyStands, one key for three sets that exclude each other: those
// that another municipality is asked to take over, a queue, and those that have
// a place. Most referrals are in none, and each index costs every write.
func askedAt(municipality string) string { return "asked/" + municipality }
func queuedAt(municipality, initiative string) string {
	return "queue/" + municipality + "/" + initiative
}
func placedAt(municipality, initiative string) string {
	return "place/" + municipality + "/" + initiative
}

// latestFirst is the order in which the referrals about a person are read.
var latestFirst = []store.Order{{Key: keyReceived, Desc: true}}

// referenceTaken reports whether the authority has a referral of this reference.
func (s *Service) referenceTaken(ctx context.Context, a actor.Actor, reference string) (bool, error) {
	if reference == "" {
		return false, nil
	}
	n, err := s.referrals.Count(ctx, a.Association, []store.Cond{
		{Key: keyAuthority, Op: store.Eq, Value: a.Authority},
		{Key: keyExternal, Op: store.Eq, Value: reference},
	})
	return n > 0, err
}

// ofParticipant returns a page of the referrals about one person.
func (s *Service) ofParticipant(ctx context.Context, association, participant string, after store.Cursor) (store.Page[Referral], error) {
	return s.referrals.Find(ctx, store.Query{
		Association: association,
		Where:       []store.Cond{{Key: keyParticipant, Op: store.Eq, Value: participant}},
		Sort:        latestFirst,
		After:       after,
		Limit:       100,
	})
}

// protectedOf returns another referral about the person of r that is protected, or
// nil.
func (s *Service) protectedOf(ctx context.Context, r *Referral) (*Referral, error) {
	page, err := s.referrals.Find(ctx, store.Query{
		Association: r.Association,
		Where:       []store.Cond{{Key: keyParticipant, Op: store.Eq, Value: r.Participant}, {Key: keyProtected, Op: store.Eq, Value: true}},
		Sort:        latestFirst,
		Limit:       2,
	})
	if err != nil {
		return nil, err
	}
	for _, other := range page.Items {
		if other.Value.ID != r.ID {
			return other.Value, nil
		}
	}
	return nil, nil
}
