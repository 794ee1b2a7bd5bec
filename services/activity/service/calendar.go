package service

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/group"
)

// OpenAddress creates a calendar address for a participant. Its secret is returned
// only here, and again to a repeat with the same key. It returns ErrAddresses when
// there are MaxAddresses valid ones.
func (s *Service) OpenAddress(ctx context.Context, participant, key string) (address *activity.Address, secret string, err error) {
	a, entry, err := s.decideOnParticipant(ctx, "createCalendarFeed", participant)
	if err != nil {
		return nil, "", guard.Enter(ctx, s.AccessLog, entry, err)
	}
	return s.openAddress(ctx, entry, key, fmt.Sprintf("%q", participant), activity.Address{Association: a.Association, Participant: participant}, func() error {
		d, err := s.diary(ctx, a.Association, participant)
		if err == nil && d.Protected {
			err = activity.ErrProtected
		}
		return err
	})
}

// OpenStaffCalendar creates a calendar address for the caller: of what a municipality offers or,
// without one, of what the caller leads. Else it is as OpenAddress; it returns ErrOwnAddresses
// when the caller has MaxAddresses valid ones.
func (s *Service) OpenStaffCalendar(ctx context.Context, municipality, key string) (address *activity.Address, secret string, err error) {
	entry := accesslog.Entry{Operation: "createStaffCalendar", Thing: "staff-calendars", Why: string(access.Association)}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return nil, "", err
	}
	of := activity.Address{Association: a.Association, Owner: activity.OwnerOf(a.Authority, a.Subject), Municipality: municipality}
	if municipality == "" {
		of.Leader = a.Subject
	}
	return s.openAddress(ctx, entry, key, fmt.Sprintf("%q %q", of.Owner, municipality), of, func() error {
		in, err := s.Associations.Get(a.Association)
		if err != nil {
			return err
		}
		if _, member := in.Municipality(municipality); municipality != "" && !member {
			return group.ErrMunicipality.AtField("/municipality")
		}
		return nil
	})
}

// openAddress creates an address, once for each key, if check returns nil.
func (s *Service) openAddress(ctx context.Context, entry accesslog.Entry, key, input string, of activity.Address, check func() error) (address *activity.Address, secret string, err error) {
	address, replayed, err := create(ctx, s, creation[activity.Address]{
		collection: s.addresses.Store, key: key, input: input, entry: entry,
		receipt: func(x *activity.Address) idempotency.Receipt { return x.Receipt },
		build: func(id string, receipt idempotency.Receipt) (*activity.Address, error) {
			valid, err := s.addresses.Store.Count(ctx, of.Association, validAddresses(&of))
			if err != nil {
				return nil, err
			}
			if valid >= activity.MaxAddresses && of.Owner != "" {
				return nil, activity.ErrOwnAddresses
			}
			if valid >= activity.MaxAddresses {
				return nil, activity.ErrAddresses
			}
			if err := check(); err != nil {
				return nil, err
			}
			nonce := make([]byte, 32)
			_, _ = rand.Read(nonce) // never fails (crypto/rand)
			secret, err := s.secretOf(id, nonce)
			if err != nil {
				return nil, err
			}
			of.ID, of.Nonce, of.Receipt, of.Lookup = id, nonce, receipt, s.Cipher.Lookup(lookupPrefix+secret)
			return activity.OpenAddress(of, guard.Author(ctx), s.Now()), nil
		},
	})
	if err != nil {
		return nil, "", err
	}
	if replayed {
		address.Steps, address.ReadAt = address.Steps[:1], time.Time{}
	}
	secret, err = s.secretOf(address.ID, address.Nonce)
	return address, secret, err
}

// secretOf returns an address's secret: 256 bits that follow from the random nonce
// and the key, which is in no store. So it need not be stored to be returned again.
func (s *Service) secretOf(id string, nonce []byte) (string, error) {
	keyed := s.Cipher.Lookup("calendar-secret/" + id + "/" + hex.EncodeToString(nonce))
	b, err := base64.RawURLEncoding.DecodeString(keyed)
	if err != nil || len(b) != 32 {
		return "", fmt.Errorf("calendar secret: %d bytes: %w", len(b), err)
	}
	return hex.EncodeToString(b), nil
}

// lookupPrefix is before a secret where its look-up is made, so that it has nothing in
// common with any other look-up.
const lookupPrefix = "calendar-address/"

// validAddresses finds the valid addresses of whose one is.
func validAddresses(of *activity.Address) []store.Cond {
	whose := store.Equals(participantKey, of.Participant)
	if of.Owner != "" {
		whose = store.Equals(ownerKey, of.Owner)
	}
	return []store.Cond{whose, store.Equals(stateKey, string(activity.AddressOpened))}
}

// Addresses lists a participant's valid calendar addresses, the latest first.
func (s *Service) Addresses(ctx context.Context, participant string, w store.Window) (*store.List[*activity.Address], error) {
	a, entry, err := s.decideOnParticipant(ctx, "listCalendarFeeds", participant)
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	return s.listAddresses(ctx, &activity.Address{Association: a.Association, Participant: participant}, w)
}

