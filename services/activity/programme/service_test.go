package programme_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	. "github.com/finsam/finsam/services/activity/programme"
)

// planner is somebody who plans the week of a municipality.
func planner(subject, municipality string) context.Context {
	return servicetest.As(actor.Actor{
		Subject: subject, Association: Tenant, Authority: "molndal", AuthorityKind: actor.Municipality, Municipality: municipality, Roles: []actor.Role{actor.Planner},
	})
}

// admin is somebody of the association's staff.
func admin(subject string) context.Context {
	return servicetest.As(actor.Actor{Subject: subject, Association: Tenant, Authority: "forbundet", Roles: []actor.Role{actor.AssociationAdmin}})
}

// loaded returns a suite whose programme is the example file.
func loaded(t *testing.T) *Suite {
	t.Helper()
	s := Start(t)
	_, _, err := load(t, s, false)
	servicetest.Must(t, err)
	return s
}

// gym is a series to be created in Mölndal.
func gym(from civil.Date) Creation {
	return Creation{Kind: programme.Series, Municipality: Molndal, Draft: gymVersion(from, "15:00", "16:00")}
}

func gymVersion(from civil.Date, begins, ends string) programme.Version {
	return programme.Version{From: from, Decision: "§ 7", Content: programme.Content{Series: &association.Activity{Name: "Påhittad gympa", Category: "health", Day: "friday", From: begins, To: ends}}}
}

func TestWhoPlansWhat(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	terms := Creation{ID: "terms", Kind: programme.Terms, Draft: programme.Version{From: "2026-12-01", Content: programme.Content{Terms: &association.Terms{Decision: 7}}}}
	members := Creation{ID: "association", Kind: programme.Association, Draft: programme.Version{From: "2026-12-01", Content: programme.Content{Association: &association.Members{Name: "Påhittad"}}}}
	past := gym("2026-11-19")
	for _, c := range []struct {
		sentence string
		ctx      context.Context
		creation Creation
		want     error
	}{
		{"a planner plans a series of the own municipality", planner("planner-1", Molndal), gym("2026-12-01"), nil},
		{"and none of another", planner("planner-1", Alingsas), gym("2026-12-01"), ErrNotYours},
		{"and no terms", planner("planner-1", Molndal), terms, ErrNotYours},
		{"the association's staff plans terms", admin("admin-1"), terms, nil},
		{"and not the association itself", admin("admin-1"), members, ErrFileOnly},
		{"nobody plans the past", planner("planner-1", Molndal), past, ErrFrom},
		{"a coach plans nothing", servicetest.As(Coach(Molndal)), gym("2026-12-01"), fault.ErrForbidden},
	} {
		if _, err := p.Create(c.ctx, c.creation, ""); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.sentence, err)
		}
	}
	v, err := p.Object(admin("admin-1"), "series."+Walk)
	servicetest.Must(t, err)
	if len(v.Operations) != 0 || v.File != file {
		t.Errorf("what a file owns offers %v, and names %q", v.Operations, v.File)
	}
	if _, err := p.Draw(admin("admin-1"), v.ID, v.Writes, gymVersion("2026-12-01", "15:00", "16:00")); !errors.Is(err, ErrOwnedByFile) {
		t.Errorf("a draft of it: %v", err)
	}
	if _, err := p.Fetch(admin("admin-1"), Tenant, nil); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a person fetched the objects of the services: %v", err)
	}
	entries := s.Accesses(t)
	if last := entries[len(entries)-1]; last.Operation != "replaceProgrammeDraft" || last.Thing != "programme/series."+Walk || last.Why != string(access.Association) || last.Code != "owned-by-file" {
		t.Errorf("the entry of a refused draft: %+v", last)
	}
}

