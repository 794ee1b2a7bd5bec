// Package group keeps closed groups (slutna grupper) and who waits for a place in one.
//
// A Group is one run of a course in a municipality, with its sessions and its places; a Wait
// is that a participant waits for a place in some group of a kind of course. The state of
// both follows from their steps. Who has a place has a booking too, which covers the
// sessions: weeks, calendars, the day's list and attendance are those of bookings.
//
// A place is taken in the group's own document, by compare-and-swap: so there are never more
// participants than places, and nobody joins a group that has started, however many ask at
// once. What bookings and waits say of a group may be behind it for a moment, also after a
// crash; Settle brings them together, after each change and every few minutes.
package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
)

// Config is what the groups need of the service.
type Config struct {
	parts.Parts
	Bookings   *store.Collection[activity.Booking]
	Enrolments *store.Collection[activity.Enrolment]

	// Cancelled returns what is called off of an activity in a span of days.
	Cancelled func(ctx context.Context, association, activity string, first, last civil.Date) (activity.Cancellations, error)
	// EndBooking cancels a booking of a group that was cancelled, from today on; one that has
	// ended stays as it is.
	EndBooking func(ctx context.Context, association, booking string, by history.Author) error
	CatchUp    func(context.Context) // with the programme
	Changed    func()                // called after each change; never blocks
}

// Service has the groups and the waiting list. Its verbs take the caller from the context
// and decide by the access table. All methods may be called at once, in several processes.
type Service struct {
	Config
	groups   guard.Documents[Group]
	waits    guard.Documents[Wait]
	changing chan struct{} // has room for the one who changes a group; see update

	// Job settles all groups that are not over, every few minutes.
	Job *jobs.Job
}

const (
	settleInterval = 5 * time.Minute
	roundTimeout   = 2 * time.Minute
	maxQueue       = 1000 // who wait, that are looked at for one group
	pageSize       = 200
)

// New opens the collections on the engine.
func New(ctx context.Context, c Config) (*Service, error) {
	groups, err := store.Open(ctx, c.Engine, Groups)
	if err != nil {
		return nil, fmt.Errorf("groups: %w", err)
	}
	waits, err := store.Open(ctx, c.Engine, Waits)
	if err != nil {
		return nil, fmt.Errorf("groups: %w", err)
	}
	s := &Service{Config: c, changing: make(chan struct{}, 1)}
	s.groups = guard.Documents[Group]{
		Log: c.AccessLog, Store: groups, Kind: "group",
		Resource: func(_ context.Context, a actor.Actor, _ string, g *Group) (access.Resource, error) {
			seats := g.Status().Seats
			if i := slices.IndexFunc(seats, func(x Seat) bool { return x.Participant == a.Participant }); i >= 0 && a.Participant != "" {
				return g.Resource(&seats[i]), nil
			}
			return g.Resource(nil), nil
		},
		Participants: func(g *Group) (all []string) {
			for _, x := range g.Status().Seats {
				all = append(all, x.Participant)
			}
			return all
		},
	}
	s.waits = guard.Documents[Wait]{
		Log: c.AccessLog, Store: waits, Kind: "group-wait",
		Resource: func(_ context.Context, _ actor.Actor, _ string, w *Wait) (access.Resource, error) {
			return w.Resource(), nil
		},
		Participants: func(w *Wait) []string { return []string{w.Participant} },
	}
	s.Job = jobs.Every(settleInterval, jobs.Config{
		Service: "activity", Name: "settle-groups", Do: jobs.ForEach(c.Associations, s.settleAll), AtStart: true, Timeout: roundTimeout, Log: c.Log,
	})
	return s, nil
}

// What the types of events begin with.
const (
	groupEvents = "se.finsam.group."
	waitEvents  = "se.finsam.group_wait."
)

