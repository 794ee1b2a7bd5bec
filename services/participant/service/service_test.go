package service_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
	. "github.com/finsam/finsam/services/participant/participanttest"
	"github.com/finsam/finsam/services/participant/service"
)

func TestTheSameNumberIsTheSameParticipant(t *testing.T) {
	f := StartQuiet(t)
	first := Person(1)
	id := f.Store(first)
	if again := f.Store(first); again != id {
		t.Error("a repeat made another participant")
	}
	second := first
	second.Consent.Referral, second.Consent.Authority, second.Consent.Unit = uuid.NewString(), "af", "af-1"
	second.Number = first.Number[2:8] + "-" + first.Number[8:]
	if other := f.Store(second); other != id {
		t.Error("another authority's referral made another participant")
	}
	other := Person(1)
	other.Number = Person(2).Number
	if f.Store(other) == id {
		t.Error("another number is another person")
	}
	v, err := f.Person(servicetest.As(Coach), id)
	if err != nil || len(v.Consents) != 2 || v.Version != 3 {
		t.Fatalf("got %+v, %v", v, err)
	}
}

func TestManyPostsOfOneNewPersonMakeOneParticipant(t *testing.T) {
	f := StartQuiet(t)
	for round := range 5 {
		ids := make([]string, 12)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				in := Person(uint64(100 + round))
				filed, _ := f.Put(servicetest.As(FK), in)
				ids[i] = filed.Participant
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Fatalf("round %d: %v", round, ids)
			}
		}
		v, err := f.Person(servicetest.As(Coach), ids[0])
		if err != nil || len(v.Consents) != len(ids) {
			t.Fatalf("round %d: %d consents of %d, %v", round, len(v.Consents), len(ids), err)
		}
	}
}

func TestWhatTheVaultRefuses(t *testing.T) {
	f := StartQuiet(t)
	for _, c := range []struct {
		sentence string
		as       actor.Actor
		change   func(*service.PersonInput)
		want     *fault.Error
	}{
		{"a number with a wrong check digit", FK, func(p *service.PersonInput) { p.Number = "199001012386" }, personnummer.ErrInvalid},
		{"a consent of tomorrow", FK, func(p *service.PersonInput) { p.Consent.GivenOn = "2026-11-23" }, participant.ErrFuture},
		{"a consent older than the person", FK, func(p *service.PersonInput) { p.Consent.GivenOn = "1920-01-01" }, participant.ErrTooEarly},
		{"a referral of another authority", AF, func(*service.PersonInput) {}, fault.ErrNotFound},
		{"a referral of another unit", FKUnit, func(p *service.PersonInput) { p.Consent.Unit = "fk-lerum" }, fault.ErrNotFound},
		{"a referral by a coach", Coach, func(*service.PersonInput) {}, fault.ErrForbidden},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			in := Person(3)
			c.change(&in)
			if filed, err := f.Put(servicetest.As(c.as), in); !errors.Is(err, c.want) || filed.Participant != "" {
				t.Errorf("got %+v, %v", filed, err)
			}
		})
	}
}

func TestAgeIsForThoseWhoMayAccept(t *testing.T) {
	f := StartQuiet(t)
	in := Person(4)
	in.Number = "199001012385"
	id := f.Store(in)
	for day, want := range map[civil.Date]int{"2026-11-22": 36, "2026-01-01": 36, "2025-12-31": 35} {
		if got, err := f.AgeOn(servicetest.As(Intake), id, day); err != nil || got == nil || *got != want {
			t.Errorf("on %s: got %v, %v", day, got, err)
		}
	}
	if _, err := f.AgeOn(servicetest.As(actor.ForService("referral", "insjoriket")), id, "2026-11-22"); err != nil {
		t.Error(err)
	}
	for _, a := range []actor.Actor{Coach, FK} {
		if _, err := f.AgeOn(servicetest.As(a), id, "2026-11-22"); !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("%s: %v", a.Subject, err)
		}
	}
}