func TestADraftIsForThoseWhoPlan(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	made, err := p.Create(planner("planner-1", Molndal), gym("2026-12-01"), "")
	servicetest.Must(t, err)
	coach := servicetest.As(Coach(Molndal))
	for what, ctx := range map[string]context.Context{"a coach": coach, "a planner elsewhere": planner("planner-3", Alingsas)} {
		if _, err := p.Object(ctx, made.ID); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s reads what is a draft only: %v", what, err)
		}
		all, err := p.Objects(ctx, Filter{Kind: programme.Series, Municipality: Molndal})
		servicetest.Must(t, err)
		for _, v := range all {
			if v.ID == made.ID || v.Draft != nil || len(v.Operations) > 0 {
				t.Errorf("%s lists %+v", what, v)
			}
		}
	}
	if _, err := p.Activate(planner("planner-1", Molndal), made.ID, made.Writes); !errors.Is(err, ErrOwnDraft) {
		t.Errorf("its author activates it: %v", err)
	}
	v, err := p.Activate(planner("planner-2", Molndal), made.ID, made.Writes)
	servicetest.Must(t, err)
	if v, err = p.Draw(planner("planner-1", Molndal), made.ID, v.Writes, gymVersion("2027-01-01", "16:00", "17:00")); err != nil {
		t.Fatal(err)
	}
	if v, err := p.Object(coach, made.ID); err != nil || v.Draft != nil || len(v.Versions) != 1 {
		t.Errorf("a coach reads %+v, %v", v, err)
	}
	if v, err = p.Discard(planner("planner-2", Molndal), made.ID, v.Writes); err != nil || v.Draft != nil {
		t.Fatal(err)
	}
	if _, err = p.Discard(planner("planner-2", Molndal), made.ID, v.Writes); !errors.Is(err, ErrNoDraft) {
		t.Errorf("discarded twice: %v", err)
	}
}

// TestAnEndIsProposedCheckedAndCarriedOutByAnother is: ending is what an activation is.
func TestAnEndIsProposedCheckedAndCarriedOutByAnother(t *testing.T) {
	s := loaded(t)
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	p, first, second := s.Service.Programme, planner("planner-1", Molndal), planner("planner-2", Molndal)
	made := planned(t, p, gym("2026-12-01"))
	coach := servicetest.As(Coach(Molndal))
	_, err := s.Service.Book(coach, activity.BookingRequest{Enrolment: Enrolment, Activity: made.ID[len("series."):], From: "2026-12-01"}, "")
	servicetest.Must(t, err)
	if _, err := p.ProposeEnd(first, made.ID, made.Writes, "2026-11-19", ""); !errors.Is(err, ErrFrom) || fault.Of(err).Fields[0].Pointer != "/from" {
		t.Errorf("proposed of a day that has been: %v", err)
	}
	v, err := p.ProposeEnd(first, made.ID, made.Writes, "2027-02-01", "§ 8")
	if err != nil || !v.Draft.Ends || v.Draft.From != "2027-02-01" || len(v.Periods) != 1 || v.Periods[0].Until != "" {
		t.Fatalf("proposed: %+v, %v", v, err)
	}
	r, err := p.Check(first, v.ID)
	if err != nil || r.Impact.Bookings != 1 || len(r.Problems)+len(r.Findings) != 0 {
		t.Errorf("the check of it found %+v, %v", r, err)
	}
	if _, err := p.Activate(first, v.ID, v.Writes); !errors.Is(err, ErrOwnDraft) {
		t.Errorf("its author ends it: %v", err)
	}
	if x, err := p.Object(coach, v.ID); err != nil || x.Draft != nil || x.Periods[0].Until != "" {
		t.Errorf("a coach reads %+v, %v", x, err)
	}
	v, err = p.Activate(second, v.ID, v.Writes)
	if err != nil || v.Draft != nil || v.Periods[0].Until != "2027-01-31" || len(v.Versions) != 1 {
		t.Fatalf("ended: %+v, %v", v, err)
	}
	if last := v.Steps[len(v.Steps)-1]; last.Kind != Ended || last.From != "2027-02-01" || last.Decision != "§ 8" || last.By != "planner-2" {
		t.Errorf("the step: %+v", last)
	}
	if _, err := p.ProposeEnd(first, v.ID, v.Writes, "2027-02-01", ""); !errors.Is(err, ErrNotHeld) {
		t.Errorf("proposed again: %v", err)
	}
	if v, err = p.ProposeEnd(first, v.ID, v.Writes, "2027-01-01", ""); err != nil {
		t.Fatal(err)
	}
	if v, err = p.Discard(second, v.ID, v.Writes); err != nil || v.Draft != nil || v.Periods[0].Until != "2027-01-31" {
		t.Errorf("a proposal that is discarded: %+v, %v", v, err)
	}
}