// Sources are the collections whose steps are published, as ids, codes and days.
func (s *Service) Sources() []feed.Source {
	return []feed.Source{
		feed.FromCollection(s.groups.Store, groupEvents, func(g *Group, n int64) feed.Event {
			step := g.Steps[n-1]
			e := feed.Event{
				Type: groupEvents + string(step.Kind), Subject: g.ID, Time: step.At, Association: g.Association, TraceParent: step.TraceParent,
				Data: map[string]string{"group": g.ID, "activity": g.Activity, "municipality": g.Municipality, "reason": step.Reason},
			}
			if step.Plan != nil {
				e.Data["on"] = string(step.Plan.First())
			}
			if x := step.Seat; x != nil {
				e.Data["enrolment"], e.Data["participant"], e.Data["booking"], e.Data["wait"] = x.Enrolment, x.Participant, x.Booking, x.Wait
			}
			return e
		}),
		feed.FromCollection(s.waits.Store, waitEvents, func(w *Wait, n int64) feed.Event {
			step := w.Steps[n-1]
			return feed.Event{
				Type: waitEvents + string(step.Kind), Subject: w.ID, Time: step.At, Association: w.Association, TraceParent: step.TraceParent,
				Data: map[string]string{
					"wait": w.ID, "enrolment": w.Enrolment, "participant": w.Participant, "municipality": w.Municipality, "group": step.Group, "reason": step.Reason,
				},
			}
		}),
	}
}

// View is a group as one caller sees it.
type View struct {
	*Group
	Status     *Status
	Course     association.Activity // as it is on the first day
	Sessions   []SessionView
	Members    []Member // that the caller may see
	ShowsAll   bool     // the caller may see all of them
	Message    string   // what the participants read about the cancellation, for who may see one of them
	Operations []string // that the caller may call on it now
}

// Free returns how many places nobody has or is offered.
func (v *View) Free() int { return max(v.Status.Plan.Most-len(v.Status.Seats), 0) }

// SessionView is a session as it is now.
type SessionView struct {
	Session
	On             civil.Date // where the series was moved, another day than planned
	Starts, Ends   time.Time  // zero where no time is decided
	IsOff          bool       // called off or closed
	Present, Noted int        // of the members that the caller may see
}

// Member is who has a place, or an offer of one.
type Member struct {
	Seat
	Present, Noted int // sessions
	Left           bool
}

// course returns a group's course as it is offered now.
func (s *Service) course(g *Group) (association.Activity, error) {
	in, err := s.Associations.Get(g.Association)
	if err != nil {
		return association.Activity{}, err
	}
	x, known := in.Activity(g.Activity)
	if !known {
		x = association.Activity{ID: g.Activity, Municipality: g.Municipality, Gone: true}
	}
	return x, nil
}

// brief returns a group as a list shows it.
func (s *Service) brief(a actor.Actor, g *Group) (*View, error) {
	x, err := s.course(g)
	v := &View{Group: g, Status: g.Status()}
	v.Course = x.At(v.Status.Plan.First())
	for _, one := range v.Status.Plan.Sessions {
		v.Sessions = append(v.Sessions, SessionView{Session: one, On: one.DayOf(x)})
	}
	all := g.Resource(nil)
	v.ShowsAll = access.Allows("getGroup#members", a, all)
	v.Operations = access.Permitted(Table.Operations(v.Status.State), a, all)
	if v.Status.CanTake(x, s.Now()) != nil {
		v.Operations = slices.DeleteFunc(v.Operations, func(operation string) bool { return operation == "createBooking" })
	}
	return v, err
}

// view returns a group whole.
func (s *Service) view(ctx context.Context, a actor.Actor, g *Group) (*View, error) {
	v, err := s.brief(a, g)
	if err != nil {
		return nil, err
	}
	x, _ := s.course(g)
	days := v.Sessions
	cancelled, err := s.Cancelled(ctx, g.Association, g.Activity, days[0].On, days[len(days)-1].On)
	if err != nil {
		return nil, err
	}
	for i := range days {
		o, occurs := activity.OccurrenceOn(x, days[i].On, cancelled)
		days[i].Starts, days[i].Ends, days[i].IsOff = o.Starts, o.Ends, !occurs || o.Closed || o.Cancelled != nil
	}
	var ids []string
	for _, seat := range v.Status.Seats {
		if access.Allows("getGroup#members", a, g.Resource(&seat)) {
			v.Members = append(v.Members, Member{Seat: seat})
			ids = append(ids, seat.Booking)
		}
	}
	booked, err := s.Bookings.Find(ctx, store.Query{Association: g.Association, Where: []store.Cond{store.IsAmong(store.ID, ids)}, Limit: len(ids) + 1})
	if err != nil {
		return nil, err
	}
	for _, b := range booked.Items {
		m := &v.Members[slices.Index(ids, b.Value.ID)]
		status := b.Value.Status()
		m.Left = status.LastDay < days[len(days)-1].On
		for i := range days {
			note, noted := status.Notes[days[i].On]
			if !noted {
				continue
			}
			m.Noted, days[i].Noted = m.Noted+1, days[i].Noted+1
			if note.Attendance == activity.Present {
				m.Present, days[i].Present = m.Present+1, days[i].Present+1
			}
		}
	}
	if v.ShowsAll || len(v.Members) > 0 {
		v.Message, err = s.Cipher.DecryptText(v.Status.Text, textContext(g.ID))
	}
	return v, err
}