func TestALaterReferralReplacesTheContact(t *testing.T) {
	f := StartQuiet(t)
	in := Person(5)
	id := f.Store(in)
	in.Consent.Referral, in.Contact.Phone = uuid.NewString(), "070-1740699"
	f.Store(in)
	v, err := f.Person(servicetest.As(Coach), id)
	if err != nil || v.Identity.Contact.Phone != "070-1740699" || v.Identity.Contact.Email != in.Contact.Email {
		t.Fatalf("got %+v, %v", v.Identity.Contact, err)
	}
}

// TestNothingOfAPersonIsStoredInClear searches every byte that the service has
// written for what it was sent.
func TestNothingOfAPersonIsStoredInClear(t *testing.T) {
	f := Start(t)
	in, id, enrolment := f.Enrolled(6, "2026-04-20")
	const secret = "hemligheten om kanariefågeln"
	v, err := f.Start(servicetest.As(Coach), enrolment, 1, "2026-04-20", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.AnswerCheckIn(servicetest.As(FKUnit), enrolment, v.Version, 1, "ready", "", secret); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WithdrawConsent(servicetest.As(Coach), id, 3, in.Consent.Referral, secret); err != nil {
		t.Fatal(err)
	}
	canaries := []string{in.Number, in.Number[2:], in.Number[2:8] + "-" + in.Number[8:], in.FamilyName, in.Contact.Email, in.Contact.Phone, secret}
	files, _ := filepath.Glob(filepath.Join(f.Dir, "*"))
	if len(files) == 0 {
		t.Fatal("nothing was written")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, canary := range canaries {
			if bytes.Contains(text, []byte(canary)) {
				t.Errorf("%s holds canary %d in clear", filepath.Base(file), i)
			}
		}
	}
}

func TestEveryReadAndEveryRefusalIsLogged(t *testing.T) {
	f := StartQuiet(t)
	id := f.Store(Person(7))
	before := len(f.Accesses(t))
	if _, err := f.Person(servicetest.As(Coach), id); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Person(servicetest.As(Elsewhere), id); !errors.Is(err, fault.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := f.Person(servicetest.As(Coach), uuid.NewString()); !errors.Is(err, fault.ErrNotFound) {
		t.Fatal(err)
	}
	entries := f.Accesses(t)[before:]
	if len(entries) != 3 {
		t.Fatalf("%d entries", len(entries))
	}
	e := entries[0]
	if e.Subject != "coach-17" || e.Operation != "getParticipant" || e.Outcome != accesslog.Done || e.Why != "own-municipality" || len(e.Participants) != 1 || e.Participants[0] != id {
		t.Errorf("got %+v", e)
	}
	if entries[1].Outcome != accesslog.Refused || entries[2].Outcome != accesslog.Refused {
		t.Errorf("got %+v", entries[1:])
	}
}

func TestABatchOfIdentitiesIsAnEntryForEachThatIsShownMaskedOrRefused(t *testing.T) {
	f := StartQuiet(t)
	a, b, hidden := f.Store(Person(8)), f.Store(Person(9)), Person(10)
	hidden.Consent.Municipality = "1402"
	c := f.Store(hidden)
	if _, err := f.Protect(servicetest.As(Coach), b, 2, participant.ConfidentialityMarking, nil); err != nil {
		t.Fatal(err)
	}
	before := len(f.Accesses(t))
	missing := uuid.NewString() // noted as refused, as what is there and hidden
	named, err := f.Identities(servicetest.As(Intake), []string{a, b, c, a, missing})
	if err != nil || len(named) != 2 {
		t.Fatalf("got %+v, %v", named, err)
	}
	if in := Person(8); named[0].Name != in.GivenName+" "+in.FamilyName || named[0].Number != in.Number[:8]+"-****" {
		t.Errorf("got %+v", named[0])
	}
	if named[1].Name != participant.Alias(b) || named[1].Number != "" || !named[1].Protected {
		t.Errorf("a protected person: %+v", named[1])
	}
	entries := f.Accesses(t)[before:]
	for i, want := range []accesslog.Entry{
		{Outcome: accesslog.Refused, Why: "not-related", Participants: []string{c, missing}},
		{Outcome: accesslog.Done, Why: "own-municipality", Identity: accesslog.Shown, Participants: []string{a}},
		{Outcome: accesslog.Done, Why: "own-municipality", Identity: accesslog.Masked, Participants: []string{b}},
	} {
		if len(entries) != 3 {
			t.Fatalf("got %+v", entries)
		}
		if e := entries[i]; e.Outcome != want.Outcome || e.Why != want.Why || e.Identity != want.Identity || !slices.Equal(e.Participants, want.Participants) {
			t.Errorf("entry %d: got %+v, want %+v", i, e, want)
		}
	}
	if _, err := f.Identities(servicetest.As(Leader), []string{a}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a supervisor asks about anybody: %v", err)
	}
	if _, err := f.ListedIdentities(servicetest.As(Intake), []string{a}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("who has no lists asks about those on one: %v", err)
	}
	if named, _ := f.ListedIdentities(servicetest.As(Leader), []string{a, b, c}); len(named) != 3 || named[0].Number != "" || named[0].Name == participant.Alias(a) ||
		named[1].Name != participant.Alias(b) || named[2].Name == participant.Alias(c) {
		t.Errorf("on a list stand %+v", named)
	}
	if _, err := f.Identities(servicetest.As(Board), []string{a}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("got %v", err)
	}
}

func TestTwoChangesOfOneVersionHaveOneWinner(t *testing.T) {
	f := Start(t)
	for round := range 5 {
		_, _, enrolment := f.Enrolled(uint64(200+round), "2026-11-02")
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = f.Start(servicetest.As(Coach), enrolment, 1, "2026-11-02", nil, "") })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, fault.ErrStale) {
				t.Errorf("a loser got %v", err)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d winners", round, won)
		}
	}
}