// ends proposes and carries out that an object ends.
func ends(p *Service, v *View, on civil.Date) (*View, error) {
	v, err := p.ProposeEnd(admin("admin-1"), v.ID, v.Writes, on, "")
	if err != nil {
		return nil, err
	}
	return p.Activate(admin("admin-2"), v.ID, v.Writes)
}

func TestTwoActivationsAtOnceAreOne(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	made, err := p.Create(planner("planner-1", Molndal), gym("2026-12-01"), "")
	servicetest.Must(t, err)
	var racing sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		racing.Go(func() { _, errs[i] = p.Activate(planner(fmt.Sprint("planner-", i+2), Molndal), made.ID, made.Writes) })
	}
	racing.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, fault.ErrStale) {
			t.Error(err)
		}
	}
	v, err := p.Object(admin("admin-1"), made.ID)
	if err != nil || won != 1 || len(v.Versions) != 1 || len(v.Periods) != 1 || v.Writes != made.Writes+1 {
		t.Errorf("%d activations: %+v, %v", won, v, err)
	}
	if x, ok := served(t, s).Activity(made.ID[len("series."):]); !ok || x.At("2026-12-04").Day != "friday" {
		t.Errorf("it is not offered: %+v", x)
	}
}

func TestACreationIsRepeatedByItsKey(t *testing.T) {
	s := loaded(t)
	p, ctx := s.Service.Programme, planner("planner-1", Molndal)
	made, err := p.Create(ctx, gym("2026-12-01"), "key-1")
	servicetest.Must(t, err)
	again, err := p.Create(ctx, gym("2026-12-01"), "key-1")
	if err != nil || again.ID != made.ID || again.Writes != made.Writes {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, err := p.Create(ctx, gym("2026-12-02"), "key-1"); !errors.Is(err, idempotency.ErrKeyReused) {
		t.Errorf("another body: %v", err)
	}
	other, err := p.Create(ctx, gym("2026-12-01"), "key-2")
	if err != nil || other.ID == made.ID {
		t.Errorf("another key: %v", err)
	}
	// An id of one's own makes no other request of it, nor does another kind.
	named := gym("2026-12-01")
	named.ID = "series.fb5fa133-7031-548c-88db-384e1fc1f78e"
	site := Creation{ID: "site.1481.pahittad", Kind: programme.Site, Municipality: Molndal, Draft: programme.Version{From: "2026-12-01", Content: programme.Content{Site: &association.Site{Name: "Påhittad plats"}}}}
	for _, n := range []Creation{named, site} {
		if _, err := p.Create(ctx, n, "key-1"); !errors.Is(err, idempotency.ErrKeyReused) {
			t.Errorf("%s with the key of another: %v", n.ID, err)
		}
		if _, err := p.Object(ctx, n.ID); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("%s was created: %v", n.ID, err)
		}
	}
	first, err := p.Create(ctx, site, "key-3")
	servicetest.Must(t, err)
	if again, err := p.Create(ctx, site, "key-3"); err != nil || again.ID != first.ID || again.Writes != first.Writes {
		t.Errorf("a named one again: %+v, %v", again, err)
	}
	s.Clock.Advance(25 * time.Hour)
	named.Draft.From = "2026-12-02"
	if _, err := p.Create(ctx, named, "key-1"); err != nil {
		t.Errorf("the key a day later: %v", err)
	}
}

