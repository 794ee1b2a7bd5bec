// Package activitytest sets up the activity service for tests: on a real sqlite
// file, with the real association's configuration, a clock that the test moves,
// and a feed of the participant service that the test writes.
package activitytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/services/activity/service"
)

// Ids of Mölndal's and others' activities in the example configuration.
const (
	Walk      = "fb5fa133-7031-548c-88db-384e1fc1f78d" // Tuesday 13:00–14:00, Mölndal
	Tenant    = "insjoriket"
	Molndal   = "1481"
	Alingsas  = "1489"
	Enrolment = "11111111-1111-4111-8111-111111111111" // Person's, in Mölndal
	Person    = "22222222-2222-4222-8222-222222222222"
)

// Suite is the service with what surrounds it.
type Suite struct {
	Service *service.Service
	Config  service.Config
	Feed    *feed.Log
	Dir     string // where everything is stored
	Example []byte // the configuration
	peer    *peer
	mu      sync.Mutex
	now     time.Time
	ids     int
}

// Start sets up a suite at 10:00 on Friday 20 November 2026, with one enrolment.
func Start(t testing.TB) *Suite { return StartWith(t, "", "") }

// StartWith is Start with one piece of the configuration replaced.
func StartWith(t testing.TB, old, replacement string) *Suite {
	t.Helper()
	s := &Suite{Dir: t.TempDir(), peer: &peer{}, now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}
	ctx := t.Context()
	db, err := sqlite.Open(ctx, filepath.Join(s.Dir, "activity.db"))
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	s.Config = s.config(t, db.Engine("activity"), old, replacement)
	s.Feed = s.Config.Feed
	s.Service, err = service.New(ctx, s.Config)
	must(t, err)
	s.Emit("planned", Enrolment, Person, Molndal, 1, "")
	return s
}

func (s *Suite) config(t testing.TB, engine store.Engine, old, replacement string) service.Config {
	ctx := t.Context()
	var err error
	s.Example, err = os.ReadFile(example())
	must(t, err)
	s.Example = bytes.Replace(s.Example, []byte(old), []byte(replacement), 1)
	in, err := association.Parse(s.Example)
	must(t, err)
	registry, err := association.NewRegistry(in)
	must(t, err)
	aeadKeys, prfKeys, err := encryption.Generate()
	must(t, err)
	cipher, err := encryption.New(aeadKeys, prfKeys)
	must(t, err)
	log, err := feed.OpenLog(ctx, engine, "/services/activity")
	must(t, err)
	accessLog, err := accesslog.Open(ctx, engine, "activity", s.Now)
	must(t, err)
	t.Cleanup(func() { _ = accessLog.Close() })
	return service.Config{
		Engine: engine, Feed: log, Peers: map[string]feed.Reader{"participant": s.peer}, AccessLog: accessLog, Cipher: cipher,
		Associations: registry, Now: s.Now, NewID: s.newID, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// example finds the configuration from wherever in the module the test is.
func example() string {
	dir := "."
	for range 5 {
		path := filepath.Join(dir, "services", "standalone", "example", "insjoriket.yaml")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		dir = filepath.Join("..", dir)
	}
	return "insjoriket.yaml"
}

// Activity returns the id of the n-th activity of a municipality, from 0.
func (s *Suite) Activity(t testing.TB, municipality string, n int) string {
	t.Helper()
	in, err := s.Config.Associations.Get(Tenant)
	must(t, err)
	return in.Week(municipality).Activities[n].ID
}

// Enrolled waits until the service knows an enrolment: until a coach may ask for
// the participant's week.
func (s *Suite) Enrolled(t testing.TB, participant, municipality string) {
	t.Helper()
	ctx := actor.With(t.Context(), Coach(municipality))
	Eventually(t, "the enrolment is known", func() bool {
		_, err := s.Service.ParticipantWeek(ctx, participant, "")
		return err == nil
	})
}

// Now is the suite's clock.
func (s *Suite) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// At moves the clock.
func (s *Suite) At(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = t
}

// newID returns ids that are the same in every run.
func (s *Suite) newID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Append(nil, s.ids)).String()
}

// Run lets the service publish and follow until the test ends.
func (s *Suite) Run(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Service.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// Emit appends an event of the participant service's to what the suite follows.
func (s *Suite) Emit(kind, enrolment, participant, municipality string, n int, on string) {
	s.peer.add(feed.Event{
		ID: fmt.Sprintf("%s/%d", enrolment, n), Type: "se.finsam.enrolment." + kind, Subject: enrolment, Time: s.Now(), Association: Tenant,
		Data: map[string]string{"enrolment": enrolment, "participant": participant, "municipality": municipality, "coach": "coach-1", "on": on},
	})
}

// Eventually waits until the condition holds, at most five seconds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("it never came to be that %s", what)
}

// Coach is a coach of a municipality.
func Coach(municipality string) actor.Actor {
	return actor.Actor{
		Subject: "coach-1", Association: Tenant, Authority: "molndal", AuthorityKind: actor.Municipality,
		Municipality: municipality, Roles: []actor.Role{actor.Coach},
	}
}

// Participant is the person itself.
func Participant(id string) actor.Actor {
	return actor.Actor{Subject: "person-1", Association: Tenant, Participant: id, Roles: []actor.Role{actor.Participant}}
}

// peer is a feed that the test writes.
type peer struct {
	mu     sync.Mutex
	events []feed.Event
}

func (p *peer) add(e feed.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Sequence = int64(len(p.events)) + 1
	p.events = append(p.events, e)
}

// After implements feed.Reader.
func (p *peer) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	for until := time.Now().Add(wait); ; time.Sleep(2 * time.Millisecond) {
		p.mu.Lock()
		behind := append([]feed.Event(nil), p.events[min(int(seq), len(p.events)):]...)
		p.mu.Unlock()
		if len(behind) > 0 || time.Now().After(until) || ctx.Err() != nil {
			return behind[:min(limit, len(behind))], ctx.Err()
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
