// Package waitlist keeps the places of an initiative in a municipality and the waiting
// list (väntelista) for them: who has a place, who is next, and what may be known
// before a referral is sent.
package waitlist

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// The refusals of this package.
var (
	ErrNoPlace = fault.New(fault.Conflict, "no-place",
		"Alla platser i insatsen är upptagna. Sätt remissen på väntelistan, så erbjuds den en plats så snart en blir ledig.", "All places in the initiative are taken. Put the referral on the waiting list; it is offered a place as soon as one is free.")
	ErrFull = fault.New(fault.Conflict, "waiting-list-full",
		"Väntelistan är full. Avvisa remissen eller höj gränsen för väntelistan.", "The waiting list is full. Reject the referral, or raise the limit of the waiting list.")
)

// Priorities are those of the waiting list, the most urgent first.
var Priorities = []string{"high", "normal", "low"}

// The keys by which referrals with a place or in a queue are found. The three sets of
// KeySet exclude each other: the referrals that another municipality is asked to take
// over, a queue, and those that have a place. Most referrals are in none, and each
// index costs every write.
const (
	KeySet   = "placeSet"
	KeyRank  = "rank"  // of the priority; only in a queue
	KeySince = "since" // put on the waiting list, Unix milliseconds; only in a queue
)

// The sets of referrals of an initiative in a municipality.
const (
	Queued = "queue" // in its queue
	Placed = "place" // with one of its places
)

// First is the order of a queue: priority, then time on the list.
var First = []store.Order{{Key: KeyRank}, {Key: KeySince}}

// SetKeys adds the keys of a referral with a place, or in a queue.
func SetKeys(k store.Keys, association string, s *referral.Status) {
	switch {
	case s.IsWaiting():
		k[KeySet], k[KeyRank], k[KeySince] = Queue{association, s.Municipality, s.Queue}.key(Queued), rank(s.Priority), s.WaitingSince.UnixMilli()
	case s.Place != nil:
		k[KeySet] = Queue{association, s.Municipality, s.Place.Initiative}.key(Placed)
	}
}

// rank is the index of the priority, from 0.
func rank(priority string) int64 { return int64(max(slices.Index(Priorities, priority), 0)) }

// Queue names the waiting list of an initiative in a municipality.
type Queue struct {
	Association  string `json:"association"`
	Municipality string `json:"municipality"`
	Initiative   string `json:"initiative"`
}

func (q Queue) id() string {
	return uuid.NewSHA1(idSpace, []byte(q.Initiative+"/"+q.Municipality)).String()
}

// thing is the places' name in the access log.
func (q Queue) thing() string { return "capacities/" + q.Initiative + "/" + q.Municipality }

func (q Queue) key(set string) string { return set + "/" + q.Municipality + "/" + q.Initiative }

// Where returns the conditions of the referrals in a set: Queued or Placed.
func (q Queue) Where(set string) []store.Cond {
	return []store.Cond{store.Equals(KeySet, q.key(set))}
}

// Config is what the waiting lists need.
type Config struct {
	parts.Parts
	Referrals *store.Collection[referral.Referral]
	Changed   func() // called after a place was offered; never blocks
}

// Service has the places and the waiting lists. Its verbs take the caller from the
// context and decide by the access table. All methods may be called at once, in several
// processes: each change is by compare-and-swap.
type Service struct {
	Config
	capacities *store.Collection[Capacity]
	changing   chan struct{} // has room for the one who changes a capacity; see change

	// Job offers free places to the first in the queues: for the steps of this process at
	// once, and of everything every few minutes, for what other processes or a crash left
	// behind.
	Job *jobs.Job

	mu  sync.Mutex
	due map[Queue]bool // municipalities: of all initiatives
}