func TestSilenceBecomesAnEvent(t *testing.T) {
	f := Start(t)
	_, _, enrolment := f.Enrolled(11, "2026-11-02")
	if _, err := f.Start(servicetest.As(Coach), enrolment, 1, "2026-11-02", nil, ""); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(21 * 24 * time.Hour) // 13 December, the block's last day
	if err := f.MarkOverdue(servicetest.As(Coach)); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Enrolment(servicetest.As(Coach), enrolment); err != nil || v.Progress.State != participant.StateActive {
		t.Fatalf("too early: %v, %v", v, err)
	}
	f.Clock.Advance(24 * time.Hour)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := f.MarkOverdue(servicetest.As(Coach)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	v, err := f.Enrolment(servicetest.As(Coach), enrolment)
	if err != nil || v.Progress.State != participant.StateCheckInDue || v.Version != 3 {
		t.Fatalf("got %+v, %v", v, err)
	}
}

func TestAnApplicantMustUseTheOwnNumber(t *testing.T) {
	f := StartQuiet(t)
	mine, other := Person(31), Person(32)
	id := f.Store(mine)
	me := Participant(id)
	mine.Consent.Referral, mine.Consent.Authority, mine.Consent.Unit = "6b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c12", "self", "self"
	if again, err := f.Put(servicetest.As(me), mine); err != nil || again.Participant != id {
		t.Errorf("the own number: got %+v, %v", again, err)
	}
	if _, err := f.Put(servicetest.As(me), other); !errors.Is(err, participant.ErrNotYou) {
		t.Errorf("a stranger's number: got %v", err)
	}
	f.Store(other)
	if _, err := f.Put(servicetest.As(me), other); !errors.Is(err, participant.ErrNotYou) {
		t.Errorf("another person's number: got %v", err)
	}
}

// newer is an engine on which a newer program has written one document.
type newer struct {
	store.Engine
	id string
}

func (e newer) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	if r.ID == e.id {
		return store.ErrNewer
	}
	return e.Engine.Replace(ctx, collection, r, from)
}

func TestOneEnrolmentThatCannotBeWrittenDelaysNoOther(t *testing.T) {
	f := Start(t)
	var ids []string
	for i, start := range []civil.Date{"2026-11-02", "2026-11-03"} {
		_, _, id := f.Enrolled(uint64(30+i), string(start))
		_, err := f.Service.Start(servicetest.As(Coach), id, 0, start, nil, "")
		servicetest.Must(t, err)
		ids = append(ids, id)
	}
	config := f.Service.Config
	config.Engine, config.Peers = newer{f.Engine, ids[0]}, nil
	s, err := service.New(t.Context(), config)
	servicetest.Must(t, err)
	f.Clock.Advance(30 * 24 * time.Hour)
	servicetest.Must(t, s.MarkOverdue(t.Context()))
	if v, err := f.Enrolment(servicetest.As(Coach), ids[1]); err != nil || v.Progress.State != participant.StateCheckInDue {
		t.Errorf("got %+v, %v", v, err)
	}
}

