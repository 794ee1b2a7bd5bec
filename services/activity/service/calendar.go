package service

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// OpenAddress creates a calendar address for a participant. Its secret is returned
// only here, and again to a repeat with the same key. It returns ErrAddresses when
// there are MaxAddresses valid ones.
func (s *Service) OpenAddress(ctx context.Context, participant, key string) (address *activity.Address, secret string, err error) {
	a, entry, err := s.decideOnParticipant(ctx, "createCalendarFeed", participant)
	if err != nil {
		return nil, "", guard.Enter(ctx, s.AccessLog, entry, err)
	}
	address, replayed, err := create(ctx, s, creation[activity.Address]{
		collection: s.addresses.Store, key: key, input: fmt.Sprintf("%q", participant), entry: entry,
		receipt: func(x *activity.Address) idempotency.Receipt { return x.Receipt },
		build: func(id string, receipt idempotency.Receipt) (*activity.Address, error) {
			valid, err := s.addresses.Store.Count(ctx, a.Association, validAddresses(participant))
			if err != nil {
				return nil, err
			}
			if valid >= activity.MaxAddresses {
				return nil, activity.ErrAddresses
			}
			d, err := s.diary(ctx, a.Association, participant)
			if err != nil {
				return nil, err
			}
			if d.Protected {
				return nil, activity.ErrProtected
			}
			nonce := make([]byte, 32)
			_, _ = rand.Read(nonce) // never fails (crypto/rand)
			secret, err := s.secretOf(id, nonce)
			if err != nil {
				return nil, err
			}
			return activity.OpenAddress(activity.Address{
				Association: a.Association, ID: id, Participant: participant, Nonce: nonce, Receipt: receipt,
				Lookup: s.Cipher.Lookup(lookupPrefix + secret),
			}, guard.Author(ctx), s.Now()), nil
		},
	})
	if err != nil {
		return nil, "", err
	}
	if replayed {
		address.Steps = address.Steps[:1]
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

func validAddresses(participant string) []store.Cond {
	return []store.Cond{store.Equals(participantKey, participant), store.Equals(stateKey, string(activity.AddressOpened))}
}

// Addresses lists a participant's valid calendar addresses, the latest first.
func (s *Service) Addresses(ctx context.Context, participant string, w store.Window) (*store.List[*activity.Address], error) {
	a, entry, err := s.decideOnParticipant(ctx, "listCalendarFeeds", participant)
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	found, total, err := s.addresses.Store.List(ctx, store.Query{Association: a.Association, Where: validAddresses(participant), Sort: latestFirst}, w)
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

// Revoke makes a calendar address invalid at once.
func (s *Service) Revoke(ctx context.Context, participant, id string, ifVersion int64) error {
	_, err := s.addresses.Change(ctx, actor.From(ctx), guard.Call{Operation: "revokeCalendarFeed", ID: id, Parent: participant, IfVersion: ifVersion},
		func(x store.Versioned[activity.Address]) error {
			return store.WriteIf(x.Value.Revoke(guard.Author(ctx), s.Now()))
		})
	return err
}

// diary returns the diary of a participant, an empty one of who has none.
func (s *Service) diary(ctx context.Context, association, participant string) (*activity.Diary, error) {
	d, err := s.diaries.Get(ctx, association, participant)
	if errors.Is(err, store.ErrNotFound) {
		return &activity.Diary{}, nil
	}
	return d.Value, err
}

// Calendar returns the entries behind a secret. It needs no caller: the secret is
// the key. A revoked one is fault.ErrNotFound, as one that never was, and so is that of a
// person whose identity is protected: who has the address must not learn when the
// person is where.
func (s *Service) Calendar(ctx context.Context, secret string) ([]activity.CalendarEntry, error) {
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
		entry := accesslog.Entry{
			Operation: "readCalendar", Association: in.ID, Thing: "calendar-address/" + address.ID,
			Participants: []string{address.Participant}, Why: string(access.Public),
		}
		d, err := s.diary(ctx, in.ID, address.Participant)
		switch {
		case err != nil:
			return nil, err
		case d.Protected:
			return nil, guard.Enter(ctx, s.AccessLog, entry, fault.ErrNotFound)
		}
		entries, err := s.calendarOf(ctx, in, address.Participant)
		if err != nil {
			return nil, err
		}
		return entries, guard.Enter(ctx, s.AccessLog, entry, nil)
	}
	return nil, fault.ErrNotFound
}

func (s *Service) calendarOf(ctx context.Context, in *association.Association, participant string) ([]activity.CalendarEntry, error) {
	now := s.Now()
	first, last := activity.CalendarSpan(now)
	booked, err := findAll(ctx, s.bookings.Store, in.ID, store.Equals(participantKey, participant))
	if err != nil {
		return nil, err
	}
	called := map[activity.OccurrenceKey][]*activity.Cancellation{}
	municipalities := map[string]string{} // by activity
	for _, b := range booked {
		if municipalities[b.Activity] != "" {
			continue
		}
		municipalities[b.Activity] = b.Municipality
		cancellations, err := findAll(ctx, s.cancellations.Store, in.ID,
			store.Equals(activityKey, b.Activity), store.AtLeast(dateKey, string(first)), store.AtMost(dateKey, string(last)))
		if err != nil {
			return nil, err
		}
		for _, c := range cancellations {
			key := activity.OccurrenceKey{Activity: c.Activity, Date: c.Date}
			called[key] = append(called[key], c)
		}
	}
	return activity.CalendarOf(booked, func(id string) (association.Activity, bool) {
		x, known := in.Activity(id)
		if !known { // it ended before it began: what was booked of it is called off
			x = association.Activity{ID: id, Calendar: in.CalendarIn(municipalities[id])}
		}
		return x, true
	}, called, now), nil
}