// New opens the capacities on the engine.
func New(ctx context.Context, c Config) (*Service, error) {
	capacities, err := store.Open(ctx, c.Engine, Collection)
	if err != nil {
		return nil, fmt.Errorf("waiting list: %w", err)
	}
	s := &Service{Config: c, capacities: capacities, changing: make(chan struct{}, 1), due: map[Queue]bool{}}
	s.Job = jobs.Every(sweepInterval, jobs.Config{
		Service: "referral", Name: "offer-places", Do: jobs.ForEach(c.Associations, s.sweepAssociation), OnWake: s.AllocateDue,
		Timeout: roundTimeout, Log: c.Log,
	})
	return s, nil
}

// capacity returns the capacity of a queue; nil while nothing is set or taken.
func (s *Service) capacity(ctx context.Context, q Queue) (*Capacity, error) {
	v, err := s.capacities.Get(ctx, q.Association, q.id())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return v.Value, err
}

// change changes a capacity, which is created if missing. Within the process one
// does so at a time: of many who accept at once, none is refused for being slower than
// the others.
func (s *Service) change(ctx context.Context, q Queue, change func(*Capacity) error) error {
	select {
	case s.changing <- struct{}{}:
		defer func() { <-s.changing }()
	case <-ctx.Done():
		return fault.ErrUnavailable.Because(context.Cause(ctx))
	}
	empty := func() *Capacity { return &Capacity{Queue: q, ID: q.id()} }
	return s.capacities.Upsert(ctx, q.Association, q.id(), empty, func(c *Capacity) error {
		err := change(c)
		c.Writes++
		return err
	})
}

// Reservation is a place that was taken for a referral which is not saved yet.
type Reservation struct {
	service *Service
	queue   Queue
	mark    string
}

// Take takes the place t of a referral's next step, which may be accepted at its version
// only; ErrNoPlace. The caller saves the referral and then calls Saved.
func (s *Service) Take(ctx context.Context, q Queue, t Taken) (*Reservation, error) {
	t.Mark, t.At = crand.Text(), s.Now().UTC()
	if err := s.change(ctx, q, func(c *Capacity) error { return c.Take(t) }); err != nil {
		return nil, err
	}
	return &Reservation{s, q, t.Mark}, nil
}

// giveBackTimeout bounds giving back, which goes on when the caller has left.
const giveBackTimeout = 5 * time.Second

