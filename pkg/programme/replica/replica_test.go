package replica_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/inprocess"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/programme/replica"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/webtest"
)

// owner is a service that owns a programme, written by the test.
type owner struct {
	servicetest.Peer
	away    atomic.Bool
	fetched atomic.Int64 // objects

	withheld atomic.Bool // the terms, when they are asked for
	catchUp  func()      // before an index; nil: nothing

	mu      sync.Mutex
	objects map[string]*programme.Object
	served  *association.Registry
}

func newOwner(t testing.TB) *owner {
	t.Helper()
	served, err := association.NewRegistry(&association.Association{ID: "insjoriket"})
	if err != nil {
		t.Fatal(err)
	}
	return &owner{objects: map[string]*programme.Object{}, served: served}
}

// After implements feed.Reader.
func (o *owner) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	if o.away.Load() {
		return nil, fault.ErrUnavailable
	}
	return o.Peer.After(ctx, seq, limit, min(wait, 100*time.Millisecond))
}

func (o *owner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if o.away.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	replica.Handler(o.served, func(context.Context) {
		if o.catchUp != nil {
			o.catchUp()
		}
	}, o.fetch).ServeHTTP(w, r)
}

func (o *owner) fetch(_ context.Context, _ string, ids []string) (all []*programme.Object, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ids == nil {
		for _, x := range o.objects {
			all = append(all, x)
		}
		return all, nil
	}
	for _, id := range ids {
		if x := o.objects[id]; x != nil && !(id == "terms" && o.withheld.Load()) {
			all = append(all, x)
			o.fetched.Add(1)
		}
	}
	return all, nil
}

// draw writes a draft of an object.
func (o *owner) draw(id string, kind programme.Kind, c programme.Content, from civil.Date) *programme.Object {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := programme.Object{Association: "insjoriket", ID: id, Kind: kind}
	if was := o.objects[id]; was != nil {
		now = *was
	}
	now.Draw(programme.Version{Content: c, From: from}, history.System("activity"), time.Now())
	o.objects[id] = &now
	return &now
}

// put lets a content hold from a day on, and returns the event of it.
func (o *owner) put(id string, kind programme.Kind, c programme.Content, from civil.Date) feed.Event {
	now := *o.draw(id, kind, c, from)
	now.Activate(history.System("activity"), time.Now())
	o.mu.Lock()
	o.objects[id] = &now
	o.mu.Unlock()
	return feed.Event{ID: fmt.Sprintf("insjoriket.%s/%d", id, now.Writes), Type: replica.Activated, Association: "insjoriket", Data: map[string]string{"object": id}}
}

// call is the name of the association from a day on.
func (o *owner) call(name string, from civil.Date) feed.Event {
	return o.put("association", programme.Association, programme.Content{Association: &association.Members{Name: name}}, from)
}

type follower struct {
	*replica.Replica
	said *bytes.Buffer // what it logs; read it after stop
	stop func()
}

// open opens a copy on a database.
func open(t testing.TB, e store.Engine, o *owner) *follower {
	t.Helper()
	f := &follower{said: new(bytes.Buffer)}
	calls := client.New("http://activity", inprocess.Transport{Handler: o}, webtest.NewTrust(t, nil).Signers["referral"])
	var err error
	f.Replica, err = replica.Open(t.Context(), replica.Config{
		Service: "referral", Engine: e, Feed: o, Owner: &replica.Client{Calls: calls}, Log: slog.New(slog.NewTextHandler(f.said, nil)),
	})
	servicetest.Must(t, err)
	return f
}

// follow opens a copy and follows until the test ends, or until stop.
func follow(t *testing.T, e store.Engine, o *owner) *follower {
	t.Helper()
	f := open(t, e, o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	f.stop = sync.OnceFunc(func() {
		cancel()
		servicetest.Must(t, <-done)
	})
	t.Cleanup(f.stop)
	return f
}

func (f *follower) name() string {
	a, err := f.Associations.Get("insjoriket")
	if err != nil {
		return err.Error()
	}
	return a.Name
}

func (f *follower) soon(t *testing.T, name string) {
	t.Helper()
	servicetest.Eventually(t, "it is called "+name, func() bool { return f.name() == name })
}

func engine(t testing.TB) store.Engine {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	servicetest.Must(t, err)
	t.Cleanup(func() { servicetest.Must(t, db.Close()) })
	return db.Engine("referral")
}

func TestAServiceIsReadyOnceItHasReceivedAnAssociationAndNotBefore(t *testing.T) {
	o, e := newOwner(t), engine(t)
	o.away.Store(true)
	f := follow(t, e, o)
	servicetest.Eventually(t, "it has asked", func() bool { err := f.Ready(); return err != nil && errors.Unwrap(err) != nil })
	if err := f.Ready(); !errors.Is(err, replica.ErrNone) || !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("while the owner is away: %v", err)
	}
	if _, err := f.Associations.Get("insjoriket"); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("nobody knows yet what there is: %v", err)
	}
	o.call("Insjöriket", programme.Beginning)
	o.away.Store(false)
	f.soon(t, "Insjöriket")
	if err := f.Ready(); err != nil {
		t.Error(err)
	}
}

