// Package testservice sets the participant service up for tests: on sqlite in a
// temporary folder, on a clock that the test moves, fed by a referral feed that
// the test writes.
package testservice

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/participant/service"
)

// programme is a small association with the real programme's blocks.
const programme = `
association: { id: insjoriket, name: Insjöriket }
municipalities: [{ code: "1481", name: Mölndal }, { code: "1402", name: Partille }]
initiative:
  id: activera
  name: ACTivera
  orientation: individual
  maxWeeks: 24
  ages: [16, 64]
  blocks:
    - { number: 1, name: Lära känna, weeks: 6, checkIn: true }
    - { number: 2, weeks: 6, checkIn: true }
    - { number: 3, weeks: 6, checkIn: true }
    - { number: 4, weeks: 6, checkIn: false, closing: true }
`

// The actors of the tests.
var (
	FK        = who("fk-system", "fk", actor.SocialInsurance, actor.Integration)
	FKUnit    = with(who("fk-9", "fk", actor.SocialInsurance, actor.Referrer), "fk-molndal", "")
	AF        = who("af-system", "af", actor.EmploymentService, actor.Integration)
	Coach     = with(who("coach-17", "molndal", actor.Municipality, actor.Coach), "", "1481")
	Intake    = with(who("intake-3", "molndal", actor.Municipality, actor.Intake), "", "1481")
	Elsewhere = with(who("coach-2", "partille", actor.Municipality, actor.Coach), "", "1402")
	Leader    = with(who("leader-4", "molndal", actor.Municipality, actor.Supervisor), "", "1481")
	Reviewer  = who("dso-1", "molndal", actor.Municipality, actor.Reviewer)
	Board     = who("board-1", "molndal", actor.Municipality, actor.Board)
)

func who(subject, authority string, kind actor.AuthorityKind, roles ...actor.Role) actor.Actor {
	return actor.Actor{Subject: subject, Association: "insjoriket", Authority: authority, AuthorityKind: kind, Roles: roles}
}

func with(a actor.Actor, unit, municipality string) actor.Actor {
	a.Unit, a.Municipality = unit, municipality
	return a
}

// Fixture is a service and what stands around it.
type Fixture struct {
	*service.Service
	Deps      service.Config
	Dir       string // holds the only file
	Referrals *Feed
	t         testing.TB
	db        *sqlite.DB

	mu  sync.Mutex
	now time.Time
}

// Noon is when every fixture begins.
var Noon = time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)

// New sets a service up and, with run, lets it work behind the answers as well.
func New(t testing.TB, run bool) *Fixture {
	t.Helper()
	f := &Fixture{t: t, Dir: t.TempDir(), Referrals: &Feed{grown: make(chan struct{})}, now: Noon}
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(f.Dir, "participant.db"))
	f.must(err)
	t.Cleanup(func() { f.must(db.Close()) })
	f.db = db
	engine := db.Engine("participant")
	events, err := feed.OpenLog(ctx, engine, "/services/participant")
	f.must(err)
	entries, err := accesslog.Open(ctx, engine, "participant", f.Now)
	f.must(err)
	t.Cleanup(func() { f.must(entries.Close()) })
	aead, prf, err := encryption.Generate()
	f.must(err)
	sealer, err := encryption.New(aead, prf)
	f.must(err)
	in, err := association.Parse([]byte(programme))
	f.must(err)
	registry, err := association.NewRegistry(in)
	f.must(err)
	f.Deps = service.Config{
		Engine: engine, Feed: events, Peers: map[string]feed.Reader{"referral": f.Referrals}, AccessLog: entries,
		Cipher: sealer, Associations: registry, Now: f.Now, NewID: uuid.NewString, Log: slog.New(slog.DiscardHandler),
	}
	f.Service, err = service.New(ctx, f.Deps)
	f.must(err)
	if run {
		f.run()
	}
	return f
}

func (f *Fixture) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		f.must(<-done)
	})
}

