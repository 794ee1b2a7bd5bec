package referral

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// capacityCollection declares how places are kept: by their id alone.
func capacityCollection() store.Schema[Capacity] {
	return store.Schema[Capacity]{
		Name:    "places",
		ID:      func(p *Capacity) (string, string) { return p.Association, p.ID },
		Version: func(p *Capacity) int64 { return p.Writes },
	}
}

// placesSpace is the name space of the ids of places (RFC 9562, version 5).
var placesSpace = uuid.MustParse("3b1f0f7e-2f0a-5c53-9a51-6a6f1f0c5d21")

func placesID(municipality, initiative string) string {
	return uuid.NewSHA1(placesSpace, []byte(initiative+"/"+municipality)).String()
}

func newPlaces(in, municipality, initiative string) *Capacity {
	return &Capacity{Association: in, ID: placesID(municipality, initiative), Initiative: initiative, Municipality: municipality}
}

// placesOf returns the places, or nil while nobody has set or taken any.
func (s *Service) placesOf(ctx context.Context, in, municipality, initiative string) (*Capacity, error) {
	v, err := s.places.Get(ctx, in, placesID(municipality, initiative))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v.Value, err
}

// changePlaces lets change alter the places, made if there are none yet. Within
// the process one does so at a time: of many who accept at once, nobody is turned
// away for being slower than the others.
func (s *Service) changePlaces(ctx context.Context, in, municipality, initiative string, change func(*Capacity) error) error {
	select {
	case s.placing <- struct{}{}:
		defer func() { <-s.placing }()
	case <-ctx.Done():
		return fault.ErrUnavailable.Because(context.Cause(ctx))
	}
	id := placesID(municipality, initiative)
	counted := func(p *Capacity) error {
		err := change(p)
		if err == nil {
			p.Writes++
		}
		return err
	}
	_, err := s.places.Update(ctx, in, id, 0, counted)
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	p := newPlaces(in, municipality, initiative)
	if err := counted(p); err != nil {
		return err
	}
	if _, err = s.places.Insert(ctx, p); errors.Is(err, store.ErrExists) {
		_, err = s.places.Update(ctx, in, id, 0, counted)
	}
	return err
}

// acceptWithPlace takes a place for an acceptance and then saves it. When the save is
// refused the place is given back; when it is not known what became of it, the
// mover looks later.
func (s *Service) acceptWithPlace(ctx context.Context, r store.Versioned[Referral], in association.Initiative) (*View, error) {
	a := r.Value.last(Accepted).Acceptance
	t := Taken{Referral: r.Value.ID, Version: r.Version, Mark: crand.Text(), At: s.Now().UTC(), Until: r.Value.until(in.MaxWeeks)}
	err := s.changePlaces(ctx, r.Value.Association, a.Municipality, a.Initiative, func(p *Capacity) error { return p.Take(t) })
	if err != nil {
		return nil, err
	}
	v, err := s.save(ctx, r)
	if refused(err) {
		err = errors.Join(err, s.giveBack(ctx, r.Value.Association, a.Municipality, a.Initiative, t.Mark))
	}
	return v, err
}

// refused reports whether a save has certainly not been written.
func refused(err error) bool {
	return errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNewer)
}

// giveBackTime bounds the giving back, which goes on when the caller has gone.
const giveBackTime = 5 * time.Second

func (s *Service) giveBack(ctx context.Context, in, municipality, initiative, mark string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime)
	defer cancel()
	err := s.changePlaces(ctx, in, municipality, initiative, func(p *Capacity) error {
		if !p.GiveBack(mark) {
			return store.Unchanged()
		}
		return nil
	})
	if err != nil {
		s.Log.WarnContext(ctx, "give a place back", "error", err, "municipality", municipality)
	}
	s.wake(in, municipality)
	return nil
}

// Capacity is what a unit may know before it refers: without any person.
type Availability struct {
	Initiative    string // the one that was asked about
	Answer        string // "capacity", "waitlist", "no_capacity" or "assessment_needed"
	Free          int    // of "capacity"
	Waiting       int64
	ExpectedStart civil.Date // empty: cannot be known
}

