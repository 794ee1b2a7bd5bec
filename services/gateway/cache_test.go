package gateway

import (
	"io"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
)

const (
	aWeek     = "/finsam/v1/municipalities/1481/week?week=2026-W48"
	cancelled = "se.finsam.activity.cancelled"
)

// counted lets a service say how often it was asked.
func counted(s *service) *atomic.Int64 {
	var n atomic.Int64
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Etag", `"`+strconv.FormatInt(n.Add(1), 10)+`"`)
		_, _ = io.WriteString(w, `{"asked":`+strconv.FormatInt(n.Load(), 10)+`}`)
	}
	return &n
}

func TestAnAnswerIsCachedUntilAnEventEmptiesTheCache(t *testing.T) {
	r := newRig(t)
	s := r.services["activity"]
	n := counted(s)
	r.run()
	for range 3 {
		w := r.as("fk", actor.Integration, "GET", aWeek, "")
		if w.Body.String() != `{"asked":1}` || w.Header().Get("Age") == "" || w.Header().Get("Cache-Control") != "private, no-cache" || w.Header().Get("Etag") != `"1"` {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	if w := r.as("af", actor.Integration, "GET", aWeek, "", "If-None-Match", `"1"`); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("a caller that has it: %d %s", w.Code, w.Body)
	}
	if n.Load() != 1 {
		t.Errorf("the service was asked %d times", n.Load())
	}
	s.feed.add("se.finsam.booking.booked", "insjoriket")
	s.feed.add(cancelled, "kalmar")
	time.Sleep(50 * time.Millisecond)
	if r.as("fk", actor.Integration, "GET", aWeek, ""); n.Load() != 1 {
		t.Error("an event that has nothing to do with it emptied it")
	}
	s.feed.add(cancelled, "insjoriket")
	r.soon("the event empties it", func() bool {
		return r.as("fk", actor.Integration, "GET", aWeek, "").Body.String() != `{"asked":1}`
	})
}

// TestAnAnswerOfADayEndsWithIt moves the clock over two midnights, one of them of a day of 23
// hours. What a service answers in the first seconds of a day may still be of the day before.
func TestAnAnswerOfADayEndsWithIt(t *testing.T) {
	var now time.Time
	r := newRig(t, func(o *Config) { o.Now = func() time.Time { return now } })
	weeks, units := counted(r.services["activity"]), counted(r.services["referral"])
	for _, c := range []struct {
		at           string
		week, ofUnit int64 // how often the service has been asked by then
	}{
		{"2026-03-28T22:59:59Z", 1, 1},
		{"2026-03-28T23:00:06Z", 2, 1},
		{"2026-03-28T23:01:00Z", 2, 1},
		{"2026-03-29T21:59:59Z", 3, 2},
		{"2026-03-29T22:00:06Z", 4, 2},
		{"2026-11-30T22:59:50Z", 5, 3},
		{"2026-11-30T22:59:59.9Z", 5, 3},
		{"2026-11-30T23:00:00Z", 6, 3},
		{"2026-11-30T23:00:04Z", 7, 3},
		{"2026-11-30T23:00:05Z", 8, 3},
		{"2026-11-30T23:04:59Z", 8, 4}, // as long as the contract says
		{"2026-11-30T23:05:06Z", 9, 4},
	} {
		var err error
		if now, err = time.Parse(time.RFC3339, c.at); err != nil {
			t.Fatal(err)
		}
		for _, f := range r.g.cached.followers { // followed all along
			f.start.Store(1)
			f.heard.Store(now.UnixNano())
		}
		r.as("fk", actor.Integration, "GET", aWeek, "")
		r.as("fk", actor.Integration, "GET", "/finsam/v1/units", "")
		if weeks.Load() != c.week || units.Load() != c.ofUnit {
			t.Errorf("%s: asked for the week %d times, for the units %d; want %d and %d", c.at, weeks.Load(), units.Load(), c.week, c.ofUnit)
		}
	}
}

func TestAnAnswerIsCachedForItsRoleSetAlone(t *testing.T) {
	r := newRig(t)
	n := counted(r.services["activity"])
	r.run()
	for i, roles := range [][]actor.Role{
		{actor.Coach}, {actor.Intake}, {actor.Coach, actor.Intake}, {actor.Intake, actor.Coach}, {actor.Coach},
	} {
		want := min(int64(i+1), 3)
		r.ask("GET", aWeek, "", "Authorization", "Bearer "+r.token("molndal", roles...))
		if n.Load() != want {
			t.Errorf("%v: the service was asked %d times, want %d", roles, n.Load(), want)
		}
	}
}

func TestARefusalIsNeitherCachedNorShared(t *testing.T) {
	r := newRig(t)
	s := r.services["activity"]
	var n atomic.Int64
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		time.Sleep(50 * time.Millisecond)
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"code":"forbidden"}`)
	}
	r.run()
	token := "Bearer " + r.token("molndal", actor.Coach)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if w := r.ask("GET", aWeek, "", "Authorization", token); w.Code != http.StatusForbidden || w.Body.String() != `{"code":"forbidden"}` {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	if n.Load() != 5 {
		t.Errorf("the service, which logs refusals, saw %d of 5", n.Load())
	}
}

func TestAnAnswerFetchedBeforeAnEventIsNotCachedAfterIt(t *testing.T) {
	r := newRig(t)
	s := r.services["activity"]
	asked, goOn := make(chan struct{}), make(chan struct{})
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-goOn
		_, _ = io.WriteString(w, `{}`)
	}
	r.run()
	done := make(chan struct{})
	go func() { r.as("fk", actor.Integration, "GET", aWeek, ""); close(done) }()
	<-asked
	version := func() string {
		e, err := r.cache.Get(t.Context(), "insjoriket", "")
		if err != nil {
			t.Fatal(err)
		}
		return e.Version
	}
	before := version()
	s.feed.add(cancelled, "insjoriket")
	r.soon("the event empties the cache", func() bool { return version() != before })
	goOn <- struct{}{}
	<-done
	n := counted(s)
	if r.as("fk", actor.Integration, "GET", aWeek, ""); n.Load() != 1 {
		t.Error("what was read before the event was kept after it")
	}
}

func TestConcurrentEqualRequestsAskTheServiceOnce(t *testing.T) {
	r := newRig(t)
	s := r.services["activity"]
	var n atomic.Int64
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		n.Add(1)
		time.Sleep(50 * time.Millisecond)
		_, _ = io.WriteString(w, `{}`)
	}
	r.run()
	token := r.token("fk", actor.Integration)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if w := r.ask("GET", aWeek, "", "Authorization", "Bearer "+token); w.Code != http.StatusOK || w.Body.String() != "{}" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	if n.Load() > 2 {
		t.Errorf("the service was asked %d times", n.Load())
	}
}

func TestAnAnswerIsCachedForItsPathAndQuery(t *testing.T) {
	r := newRig(t)
	n := counted(r.services["activity"])
	r.run()
	for i, c := range []struct {
		target string
		fresh  bool
	}{
		{"/finsam/v1/municipalities/1481/week?week=2026-W48", true},
		{"/finsam/v1/municipalities/1481/week?week=2026-W48", false},
		{"/finsam/v1/municipalities/1481/week?week=2026-W49", true},
		{"/finsam/v1/municipalities/1402/week?week=2026-W48", true},
		{"/finsam/v1/municipalities/1481/week", true},
		{"/finsam/v1/municipalities/1481/week?a=1&week=2026-W48", true},
		{"/finsam/v1/municipalities/1481/week?week=2026-W48&a=1", false},
		{"/finsam/v1/municipalities/1481/week?week=2026%2DW48", false},
		{"/finsam/v1/municipalities/1481/week?week=%zz", true},
		{"/finsam/v1/municipalities/1481/week?week=%zz", true},
	} {
		before := n.Load()
		r.as("fk", actor.Integration, "GET", c.target, "")
		if (n.Load() > before) != c.fresh {
			t.Errorf("%d %s: asked %d times", i, c.target, n.Load()-before)
		}
	}
}

func TestOnlySuccessIsCached(t *testing.T) {
	r := newRig(t)
	s := r.services["activity"]
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"code":"x"}`)
	}
	r.run()
	for range 2 {
		if w := r.as("fk", actor.Integration, "GET", aWeek, ""); w.Code != http.StatusNotFound || w.Body.String() != `{"code":"x"}` || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if s.times() != 2 {
		t.Errorf("asked %d times", s.times())
	}
}