func (f *Fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// Now is the fixture's clock.
func (f *Fixture) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Move moves the clock.
func (f *Fixture) Move(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// As returns a context in which the actor asks.
func As(a actor.Actor) context.Context { return actor.With(context.Background(), a) }

// Person invents a person that FK's unit in Mölndal refers to Mölndal.
func Person(seed uint64) service.PersonInput {
	p := persontest.New(rand.New(rand.NewPCG(seed, 17)), "2026-11-22")
	return service.PersonInput{
		Number: p.Number, GivenName: p.GivenName, FamilyName: p.FamilyName,
		Contact: participant.Contact{Email: p.Email, Phone: p.Phone},
		Consent: participant.NewConsent{
			Referral: uuid.NewString(), Authority: "fk", Unit: "fk-molndal", Municipality: "1481",
			Authorities: []string{"fk", "molndal"}, TextVersion: "2026-1", GivenOn: "2026-08-01",
		},
	}
}

// Put files an invented person and gives the participant.
func (f *Fixture) Put(in service.PersonInput) string {
	f.t.Helper()
	by := FK
	by.Authority = in.Consent.Authority
	id, err := f.Service.Put(As(by), in)
	f.must(err)
	return id
}

// Enrolled files an invented person, lets the referral be accepted, and gives
// the enrolment once it is planned.
func (f *Fixture) Enrolled(seed uint64, start string) (in service.PersonInput, person, enrolment string) {
	f.t.Helper()
	in = Person(seed)
	person = f.Put(in)
	f.Referrals.Accepted(in.Consent.Referral, person, start)
	enrolment = participant.EnrolmentID("insjoriket", in.Consent.Referral)
	f.Until("the enrolment is planned", func() bool {
		_, err := f.Enrolment(As(Coach), enrolment)
		return err == nil
	})
	return in, person, enrolment
}

// Until waits for what happens behind the answers, a few seconds at most.
func (f *Fixture) Until(what string, done func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatal("waited in vain until " + what)
		}
	}
}

// Entries reads the access log from its beginning.
func (f *Fixture) Entries() []accesslog.Entry {
	f.t.Helper()
	blocks, err := store.Open(context.Background(), f.Deps.Engine, store.Schema[accesslog.Block]{
		Name: "access_log", Indexes: []store.Index{{"chain", "n"}},
		ID: func(*accesslog.Block) (string, string) { return "-", "" },
	})
	f.must(err)
	page, err := blocks.Find(context.Background(), store.Query{
		Association: "-", Sort: []store.Order{{Key: "chain"}, {Key: "n"}}, Limit: 1000,
	})
	f.must(err)
	var all []accesslog.Entry
	for _, b := range page.Items {
		all = append(all, b.Value.Entries...)
	}
	return all
}

// Participant returns the actor that the person is.
func Participant(id string) actor.Actor {
	a := who("person", "self", actor.Self, actor.Participant)
	a.Participant = id
	return a
}

// Feed is a referral feed that a test writes.
type Feed struct {
	mu     sync.Mutex
	events []feed.Event
	grown  chan struct{}
}

// Accepted tells that a referral of FK's was accepted in Mölndal.
func (l *Feed) Accepted(referral, person, start string) {
	l.Tell("accepted", referral, map[string]string{
		"referral": referral, "participant": person, "initiative": "activera", "municipality": "1481",
		"startDate": start, "coach": "coach-17", "authority": "fk", "unit": "fk-molndal",
	})
}

// Tell adds an event of a referral.
func (l *Feed) Tell(kind, referral string, data map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(len(l.events)) + 1
	l.events = append(l.events, feed.Event{
		Sequence: n, ID: referral + "/" + strconv.FormatInt(n, 10), Source: "/services/referral",
		Type: "se.finsam.referral." + kind, Subject: referral, Time: Noon, Association: "insjoriket", Data: data,
	})
	close(l.grown)
	l.grown = make(chan struct{})
}

// After implements feed.Reader.
func (l *Feed) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	l.mu.Lock()
	some, grown := l.events[min(seq, int64(len(l.events))):], l.grown
	l.mu.Unlock()
	if len(some) > 0 {
		return some[:min(len(some), limit)], nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(wait):
		return nil, nil
	case <-grown:
		return l.After(ctx, seq, limit, wait)
	}
}

// Refused counts the refused tries that the access log tells of.
func (f *Fixture) Refused() int {
	n := 0
	for _, e := range f.Entries() {
		if e.Outcome == accesslog.Refused {
			n++
		}
	}
	return n
}