// TestOfManyCreationsWithOneKeyOneIsMade races different ids.
func TestOfManyCreationsWithOneKeyOneIsMade(t *testing.T) {
	s := loaded(t)
	p, ctx := s.Service.Programme, planner("planner-1", Molndal)
	var racing sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		n := Creation{ID: fmt.Sprint("site.1481.plats-", i), Kind: programme.Site, Municipality: Molndal, Draft: programme.Version{From: "2026-12-01", Content: programme.Content{Site: &association.Site{Name: "Påhittad plats"}}}}
		racing.Go(func() { _, errs[i] = p.Create(ctx, n, "key-1") })
	}
	racing.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, idempotency.ErrKeyReused) {
			t.Error(err)
		}
	}
	all, err := p.Objects(ctx, Filter{Kind: programme.Site, Municipality: Molndal})
	servicetest.Must(t, err)
	made := 0
	for _, v := range all {
		if v.Origin == programme.FromAPI {
			made++
		}
	}
	if won != 1 || made != 1 {
		t.Errorf("%d requests made %d objects", won, made)
	}
}

func TestTheTurnOfAProcessThatDiedIsOverAfterAWhile(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	made, err := p.Create(planner("planner-1", Molndal), gym("2026-12-01"), "")
	servicetest.Must(t, err)
	_, err = p.TakeTurn(t.Context(), Tenant)
	servicetest.Must(t, err)
	impatient, cancel := context.WithTimeout(planner("planner-2", Molndal), 100*time.Millisecond)
	defer cancel()
	if _, err := p.Activate(impatient, made.ID, made.Writes); !errors.Is(err, ErrBusy) {
		t.Errorf("in another's turn: %v", err)
	}
	s.Clock.Advance(TurnLifetime)
	if _, err := p.Activate(planner("planner-2", Molndal), made.ID, made.Writes); err != nil {
		t.Errorf("when it is over: %v", err)
	}
}

func TestWhatIsFixedWhenAnInitiativeIsCreatedStays(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	of := func(change func(*association.Initiative)) programme.Version {
		i := association.Initiative{Name: "Påhittad insats", Orientation: "individual", FollowUpMethod: "skapa", Ages: association.Ages{Lowest: 16, Highest: 29}}
		change(&i)
		return programme.Version{From: "2026-12-01", Content: programme.Content{Initiative: &i}}
	}
	v, err := p.Create(admin("admin-1"), Creation{ID: "initiative.ung", Kind: programme.Initiative, Draft: of(func(*association.Initiative) {})}, "")
	servicetest.Must(t, err)
	plan := programme.Version{From: "2026-12-01", Content: programme.Content{Plan: &association.Plan{MaxWeeks: 6, Blocks: []association.Block{{Number: 1, Weeks: 6, Closing: true, Content: []string{"health"}}}}}}
	if _, err := p.Activate(admin("admin-2"), v.ID, v.Writes); !errors.Is(err, ErrFindings) {
		t.Errorf("an initiative without a plan: %v", err)
	}
	// Its plan is activated first, from the same day.
	w, err := p.Create(admin("admin-1"), Creation{ID: "plan.ung", Kind: programme.Plan, Draft: plan}, "")
	servicetest.Must(t, err)
	_, err = p.Activate(admin("admin-2"), w.ID, w.Writes)
	servicetest.Must(t, err)
	v, err = p.Activate(admin("admin-2"), v.ID, v.Writes)
	servicetest.Must(t, err)
	for what, change := range map[string]func(*association.Initiative){
		"orientation": func(i *association.Initiative) { i.Orientation = "structural" }, "method": func(i *association.Initiative) { i.FollowUpMethod = "bip" },
		"financing": func(i *association.Initiative) { i.ESF = true },
	} {
		if _, err := p.Draw(admin("admin-1"), v.ID, v.Writes, of(change)); !errors.Is(err, ErrImmutable) {
			t.Errorf("another %s: %v", what, err)
		}
	}
	if _, err := p.Draw(admin("admin-1"), v.ID, v.Writes, of(func(i *association.Initiative) { i.Name = "Nytt påhittat namn" })); err != nil {
		t.Errorf("another name: %v", err)
	}
}