// StaffCalendars lists the caller's own valid calendar addresses, the latest first.
func (s *Service) StaffCalendars(ctx context.Context, w store.Window) (*store.List[*activity.Address], error) {
	a, err := guard.Caller(ctx, s.AccessLog, "listStaffCalendars", "staff-calendars")
	if err != nil {
		return nil, err
	}
	return s.listAddresses(ctx, &activity.Address{Association: a.Association, Owner: activity.OwnerOf(a.Authority, a.Subject)}, w)
}

func (s *Service) listAddresses(ctx context.Context, of *activity.Address, w store.Window) (*store.List[*activity.Address], error) {
	found, total, err := s.addresses.Store.List(ctx, store.Query{Association: of.Association, Where: validAddresses(of), Sort: latestFirst}, w)
	list := &store.List[*activity.Address]{Total: total}
	for _, v := range found.Items {
		list.Items = append(list.Items, v.Value)
	}
	return list, err
}

// Address returns a calendar address of a participant.
func (s *Service) Address(ctx context.Context, participant, id string) (*activity.Address, error) {
	v, err := s.addresses.Load(ctx, actor.From(ctx), guard.Call{Operation: "getCalendarFeed", ID: id, Parent: participant})
	return v.Value, err
}

// StaffCalendar returns a calendar address of the caller's own.
func (s *Service) StaffCalendar(ctx context.Context, id string) (*activity.Address, error) {
	a := actor.From(ctx)
	v, err := s.staffCalendars.Load(ctx, a, guard.Call{Operation: "getStaffCalendar", ID: id, Parent: activity.OwnerOf(a.Authority, a.Subject)})
	return v.Value, err
}

// Revoke makes a participant's calendar address invalid at once.
func (s *Service) Revoke(ctx context.Context, participant, id string, ifVersion int64) error {
	return s.revoke(ctx, s.addresses, guard.Call{Operation: "revokeCalendarFeed", ID: id, Parent: participant}, ifVersion)
}

// RevokeStaffCalendar makes a calendar address of the caller's own invalid at once.
func (s *Service) RevokeStaffCalendar(ctx context.Context, id string, ifVersion int64) error {
	a := actor.From(ctx)
	return s.revoke(ctx, s.staffCalendars, guard.Call{Operation: "revokeStaffCalendar", ID: id, Parent: activity.OwnerOf(a.Authority, a.Subject)}, ifVersion)
}

// revoke makes an address invalid. That it is fetched meanwhile is no change of it to whom has read it.
func (s *Service) revoke(ctx context.Context, of guard.Documents[activity.Address], c guard.Call, ifVersion int64) error {
	_, err := of.Change(ctx, actor.From(ctx), c, func(x store.Versioned[activity.Address]) error {
		if ifVersion != 0 && ifVersion != x.Value.Version() {
			return store.ErrStale
		}
		return store.WriteIf(x.Value.Revoke(guard.Author(ctx), s.Now()))
	})
	return err
}

// Calendar is what is behind a secret.
type Calendar struct {
	*activity.Address
	Municipality string // name, of what a municipality offers
	Entries      []activity.CalendarEntry
}