// TestAPageOfObjectsHasAsManyAsFit asks for more than one answer may have, for one object that
// is larger than a page, and for one that there is not.
func TestAPageOfObjectsHasAsManyAsFit(t *testing.T) {
	o := newOwner(t)
	ids := []string{"consent_text.none.sv"}
	for n := range 40 {
		ids = append(ids, fmt.Sprintf("consent_text.%d.sv", n))
		size := 300 << 10
		if n == 20 {
			size = 5 << 20
		}
		o.put(ids[n+1], programme.ConsentText, programme.Content{ConsentText: &association.ConsentText{Text: strings.Repeat("a", size)}}, programme.Beginning)
	}
	var sizes []int
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := httptest.NewRecorder()
		o.ServeHTTP(kept, r)
		sizes = append(sizes, kept.Body.Len())
		_, _ = w.Write(kept.Body.Bytes())
	})
	c := replica.Client{Calls: client.New("http://activity", inprocess.Transport{Handler: pages}, webtest.NewTrust(t, nil).Signers["referral"])}
	all, err := c.Fetch(t.Context(), "insjoriket", ids)
	if err != nil || len(all) != 40 {
		t.Fatalf("%d objects: %v", len(all), err)
	}
	large := 0
	for _, size := range sizes {
		if size > 4<<20+1<<10 {
			large++
		}
	}
	if len(sizes) < 4 || len(sizes) > 7 || large != 1 {
		t.Errorf("the answers have %v bytes", sizes)
	}
}

func TestAFollowerDecidesByWhatItHasWhileTheOwnerIsAwayAlsoAfterARestart(t *testing.T) {
	o, e := newOwner(t), engine(t)
	o.call("Insjöriket", programme.Beginning)
	f := follow(t, e, o)
	f.soon(t, "Insjöriket")
	f.stop()
	o.away.Store(true)
	late := o.call("Nytt namn", civil.DateOf(time.Now())) // while it does not follow
	o.Add(late)
	f = follow(t, e, o)
	if err := f.Ready(); f.name() != "Insjöriket" || err != nil {
		t.Fatalf("after its restart: %s, %v", f.name(), err)
	}
	o.away.Store(false)
	f.soon(t, "Nytt namn")
}

func TestAnEventBringsWhatChangedAndComesAgainWithoutHarm(t *testing.T) {
	o := newOwner(t)
	o.call("Insjöriket", programme.Beginning)
	for n := range 250 { // more than one call fetches
		o.put(fmt.Sprintf("site.1481.s%d", n), programme.Site, programme.Content{Site: &association.Site{}}, programme.Beginning)
	}
	f := follow(t, engine(t), o)
	f.soon(t, "Insjöriket")
	if n := o.fetched.Swap(0); n != 251 {
		t.Errorf("at first it fetched %d objects", n)
	}
	tomorrow := civil.DateOf(time.Now()).AddDays(1)
	o.draw("terms", programme.Terms, programme.Content{Terms: &association.Terms{}}, tomorrow)
	o.Add(feed.Event{ID: "insjoriket.terms/1", Type: "se.finsam.programme.drafted", Association: "insjoriket", Data: map[string]string{"object": "terms"}})
	changed := o.call("Nytt namn", civil.DateOf(time.Now()))
	o.Add(changed)
	f.soon(t, "Nytt namn")
	if n := o.fetched.Swap(0); n != 1 {
		t.Errorf("of one that changed it fetched %d", n)
	}
	o.Add(changed)
	o.Add(changed)
	o.Add(o.call("Sedan", tomorrow)) // what holds later does not hold yet
	servicetest.Eventually(t, "it has read all", func() bool { return o.fetched.Load() == 1 })
	f.stop()
	if f.name() != "Nytt namn" || strings.Contains(f.said.String(), "level=WARN") {
		t.Errorf("%s\n%s", f.name(), f.said)
	}
}

func TestEveryProcessOfAServiceFollows(t *testing.T) {
	o, e := newOwner(t), engine(t)
	o.call("Insjöriket", programme.Beginning)
	one, two := follow(t, e, o), follow(t, e, o)
	one.soon(t, "Insjöriket")
	two.soon(t, "Insjöriket")
	o.Add(o.call("Nytt namn", civil.DateOf(time.Now())))
	one.soon(t, "Nytt namn")
	two.soon(t, "Nytt namn")
}

