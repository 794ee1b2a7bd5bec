package service_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
	. "github.com/finsam/finsam/services/participant/participanttest"
	"github.com/finsam/finsam/services/participant/service"
)

// alsoByAF is the person of another input as Arbetsförmedlingen refers them.
func alsoByAF(in service.PersonInput, given, family, phone string) service.PersonInput {
	in.GivenName, in.FamilyName, in.Contact.Phone = given, family, phone
	in.Consent.Referral, in.Consent.Authority, in.Consent.Unit = uuid.NewString(), "af", "af-1"
	in.Consent.Authorities = []string{"af", "molndal"}
	return in
}

func shown(t *testing.T, f *Suite, a actor.Actor, id string) *service.PersonView {
	t.Helper()
	v, err := f.Person(servicetest.As(a), id)
	if err != nil || v.Identity == nil {
		t.Fatalf("%s: %+v, %v", a.Subject, v, err)
	}
	return v
}

func TestASenderIsShownTheSameOfAKnownPersonAsOfANewOne(t *testing.T) {
	f := StartQuiet(t)
	in := Person(81)
	later := alsoByAF(in, "Bo", "Annan", "070-1740698")
	known := f.Store(in)
	f.Store(later)
	alone := later
	alone.Number, alone.Consent.Referral = Person(82).Number, uuid.NewString()
	unknown := f.Store(alone)
	a, b := shown(t, f, AF, known), shown(t, f, AF, unknown)
	if a.Identity.FamilyName != "Annan" || a.Identity.Phone != "070-1740698" || string(a.Identity.Number) != in.Number {
		t.Errorf("got %+v", a.Identity)
	}
	if a.Version < 1000 || b.Version < 1000 {
		t.Errorf("a version counts the steps of others: %d, %d", a.Version, b.Version)
	}
	// What differs by right is put away; the rest is alike to the letter.
	a.ID, b.ID, a.Version, b.Version = "", "", 0, 0
	a.Identity.Number, b.Identity.Number = "", ""
	for _, v := range []*service.PersonView{a, b} {
		v.Consents[0].Referral, v.Steps[0].Referral = "", ""
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("known: %+v\nnew: %+v", a, b)
	}
	if named, err := f.Identities(servicetest.As(AF), []string{known}); err != nil || named[0].Name != "Bo Annan" {
		t.Errorf("in a batch: %+v, %v", named, err)
	}
	if v := shown(t, f, FKUnit, known); v.Identity.FamilyName != in.FamilyName || v.Identity.Phone != in.Contact.Phone || len(v.Steps) != 1 {
		t.Errorf("the first sender: %+v", v)
	}
}

func TestASendersVersionFollowsWhatIsShown(t *testing.T) {
	f := StartQuiet(t)
	in := Person(83)
	id := f.Store(in)
	first := shown(t, f, FK, id).Version
	f.Store(alsoByAF(in, "Bo", "Annan", "070-1740698"))
	if _, err := f.Rectify(servicetest.As(Intake), id, 3, participant.Details{Identity: participant.Identity{FamilyName: "Rätt"}}, "Påhittat skäl."); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, f, FK, id).Version; got != first {
		t.Errorf("what others sent and settled changed the sender's version: %d, %d", first, got)
	}
	again := in
	again.Consent.Referral, again.FamilyName = uuid.NewString(), "Ny"
	f.Store(again)
	if v := shown(t, f, FK, id); v.Version == first || v.Identity.FamilyName != "Ny" {
		t.Errorf("its own new statement: %+v", v)
	}
}

