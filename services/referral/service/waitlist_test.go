package service_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
	"github.com/finsam/finsam/services/referral/waitlist"
)

// places sets how many there are in Mölndal.
func places(t *testing.T, w *referraltest.World, n int, maxWaiting *int) {
	t.Helper()
	admin := referraltest.As(referraltest.Admin)
	was, err := w.Service.Waitlist.Places(admin, "1481", "activera")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Waitlist.SetPlaces(admin, "1481", "activera", was.Version, n, maxWaiting); err != nil {
		t.Fatal(err)
	}
}

// taken returns how many places are taken and kept in Mölndal.
func taken(t *testing.T, w *referraltest.World) (accepted, kept int) {
	t.Helper()
	p, err := w.Service.Waitlist.Places(referraltest.As(referraltest.Intake), "1481", "activera")
	if err != nil {
		t.Fatal(err)
	}
	return p.Taken, p.Kept
}

func TestHoweverManyAreAcceptedAtOnceNoMoreHaveAPlaceThanThereAre(t *testing.T) {
	w := referraltest.New(t)
	const number, referrals, each = 5, 24, 3
	places(t, w, number, nil)
	// As another process on the same database: they know of each other by it alone.
	twin, err := service.New(t.Context(), w.Service.Config)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range referrals {
		ids = append(ids, createdOther(t, w).ID)
	}
	var won, full, late atomic.Int64
	var all sync.WaitGroup
	for _, id := range ids {
		for n := range each { // several receivers decide on the same one
			all.Go(func() {
				who, s := referraltest.Intake, w.Service
				if n%2 == 1 {
					who, s = referraltest.Intake2, twin
				}
				_, err := s.Accept(referraltest.As(who), id, 1, acceptance())
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, waitlist.ErrNoPlace):
					full.Add(1)
				case errors.Is(err, fault.ErrStale), errors.Is(err, referral.ErrWrongState):
					late.Add(1)
				default:
					t.Errorf("got %v", err)
				}
			})
		}
	}
	all.Wait()
	if won.Load()+full.Load()+late.Load() != referrals*each || won.Load() == 0 || won.Load() > number {
		t.Fatalf("%d accepted, %d without place, %d late", won.Load(), full.Load(), late.Load())
	}
	// Anyone who lost a race gave its place back: they can all be had now.
	for _, id := range ids {
		_, err := w.Service.Accept(referraltest.As(referraltest.Intake), id, 1, acceptance())
		if err == nil {
			won.Add(1)
		} else if !errors.Is(err, waitlist.ErrNoPlace) && !errors.Is(err, fault.ErrStale) {
			t.Errorf("got %v", err)
		}
	}
	accepted, kept := taken(t, w)
	if won.Load() != number || accepted != number || kept != 0 {
		t.Errorf("%d accepted, %d places taken, %d kept", won.Load(), accepted, kept)
	}
}