func TestAnOwnerRestoredToAnEarlierTimeIsNotFollowed(t *testing.T) {
	o := newOwner(t)
	before := o.call("Insjöriket", programme.Beginning)
	was := *o.objects["association"]
	o.Add(before)
	o.Add(o.call("Nytt namn", civil.DateOf(time.Now())))
	f := follow(t, engine(t), o)
	f.soon(t, "Nytt namn")
	f.stop()
	o.objects["association"] = &was
	if err := f.Catch(t.Context()); !errors.Is(err, feed.ErrForked) {
		t.Errorf("got %v", err)
	}
	if err := f.Ready(); f.name() != "Nytt namn" || err != nil {
		t.Errorf("it serves what it had: %s, %v", f.name(), err)
	}
}

func TestAnAssociationIsServedOnceItIsWhole(t *testing.T) {
	o, e := newOwner(t), engine(t)
	o.put("terms", programme.Terms, programme.Content{Terms: &association.Terms{}}, programme.Beginning)
	f := follow(t, e, o) // as after a crash: what the association is itself is stored last
	servicetest.Eventually(t, "it has what there is", func() bool { return o.fetched.Load() == 1 })
	f.stop()
	if err := f.Ready(); err == nil || len(f.Associations.All()) != 0 {
		t.Errorf("half of it is served: %v", err)
	}
	o.call("Insjöriket", programme.Beginning)
	follow(t, e, o).soon(t, "Insjöriket")
}

// The event of a new association can be read from one process of the owner, and the objects
// from another one that cannot serve it yet. No event comes after that.
func TestAnAssociationThatTheOwnerServesLaterThanItsEventIsReceived(t *testing.T) {
	o := newOwner(t)
	var err error
	o.served, err = association.NewRegistry()
	servicetest.Must(t, err)
	var asked atomic.Int64
	o.catchUp = func() {
		if asked.Add(1) >= 5 {
			o.served.Serve("insjoriket", func(civil.Date) *association.Association { return &association.Association{ID: "insjoriket"} })
		}
	}
	f := follow(t, engine(t), o)
	servicetest.Eventually(t, "it has asked at first", func() bool { return asked.Load() > 0 })
	o.Add(o.call("Insjöriket", programme.Beginning))
	f.soon(t, "Insjöriket")
}

func TestAnAnswerThatLacksAnObjectIsAskedForAgain(t *testing.T) {
	o := newOwner(t)
	o.call("Insjöriket", programme.Beginning)
	o.put("terms", programme.Terms, programme.Content{Terms: &association.Terms{}}, programme.Beginning)
	o.withheld.Store(true)
	e := engine(t)
	f := open(t, e, o)
	if err := f.Catch(t.Context()); err == nil || !strings.Contains(err.Error(), "1 of 2 objects") {
		t.Errorf("half an answer: %v", err)
	}
	if f.Ready() == nil || open(t, e, o).Ready() == nil {
		t.Error("half of an association is served")
	}
	o.withheld.Store(false)
	servicetest.Must(t, f.Catch(t.Context()))
	if err := f.Ready(); err != nil {
		t.Error(err)
	}
}

func TestTheOwnerShowsNoDraftAndNotTooMuchAtOnce(t *testing.T) {
	o := newOwner(t)
	o.call("Insjöriket", programme.Beginning)
	o.call("Nytt namn", civil.DateOf(time.Now()))
	o.draw("association", programme.Association, programme.Content{Association: &association.Members{Name: "Utkast"}}, programme.Beginning)
	o.draw("terms", programme.Terms, programme.Content{Terms: &association.Terms{}}, programme.Beginning)
	for query, want := range map[string]string{
		"": `{"associations":{"insjoriket":{"association":5}}}`,
		"?association=insjoriket&ids=association,terms,nothing":              `"name":"Nytt namn"`,
		"?association=insjoriket&ids=" + strings.Repeat(",", replica.MaxIDs): "at most 100 ids at once",
	} {
		w := httptest.NewRecorder()
		o.ServeHTTP(w, httptest.NewRequest(http.MethodGet, replica.Path+query, nil))
		if got := w.Body.String(); !strings.Contains(got, want) || strings.Contains(got, "Utkast") || strings.Contains(got, "terms") {
			t.Errorf("%.60s: %s", query, got)
		}
	}
}

// A large association of 600 activities is received by a service that has nothing.
func BenchmarkCatch(b *testing.B) {
	o := newOwner(b)
	o.call("Insjöriket", programme.Beginning)
	for n := range 600 {
		series := &association.Activity{Name: "Promenad", Category: "social", Day: "tuesday", From: "13:00", To: "14:00", Place: "Frölundagatan 49"}
		o.put(fmt.Sprintf("series.%d", n), programme.Series, programme.Content{Series: series}, programme.Beginning)
	}
	b.ReportAllocs()
	for b.Loop() {
		f := open(b, engine(b), o)
		servicetest.Must(b, f.Catch(b.Context()))
		if f.name() != "Insjöriket" {
			b.Fatal(f.name())
		}
	}
}