// TestNobodyBeginsWhereTheInitiativeIsNotPerformed holds a first day, its correction and the end
// of a pause against the municipality's agreement on the day.
func TestNobodyBeginsWhereTheInitiativeIsNotPerformed(t *testing.T) {
	f := Start(t)
	is, err := f.Associations.Get(Tenant)
	servicetest.Must(t, err)
	performed := func(until, ended civil.Date) { // ended: from this day on there is no such initiative
		f.Associations.Serve(Tenant, func(on civil.Date) *association.Association {
			then := *is
			then.Initiatives = slices.Clone(is.Initiatives)
			then.Initiatives[0].Agreements = []association.Agreement{{Municipality: "1481", From: "2026-04-01", Until: until}}
			if ended != "" && ended <= on {
				then.Initiatives = nil
			}
			return &then
		})
	}
	coach := servicetest.As(Coach)
	wants := func(sentence string, err error, want *fault.Error, pointer string) {
		t.Helper()
		if want == nil && err != nil || want != nil && (!errors.Is(err, want) || fault.Of(err).Fields[0].Pointer != pointer) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	_, _, enrolment := f.Enrolled(781, "2026-11-02")
	performed("2026-11-10", "")
	_, err = f.Service.Start(coach, enrolment, 0, "2026-11-11", nil, "")
	wants("the day after the agreement", err, participant.ErrNotPerformed, "/startedOn")
	performed("2026-11-10", "2026-11-12")
	_, err = f.Service.Start(coach, enrolment, 0, "2026-11-12", nil, "")
	wants("the initiative has ended", err, participant.ErrNotPerformed, "/startedOn")
	v, err := f.Service.Start(coach, enrolment, 0, "2026-11-09", nil, "")
	wants("a day on which it was performed, before it ended", err, nil, "")
	begun := v.Steps[len(v.Steps)-1].N
	on := func(kind participant.StepKind, day civil.Date) participant.Correction {
		return participant.Correction{Step: begun, Instead: &participant.Replacement{On: map[participant.StepKind]civil.Date{kind: day}}}
	}
	_, err = f.Correct(coach, enrolment, 0, on(participant.Started, "2026-11-11"), "skäl", "")
	wants("a correction of the first day", err, participant.ErrNotPerformed, "/replacement/startedOn")
	_, err = f.Correct(coach, enrolment, 0, on(participant.Started, "2026-11-10"), "skäl", "")
	wants("to the last day of the agreement", err, nil, "")

	performed("", "")
	_, _, rests := f.Enrolled(782, "2026-06-01")
	_, err = f.Service.Start(coach, rests, 0, "2026-06-01", nil, "")
	servicetest.Must(t, err)
	_, err = f.AnswerCheckIn(servicetest.As(FKUnit), rests, 0, 1, "not_ready", "", "")
	servicetest.Must(t, err)
	_, err = f.DecideCheckIn(coach, rests, 0, 1, participant.CheckInDecision{Decision: participant.Pause, On: "2026-07-13"}, "", "")
	servicetest.Must(t, err)
	performed("2026-09-30", "")
	_, err = f.Resume(coach, rests, 0, "2026-10-01")
	wants("the end of a pause", err, participant.ErrNotPerformed, "/resumedOn")
	v, err = f.Resume(coach, rests, 0, "2026-09-30")
	wants("while it is performed", err, nil, "")
	begun = v.Steps[len(v.Steps)-1].N
	_, err = f.Correct(coach, rests, 0, on(participant.Resumed, "2026-10-01"), "skäl", "")
	wants("its correction", err, participant.ErrNotPerformed, "/replacement/resumedOn")
	_, err = f.Service.StartBlock(coach, rests, 0, 2, "2026-10-05", nil, "")
	wants("who has begun goes on", err, nil, "")
}