// textContext ties the encrypted text of a cancellation to its group.
func textContext(group string) string { return "group/" + group + "/text" }

// Create plans a group of a course of the caller's municipality. A repeat with the same key
// returns the group as it was made.
func (s *Service) Create(ctx context.Context, activityID string, r Request, key string) (*View, error) {
	var x association.Activity
	a, entry, err := guard.Ask(ctx, "createGroup", "activity/"+activityID, func(a actor.Actor) (access.Resource, error) {
		s.CatchUp(ctx)
		in, err := s.Associations.Get(a.Association)
		if err != nil {
			return access.Resource{}, err
		}
		var offered bool
		if x, offered = in.Activity(activityID); !offered {
			return access.Resource{}, fault.ErrNotFound
		}
		return activity.ResourceOf(in.ID, x), nil
	})
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	now := s.Now()
	receipt := idempotency.Receipt{At: history.Stamp(now), Fingerprint: s.Cipher.Fingerprint(fmt.Appendf(nil, "%q %q", activityID, fmt.Sprintf("%+v", r)))}
	v, replayed, err := idempotency.Create(ctx, s.groups.Store, idempotency.Request{
		Actor: a, Operation: entry.Operation, Key: key, Fingerprint: receipt.Fingerprint, Now: now, NewID: s.NewID,
	}, func(g *Group) idempotency.Receipt { return g.Receipt }, func(id string) (*Group, error) {
		return Make(id, a.Association, x, r, receipt, guard.Author(ctx), now)
	})
	if errors.Is(err, store.ErrTaken) {
		err = ErrThere.AtField("/from")
	}
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	if replayed {
		v.Value.Steps = v.Value.Steps[:1]
	}
	s.Changed()
	return s.view(ctx, a, v.Value)
}

// change lets the caller take a step of a group, and then settles what follows from it.
func (s *Service) change(ctx context.Context, operation, id string, ifVersion int64, change func(*Group, association.Activity) error) (*View, error) {
	a := actor.From(ctx)
	s.CatchUp(ctx)
	v, err := s.groups.Change(ctx, a, guard.Call{Operation: operation, ID: id, IfVersion: ifVersion}, func(v store.Versioned[Group]) error {
		x, err := s.course(v.Value)
		if err != nil {
			return err
		}
		return change(v.Value, x)
	})
	if errors.Is(err, store.ErrTaken) {
		err = ErrThere.AtField("/from")
	}
	if err != nil {
		return nil, err
	}
	s.settle(ctx, a.Association, id, guard.Author(ctx))
	if now, err := s.groups.Store.Get(ctx, a.Association, id); err == nil {
		v = now
	}
	return s.view(ctx, a, v.Value)
}

// Change makes the plan of a group another.
func (s *Service) Change(ctx context.Context, id string, ifVersion int64, r Request) (*View, error) {
	return s.change(ctx, "changeGroup", id, ifVersion, func(g *Group, x association.Activity) error {
		return g.Change(x, r, guard.Author(ctx), s.Now())
	})
}

// Open lets participants take places; those who wait are offered one.
func (s *Service) Open(ctx context.Context, id string, ifVersion int64) (*View, error) {
	return s.change(ctx, "openGroup", id, ifVersion, func(g *Group, x association.Activity) error {
		return g.Open(x, guard.Author(ctx), s.Now())
	})
}

// Start begins a group that has the participants which it needs.
func (s *Service) Start(ctx context.Context, id string, ifVersion int64) (*View, error) {
	return s.change(ctx, "startGroup", id, ifVersion, func(g *Group, x association.Activity) error {
		return g.Start(x, guard.Author(ctx), s.Now())
	})
}

// Cancel calls off a group; text is in clear. Its bookings are cancelled, and who waited for
// the place waits again, with the time since the beginning.
func (s *Service) Cancel(ctx context.Context, id string, ifVersion int64, reason, text string) (*View, error) {
	return s.change(ctx, "cancelGroup", id, ifVersion, func(g *Group, _ association.Activity) error {
		encrypted, err := s.Cipher.EncryptText(text, textContext(id))
		if err != nil {
			return err
		}
		return g.Cancel(reason, encrypted, guard.Author(ctx), s.Now())
	})
}