func TestAPlaceThatIsFreeGoesToTheFirstInTheQueue(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	intake := referraltest.As(referraltest.Intake)
	places(t, w, 1, nil)
	has := createdOther(t, w)
	if _, err := w.Service.Accept(intake, has.ID, 1, acceptance()); err != nil {
		t.Fatal(err)
	}
	// Three wait; the second is more urgent, and the first is made as urgent later.
	var ids []string
	for _, priority := range []string{"normal", "high", "normal"} {
		w.Clock.Advance(time.Minute)
		r := createdOther(t, w)
		ids = append(ids, r.ID)
		if _, err := w.Service.PutOnWaitlist(intake, r.ID, 1, priority, ""); err != nil {
			t.Fatal(err)
		}
	}
	queue := func() []string {
		l, err := w.Service.WaitingList(intake, "activera", store.Window{Limit: 2, Page: 1})
		if err != nil {
			t.Fatal(err)
		}
		got := idsOf(l)
		for l.Next != "" {
			if l, err = w.Service.WaitingList(intake, "activera", store.Window{Limit: 2, Cursor: l.Next}); err != nil {
				t.Fatal(err)
			}
			got = append(got, idsOf(l)...)
		}
		return got
	}
	if got := queue(); !slices.Equal(got, []string{ids[1], ids[0], ids[2]}) {
		t.Fatalf("want by priority and time, got %v of %v", got, ids)
	}
	for i, want := range []int64{2, 1, 3} {
		v, err := w.Service.Get(referraltest.As(referraltest.Officer), ids[i])
		if err != nil || v.Queue == nil || *v.Queue != (referral.QueuePosition{Place: want, Of: 3}) {
			t.Errorf("%d: want place %d of 3, got %+v, %v", i+1, want, v.Queue, err)
		}
	}
	if _, err := w.Service.PutOnWaitlist(intake, ids[0], 2, "high", ""); err != nil {
		t.Fatal(err)
	}
	if got := queue(); !slices.Equal(got, ids) {
		t.Fatalf("the time on the list is kept: got %v of %v", got, ids)
	}
	_, err := w.Service.Accept(intake, ids[0], 3, acceptance())
	wants(t, "before there is a place", err, waitlist.ErrNoPlace)

	if _, err := w.Service.Withdraw(referraltest.As(referraltest.FK), has.ID, 2, "person", ""); err != nil {
		t.Fatal(err)
	}
	ready := func(v *referral.View) bool { return v.Referral.Status().IsPlaceOffered() }
	until(t, w, referraltest.Officer, ids[0], ready)
	if got := queue(); !slices.Equal(got, ids[1:]) {
		t.Fatalf("those who still wait: %v of %v", got, ids)
	}
	// Put back, the place goes to the next, and not to the same one again.
	if _, err := w.Service.PutOnWaitlist(intake, ids[0], 4, "high", ""); err != nil {
		t.Fatal(err)
	}
	next := until(t, w, referraltest.Intake, ids[1], ready)
	if got := queue(); !slices.Equal(got, []string{ids[0], ids[2]}) {
		t.Fatalf("one who was put back keeps the time: %v of %v", got, ids)
	}
	if _, err := w.Service.Accept(intake, ids[1], next.Referral.Version(), acceptance()); err != nil {
		t.Fatalf("into the place that was kept: %v", err)
	}
	if accepted, kept := taken(t, w); accepted+kept != 1 {
		t.Errorf("%d accepted, %d kept", accepted, kept)
	}
	// More places: both others are moved up once they have rested.
	w.Clock.Advance(25 * time.Hour)
	places(t, w, 3, nil)
	for _, id := range []string{ids[0], ids[2]} {
		v := until(t, w, referraltest.Intake, id, ready)
		if _, err := w.Service.Reject(intake, id, v.Referral.Version(), "other", "Påhittat."); err != nil {
			t.Fatal(err)
		}
	}
	until(t, w, referraltest.Intake, ids[1], func(*referral.View) bool {
		accepted, kept := taken(t, w)
		return accepted == 1 && kept == 0
	})
}