// TestAPersonStoredBeforeStatementsWereKeptIsReadWhole stores a person as versions before
// this one did: one identity, one contact, and the consents of two senders.
func TestAPersonStoredBeforeStatementsWereKeptIsReadWhole(t *testing.T) {
	f := StartQuiet(t)
	in := Person(85)
	id := f.Store(in)
	people, err := store.Open(t.Context(), f.Engine, store.Schema[participant.Person]{
		Name: "persons", Published: true, Unique: []store.Index{{"lookup"}},
		ID:      func(p *participant.Person) (string, string) { return p.Association, p.ID },
		Keys:    func(p *participant.Person) store.Keys { return store.Keys{"lookup": p.Lookup} },
		Version: func(p *participant.Person) int64 { return int64(len(p.Steps)) },
	})
	servicetest.Must(t, err)
	other := alsoByAF(in, "Bo", "Annan", "070-1740698")
	_, err = people.Update(t.Context(), Tenant, id, 0, func(p *participant.Person) error {
		p.GiveConsent(other.Consent, history.Author{Subject: "af-3", Authority: "af"}, f.Clock.Now())
		return nil
	})
	servicetest.Must(t, err)
	if v := shown(t, f, Coach, id); v.Identity.Name() != in.GivenName+" "+in.FamilyName || v.Identity.Contact != in.Contact || len(v.Identity.Differences) != 0 {
		t.Errorf("the coach: %+v", v.Identity)
	}
	if v := shown(t, f, FK, id); v.Identity.Name() != in.GivenName+" "+in.FamilyName || v.Identity.Contact != in.Contact {
		t.Errorf("the first sender: %+v", v.Identity)
	}
	if v := shown(t, f, AF, id); v.Identity.Name() != "" || v.Identity.Contact != (participant.Contact{}) || string(v.Identity.Number) != in.Number {
		t.Errorf("a sender whose statement was not kept: %+v", v.Identity)
	}
	if named, err := f.Identities(servicetest.As(AF), []string{id}); err != nil || named[0].Name != participant.Alias(id) {
		t.Errorf("in a batch: %+v, %v", named, err)
	}
	f.Store(alsoByAF(in, "Bo", "Annan", "070-1740698"))
	if v := shown(t, f, Coach, id); v.Identity.Name() != in.GivenName+" "+in.FamilyName || len(v.Identity.Differences) != 3 {
		t.Errorf("after a new statement: %+v", v.Identity)
	}
}

func TestARectificationStaysInTheTimelineAndInNoFileInClear(t *testing.T) {
	f := StartQuiet(t)
	in := Person(86)
	id := f.Store(in)
	fields := participant.Details{Identity: participant.Identity{FamilyName: "Kanariefågelsson"}, Contact: participant.Contact{Phone: "070-1740611"}}
	const reason = "påhittat skäl om kanariefågeln"
	v, err := f.Rectify(servicetest.As(Coach), id, 2, fields, reason)
	if err != nil || v.Version != 3 || v.Identity.FamilyName != "Kanariefågelsson" || v.Identity.Phone != "070-1740611" || v.Identity.GivenName != in.GivenName {
		t.Fatalf("got %+v, %v", v, err)
	}
	r := v.Identity.Rectifications[0]
	if r.N != 3 || r.Reason != reason || r.Old.FamilyName != in.FamilyName || r.Old.Phone != in.Contact.Phone || r.New.FamilyName != "Kanariefågelsson" || r.Old.GivenName != "" {
		t.Errorf("got %+v", r)
	}
	if _, err := f.Protect(servicetest.As(Coach), id, 3, participant.AssumedIdentity, []string{"coach-17"}); err != nil {
		t.Fatal(err)
	}
	v = shown(t, f, Coach, id)
	if r := v.Identity.Rectifications[0]; r.Old.Contact != (participant.Contact{}) || r.New.Contact != (participant.Contact{}) || r.New.FamilyName == "" || v.Identity.Phone != "" {
		t.Errorf("after the protection: %+v", r)
	}
	if _, err := f.Rectify(servicetest.As(Coach), id, 4, fields, reason); !errors.Is(err, participant.ErrContactProtected) {
		t.Errorf("got %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(f.Dir, "*"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, word := range []string{"Kanariefågelsson", "070-1740611", reason} {
			if bytes.Contains(text, []byte(word)) {
				t.Errorf("%s has word %d in clear", filepath.Base(file), i)
			}
		}
	}
}