func TestNothingIsServedFromTheCacheWhileAFeedFails(t *testing.T) {
	r := newRig(t)
	s := r.services["activity"]
	n := counted(s)
	r.run()
	r.as("fk", actor.Integration, "GET", aWeek, "")
	r.services["referral"].feed.away.Store(true)
	r.soon("the gateway notices", func() bool { return !r.g.cached.isFresh() })
	if r.as("fk", actor.Integration, "GET", aWeek, ""); n.Load() != 2 {
		t.Error("an answer was taken from a cache that nobody empties")
	}
	r.services["referral"].feed.away.Store(false)
	r.soon("it is followed again", r.g.cached.isFresh)
}

func TestAnswersCachedBeforeTheStartAreNotServed(t *testing.T) {
	r := newRig(t)
	n := counted(r.services["activity"])
	at := func() time.Time { return time.Now().Add(-time.Minute) }
	before := newRig(t, func(o *Config) { o.Cache, o.Now = r.cache, at })
	counted(before.services["activity"])
	before.run()
	before.as("fk", actor.Integration, "GET", aWeek, "")
	r.run()
	if w := r.as("fk", actor.Integration, "GET", aWeek, ""); n.Load() != 1 {
		t.Errorf("%s: an event may have emptied it while nobody followed", w.Body)
	}
}

func TestACachedResponseIsReadAsItWasWritten(t *testing.T) {
	want := &cachedResponse{At: time.Unix(0, time.Now().UnixNano()), ETag: `"1"`, ContentType: "application/json", Language: "sv", Body: []byte("{\n}\x00\xff")}
	if got, err := decodeResponse(want.encode()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte("1\n\"1\"\napplication/json\nsv\n{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := decodeResponse(text)
		if err != nil {
			return
		}
		again := c.encode()
		if d, err := decodeResponse(again); err != nil || !reflect.DeepEqual(c, d) {
			t.Errorf("%q became %q", text, again)
		}
	})
}