// Group returns a group, with those of its members whom the caller may see.
func (s *Service) Group(ctx context.Context, id string) (*View, error) {
	var g *Group
	a, entry, err := guard.Ask(ctx, "getGroup", "group/"+id, func(a actor.Actor) (access.Resource, error) {
		v, err := s.groups.Store.Get(ctx, a.Association, id)
		if errors.Is(err, fault.ErrNotFound) {
			s.groups.Miss(ctx, a, "getGroup")
		}
		if err != nil {
			return access.Resource{}, err
		}
		g = v.Value
		return s.groups.Resource(ctx, a, "getGroup", g)
	})
	entry.Participants = nil
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	v, err := s.view(ctx, a, g)
	if err != nil {
		return nil, err
	}
	for _, m := range v.Members {
		entry.Participants = append(entry.Participants, m.Participant)
	}
	return v, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// Filter narrows a list of groups; empty fields mean any.
type Filter struct {
	Municipality, Activity string
	State                  State
}

// List returns the groups of the association, or those of which the caller is the leader or a
// participant, the one with the latest first day first; without their members.
func (s *Service) List(ctx context.Context, f Filter, w store.Window) (*store.List[*View], error) {
	entry := accesslog.Entry{Operation: "listGroups", Thing: "groups"}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return nil, err
	}
	relation := access.Scope(entry.Operation, a)
	where := []store.Cond{store.AtLeast(firstDayKey, "")}
	if relation == access.OwnParticipant {
		entry.Participants = []string{a.Participant}
		own, err := s.Bookings.Find(ctx, store.Query{Association: a.Association, Where: []store.Cond{store.Equals(participantKey, a.Participant)}, Limit: pageSize})
		if err != nil {
			return nil, err
		}
		ids := []string{}
		for _, b := range own.Items {
			if b.Value.Group != "" {
				ids = append(ids, b.Value.Group)
			}
		}
		where = append(where, store.IsAmong(store.ID, ids))
	}
	for _, c := range []store.Cond{store.Equals(municipalityKey, f.Municipality), store.Equals(activityKey, f.Activity), store.Equals(stateKey, string(f.State))} {
		if c.Value != "" {
			where = append(where, c)
		}
	}
	found, total, err := s.groups.Store.List(ctx, store.Query{Association: a.Association, Where: where, Sort: []store.Order{{Key: firstDayKey, Desc: true}}}, w)
	if err != nil {
		return nil, err
	}
	list := &store.List[*View]{Total: total, Next: found.Next.String()}
	for _, v := range found.Items {
		b, err := s.brief(a, v.Value)
		if err != nil {
			return nil, err
		}
		list.Items = append(list.Items, b)
	}
	if relation != access.OwnParticipant {
		return list, nil // no person is in it
	}
	entry.Why = string(relation)
	return list, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// Proposals returns which groups of the caller's municipality could be planned for those who
// wait for a kind of course, or all kinds, with a first day within so many weeks.
func (s *Service) Proposals(ctx context.Context, category string, weeks int) ([]Proposal, error) {
	entry := accesslog.Entry{Operation: "listGroupProposals", Thing: "group-proposals"}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return nil, err
	}
	entry.Why = string(access.Scope(entry.Operation, a))
	s.CatchUp(ctx)
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	courses := map[string][]association.Activity{} // by kind
	for _, x := range in.Week(a.Municipality).Activities {
		for _, form := range append([]association.Activity{x}, x.Later...) {
			if form.ClosedGroup != nil && (category == "" || form.Category == category) {
				courses[form.Category] = append(courses[form.Category], x)
				break
			}
		}
	}
	taken := map[string]bool{}
	err = s.groups.Store.Each(ctx, store.Query{Association: in.ID, Where: []store.Cond{store.Equals(municipalityKey, a.Municipality)}, Limit: pageSize}, func(v store.Versioned[Group]) error {
		st := v.Value.Status()
		x, _ := in.Activity(v.Value.Activity)
		taken[x.ID+"/"+string(st.first(x))] = st.State != StateCancelled
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []Proposal
	for _, kind := range slices.Sorted(maps.Keys(courses)) {
		waiting, err := s.queue(ctx, in.ID, kind)
		if err != nil {
			return nil, err
		}
		waiting = slices.DeleteFunc(waiting, func(c Candidate) bool { return !access.Allows(entry.Operation, a, c.Resource()) })
		found := Propose(courses[kind], waiting, func(activity string, first civil.Date) bool { return taken[activity+"/"+string(first)] }, civil.DateOf(s.Now()), weeks)
		for _, c := range waiting {
			if len(found) > 0 && !slices.Contains(entry.Participants, c.Participant) {
				entry.Participants = append(entry.Participants, c.Participant)
			}
		}
		all = append(all, found...)
	}
	return all, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// queue returns who waits for a kind of course, in order, with the enrolments. One that is
// not known any more is left out.
func (s *Service) queue(ctx context.Context, association, category string) (all []Candidate, err error) {
	found, err := s.waits.Store.Find(ctx, store.Query{Association: association, Where: []store.Cond{store.Equals(queueKey, category)}, Sort: queueOrder, Limit: maxQueue})
	if err != nil || len(found.Items) == 0 {
		return nil, err
	}
	ids := make([]string, len(found.Items))
	for i, v := range found.Items {
		ids[i] = v.Value.Enrolment
	}
	known, err := s.Enrolments.Find(ctx, store.Query{Association: association, Where: []store.Cond{store.IsAmong(store.ID, ids)}, Limit: maxQueue})
	if err != nil {
		return nil, err
	}
	byID := map[string]*activity.Enrolment{}
	for _, v := range known.Items {
		byID[v.Value.ID] = v.Value
	}
	for _, v := range found.Items {
		if e := byID[v.Value.Enrolment]; e != nil {
			all = append(all, Candidate{v.Value, e})
		}
	}
	return all, nil
}

// WaitView is a wait as one caller sees it.
type WaitView struct {
	*Wait
	State      WaitState
	Group      string // of the offer or the place
	Operations []string
}

func viewWait(a actor.Actor, w *Wait) *WaitView {
	v := &WaitView{Wait: w, Operations: access.Permitted(w.Operations(), a, w.Resource())}
	v.State, v.Group = w.State()
	return v
}

// Queue puts an enrolled participant on the waiting list for a kind of course. A repeat with
// the same key returns the wait as it was made.
func (s *Service) Queue(ctx context.Context, enrolment, category string, wish Wish, key string) (*WaitView, error) {
	var e *activity.Enrolment
	a, entry, err := guard.Ask(ctx, "createGroupWait", "enrolment/"+enrolment, func(a actor.Actor) (access.Resource, error) {
		v, err := s.Enrolments.Get(ctx, a.Association, enrolment)
		if err != nil {
			return access.Resource{}, err
		}
		e = v.Value
		return e.Resource(), nil
	})
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, entry, err)
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	wish.Priority = cmp.Or(wish.Priority, "normal")
	receipt := idempotency.Receipt{At: history.Stamp(now), Fingerprint: s.Cipher.Fingerprint(fmt.Appendf(nil, "%q %q %q", enrolment, category, fmt.Sprintf("%+v", wish)))}
	v, replayed, err := idempotency.Create(ctx, s.waits.Store, idempotency.Request{
		Actor: a, Operation: entry.Operation, Key: key, Fingerprint: receipt.Fingerprint, Now: now, NewID: s.NewID,
	}, func(w *Wait) idempotency.Receipt { return w.Receipt }, func(id string) (*Wait, error) {
		for i, m := range wish.Municipalities {
			if _, member := in.Municipality(m); !member {
				return nil, ErrMunicipality.AtField(fmt.Sprintf("/municipalities/%d", i))
			}
		}
		return Queue(id, e, category, wish, receipt, guard.Author(ctx), now)
	})
	if errors.Is(err, store.ErrTaken) {
		err = ErrWaits.AtField("/category")
	}
	if err = guard.Enter(ctx, s.AccessLog, entry, err); err != nil {
		return nil, err
	}
	if replayed {
		v.Value.Steps = v.Value.Steps[:1]
		return viewWait(a, v.Value), nil
	}
	s.Changed()
	s.offerFor(ctx, v.Value)
	if now, err := s.waits.Store.Get(ctx, a.Association, v.Value.ID); err == nil {
		v = now
	}
	return viewWait(a, v.Value), nil
}

// offerFor offers the free places of the open groups of a kind of course, for which somebody
// has begun to wait. What fails is left to the job.
func (s *Service) offerFor(ctx context.Context, w *Wait) {
	in, err := s.Associations.Get(w.Association)
	if err == nil {
		err = s.groups.Store.Each(ctx, store.Query{Association: w.Association, Where: []store.Cond{store.Equals(stateKey, string(StateOpen))}, Limit: pageSize}, func(v store.Versioned[Group]) error {
			x, _ := in.Activity(v.Value.Activity)
			if st := v.Value.Status(); x.At(st.Plan.First()).Category == w.Category && len(st.Seats) < st.Plan.Most {
				return s.offer(ctx, w.Association, v.Value.ID)
			}
			return nil
		})
	}
	if err != nil {
		s.Log.WarnContext(ctx, "places are offered at the next round", "error", err)
	}
}

// Wait returns a wait.
func (s *Service) Wait(ctx context.Context, id string) (*WaitView, error) {
	a := actor.From(ctx)
	v, err := s.waits.Load(ctx, a, guard.Call{Operation: "getGroupWait", ID: id})
	if err != nil {
		return nil, err
	}
	return viewWait(a, v.Value), nil
}

// Waits lists who waits or waited: of the caller's municipality, or the caller's own. Those who
// wait for a kind of course come in the order in which places are offered; else the latest
// come first.
func (s *Service) Waits(ctx context.Context, category string, w store.Window) (*store.List[*WaitView], error) {
	entry := accesslog.Entry{Operation: "listGroupWaits", Thing: "group-waits"}
	a, err := guard.Caller(ctx, s.AccessLog, entry.Operation, entry.Thing)
	if err != nil {
		return nil, err
	}
	entry.Why = string(access.Scope(entry.Operation, a))
	q := store.Query{Association: a.Association, Where: []store.Cond{store.Equals(municipalityKey, a.Municipality)}, Sort: []store.Order{{Key: sinceKey, Desc: true}}}
	if access.Relation(entry.Why) == access.OwnParticipant {
		q.Where = []store.Cond{store.Equals(participantKey, a.Participant)}
	}
	if category != "" {
		q.Where, q.Sort, q.OrderName = append(q.Where, store.Equals(queueKey, category)), queueOrder, "queue-"
	}
	found, total, err := s.waits.Store.List(ctx, q, w)
	if err != nil {
		return nil, err
	}
	list := &store.List[*WaitView]{Total: total, Next: found.Next.String()}
	for _, v := range found.Items {
		entry.Participants = append(entry.Participants, v.Value.Participant)
		list.Items = append(list.Items, viewWait(a, v.Value))
	}
	return list, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// Decline frees the place that is offered to who waits, who waits on for another group.
func (s *Service) Decline(ctx context.Context, id string, ifVersion int64) (*WaitView, error) {
	return s.changeWait(ctx, "declineGroupOffer", id, ifVersion, WaitReturned, Declined, ErrNoOffer, HasOffer)
}

// EndWait takes a participant off the waiting list.
func (s *Service) EndWait(ctx context.Context, id string, ifVersion int64) (*WaitView, error) {
	return s.changeWait(ctx, "endGroupWait", id, ifVersion, WaitEnded, Declined, ErrNotWaiting, Waiting, HasOffer)
}

// changeWait lets the caller take a step of a wait in some states, and offers the place that
// this frees to the next one.
func (s *Service) changeWait(ctx context.Context, operation, id string, ifVersion int64, kind WaitKind, reason string, refusal error, from ...WaitState) (*WaitView, error) {
	a, group := actor.From(ctx), ""
	v, err := s.waits.Change(ctx, a, guard.Call{Operation: operation, ID: id, IfVersion: ifVersion}, func(v store.Versioned[Wait]) error {
		var state WaitState
		if state, group = v.Value.State(); !slices.Contains(from, state) || !v.Value.Take(kind, group, reason, guard.Author(ctx), s.Now()) {
			return refusal
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	if group != "" {
		s.settle(ctx, a.Association, group, guard.Author(ctx))
	}
	return viewWait(a, v.Value), nil
}

// Counted returns the groups of a municipality and the waits of those enrolled there, for
// figures; the caller has decided and entered the access.
func (s *Service) Counted(ctx context.Context, association, municipality string) (groups []*Group, waits []*Wait, err error) {
	all := store.Query{Association: association, Where: []store.Cond{store.Equals(municipalityKey, municipality)}, Limit: pageSize}
	err = s.groups.Store.Each(ctx, all, func(v store.Versioned[Group]) error {
		groups = append(groups, v.Value)
		return nil
	})
	if err == nil {
		err = s.waits.Store.Each(ctx, all, func(v store.Versioned[Wait]) error {
			waits = append(waits, v.Value)
			return nil
		})
	}
	return groups, waits, err
}