// TestAnotherMunicipalityReadsWhatItsOwnReferralSaid is about one person whom FK refers to
// Mölndal and Arbetsförmedlingen to Partille.
func TestAnotherMunicipalityReadsWhatItsOwnReferralSaid(t *testing.T) {
	f := StartQuiet(t)
	in := Person(87)
	id := f.Store(in)
	other := alsoByAF(in, in.GivenName, "Annan", "070-1740698")
	other.Consent.Municipality, other.Consent.Authorities = "1402", []string{"af", "partille"}
	f.Store(other)
	if _, err := f.Rectify(servicetest.As(Coach), id, 3, participant.Details{Contact: participant.Contact{Email: "ny@finsam.example"}}, "Påhittat skäl."); err != nil {
		t.Fatal(err)
	}
	v := shown(t, f, Elsewhere, id).Identity
	if v.FamilyName != in.FamilyName || v.Phone != "070-1740698" || v.Email != other.Contact.Email || len(v.Statements) != 1 || v.Statements[0].Source != "af" {
		t.Errorf("Partille: %+v", v)
	}
	for _, d := range v.Differences {
		if d.Source != "af" || d.Value == "" {
			t.Errorf("Partille: %+v", d)
		}
	}
	v = shown(t, f, Coach, id).Identity
	if len(v.Differences) != 1 || v.Differences[0].Field != participant.FieldFamilyName || v.Differences[0].Source != "" || v.Differences[0].Value != "" {
		t.Errorf("Mölndal: %+v", v.Differences)
	}
}

// counted is an engine that notes its calls for documents.
type counted struct {
	store.Engine
	reads, writes atomic.Int64
}

func (c *counted) Get(ctx context.Context, collection, association, id string) (store.Document, error) {
	c.reads.Add(1)
	return c.Engine.Get(ctx, collection, association, id)
}

func (c *counted) Find(ctx context.Context, collection string, q store.Query) ([]store.Document, error) {
	c.reads.Add(1)
	return c.Engine.Find(ctx, collection, q)
}

func (c *counted) Insert(ctx context.Context, collection string, r store.Record) error {
	c.writes.Add(1)
	return c.Engine.Insert(ctx, collection, r)
}

func (c *counted) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	c.writes.Add(1)
	return c.Engine.Replace(ctx, collection, r, from)
}

func TestAKnownPersonTakesAsManyReadsAndWritesAsANewOne(t *testing.T) {
	w := servicetest.New(t, "participant", servicetest.Config{Now: Noon})
	engine := &counted{Engine: w.Engine}
	w.Engine = engine
	s, err := service.New(t.Context(), service.Config{Parts: w.Parts})
	servicetest.Must(t, err)
	put := func(as actor.Actor, in service.PersonInput) [2]int64 {
		reads, writes := engine.reads.Load(), engine.writes.Load()
		_, err := s.Put(servicetest.As(as), in)
		servicetest.Must(t, err)
		return [2]int64{engine.reads.Load() - reads, engine.writes.Load() - writes}
	}
	in := Person(88)
	isNew, isKnown := put(FK, in), put(AF, alsoByAF(in, "Bo", "Annan", "070-1740698"))
	if isNew != isKnown || isNew != [2]int64{1, 1} {
		t.Errorf("reads and writes of a new person: %v, of a known one: %v", isNew, isKnown)
	}
}

// BenchmarkPut stores new persons, and other authorities' referrals of known ones.
func BenchmarkPut(b *testing.B) {
	for _, known := range []bool{false, true} {
		b.Run(map[bool]string{false: "new", true: "known"}[known], func(b *testing.B) {
			f := StartQuiet(b)
			var all []service.PersonInput
			for n := range b.N {
				in := Person(uint64(n) + 1000)
				if known {
					f.Store(in)
				}
				all = append(all, alsoByAF(in, "Bo", "Annan", "070-1740698"))
			}
			ctx := servicetest.As(AF)
			b.ReportAllocs()
			b.ResetTimer()
			for _, in := range all {
				if _, err := f.Put(ctx, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