func TestTheSweeperMendsWhatADeathLeftBehind(t *testing.T) {
	w := referraltest.New(t)
	intake := referraltest.As(referraltest.Intake)
	before := createdOther(t, w)
	if _, err := w.Service.Accept(intake, before.ID, 1, acceptance()); err != nil {
		t.Fatal(err)
	}
	places(t, w, 2, nil)
	if accepted, _ := taken(t, w); accepted != 1 {
		t.Fatalf("%d of those accepted before are counted", accepted)
	}
	// Nobody runs the mover here: a withdrawal leaves the place taken.
	waits := createdOther(t, w)
	if _, err := w.Service.PutOnWaitlist(intake, waits.ID, 1, "low", "activera"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Withdraw(referraltest.As(referraltest.FK), before.ID, 2, "referrer", ""); err != nil {
		t.Fatal(err)
	}
	if err := w.Service.Waitlist.Job.Do(context.Background()); err != nil {
		t.Fatal(err)
	}
	if accepted, kept := taken(t, w); accepted != 0 || kept != 1 {
		t.Errorf("%d accepted, %d kept", accepted, kept)
	}
	if v, err := w.Service.Get(intake, waits.ID); err != nil || !v.Referral.Status().IsPlaceOffered() || v.Queue != nil {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestAWaitingListMayHaveABound(t *testing.T) {
	w := referraltest.New(t)
	intake := referraltest.As(referraltest.Intake)
	one := 1
	places(t, w, 0, &one)
	first, second := createdOther(t, w), createdOther(t, w)
	_, err := w.Service.PutOnWaitlist(intake, first.ID, 1, "low", "")
	wants(t, "the first", err, nil)
	_, err = w.Service.PutOnWaitlist(intake, second.ID, 1, "high", "")
	wants(t, "the second", err, waitlist.ErrFull)
	_, err = w.Service.PutOnWaitlist(intake, first.ID, 2, "high", "")
	wants(t, "another priority for the first", err, nil)
	_, err = w.Service.PutOnWaitlist(intake, second.ID, 1, "high", "another")
	wants(t, "to an initiative that does not exist", err, referral.ErrInitiative)
}

func TestWhoRefersReadsTheCapacityAndFewSetThePlaces(t *testing.T) {
	w := referraltest.New(t)
	for _, who := range []actor.Actor{referraltest.FK, referraltest.Officer, referraltest.AF, referraltest.Partille, referraltest.Person("p")} {
		c, err := w.Service.Waitlist.Availability(referraltest.As(who), "activera", "1481")
		if err != nil || c.Answer != "assessment_needed" {
			t.Errorf("%s: %+v, %v", who.Subject, c, err)
		}
	}
	_, err := w.Service.Waitlist.Availability(referraltest.As(actor.Actor{}), "activera", "1481")
	wants(t, "nobody", err, fault.ErrForbidden)
	_, err = w.Service.Waitlist.Availability(referraltest.As(referraltest.Board), "activera", "1481")
	wants(t, "the board, which reads publications", err, fault.ErrForbidden)
	_, err = w.Service.Waitlist.Availability(referraltest.As(referraltest.FK), "activera", "0180")
	wants(t, "of one that is no member", err, referral.ErrMunicipality)
	_, err = w.Service.Waitlist.Availability(referraltest.As(referraltest.FK), "lugn", "1481")
	wants(t, "into none", err, referral.ErrInitiative)
	for _, c := range []struct {
		sentence string
		who      actor.Actor
		want     *fault.Error
	}{
		{"the association's own staff set any", referraltest.Admin, nil},
		{"a municipality its own, but not over another's", referraltest.Intake, fault.ErrStale},
		{"and no other's", referraltest.Partille, fault.ErrNotFound},
		{"a coach none", referraltest.Coach, fault.ErrForbidden},
		{"a sender none", referraltest.FK, fault.ErrForbidden},
	} {
		_, err := w.Service.Waitlist.SetPlaces(referraltest.As(c.who), "1481", "activera", 0, 3, nil)
		wants(t, c.sentence, err, c.want)
	}
	_, err = w.Service.Waitlist.SetPlaces(referraltest.As(referraltest.Admin), "0180", "activera", 0, 3, nil)
	wants(t, "where nobody is a member", err, fault.ErrNotFound)
	c, err := w.Service.Waitlist.Availability(referraltest.As(referraltest.FK), "", "1481")
	if err != nil || *c != (waitlist.Availability{Initiative: "activera", Answer: "capacity", Free: 3, ExpectedStart: "2026-03-02"}) {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestAPlaceIsTakenForAsLongAsThePlanOfTheMunicipality(t *testing.T) {
	w := referraltest.New(t)
	in, err := w.World.Associations.Get("insjoriket")
	if err != nil {
		t.Fatal(err)
	}
	plan := in.Initiatives[0].Plan
	plan.MaxWeeks = 30
	in.Initiatives[0].Plans["1481"] = plan
	places(t, w, 1, nil)
	if _, err := w.Service.Accept(referraltest.As(referraltest.Intake), createdOther(t, w).ID, 1, acceptance()); err != nil {
		t.Fatal(err)
	}
	c, err := w.Service.Waitlist.Availability(referraltest.As(referraltest.FK), "activera", "1481")
	if want := civil.Date(acceptance().StartDate).AddWeeks(30); err != nil || c.ExpectedStart != want {
		t.Errorf("got %+v, %v, want %s", c, err, want)
	}
}

// lookUps is an engine that counts how often those who have a place are looked up.
type lookUps struct {
	store.Engine
	holders atomic.Int64
	during  func() // what happens the first time; nil: nothing
}

func (e *lookUps) Find(ctx context.Context, collection string, q store.Query) ([]store.Document, error) {
	if collection == "referrals" && slices.ContainsFunc(q.Where, func(c store.Cond) bool { return c.Value == "place/1481/activera" }) {
		found, err := e.Engine.Find(ctx, collection, q)
		if e.holders.Add(1) == 1 && e.during != nil {
			e.during()
		}
		return found, err
	}
	return e.Engine.Find(ctx, collection, q)
}

// Where nobody has set how many places there are, nobody is to be moved up and there is
// nothing to keep in step: a step costs no look at those who have one.
func TestWithoutANumberOfPlacesNobodyIsLookedUpForAStep(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "places.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	e := &lookUps{Engine: db.Engine("referral")}
	w := referraltest.On(t, e)
	intake := referraltest.As(referraltest.Intake)
	stays, leaves := createdOther(t, w), createdOther(t, w)
	for _, r := range []*referral.Referral{stays, leaves} {
		if _, err := w.Service.Accept(intake, r.ID, 1, acceptance()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Service.Withdraw(referraltest.As(referraltest.FK), leaves.ID, 2, "referrer", ""); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Hour)
	if err := errors.Join(w.Service.Waitlist.AllocateDue(t.Context()), w.Service.Waitlist.Job.Do(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := e.holders.Load(); n != 0 {
		t.Errorf("they are looked up %d times", n)
	}
	if accepted, kept := taken(t, w); accepted != 1 || kept != 0 {
		t.Errorf("%d accepted, %d kept", accepted, kept)
	}
	// From the moment a number is set those who have a place count against it, also one
	// who is accepted while they are looked up.
	meanwhile, late := createdOther(t, w), createdOther(t, w)
	e.during = func() {
		if _, err := w.Service.Accept(intake, meanwhile.ID, 1, acceptance()); err != nil {
			t.Error(err)
		}
	}
	places(t, w, 2, nil)
	if accepted, _ := taken(t, w); accepted != 2 {
		t.Errorf("%d are counted", accepted)
	}
	if _, err := w.Service.Accept(intake, late.ID, 1, acceptance()); !errors.Is(err, waitlist.ErrNoPlace) {
		t.Errorf("one more is accepted: %v", err)
	}
	if e.holders.Load() == 0 {
		t.Error("nobody was looked up")
	}
}

// The first number counts everybody: those of long ago, and those who are accepted
// at the very moment.
func TestTheFirstNumberOfPlacesCountsEverybodyWhoHasOne(t *testing.T) {
	w := referraltest.New(t)
	intake := referraltest.As(referraltest.Intake)
	accept := func(id string) error {
		_, err := w.Service.Accept(intake, id, 1, acceptance())
		return err
	}
	const long, now, number = 2, 12, 5
	var ids []string
	for n := range long + now {
		ids = append(ids, createdOther(t, w).ID)
		if n < long {
			wants(t, "long ago", accept(ids[n]), nil)
		}
	}
	w.Clock.Advance(time.Hour)
	wants(t, "the account of them ends", w.Service.Waitlist.Job.Do(t.Context()), nil)
	var all sync.WaitGroup
	var won atomic.Int64
	for _, id := range ids[long:] {
		all.Go(func() {
			if err := accept(id); err == nil {
				won.Add(1)
			} else if !errors.Is(err, waitlist.ErrNoPlace) {
				t.Error(err)
			}
		})
	}
	all.Go(func() { places(t, w, number, nil) })
	all.Wait()
	if accepted, _ := taken(t, w); accepted != long+int(won.Load()) || accepted < number {
		t.Errorf("%d are counted of %d and %d", accepted, long, won.Load())
	}
	wants(t, "and nobody more is accepted", accept(createdOther(t, w).ID), waitlist.ErrNoPlace)
}

// TestOnlyWhoPerformsAnInitiativeHasItsPlacesAndQueue asks for a municipality whose agreement has
// ended, one whose agreement is to come, and one that performs the initiative.
func TestOnlyWhoPerformsAnInitiativeHasItsPlacesAndQueue(t *testing.T) {
	w := referraltest.New(t)
	intake, admin := referraltest.As(referraltest.Intake), referraltest.As(referraltest.Admin)
	is, err := w.Associations.Get("insjoriket")
	if err != nil {
		t.Fatal(err)
	}
	performed := func(from, until civil.Date) {
		then := *is
		then.Initiatives = slices.Clone(is.Initiatives)
		then.Initiatives[0].Agreements = []association.Agreement{{Municipality: "1481", From: from, Until: until}, {Municipality: "1402", From: "2020-01-01"}}
		w.Associations.Serve("insjoriket", func(civil.Date) *association.Association { return &then })
	}
	for _, c := range []struct {
		sentence    string
		from, until civil.Date
		prepare     *fault.Error // what is answered to what prepares: the queue, places, the question for capacity
		accept      *fault.Error // to an acceptance from 2026-03-16 on
	}{
		{"its agreement ended yesterday", "2025-01-01", "2026-03-01", referral.ErrNotPerformedNow, referral.ErrNotPerformed},
		{"it ends today", "2025-01-01", "2026-03-02", nil, referral.ErrNotPerformed},
		{"it begins in April", "2026-04-01", "", nil, referral.ErrNotPerformed},
		{"it goes on", "2025-01-01", "2026-03-16", nil, nil},
	} {
		performed(c.from, c.until)
		queued, accepted := createdOther(t, w), createdOther(t, w)
		v, err := w.Service.Get(intake, queued.ID)
		if err != nil || slices.Contains(v.Operations, "waitlistReferral") != (c.prepare == nil) || slices.Contains(v.Operations, "acceptReferral") != (c.prepare == nil) {
			t.Errorf("%s: it may do %v, %v", c.sentence, v.Operations, err)
		}
		_, err = w.Service.PutOnWaitlist(intake, queued.ID, 1, "high", "")
		wants(t, c.sentence+": the queue", err, c.prepare)
		_, err = w.Service.Waitlist.Availability(intake, "", "1481")
		wants(t, c.sentence+": capacity", err, c.prepare)
		_, err = w.Service.Waitlist.SetPlaces(admin, "1481", "activera", -1, 50, nil)
		wants(t, c.sentence+": places", err, c.prepare)
		_, err = w.Service.Accept(intake, accepted.ID, 1, acceptance())
		wants(t, c.sentence+": an acceptance", err, c.accept)
	}

	// Who waits where the initiative is performed no more is offered nothing, and may have another
	// priority.
	w = referraltest.New(t)
	places(t, w, 0, nil)
	waits := createdOther(t, w)
	if _, err := w.Service.PutOnWaitlist(intake, waits.ID, 1, "low", ""); err != nil {
		t.Fatal(err)
	}
	places(t, w, 1, nil)
	offered := func() bool {
		t.Helper()
		w.Service.Waitlist.Wake("insjoriket", "1481")
		if err := w.Service.Waitlist.AllocateDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		v, err := w.Service.Get(intake, waits.ID)
		return err == nil && v.Status.IsPlaceOffered()
	}
	performed("2025-01-01", "2026-03-01")
	if offered() {
		t.Error("a place is offered where nobody performs the initiative")
	}
	if _, err := w.Service.PutOnWaitlist(intake, waits.ID, 2, "high", ""); err != nil {
		t.Errorf("another priority: %v", err)
	}
	performed("2025-01-01", "")
	if !offered() {
		t.Error("no place is offered where it is performed")
	}
}

// TestAWishIsTheQueueWhereNoneIsNamed is: of several initiatives the wished one.
func TestAWishIsTheQueueWhereNoneIsNamed(t *testing.T) {
	w := referraltest.New(t)
	is, err := w.Associations.Get("insjoriket")
	if err != nil {
		t.Fatal(err)
	}
	both := *is
	other := is.Initiatives[0]
	other.ID = "paret"
	both.Initiatives = []association.Initiative{is.Initiatives[0], other}
	w.Associations.Serve("insjoriket", func(civil.Date) *association.Association { return &both })
	sub := somebodyElse(people.Add(1))
	without := createdOther(t, w)
	sub.WishedInitiative = "paret"
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", sub)
	if err != nil || v.Texts.Assessment.Initiative != "paret" || v.Referral.WishedInitiative != "paret" {
		t.Fatalf("%+v, %v", v, err)
	}
	intake := referraltest.As(referraltest.Intake)
	_, err = w.Service.PutOnWaitlist(intake, without.ID, 1, "high", "")
	wants(t, "without a wish", err, referral.ErrInitiative)
	if v, err = w.Service.PutOnWaitlist(intake, v.Referral.ID, 1, "high", ""); err != nil || v.Status.Queue != "paret" {
		t.Errorf("it waits for %q, %v", v.Status.Queue, err)
	}
}