// Saved frees the place when err says that the referral has certainly not been
// saved, and reports that. When it is not known, a later round looks. A nil Reservation
// has nothing to give back.
func (r *Reservation) Saved(ctx context.Context, err error) (refused bool) {
	for _, refusal := range []error{store.ErrStale, store.ErrTaken, store.ErrNotFound, store.ErrNewer, referral.ErrWrongState} {
		refused = refused || errors.Is(err, refusal)
	}
	if r == nil || !refused {
		return refused
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	err = r.service.change(ctx, r.queue, func(c *Capacity) error {
		return store.WriteIf(c.GiveBack(r.mark))
	})
	if err != nil {
		r.service.Log.WarnContext(ctx, "cannot give a place back", "error", err, "municipality", r.queue.Municipality)
	}
	r.service.Wake(r.queue.Association, r.queue.Municipality)
	return true
}

// CheckLimit returns ErrFull when the waiting list is limited and full. Two requests at
// the same moment may both be the last.
func (s *Service) CheckLimit(ctx context.Context, q Queue) error {
	c, err := s.capacity(ctx, q)
	if err != nil {
		return err
	}
	return s.checkLimit(ctx, q, c)
}

func (s *Service) checkLimit(ctx context.Context, q Queue, c *Capacity) error {
	if c.Setting() == nil || c.Setting().MaxWaiting == nil {
		return nil
	}
	waiting, err := s.Referrals.Count(ctx, q.Association, q.Where(Queued))
	if err == nil && waiting >= int64(*c.Setting().MaxWaiting) {
		return ErrFull
	}
	return err
}

// room is what the initiatives of a municipality have room for now.
type room struct{ place, queue bool }

func (s *Service) room(ctx context.Context, association, municipality string) (r room, err error) {
	in, err := s.Associations.Get(association)
	if err != nil {
		return r, err
	}
	for _, i := range in.Initiatives {
		if !i.PerformedFrom(municipality, civil.DateOf(s.Now())) {
			continue
		}
		q := Queue{association, municipality, i.ID}
		c, err := s.capacity(ctx, q)
		if err != nil {
			return r, err
		}
		free, limited := c.Free()
		r.place = r.place || !limited || free > 0
		if r.queue {
			continue
		}
		if err := s.checkLimit(ctx, q, c); err == nil {
			r.queue = true
		} else if !errors.Is(err, ErrFull) {
			return r, err
		}
	}
	return r, nil
}

// DropFull leaves out of what a caller may do to the views what no initiative has room
// for: to accept without a place, and to put on a waiting list that is full.
func (s *Service) DropFull(ctx context.Context, views ...*referral.View) error {
	rooms := map[string]room{} // by municipality
	for _, v := range views {
		if !slices.Contains(v.Operations, "acceptReferral") && !slices.Contains(v.Operations, "waitlistReferral") {
			continue
		}
		r, known := rooms[v.Status.Municipality]
		if !known {
			var err error
			if r, err = s.room(ctx, v.Referral.Association, v.Status.Municipality); err != nil {
				return err
			}
			rooms[v.Status.Municipality] = r
		}
		v.Operations = slices.DeleteFunc(v.Operations, func(operation string) bool {
			return operation == "acceptReferral" && v.Status.Place == nil && !r.place ||
				operation == "waitlistReferral" && v.Status.State != referral.StateWaitlisted && !r.queue
		})
	}
	return nil
}

// FillPositions sets the queue positions of the views that are in a queue.
func (s *Service) FillPositions(ctx context.Context, views ...*referral.View) error {
	byRank := map[Queue][]int64{} // how many wait, by rank
	for _, v := range views {
		if !v.Status.IsWaiting() {
			continue
		}
		q := Queue{v.Referral.Association, v.Status.Municipality, v.Status.Queue}
		where := q.Where(Queued)
		if byRank[q] == nil {
			for r := range int64(len(Priorities)) {
				n, err := s.Referrals.Count(ctx, q.Association, append(where[:1:1], store.Equals(KeyRank, r)))
				if err != nil {
					return err
				}
				byRank[q] = append(byRank[q], n)
			}
		}
		own := rank(v.Status.Priority)
		sooner := append(where, store.Equals(KeyRank, own),
			store.Cond{Key: KeySince, Op: store.Lt, Value: v.Status.WaitingSince.UnixMilli()})
		ahead, err := s.Referrals.Count(ctx, q.Association, sooner)
		if err != nil {
			return err
		}
		v.Queue = &referral.QueuePosition{Place: ahead + 1}
		for r, n := range byRank[q] {
			v.Queue.Of += n
			if int64(r) < own {
				v.Queue.Place += n
			}
		}
		v.Queue.Of = max(v.Queue.Of, v.Queue.Place) // counted one after the other, while others come and go
	}
	return nil
}

// Availability reports whether an initiative has room now in a municipality that performs it,
// today or later. An empty initiative is the association's only one.
func (s *Service) Availability(ctx context.Context, initiative, municipality string) (*Availability, error) {
	a, err := guard.Caller(ctx, s.AccessLog, "getCapacity", "capacity")
	if err != nil {
		return nil, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	if err := referral.CheckPlace(in, initiative, municipality); err != nil {
		return nil, err
	}
	i, _ := in.Choose(initiative)
	if !i.PerformedFrom(municipality, civil.DateOf(s.Now())) {
		return nil, referral.ErrNotPerformedNow.AtField("municipality")
	}
	q := Queue{a.Association, municipality, i.ID}
	c, err := s.capacity(ctx, q)
	if err != nil {
		return nil, err
	}
	waiting, err := s.Referrals.Count(ctx, a.Association, q.Where(Queued))
	if err != nil {
		return nil, err
	}
	found := c.availability(civil.DateOf(s.Now()), waiting, i.PlanIn(municipality).MaxWeeks)
	found.Initiative = i.ID
	return found, nil
}

// PlacesView is the places as those who decide on them see them: numbers only.
type PlacesView struct {
	Initiative, Municipality string
	Setting                  *Setting // nil while none is set
	ShowsUse                 bool     // the caller may see what follows: the association sees no count as it changes
	Taken, Kept              int      // accepted or enrolled, and offered
	Waiting                  int64
	Version                  int64 // how often a number was set; taking a place does not change it
}

// Places returns the places of an initiative in a municipality.
func (s *Service) Places(ctx context.Context, municipality, initiative string) (*PlacesView, error) {
	q, _, err := s.decide(ctx, "getPlaces", municipality, initiative)
	if err != nil {
		return nil, err
	}
	return s.view(ctx, q)
}

// maxSetTries bounds how often a first setting is tried again because somebody was
// accepted while it was read who has a place.
const maxSetTries = 16

// SetPlaces decides how many places there are, and how many may wait (nil: unlimited),
// in place of the setting at ifVersion. In the same write as the first setting, those
// accepted before get their places: otherwise others might be accepted into them.
func (s *Service) SetPlaces(ctx context.Context, municipality, initiative string, ifVersion int64, number int, maxWaiting *int) (*PlacesView, error) {
	q, i, err := s.decide(ctx, "setPlaces", municipality, initiative)
	if err != nil {
		return nil, err
	}
	if !i.PerformedFrom(municipality, civil.DateOf(s.Now())) {
		return nil, guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: "setPlaces", Thing: q.thing()}, referral.ErrNotPerformedNow.AtField("initiative"))
	}
	by := guard.Author(ctx)
	set := func(c *Capacity) error { return c.Set(by, s.Now(), ifVersion, number, maxWaiting) }
	if err := s.reconcile(ctx, q, i, maxSetTries, set); err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: "setPlaces", Thing: q.thing()}, err)
	}
	s.Wake(q.Association, municipality) // offers follow, which the caller need not wait for
	return s.view(ctx, q)
}

