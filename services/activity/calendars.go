package activity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
)

// ErrAddresses answers one calendar address too many.
var ErrAddresses = fault.New(fault.Conflict, "too-many-calendar-addresses",
	"Deltagaren har redan tio kalenderadresser. Återkalla en som inte används.",
	"The participant has ten calendar addresses already. Revoke one that is not in use.")

// maxAddresses is how many valid addresses a participant may have: one per
// device and helper.
const maxAddresses = 10

// OpenAddress creates a calendar address for a participant and gives its secret,
// which is shown only now and to a repeat of the same request.
func (s *Service) OpenAddress(ctx context.Context, participant, key string) (address *Address, secret string, err error) {
	const operation = "createCalendarFeed"
	a, err := may(ctx, operation)
	if err != nil {
		return nil, "", err
	}
	if err := s.person(ctx, operation, a, participant); err != nil {
		return nil, "", err
	}
	now := s.Now()
	receipt := idempotency.Receipt{At: instant(now), Fingerprint: s.fingerprint(participant)}
	v, replayed, err := idempotency.Create(ctx, s.addresses, idempotency.Request{
		Actor: a, Operation: operation, Key: key, Fingerprint: receipt.Fingerprint, Now: now, NewID: s.NewID,
	}, func(x *Address) idempotency.Receipt { return x.Receipt }, func(id string) (*Address, error) {
		open, err := s.addresses.Count(ctx, a.Association, openOf(participant))
		if err != nil {
			return nil, err
		}
		if open >= maxAddresses {
			return nil, ErrAddresses
		}
		x := &Address{Association: a.Association, ID: id, Participant: participant, Nonce: make([]byte, 32), Receipt: receipt}
		_, _ = rand.Read(x.Nonce) // never fails (crypto/rand)
		secret, err := s.secret(x)
		x.Lookup = s.Cipher.Lookup(lookedUp(secret))
		x.step(opened, hand(ctx), now)
		return x, err
	})
	if err != nil {
		return nil, "", err
	}
	if replayed {
		v.Value.Steps = v.Value.Steps[:1]
	}
	secret, err = s.secret(v.Value)
	return v.Value, secret, err
}

// secret returns the address's secret: 256 bits that follow from the random nonce
// and the key, which is in no store. So it need not be kept to be given again.
func (s *Service) secret(a *Address) (string, error) {
	keyed := s.Cipher.Lookup("calendar-secret/" + a.ID + "/" + hex.EncodeToString(a.Nonce))
	b, err := base64.RawURLEncoding.DecodeString(keyed)
	if err != nil || len(b) != 32 {
		return "", fmt.Errorf("calendar secret: %d bytes: %w", len(b), err)
	}
	return hex.EncodeToString(b), nil
}

// lookedUp is what a secret is filed under, apart from every other look-up.
func lookedUp(secret string) string { return "calendar-address/" + secret }

func openOf(participant string) []store.Cond {
	return []store.Cond{is(keyParticipant, participant), is(keyState, opened)}
}

// Addresses lists a participant's valid calendar addresses, the latest first.
func (s *Service) Addresses(ctx context.Context, participant string, w Window) (*List[Address], error) {
	const operation = "listCalendarFeeds"
	a, err := may(ctx, operation)
	if err != nil {
		return nil, err
	}
	if err := s.person(ctx, operation, a, participant); err != nil {
		return nil, err
	}
	return page(ctx, s.addresses, a.Association, openOf(participant), w)
}

// Address returns a calendar address of a participant.
func (s *Service) Address(ctx context.Context, participant, id string) (*Address, error) {
	v, err := s.address(ctx, "getCalendarFeed", participant, id)
	return v.Value, err
}

func (s *Service) address(ctx context.Context, operation, participant, id string) (store.Versioned[Address], error) {
	none := store.Versioned[Address]{}
	a, err := may(ctx, operation)
	if err != nil {
		return none, err
	}
	if err := s.person(ctx, operation, a, participant); err != nil {
		return none, err
	}
	v, err := s.addresses.Get(ctx, a.Association, id)
	if err != nil {
		return none, err
	}
	if v.Value.Participant != participant {
		return none, fault.ErrNotFound
	}
	return v, nil
}

// Revoke creates a calendar address invalid at once.
func (s *Service) Revoke(ctx context.Context, participant, id string, ifVersion int64) error {
	v, err := s.address(ctx, "revokeCalendarFeed", participant, id)
	if err != nil {
		return err
	}
	if v.Version != ifVersion {
		return store.ErrStale
	}
	if v.Value.Revoke(hand(ctx), s.Now()) {
		_, err = s.addresses.Replace(ctx, v)
	}
	return err
}

// Calendar returns the entries behind a secret. It asks for no caller: the secret
// is the key. A revoked one answers as one that never was.
func (s *Service) Calendar(ctx context.Context, secret string) ([]Entry, error) {
	for _, in := range s.Associations.All() {
		address, err := s.behind(ctx, in, secret)
		if err != nil {
			return nil, err
		}
		if address == nil {
			continue
		}
		entries, err := s.entries(ctx, in, address.Participant)
		if err != nil {
			return nil, err
		}
		return entries, s.AccessLog.Record(ctx, accesslog.Entry{
			Operation: "readCalendar", Association: in.ID, Thing: "calendar-address/" + address.ID,
			Participants: []string{address.Participant}, Why: string(access.Public),
		})
	}
	return nil, fault.ErrNotFound
}

// behind finds the valid address of a secret in one association; nil: none. An
// address filed under an older key is found while keys are rotated.
func (s *Service) behind(ctx context.Context, in *association.Association, secret string) (*Address, error) {
	filed := []any{}
	for _, l := range s.Cipher.Lookups(lookedUp(secret)) {
		filed = append(filed, l)
	}
	found, err := s.addresses.Find(ctx, store.Query{
		Association: in.ID, Where: []store.Cond{{Key: keyLookup, Op: store.In, Value: filed}}, Limit: 1,
	})
	if err != nil || len(found.Items) == 0 || !found.Items[0].Value.Open() {
		return nil, err
	}
	return found.Items[0].Value, nil
}

// entries returns a participant's calendar.
func (s *Service) entries(ctx context.Context, in *association.Association, participant string) ([]Entry, error) {
	now := s.Now()
	first, last := span(now)
	found, err := every(ctx, s.bookings, in.ID, 1000, is(keyParticipant, participant))
	if err != nil {
		return nil, err
	}
	var booked []*Booking
	history := map[CalledKey][]*Cancellation{}
	var seen []string
	for _, b := range found {
		booked = append(booked, b.Value)
		if slices.Contains(seen, b.Value.Activity) {
			continue
		}
		seen = append(seen, b.Value.Activity)
		cancelled, err := every(ctx, s.cancellations, in.ID, 1000,
			is(keyActivity, b.Value.Activity), from(keyDate, string(first)), to(keyDate, string(last)))
		if err != nil {
			return nil, err
		}
		for _, c := range cancelled {
			key := CalledKey{c.Value.Activity, c.Value.Date}
			history[key] = append(history[key], c.Value)
		}
	}
	return CalendarOf(booked, in.Activity, history, now), nil
}
