package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// doc is a stored document as far as every aggregate has these.
type doc struct {
	ID          string `json:"id"`
	Referral    string `json:"referral"`  // of an enrolment
	Enrolment   string `json:"enrolment"` // of a booking
	Participant string `json:"participant"`
	Lookup      string `json:"lookup"` // of a person
	External    string `json:"externalReference"`
	Steps       []step `json:"steps"`
	version     int64
}

type step struct {
	N     int64  `json:"n"`
	Kind  string `json:"kind"`
	Cause string `json:"cause"`
}

func (d doc) kinds(kind string) (n int) {
	for _, s := range d.Steps {
		if s.Kind == kind {
			n++
		}
	}
	return n
}

// books are the databases of all services, read after they have ended.
type books struct {
	t    *testing.T
	docs map[string]map[string]doc // by collection and id
	feed map[string][]feed.Event   // by service
}

// telling says which collections the events of a service come from.
var telling = map[string][]string{
	"referral":    {"referrals"},
	"participant": {"persons", "enrolments"},
	"activity":    {"bookings", "cancellations"},
}

func openBooks(t *testing.T, data string) *books {
	t.Helper()
	b := &books{t: t, docs: map[string]map[string]doc{}, feed: map[string][]feed.Event{}}
	for service, collections := range telling {
		db, err := sqlite.Open(t.Context(), filepath.Join(data, service+".db"))
		if err != nil {
			t.Fatal(err)
		}
		e := db.Engine(service)
		for _, name := range collections {
			b.docs[name] = b.read(e, name)
		}
		b.feed[service] = b.events(e, service)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	return b
}

func (b *books) read(e store.Engine, collection string) map[string]doc {
	b.t.Helper()
	ctx := context.WithoutCancel(b.t.Context())
	if err := e.Prepare(ctx, store.Spec{Name: collection}); err != nil {
		b.t.Fatal(err)
	}
	all := map[string]doc{}
	for skip := 0; ; skip += 500 {
		found, err := e.Find(ctx, collection, store.Query{Association: "insjoriket", Skip: skip, Limit: 500})
		if err != nil {
			b.t.Fatal(err)
		}
		for _, f := range found {
			d := doc{version: f.Version}
			if err := f.Decode(&d); err != nil {
				b.t.Fatal(err)
			}
			all[f.ID] = d
		}
		if len(found) < 500 {
			return all
		}
	}
}

func (b *books) events(e store.Engine, service string) (all []feed.Event) {
	b.t.Helper()
	log, err := feed.OpenLog(b.t.Context(), e, "/services/"+service)
	if err != nil {
		b.t.Fatal(err)
	}
	for after := int64(0); ; after = all[len(all)-1].Sequence {
		events, err := log.After(b.t.Context(), after, feed.MaxLimit, time.Duration(0))
		if err != nil {
			b.t.Fatal(err)
		}
		if len(events) == 0 {
			return all
		}
		all = append(all, events...)
	}
}

// count holds what was acknowledged against what is stored.
func (l *load) count(b *books) {
	for collection, docs := range b.docs {
		for id, d := range docs {
			b.steps(collection, id, d)
		}
	}
	for service := range telling {
		b.told(service)
	}
	enrolments, bookings := map[string]int{}, map[string]int{}
	for _, d := range b.docs["enrolments"] {
		enrolments[d.Referral]++
	}
	for _, d := range b.docs["bookings"] {
		bookings[d.Enrolment]++
	}
	for _, st := range l.told {
		b.story(st)
		if enrolments[st.referral] != 1 || bookings[st.enrolment] != 1 {
			l.t.Errorf("referral %s has %d enrolments and %d bookings", st.referral, enrolments[st.referral], bookings[st.enrolment])
		}
	}
	b.unique()
}

// story wants each step of an acknowledged story exactly once.
func (b *books) story(st story) {
	r, e, k := b.docs["referrals"][st.referral], b.docs["enrolments"][st.enrolment], b.docs["bookings"][st.booking]
	for _, want := range []struct {
		d    doc
		kind string
	}{
		{r, "submitted"}, {r, "accepted"}, {r, "enrolled"}, {r, "course"},
		{e, "planned"}, {e, "started"}, {k, "booked"}, {k, "attendance_noted"},
	} {
		if n := want.d.kinds(want.kind); n != 1 {
			b.t.Errorf("story of %s: %s happened %d times: %+v", st.referral, want.kind, n, want.d)
		}
	}
	if e.Participant != st.participant || k.Participant != st.participant || r.Participant != st.participant {
		b.t.Errorf("story of %s: three services speak of three persons", st.referral)
	}
}

// steps wants an aggregate's steps numbered without gaps, its version their
// number, and no event to have led to two of them.
func (b *books) steps(collection, id string, d doc) {
	causes := map[string]bool{}
	for i, s := range d.Steps {
		if s.N != int64(i+1) {
			b.t.Errorf("%s %s: step %d is numbered %d", collection, id, i+1, s.N)
		}
		if s.Cause != "" && causes[s.Cause] {
			b.t.Errorf("%s %s: %s led to two steps", collection, id, s.Cause)
		}
		causes[s.Cause] = true
	}
	if d.version != int64(len(d.Steps)) {
		b.t.Errorf("%s %s: version %d, %d steps", collection, id, d.version, len(d.Steps))
	}
}

// told wants a service's feed without gaps, with every step in it once and in
// order, and nothing else.
func (b *books) told(service string) {
	events := b.feed[service]
	seen, last := map[string]bool{}, map[string]int{}
	for i, e := range events {
		if e.Sequence != int64(i+1) {
			b.t.Errorf("%s: event %d has the sequence number %d", service, i+1, e.Sequence)
		}
		if seen[e.ID] {
			b.t.Errorf("%s: %s was told twice", service, e.ID)
		}
		seen[e.ID] = true
		if last[e.Subject]++; e.ID != fmt.Sprintf("%s/%d", e.Subject, last[e.Subject]) {
			b.t.Errorf("%s: %s was told out of order", service, e.ID)
		}
	}
	steps := 0
	for _, collection := range telling[service] {
		for id, d := range b.docs[collection] {
			for n := range d.Steps {
				steps++
				if name := fmt.Sprintf("%s/%d", id, n+1); !seen[name] {
					b.t.Errorf("%s: %s was never told", service, name)
				}
			}
		}
	}
	if steps != len(events) {
		b.t.Errorf("%s: %d steps, %d events", service, steps, len(events))
	}
}

// unique wants nothing twice that may be there once: no reference, no person.
func (b *books) unique() {
	var references, persons []string
	for _, d := range b.docs["referrals"] {
		references = append(references, d.External)
	}
	for _, d := range b.docs["persons"] {
		persons = append(persons, d.Lookup)
	}
	for what, all := range map[string][]string{"reference": references, "person": persons} {
		slices.Sort(all)
		if n := len(all); n != len(slices.Compact(all)) {
			b.t.Errorf("a %s is there twice among %d", what, n)
		}
	}
}