// decide returns the queue and the initiative if the caller may do this to its places;
// a municipality or an initiative that the association lacks has none.
func (s *Service) decide(ctx context.Context, operation, municipality, initiative string) (q Queue, i association.Initiative, err error) {
	q = Queue{actor.From(ctx).Association, municipality, initiative}
	a, err := guard.Caller(ctx, s.AccessLog, operation, q.thing())
	if err != nil {
		return q, i, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return q, i, err
	}
	own := q.resource()
	_, member := in.Municipality(municipality)
	i, known := in.Initiative(initiative)
	if !member || !known {
		own = access.Resource{}
	}
	return q, i, guard.Decide(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: q.thing()}, own)
}

func (q Queue) resource() access.Resource {
	return access.Resource{Association: q.Association, Relationships: []access.Relationship{{Municipality: q.Municipality}}}
}

func (s *Service) view(ctx context.Context, q Queue) (*PlacesView, error) {
	v := &PlacesView{Initiative: q.Initiative, Municipality: q.Municipality}
	v.ShowsUse = access.Allows("getPlaces#use", actor.From(ctx), q.resource())
	c, err := s.capacity(ctx, q)
	if err != nil {
		return nil, err
	}
	if v.Waiting, err = s.Referrals.Count(ctx, q.Association, q.Where(Queued)); err != nil {
		return nil, fmt.Errorf("count the queue: %w", err)
	}
	if c.Setting() == nil { // Taken is not complete
		n, err := s.Referrals.Count(ctx, q.Association, q.Where(Placed))
		v.Taken = int(n)
		return v, err
	}
	v.Setting, v.Version = c.Setting(), c.Sets
	for _, t := range c.Taken {
		if t.Kept {
			v.Kept++
		} else {
			v.Taken++
		}
	}
	return v, nil
}
