package programme_test

import (
	"context"
	"errors"
	"fmt"
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
	if v, err = p.End(planner("planner-2", Molndal), made.ID, v.Writes, "2027-02-01", "§ 8"); err != nil || v.Periods[0].Until != "2027-01-31" {
		t.Errorf("ended: %+v, %v", v, err)
	}
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
	_, err := p.End(admin("admin-1"), plan.ID, plan.Writes, "2027-01-01", "")
	if !errors.Is(err, ErrFindings) || len(fault.Of(err).Fields) == 0 || fault.Of(err).Fields[0].Pointer != "plan.ung#maxWeeks" {
		t.Errorf("the plan of an initiative: %v", err)
	}
	_, err = p.End(admin("admin-1"), initiative.ID, initiative.Writes, "2027-01-01", "")
	servicetest.Must(t, err)
	_, err = p.End(admin("admin-1"), plan.ID, plan.Writes, "2027-01-01", "")
	servicetest.Must(t, err)
}

// TestWhatWasWrongBeforePreventsNothing has a series at a site that is there until the new
// year, and plans another one before it in the same week, which moves its place in the file.
func TestWhatWasWrongBeforePreventsNothing(t *testing.T) {
	s := loaded(t)
	p := s.Service.Programme
	planned(t, p, Creation{ID: "site.1481.lada", Kind: programme.Site, Municipality: Molndal, Draft: programme.Version{
		From: "2026-12-01", Until: "2026-12-31", Content: programme.Content{Site: &association.Site{Name: "Påhittad lada"}},
	}})
	n := gym("2026-12-01")
	n.Draft.Content.Series.Site = "lada"
	planned(t, p, n)
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
	_, err := p.End(planner("planner-1", Molndal), site.ID, site.Writes, "2027-02-01", "")
	if of := fault.Of(err).Fields; !errors.Is(err, ErrFindings) || len(of) != 1 || of[0].Pointer != series.ID {
		t.Errorf("a site ended under an activity: %v, %+v", err, of)
	}
	_, err = p.End(planner("planner-1", Molndal), series.ID, series.Writes, "2027-02-01", "")
	servicetest.Must(t, err)
	_, err = p.End(planner("planner-1", Molndal), site.ID, site.Writes, "2027-02-01", "")
	servicetest.Must(t, err)
}