// Capacity reports whether there is room in an initiative of a municipality now.
func (s *Service) Capacity(ctx context.Context, initiative, municipality string) (*Availability, error) {
	a := actor.From(ctx)
	if _, err := access.Decide("getCapacity", a, access.Resource{Association: a.Association}); err != nil {
		return nil, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	var wrong wrongs
	i, known := asked(in, initiative)
	if !known {
		wrong.add(ErrInitiative, "initiative")
	}
	if _, member := in.Municipality(municipality); !member {
		wrong.add(ErrMunicipality, "municipality")
	}
	if err := wrong.fault(); err != nil {
		return nil, err
	}
	p, err := s.placesOf(ctx, a.Association, municipality, i.ID)
	if err != nil {
		return nil, err
	}
	waiting, err := s.referrals.Count(ctx, a.Association, inQueue(in, municipality, i.ID))
	if err != nil {
		return nil, err
	}
	c := p.capacity(civil.DateOf(s.Now()), waiting, i.MaxWeeks)
	c.Initiative = i.ID
	return c, nil
}

// capacity answers from the places and the queue.
func (p *Capacity) capacity(today civil.Date, waiting int64, weeks int) *Availability {
	c := &Availability{Answer: "assessment_needed", Waiting: waiting}
	if p == nil || p.Setting() == nil {
		return c
	}
	setting := p.Setting()
	free, _ := p.Free()
	if free = free - int(waiting); free > 0 {
		c.Answer, c.Free, c.ExpectedStart = "capacity", free, today
		return c
	}
	c.ExpectedStart = expectedStart(today, setting.Number, p.Taken, int(waiting), weeks)
	c.Answer = "waitlist"
	if setting.MaxWaiting != nil && waiting >= int64(*setting.MaxWaiting) {
		c.Answer, c.ExpectedStart = "no_capacity", ""
	}
	return c
}

// PlacesView is the places as those see them who decide on them: numbers only.
type PlacesView struct {
	Initiative, Municipality string
	Setting                  *Setting // nil while none is set
	Taken, Kept              int      // accepted or enrolled, and kept for those moved up
	Waiting                  int64
	Version                  int64 // of the setting: how often one was made; who takes a place does not change it
}

// GetPlaces returns the places of an initiative in a municipality.
func (s *Service) GetPlaces(ctx context.Context, municipality, initiative string) (*PlacesView, error) {
	in, err := s.decidesOnPlaces(ctx, "getPlaces", municipality, initiative)
	if err != nil {
		return nil, err
	}
	return s.viewPlaces(ctx, in, municipality, initiative)
}

// setTries bounds how often a first setting begins anew, because somebody was
// accepted while it was read who has a place.
const setTries = 16

// SetPlaces decides how many places there are, and how many may wait (nil: as
// many as come), in the place of the setting at ifVersion.
func (s *Service) SetPlaces(ctx context.Context, municipality, initiative string, ifVersion int64, number int, maxWaiting *int) (*PlacesView, error) {
	in, err := s.decidesOnPlaces(ctx, "setPlaces", municipality, initiative)
	if err != nil {
		return nil, err
	}
	p, err := s.placesOf(ctx, in.ID, municipality, initiative)
	if err != nil {
		return nil, err
	}
	if p == nil {
		p = newPlaces(in.ID, municipality, initiative)
	}
	h := hand(ctx)
	i, _ := in.Initiative(initiative)
	err = s.setPlaces(ctx, p, i, func(p *Capacity) error { return p.Set(h, s.Now(), ifVersion, number, maxWaiting) })
	if err != nil {
		return nil, err
	}
	s.wake(in.ID, municipality) // those who wait are moved up, which the caller need not wait for
	return s.viewPlaces(ctx, in, municipality, initiative)
}

// setPlaces creates a setting. In the same write as the first one, those accepted
// before anybody counted get their places: in between, others might be accepted
// into them.
func (s *Service) setPlaces(ctx context.Context, p *Capacity, i association.Initiative, set func(*Capacity) error) error {
	for range setTries {
		byID, err := s.partiesTo(ctx, p)
		if err != nil {
			return err
		}
		seen := p.Writes
		err = s.changePlaces(ctx, p.Association, p.Municipality, p.Initiative, func(now *Capacity) error {
			switch p = now; {
			case now.Writes == seen:
				now.Reconcile(s.Now().UTC(), byID, i.MaxWeeks)
			case now.Setting() == nil:
				return errOvertaken
			}
			return set(now)
		})
		if !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return fault.ErrUnavailable.Because(errOvertaken)
}

// decidesOnPlaces returns the caller's association if the caller may do this to
// the places; a municipality or an initiative that it lacks has none.
func (s *Service) decidesOnPlaces(ctx context.Context, operation, municipality, initiative string) (*association.Association, error) {
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return nil, fault.ErrForbidden
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	_, member := in.Municipality(municipality)
	_, known := in.Initiative(initiative)
	if !member || !known {
		return nil, fault.ErrNotFound
	}
	_, err = access.Decide(operation, a, access.Resource{Association: in.ID, Relationships: []access.Relationship{{Municipality: municipality}}})
	return in, err
}

func (s *Service) viewPlaces(ctx context.Context, in *association.Association, municipality, initiative string) (*PlacesView, error) {
	v := &PlacesView{Initiative: initiative, Municipality: municipality}
	p, err := s.placesOf(ctx, in.ID, municipality, initiative)
	if err != nil {
		return nil, err
	}
	if v.Waiting, err = s.referrals.Count(ctx, in.ID, inQueue(in, municipality, initiative)); err != nil {
		return nil, fmt.Errorf("count the queue: %w", err)
	}
	if p == nil || p.Setting() == nil { // nobody keeps account of who has a place
		have, err := s.referrals.Count(ctx, in.ID, []store.Cond{{Key: keyStands, Op: store.Eq, Value: placedAt(municipality, initiative)}})
		v.Taken = int(have)
		return v, err
	}
	v.Setting, v.Version = p.Setting(), p.Sets
	for _, t := range p.Taken {
		if t.Kept {
			v.Kept++
		} else {
			v.Taken++
		}
	}
	return v, nil
}
