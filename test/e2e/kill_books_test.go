package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store"
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
	history.Entry
	Kind string `json:"kind"`
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
	t     *testing.T
	docs  map[string]map[string]doc // by collection and id
	feed  map[string][]feed.Event   // by service
	wrong []string                  // what count has found
}

func (b *books) find(format string, args ...any) {
	b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
}

// telling says which collections the events of a service come from.
var telling = map[string][]string{
	"referral":    {"referrals"},
	"participant": {"persons", "enrolments"},
	"activity":    {"bookings", "cancellations", "programme_objects"},
}

// openBooks reads the databases at an address as in FINSAM_STORE; without one, the
// files in a data folder.
func openBooks(t *testing.T, data, address string) *books {
	t.Helper()
	b := &books{t: t, docs: map[string]map[string]doc{}, feed: map[string][]feed.Event{}}
	opened := map[string]*launch.Database{}
	for service, collections := range telling {
		at := address
		if path := filepath.Join(data, service+".db"); at == "" {
			if _, err := os.Stat(path); err != nil {
				path = filepath.Join(data, "finsam.db") // one process keeps all in one file
			}
			at = "sqlite:" + path
		}
		if opened[at] == nil {
			db, err := launch.OpenStore(t.Context(), at, "finsam-test")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			opened[at] = db
		}
		e := opened[at].Engine(service)
		for _, name := range collections {
			b.docs[name] = b.read(e, name)
		}
		b.feed[service] = b.events(e, service)
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

// count compares what was acknowledged with what is stored, and returns the
// differences.
func (b *books) count(told []story) []string {
	for collection, docs := range b.docs {
		for id, d := range docs {
			b.steps(collection, id, d)
		}
	}
	for service := range telling {
		b.published(service)
	}
	enrolments, bookings := map[string]int{}, map[string]int{}
	for _, d := range b.docs["enrolments"] {
		enrolments[d.Referral]++
	}
	for _, d := range b.docs["bookings"] {
		bookings[d.Enrolment]++
	}
	for _, st := range told {
		b.story(st)
		if enrolments[st.referral] != 1 || bookings[st.enrolment] != 1 {
			b.find("referral %s has %d enrolments and %d bookings", st.referral, enrolments[st.referral], bookings[st.enrolment])
		}
	}
	b.unique()
	return b.wrong
}

// story wants each step of an acknowledged story exactly once.
func (b *books) story(st story) {
	r, e, k := b.docs["referrals"][st.referral], b.docs["enrolments"][st.enrolment], b.docs["bookings"][st.booking]
	for _, want := range []struct {
		d    doc
		kind string
	}{
		{r, "submitted"}, {r, "accepted"}, {r, "enrolled"}, {r, "progress_reported"},
		{e, "planned"}, {e, "started"}, {k, "booked"}, {k, "attendance_noted"},
	} {
		if n := want.d.kinds(want.kind); n != 1 {
			b.find("story of %s: %s happened %d times: %+v", st.referral, want.kind, n, want.d)
		}
	}
	if e.Participant != st.participant || k.Participant != st.participant || r.Participant != st.participant {
		b.find("story of %s: three services speak of three persons", st.referral)
	}
}

// steps wants an aggregate's steps numbered without gaps, its version their
// number, and no event to have led to two of them.
func (b *books) steps(collection, id string, d doc) {
	causes := map[string]bool{}
	for i, s := range d.Steps {
		if s.N != int64(i+1) {
			b.find("%s %s: step %d is numbered %d", collection, id, i+1, s.N)
		}
		if s.Cause != "" && causes[s.Cause] {
			b.find("%s %s: %s led to two steps", collection, id, s.Cause)
		}
		causes[s.Cause] = true
	}
	if d.version != int64(len(d.Steps)) {
		b.find("%s %s: version %d, %d steps", collection, id, d.version, len(d.Steps))
	}
}

// published checks that a service's feed has no gaps, and every step once, in order,
// and nothing else.
func (b *books) published(service string) {
	events := b.feed[service]
	seen, last := map[string]bool{}, map[string]int{}
	for i, e := range events {
		if e.Sequence != int64(i+1) {
			b.find("%s: event %d has the sequence number %d", service, i+1, e.Sequence)
		}
		if seen[e.ID] {
			b.find("%s: %s was published twice", service, e.ID)
		}
		seen[e.ID] = true
		if last[e.Subject]++; e.ID != fmt.Sprintf("%s/%d", e.Subject, last[e.Subject]) {
			b.find("%s: %s was published out of order", service, e.ID)
		}
	}
	steps := 0
	for _, collection := range telling[service] {
		for id, d := range b.docs[collection] {
			for n := range d.Steps {
				steps++
				if name := fmt.Sprintf("%s/%d", id, n+1); !seen[name] {
					b.find("%s: %s was never published", service, name)
				}
			}
		}
	}
	// The register of units is published as a whole, and keeps no steps.
	published := len(events)
	for _, e := range events {
		if strings.HasPrefix(e.Type, "se.finsam.units.") {
			published--
		}
	}
	if steps != published {
		b.find("%s: %d steps, %d events", service, steps, published)
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
			b.find("a %s is there twice among %d", what, n)
		}
	}
}

// sound are the books of one story as they should be.
func sound() (*books, []story) {
	steps := func(kinds ...string) (all []step) {
		for i, k := range kinds {
			all = append(all, step{history.Entry{N: int64(i + 1), Cause: "cause of " + k}, k})
		}
		return all
	}
	b := &books{feed: map[string][]feed.Event{}, docs: map[string]map[string]doc{
		"referrals":  {"r": {ID: "r", Participant: "p", External: "FK-1", Steps: steps("submitted", "accepted", "enrolled", "progress_reported"), version: 4}},
		"persons":    {"p": {ID: "p", Lookup: "l", Steps: steps("registered"), version: 1}},
		"enrolments": {"e": {ID: "e", Referral: "r", Participant: "p", Steps: steps("planned", "started"), version: 2}},
		"bookings":   {"b": {ID: "b", Enrolment: "e", Participant: "p", Steps: steps("booked", "attendance_noted"), version: 2}},
	}}
	for service, subjects := range map[string][]string{"referral": {"r", "r", "r", "r"}, "participant": {"p", "e", "e"}, "activity": {"b", "b"}} {
		times := map[string]int{}
		for i, id := range subjects {
			times[id]++
			b.feed[service] = append(b.feed[service], feed.Event{Sequence: int64(i + 1), ID: fmt.Sprint(id, "/", times[id]), Subject: id})
		}
	}
	return b, []story{{referral: "r", participant: "p", enrolment: "e", booking: "b"}}
}

func TestTheBooksThatAreWrongAreFoundWrong(t *testing.T) {
	if b, told := sound(); len(b.count(told)) > 0 {
		t.Errorf("sound books: %v", b.wrong)
	}
	change := func(b *books, collection, id string, how func(*doc)) {
		d := b.docs[collection][id]
		how(&d)
		b.docs[collection][id] = d
	}
	for sentence, spoil := range map[string]func(b *books){
		"a referral is lost":         func(b *books) { delete(b.docs["referrals"], "r") },
		"a person is enrolled twice": func(b *books) { b.docs["enrolments"]["f"] = doc{ID: "f", Referral: "r"} },
		"a booking is made twice":    func(b *books) { b.docs["bookings"]["c"] = doc{ID: "c", Enrolment: "e"} },
		"a person is there twice":    func(b *books) { b.docs["persons"]["q"] = doc{ID: "q", Lookup: "l"} },
		"a reference is there twice": func(b *books) { b.docs["referrals"]["s"] = doc{ID: "s", External: "FK-1"} },
		"a step is lost":             func(b *books) { change(b, "bookings", "b", func(d *doc) { d.Steps, d.version = d.Steps[:1], 1 }) },
		"a step is taken twice": func(b *books) {
			change(b, "enrolments", "e", func(d *doc) { d.Steps = append(d.Steps, step{history.Entry{N: 3}, "started"}); d.version = 3 })
		},
		"an event leads to two steps": func(b *books) { change(b, "referrals", "r", func(d *doc) { d.Steps[3].Cause = d.Steps[2].Cause }) },
		"a step's number is left out": func(b *books) { change(b, "referrals", "r", func(d *doc) { d.Steps[3].N = 5 }) },
		"a step is never published":   func(b *books) { b.feed["activity"] = b.feed["activity"][:1] },
		"a step is published twice": func(b *books) {
			b.feed["activity"] = append(b.feed["activity"], feed.Event{Sequence: 3, ID: "b/2", Subject: "b"})
		},
		"a sequence number is left out":       func(b *books) { b.feed["referral"][3].Sequence = 5 },
		"a step is published before the last": func(b *books) { f := b.feed["referral"]; f[0].ID, f[1].ID = f[1].ID, f[0].ID },
		"what never happened is published": func(b *books) {
			b.feed["participant"] = append(b.feed["participant"], feed.Event{Sequence: 4, ID: "x/1", Subject: "x"})
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			b, told := sound()
			if spoil(b); len(b.count(told)) == 0 {
				t.Error("nobody has noticed")
			}
		})
	}
}
