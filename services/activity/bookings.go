package activity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
)

// fingerprint is a keyed digest of what was asked for.
func (s *Service) fingerprint(parts ...any) string {
	text := make([]string, len(parts))
	for i, p := range parts {
		text[i] = fmt.Sprintf("%q", fmt.Sprint(p))
	}
	return s.Cipher.Fingerprint([]byte(strings.Join(text, " ")))
}

// Book books an enrolled participant into an activity of the caller's
// municipality. The participant's diary is claimed first, so that of two
// bookings that collide only one is made.
func (s *Service) Book(ctx context.Context, r Request, key string) (*Booking, error) {
	const operation = "createBooking"
	a, err := may(ctx, operation)
	if err != nil {
		return nil, err
	}
	e, err := s.enrolments.Get(ctx, a.Association, r.Enrolment)
	if err := s.decide(ctx, operation, "enrolment/"+r.Enrolment, thingOf(e.Value, err), err); err != nil {
		return nil, err
	}
	in, err := s.programme(a)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	var made *Booking
	receipt := idempotency.Receipt{At: instant(now), Fingerprint: s.fingerprint(r.Enrolment, r.Activity, r.From, r.Until)}
	v, replayed, err := idempotency.Create(ctx, s.bookings, idempotency.Request{
		Actor: a, Operation: operation, Key: key, Fingerprint: receipt.Fingerprint, Now: now, NewID: s.NewID,
	}, func(b *Booking) idempotency.Receipt { return b.Receipt }, func(id string) (*Booking, error) {
		x, known := in.Activity(r.Activity)
		if err := errors.Join(Bookable(x, known, e.Value.Municipality), r.Check(now)); err != nil {
			return nil, err
		}
		if e.Value.Closed {
			return nil, ErrEnrolmentClosed.AtField("/enrolment")
		}
		made = Book(id, e.Value, r, receipt, hand(ctx), now)
		return made, s.claim(ctx, a, in, made)
	})
	switch {
	case errors.Is(err, store.ErrTaken):
		return nil, errors.Join(ErrBooked.AtField("/activity"), s.unclaim(ctx, made))
	case err != nil:
		return nil, err
	case replayed:
		v.Value.Steps = v.Value.Steps[:1]
		return v.Value, nil
	}
	s.publisher.Wake()
	return v.Value, s.unlessClosed(ctx, v.Value)
}

func thingOf(e *Enrolment, err error) access.Resource {
	if err != nil {
		return access.Resource{}
	}
	return e.Resource()
}

// unlessClosed ends a booking just made when its enrolment was closed meanwhile:
// anyone who closed it may have looked for bookings before this one was there.
func (s *Service) unlessClosed(ctx context.Context, b *Booking) error {
	e, err := s.enrolments.Get(ctx, b.Association, b.Enrolment)
	if err != nil {
		return err
	}
	if !e.Value.Closed {
		return nil
	}
	if err := s.end(ctx, e.Value, b.ID, Hand{Subject: hand(ctx).Subject, Authority: hand(ctx).Authority}); err != nil {
		return err
	}
	return ErrEnrolmentClosed.AtField("/enrolment")
}

// Booking returns a booking.
func (s *Service) Booking(ctx context.Context, id string) (*Booking, error) {
	b, err := s.load(ctx, "getBooking", id)
	return b.Value, err
}

// load finds a booking that the caller may do this to.
func (s *Service) load(ctx context.Context, operation, id string) (store.Versioned[Booking], error) {
	a, err := may(ctx, operation)
	if err != nil {
		return store.Versioned[Booking]{}, err
	}
	b, err := s.bookings.Get(ctx, a.Association, id)
	t := access.Resource{}
	if err == nil {
		t = b.Value.Resource()
	}
	return b, s.decide(ctx, operation, "booking/"+id, t, err)
}

// Cancel ends a booking from a day on.
func (s *Service) Cancel(ctx context.Context, id string, ifVersion int64, from civil.Date) (*Booking, error) {
	b, err := s.load(ctx, "cancelBooking", id)
	if err != nil {
		return nil, err
	}
	if b.Version != ifVersion {
		return nil, store.ErrStale
	}
	if err := b.Value.Cancel(from, hand(ctx), s.Now()); err != nil {
		return nil, err
	}
	saved, err := s.bookings.Replace(ctx, b)
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return saved.Value, s.shorten(ctx, saved.Value)
}

// Note notes attendance on a day of a booking.
func (s *Service) Note(ctx context.Context, id string, ifVersion int64, d civil.Date, word Attendance) (*Booking, error) {
	b, err := s.load(ctx, "noteAttendance", id)
	if err != nil {
		return nil, err
	}
	if b.Version != ifVersion {
		return nil, store.ErrStale
	}
	in, err := s.Associations.Get(b.Value.Association)
	if err != nil {
		return nil, err
	}
	x, known := in.Activity(b.Value.Activity)
	called, err := s.called(ctx, in.ID, is(keyActivity, b.Value.Activity), d, d)
	if err != nil {
		return nil, err
	}
	changed, err := b.Value.Note(x, known, d, word, called, hand(ctx), s.Now())
	if err != nil || !changed {
		return b.Value, err
	}
	saved, err := s.bookings.Replace(ctx, b)
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return saved.Value, nil
}