// Calendar returns what is behind a secret. It needs no caller: the secret is
// the key. A revoked one is fault.ErrNotFound, as one that never was, and so is that of a
// person whose identity is protected: who has the address must not learn when the
// person is where. In a leader's calendar there is nothing of such persons.
func (s *Service) Calendar(ctx context.Context, secret string) (*Calendar, error) {
	for _, in := range s.Associations.All() {
		// While keys are rotated, an address may still be filed under an older one.
		where := []store.Cond{store.IsAmong(lookupKey, s.Cipher.Lookups(lookupPrefix+secret))}
		found, err := s.addresses.Store.Find(ctx, store.Query{Association: in.ID, Where: where, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(found.Items) == 0 || found.Items[0].Value.State() != activity.AddressOpened {
			continue
		}
		address := found.Items[0].Value
		c := &Calendar{Address: address}
		entry := accesslog.Entry{Operation: "readCalendar", Association: in.ID, Thing: "calendar-address/" + address.ID, Why: string(access.Public)}
		if address.Owner == "" {
			entry.Participants = []string{address.Participant}
			err = s.readBooked(ctx, in, c)
		} else {
			entry.Participants, err = s.readOffered(ctx, in, c)
		}
		if err != nil && !errors.Is(err, fault.ErrNotFound) {
			return nil, err
		}
		if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
			return nil, err
		}
		if v := found.Items[0]; v.Value.NoteRead(s.Now()) {
			if _, err := s.addresses.Store.Replace(ctx, v); err != nil && !errors.Is(err, store.ErrStale) { // which another reader's note has made it
				s.Log.WarnContext(ctx, "when a calendar was fetched is not noted", "error", err)
			}
		}
		return c, nil
	}
	return nil, fault.ErrNotFound
}

// readBooked adds the entries of a participant's bookings, or returns fault.ErrNotFound for who is
// protected.
func (s *Service) readBooked(ctx context.Context, in *association.Association, c *Calendar) error {
	d, err := s.diary(ctx, in.ID, c.Participant)
	if err == nil && d.Protected {
		err = fault.ErrNotFound
	}
	if err != nil {
		return err
	}
	booked, err := findAll(ctx, s.bookings.Store, in.ID, store.Equals(participantKey, c.Participant))
	if err != nil {
		return err
	}
	c.Entries, err = s.entriesOf(ctx, in, booked)
	return err
}

// entriesOf returns the entries of bookings.
func (s *Service) entriesOf(ctx context.Context, in *association.Association, booked []*activity.Booking) ([]activity.CalendarEntry, error) {
	if len(booked) == 0 {
		return nil, nil
	}
	municipalities := map[string]string{} // by activity
	for _, b := range booked {
		municipalities[b.Activity] = cmp.Or(b.Host, b.Municipality)
	}
	called, err := s.calledBetween(ctx, in.ID, store.IsAmong(activityKey, slices.Sorted(maps.Keys(municipalities))))
	if err != nil {
		return nil, err
	}
	return activity.CalendarOf(booked, func(id string) (association.Activity, bool) {
		x, known := in.Activity(id)
		if !known { // it ended before it began: what was booked of it is called off
			x = association.Activity{ID: id, Calendar: in.CalendarIn(municipalities[id])}
		}
		return x, true
	}, called, s.Now()), nil
}

// calledBetween returns every cancellation in the span of a calendar, restored ones too.
func (s *Service) calledBetween(ctx context.Context, associationID string, of store.Cond) (map[activity.OccurrenceKey][]*activity.Cancellation, error) {
	first, last := activity.CalendarSpan(s.Now())
	found, err := findAll(ctx, s.cancellations.Store, associationID, of, store.AtLeast(dateKey, string(first)), store.AtMost(dateKey, string(last)))
	called := map[activity.OccurrenceKey][]*activity.Cancellation{}
	for _, c := range found {
		key := activity.OccurrenceKey{Activity: c.Activity, Date: c.Date}
		called[key] = append(called[key], c)
	}
	return called, err
}

// readOffered adds what a municipality offers, or a leader leads: with the leader's booked slots, and
// then returns whose they are.
func (s *Service) readOffered(ctx context.Context, in *association.Association, c *Calendar) (participants []string, err error) {
	m, _ := in.Municipality(c.Address.Municipality)
	c.Municipality = m.Name
	isShown := func(x *association.Activity) bool { return c.Leader == "" || x.Leader == c.Leader }
	var slotted []string
	for _, week := range in.Weeks {
		var offered []association.Activity
		for _, x := range week.Activities {
			forms := append([]association.Activity{x}, x.Later...)
			if week.Municipality == c.Address.Municipality || c.Leader != "" && slices.ContainsFunc(forms, func(f association.Activity) bool { return isShown(&f) }) {
				offered = append(offered, x)
			}
			if c.Leader != "" && slices.ContainsFunc(forms, func(f association.Activity) bool { return isShown(&f) && f.Slot > 0 }) {
				slotted = append(slotted, x.ID)
			}
		}
		if offered == nil {
			continue
		}
		called, err := s.calledBetween(ctx, in.ID, store.Equals(municipalityKey, week.Municipality))
		if err != nil {
			return nil, err
		}
		c.Entries = append(c.Entries, activity.OfferedCalendar(offered, isShown, called, s.Now())...)
	}
	if slotted != nil {
		participants, err = s.readSlots(ctx, in, slotted, c)
	}
	slices.SortFunc(c.Entries, activity.CalendarEntry.Compare)
	return participants, err
}

// readSlots adds the booked slots of activities to a leader's calendar, but those of protected
// persons, and returns whose they are.
func (s *Service) readSlots(ctx context.Context, in *association.Association, activities []string, c *Calendar) (participants []string, err error) {
	first, _ := activity.CalendarSpan(s.Now())
	protected := map[string]bool{} // by participant
	for _, id := range activities {
		x, _ := in.Activity(id)
		booked, err := findAll(ctx, s.bookings.Store, in.ID, store.Equals(activityKey, id), store.AtLeast(lastDayKey, string(first)))
		if err != nil {
			return nil, err
		}
		var shown []*activity.Booking
		for _, b := range booked {
			if _, asked := protected[b.Participant]; !asked && b.Slot != "" {
				d, err := s.diary(ctx, in.ID, b.Participant)
				if err != nil {
					return nil, err
				}
				protected[b.Participant] = d.Protected
			}
			if b.Slot != "" && !protected[b.Participant] {
				shown, participants = append(shown, b), append(participants, b.Participant)
			}
		}
		entries, err := s.entriesOf(ctx, in, shown)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if x.At(e.Date).Leader == c.Leader {
				c.Entries = append(c.Entries, e.SlotEntry())
			}
		}
	}
	slices.Sort(participants)
	return slices.Compact(participants), nil
}