func TestTheIDOfASeriesIsTheOneOfItsActivity(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	for id, want := range map[string]error{
		"series.promenad": ErrObjectID, "series.FB5FA133-7031-548C-88DB-384E1FC1F78E": ErrObjectID, "series.fb5fa1337031548c88db384e1fc1f78e": ErrObjectID,
		"series.fb5fa133-7031-548c-88db-384e1fc1f78e": nil,
	} {
		n := gym("2026-12-01")
		n.ID = id
		if _, err := p.Create(planner("planner-1", Molndal), n, ""); !errors.Is(err, want) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// planned creates an object and lets it hold, and returns its version.
func planned(t *testing.T, p *Service, n Creation) *View {
	t.Helper()
	v, err := p.Create(admin("admin-1"), n, "")
	servicetest.Must(t, err)
	v, err = p.Activate(admin("admin-2"), v.ID, v.Writes)
	servicetest.Must(t, err)
	return v
}

func TestWhatSomethingElseNeedsDoesNotEnd(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	plan := planned(t, p, Creation{ID: "plan.ung", Kind: programme.Plan, Draft: programme.Version{From: "2026-12-01", Content: programme.Content{
		Plan: &association.Plan{MaxWeeks: 6, Blocks: []association.Block{{Number: 1, Weeks: 6, Closing: true, Content: []string{"health"}}}},
	}}})
	initiative := planned(t, p, Creation{ID: "initiative.ung", Kind: programme.Initiative, Draft: programme.Version{From: "2026-12-01", Content: programme.Content{
		Initiative: &association.Initiative{Name: "Påhittad insats", Orientation: "individual", Ages: association.Ages{Lowest: 16, Highest: 29}},
	}}})
	_, err := ends(p, plan, "2027-01-01")
	if !errors.Is(err, ErrFindings) || len(fault.Of(err).Fields) == 0 || fault.Of(err).Fields[0].Pointer != "plan.ung#maxWeeks" {
		t.Errorf("the plan of an initiative: %v", err)
	}
	plan, err = p.Object(admin("admin-1"), plan.ID)
	servicetest.Must(t, err)
	_, err = ends(p, initiative, "2027-01-01")
	servicetest.Must(t, err)
	_, err = p.Activate(admin("admin-2"), plan.ID, plan.Writes)
	servicetest.Must(t, err)
}

// TestWhatWasWrongBeforePreventsNothing has a series at a site that is not there any more, and
// plans another one before it in the same week, which moves its place in the file.
func TestWhatWasWrongBeforePreventsNothing(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	site := planned(t, p, Creation{ID: "site.1481.lada", Kind: programme.Site, Municipality: Molndal, Draft: programme.Version{
		From: "2026-12-01", Content: programme.Content{Site: &association.Site{Name: "Påhittad lada"}},
	}})
	n := gym("2026-12-01")
	n.Draft.Content.Series.Site = "lada"
	planned(t, p, n)
	servicetest.Must(t, p.Forget(t.Context(), Tenant, site.ID))
	n = gym("2027-01-04")
	n.Draft.Content.Series.Day, n.Draft.Content.Series.Name = "monday", "Tidig påhittad gympa"
	planned(t, p, n)
}

// TestAPlanHasNoLastDayBeforeItsInitiative holds that people can be enrolled as long as an
// initiative goes on: an enrolment has a block.
func TestAPlanHasNoLastDayBeforeItsInitiative(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	initiative := programme.Content{Initiative: &association.Initiative{Name: "Påhittad insats", Orientation: "individual", Ages: association.Ages{Lowest: 16, Highest: 29}}}
	plan := programme.Content{Plan: &association.Plan{MaxWeeks: 6, Blocks: []association.Block{{Number: 1, Weeks: 6, Closing: true, Content: []string{"health"}}}}}
	create := func(id string, kind programme.Kind, c programme.Content, until civil.Date) *View {
		t.Helper()
		v, err := p.Create(admin("admin-1"), Creation{ID: id, Kind: kind, Draft: programme.Version{From: "2026-12-01", Until: until, Content: c}}, "")
		servicetest.Must(t, err)
		return v
	}
	activate := func(v *View) *View {
		t.Helper()
		v, err := p.Activate(admin("admin-2"), v.ID, v.Writes)
		servicetest.Must(t, err)
		return v
	}
	activate(create("plan.kort", programme.Plan, plan, "2027-06-30"))
	short := create("initiative.kort", programme.Initiative, initiative, "")
	r, err := p.Check(admin("admin-1"), short.ID)
	if err != nil || len(r.Problems) == 0 {
		t.Errorf("the check of an initiative that goes on without a plan found %+v, %v", r, err)
	}
	if _, err := p.Activate(admin("admin-2"), short.ID, short.Writes); !errors.Is(err, ErrFindings) {
		t.Errorf("it was activated: %v", err)
	}
	short, err = p.Draw(admin("admin-1"), short.ID, short.Writes, programme.Version{From: "2026-12-01", Until: "2027-06-30", Content: initiative})
	servicetest.Must(t, err)
	activate(short)
}

func TestTheCheckOfADraftWhoseFirstDayHasPassedSaysSo(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	made, err := p.Create(planner("planner-1", Molndal), gym("2026-12-01"), "")
	servicetest.Must(t, err)
	s.Clock.Advance(12 * 24 * time.Hour)
	r, err := p.Check(planner("planner-1", Molndal), made.ID)
	if err != nil || len(r.Findings) != 1 || !r.Findings[0].Prevents || r.Findings[0].Text != ErrFrom.Text {
		t.Errorf("the check found %+v, %v", r, err)
	}
	if _, err := p.Activate(planner("planner-2", Molndal), made.ID, made.Writes); !errors.Is(err, ErrFrom) {
		t.Errorf("it was activated: %v", err)
	}
}

func TestASiteDoesNotEndUnderAnActivity(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	var made []*View
	there := gymVersion("2026-12-01", "15:00", "16:00")
	there.Content.Series.Site = "pahittad-sal"
	for _, c := range []Creation{
		{ID: "site.1481.pahittad-sal", Kind: programme.Site, Municipality: Molndal, Draft: programme.Version{From: "2026-12-01", Content: programme.Content{Site: &association.Site{Name: "Påhittad sal"}}}},
		{Kind: programme.Series, Municipality: Molndal, Draft: there},
	} {
		v, err := p.Create(planner("planner-1", Molndal), c, "")
		servicetest.Must(t, err)
		v, err = p.Activate(planner("planner-2", Molndal), v.ID, v.Writes)
		servicetest.Must(t, err)
		made = append(made, v)
	}
	site, series := made[0], made[1]
	_, err := ends(p, site, "2027-02-01")
	if of := fault.Of(err).Fields; !errors.Is(err, ErrFindings) || len(of) != 1 || of[0].Pointer != series.ID+"#site" {
		t.Errorf("a site ended under an activity: %v, %+v", err, of)
	}
	site, err = p.Object(admin("admin-1"), site.ID)
	servicetest.Must(t, err)
	if r, err := p.Check(admin("admin-1"), site.ID); err != nil || len(r.Problems) != 1 || r.Problems[0].Object != series.ID {
		t.Errorf("the check found %+v, %v", r, err)
	}
	_, err = ends(p, series, "2027-02-01")
	servicetest.Must(t, err)
	_, err = p.Activate(admin("admin-2"), site.ID, site.Writes)
	servicetest.Must(t, err)
}

// TestASiteThatMovesLeavesPastWeeksWhereTheyWere plans another address of a site.
func TestASiteThatMovesLeavesPastWeeksWhereTheyWere(t *testing.T) {
	s := loaded(t)
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	p, coach := s.Service.Programme, servicetest.As(Coach(Molndal))
	at := func(from civil.Date, address string) programme.Version {
		return programme.Version{From: from, Content: programme.Content{Site: &association.Site{Name: "Påhittad sal", Address: address}}}
	}
	site := planned(t, p, Creation{ID: "site.1481.pahittad-sal", Kind: programme.Site, Municipality: Molndal, Draft: at("2026-11-20", "Gatan 1")})
	n := gym("2026-11-20")
	n.Draft.Content.Series.Site = "pahittad-sal"
	series := planned(t, p, n)
	_, err := s.Service.Book(coach, activity.BookingRequest{Enrolment: Enrolment, Activity: series.ID[len("series."):], From: "2026-11-20"}, "")
	servicetest.Must(t, err)
	s.Clock.Advance(7 * 24 * time.Hour)
	site, err = p.Draw(admin("admin-1"), site.ID, site.Writes, at("2026-12-01", "Gatan 2"))
	servicetest.Must(t, err)
	if r, err := p.Check(admin("admin-1"), site.ID); err != nil || r.Impact.Bookings != 1 || len(r.Problems) != 0 {
		t.Errorf("the check found %+v, %v", r, err)
	}
	_, err = p.Activate(admin("admin-2"), site.ID, site.Writes)
	servicetest.Must(t, err)
	s.Clock.Advance(7 * 24 * time.Hour)
	for week, want := range map[string]string{"2026-W47": "Påhittad sal, Gatan 1", "2026-W48": "Påhittad sal, Gatan 1", "2026-W49": "Påhittad sal, Gatan 2"} {
		w, err := s.Service.MunicipalityWeek(coach, Molndal, week)
		servicetest.Must(t, err)
		i := slices.IndexFunc(w.Items, func(o activity.Occurrence) bool { return "series."+o.Activity.ID == series.ID })
		if i < 0 || w.Items[i].Activity.Place != want {
			t.Errorf("in %s it is at %+v", week, w.Items)
		}
	}
}

// TestWhatHasBegunTodayIsNeitherMovedNorClosed is: by another object than its own either.
func TestWhatHasBegunTodayIsNeitherMovedNorClosed(t *testing.T) {
	s := loaded(t)
	p, coach := s.Service.Programme, servicetest.As(Coach(Molndal))
	site := planned(t, p, Creation{ID: "site.1481.pahittad-sal", Kind: programme.Site, Municipality: Molndal, Draft: programme.Version{From: "2026-11-20", Content: programme.Content{Site: &association.Site{Name: "Påhittad sal"}}}})
	n := gym("2026-11-20")
	n.Draft.Content.Series.Site = "pahittad-sal"
	series := planned(t, p, n)
	closed, err := p.Create(admin("admin-1"), Creation{ID: "closed_days.1481", Kind: programme.ClosedDays, Municipality: Molndal, Draft: programme.Version{From: "2026-11-20", Content: programme.Content{
		ClosedDays: &association.Calendar{Closed: []association.ClosedPeriod{{From: "2026-11-20", Until: "2026-11-27", SV: "Påhittat stängt", EN: "Invented closing"}}},
	}}}, "")
	servicetest.Must(t, err)
	moves := programme.Version{From: "2026-11-20", Content: programme.Content{Site: &association.Site{Name: "Påhittad sal", Address: "Gatan 2"}}}
	site, err = p.Draw(admin("admin-1"), site.ID, site.Writes, moves)
	servicetest.Must(t, err)
	s.Clock.Advance(5 * time.Hour) // it is 15:00, and the occurrence begins
	for _, v := range []*View{site, closed} {
		if r, err := p.Check(admin("admin-1"), v.ID); err != nil || !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Prevents && f.Object == v.ID }) {
			t.Errorf("the check of %s found %+v, %v", v.ID, r, err)
		}
		if _, err := p.Activate(admin("admin-2"), v.ID, v.Writes); !errors.Is(err, ErrFindings) || fault.Of(err).Fields[0].Pointer != "/validFrom" {
			t.Errorf("%s was activated: %v", v.ID, err)
		}
	}
	moves.From = "2026-11-21"
	site, err = p.Draw(admin("admin-1"), site.ID, site.Writes, moves)
	servicetest.Must(t, err)
	_, err = p.Activate(admin("admin-2"), site.ID, site.Writes)
	servicetest.Must(t, err)
	w, err := s.Service.MunicipalityWeek(coach, Molndal, "2026-W47")
	servicetest.Must(t, err)
	i := slices.IndexFunc(w.Items, func(o activity.Occurrence) bool { return "series."+o.Activity.ID == series.ID })
	if i < 0 || w.Items[i].Closed || w.Items[i].Activity.Place != "Påhittad sal" {
		t.Errorf("today it is at %+v", w.Items)
	}
}

// TestEachDayOnWhichAnythingChangesIsChecked has an initiative that gets a shorter plan in
// March, and a municipality's own plan from January on that leaves the longest time to it.
func TestEachDayOnWhichAnythingChangesIsChecked(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	plan := func(weeks int, from civil.Date, maxWeeks int) programme.Version {
		return programme.Version{From: from, Content: programme.Content{
			Plan: &association.Plan{MaxWeeks: maxWeeks, Blocks: []association.Block{{Number: 1, Weeks: weeks, Closing: true, Content: []string{"health"}}}},
		}}
	}
	own := planned(t, p, Creation{ID: "plan.ung", Kind: programme.Plan, Draft: plan(12, "2026-12-01", 12)})
	planned(t, p, Creation{ID: "initiative.ung", Kind: programme.Initiative, Draft: programme.Version{From: "2026-12-01", Content: programme.Content{
		Initiative: &association.Initiative{Name: "Påhittad insats", Orientation: "individual", Ages: association.Ages{Lowest: 16, Highest: 29}},
	}}})
	own, err := p.Draw(admin("admin-1"), own.ID, own.Writes, plan(6, "2027-03-01", 6))
	servicetest.Must(t, err)
	_, err = p.Activate(admin("admin-2"), own.ID, own.Writes)
	servicetest.Must(t, err)
	v, err := p.Create(admin("admin-1"), Creation{ID: "plan.ung.1481", Kind: programme.Plan, Municipality: Molndal, Draft: plan(12, "2027-01-01", 0)}, "")
	servicetest.Must(t, err)
	if r, err := p.Check(admin("admin-1"), v.ID); err != nil || len(r.Problems) != 1 || r.Problems[0].Object != v.ID || r.Problems[0].Field != "blocks" {
		t.Errorf("the check found %+v, %v", r, err)
	}
	if _, err := p.Activate(admin("admin-2"), v.ID, v.Writes); !errors.Is(err, ErrFindings) {
		t.Errorf("it was activated: %v", err)
	}
	d := plan(12, "2027-01-01", 0)
	d.Until = "2027-02-28"
	v, err = p.Draw(admin("admin-1"), v.ID, v.Writes, d)
	servicetest.Must(t, err)
	_, err = p.Activate(admin("admin-2"), v.ID, v.Writes)
	servicetest.Must(t, err)
}
