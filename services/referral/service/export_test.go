package service_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/export"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// rows keeps what an export writes.
type rows [][]string

func (r *rows) Write(cells []string) error {
	*r = append(*r, cells)
	return nil
}

// column returns the cells below a heading.
func (r rows) column(t *testing.T, heading string) (cells []string) {
	t.Helper()
	i := slices.Index(r[0], heading)
	if i < 0 {
		t.Fatalf("no column %s in %v", heading, r[0])
	}
	for _, row := range r[1:] {
		cells = append(cells, row[i])
	}
	return cells
}

// exported is an export by an actor.
func exported(t *testing.T, w *referraltest.World, a actor.Actor, f service.Filter, identities bool) rows {
	t.Helper()
	var all rows
	if err := asks(w, a, f, identities, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// asks is a request of an export by an actor.
func asks(w *referraltest.World, a actor.Actor, f service.Filter, identities bool, t export.Table) error {
	ctx, sent := context.WithCancel(referraltest.As(a))
	defer sent()
	return w.Service.Export(ctx, f, identities, t)
}

// exports returns the entries of the access log about exports that showed something, in
// order.
func exports(t *testing.T, w *referraltest.World) []accesslog.Entry {
	return exportsThatWere(t, w, accesslog.Done)
}

// exportsThatWere returns the entries of exports with an outcome.
func exportsThatWere(t *testing.T, w *referraltest.World, outcome accesslog.Outcome) (all []accesslog.Entry) {
	t.Helper()
	err := accesslog.Read(t.Context(), map[string]*accesslog.Log{"": w.AccessLog}, func(_ string, e accesslog.Entry) error {
		if e.Operation == "exportReferrals" && e.Outcome == outcome {
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAnExportIsReadInPagesAndEveryPersonIsLoggedOnce(t *testing.T) {
	w := referraltest.New(t)
	if err := w.Service.Fill(t.Context(), created(t, w), 450); err != nil {
		t.Fatal(err)
	}
	got := exported(t, w, referraltest.Intake, service.Filter{}, true)
	numbers := got.column(t, "Diarienummer")
	slices.Sort(numbers)
	if len(slices.Compact(numbers)) != 451 {
		t.Errorf("%d referrals of 451", len(slices.Compact(numbers)))
	}
	persons := map[string]bool{}
	entries := exports(t, w)
	for _, e := range entries {
		for _, p := range e.Participants {
			persons[p] = true
		}
		if e.Identity != accesslog.Shown || e.Why != "own-municipality" || e.Subject != referraltest.Intake.Subject {
			t.Errorf("got %+v", e)
		}
	}
	if len(entries) != 3 || len(persons) != 201 {
		t.Errorf("%d entries of %d persons", len(entries), len(persons))
	}
	if len(w.People.Asked) != 3 || slices.Max(w.People.Asked) > 200 {
		t.Errorf("the vault was asked for %v", w.People.Asked)
	}
}

func TestAnExportIsBoundedBeforeAndWhileItIsRead(t *testing.T) {
	w := referraltest.New(t)
	all := several(t, w, 4)
	w.Service.ExportAtMost(3, 3)
	var got rows
	err := asks(w, referraltest.Intake, service.Filter{}, false, &got)
	if !errors.Is(err, export.ErrTooLarge) || len(got) > 1 || len(exports(t, w)) > 0 {
		t.Errorf("%v, %d rows", err, len(got))
	}
	if failed := exportsThatWere(t, w, accesslog.Failed); len(failed) != 1 || failed[0].Code != "export-too-large" {
		t.Errorf("the failure is entered as %+v", failed)
	}
	w.Service.ExportAtMost(4, 3)
	if got := exported(t, w, referraltest.Intake, service.Filter{}, false); len(got) != 1+len(all) {
		t.Errorf("%d rows", len(got))
	}
	if err := asks(w, referraltest.Intake, service.Filter{}, true, &got); !errors.Is(err, export.ErrTooLarge) {
		t.Errorf("with identities: %v", err)
	}
}

func TestWhatARowShowsDependsOnWhoAsks(t *testing.T) {
	w := referraltest.New(t)
	accepted := created(t, w)
	w.Clock.Advance(time.Hour)
	_, err := w.Service.Accept(referraltest.As(referraltest.Intake), accepted.ID, accepted.Version(), referral.Acceptance{
		Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16", Coach: "coach-1"})
	if err != nil {
		t.Fatal(err)
	}
	own := exported(t, w, referraltest.Intake, service.Filter{}, false)
	want := []string{"2026-000001", "antagen", "2026-03-02 13:00", "Försäkringskassan", "fk", "fk-molndal", "Mölndal",
		own[1][7], "", "", "Coach", own[1][11], "Nej", "2026-03-02 14:00", ""}
	if len(own) != 2 || !slices.Equal(own[1], want) || own[1][7] == "" || own[1][11] == "" {
		t.Errorf("got  %q\nwant %q", own[1:], want)
	}
	if got := exported(t, w, referraltest.Officer, service.Filter{}, false); len(got) != 2 {
		t.Errorf("the sender's unit got %q", got)
	}
	for _, a := range []actor.Actor{referraltest.OtherUnit, referraltest.AF, referraltest.Partille, referraltest.Elsewhere} {
		if got := exported(t, w, a, service.Filter{}, false); len(got) != 1 {
			t.Errorf("%s got %q", a.Subject, got)
		}
	}
	for _, a := range []actor.Actor{referraltest.Admin, referraltest.Board, referraltest.Person(accepted.Participant)} {
		if err := asks(w, a, service.Filter{}, false, new(rows)); !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("%s: %v", a.Subject, err)
		}
	}
}

func TestIdentitiesAreForThoseWhoMayReadNameAndNumber(t *testing.T) {
	w := referraltest.New(t)
	r := created(t, w)
	w.People.Who = map[string]referral.Identity{r.Participant: {Name: "Deltagare 7F3K"}}
	for _, a := range []actor.Actor{referraltest.Intake, referraltest.Coach} {
		got := exported(t, w, a, service.Filter{}, true)
		if !slices.Equal(got.column(t, "Namn"), []string{"Deltagare 7F3K"}) || !slices.Equal(got.column(t, "Personnummer"), []string{""}) {
			t.Errorf("%s got %q", a.Subject, got)
		}
	}
	before := len(exports(t, w))
	for _, a := range []actor.Actor{referraltest.Officer, referraltest.FK} {
		if err := asks(w, a, service.Filter{}, true, new(rows)); !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("%s: %v", a.Subject, err)
		}
	}
	if n, refused := len(exports(t, w)), exportsThatWere(t, w, accesslog.Refused); n != before || len(refused) != 2 || refused[0].Code != "forbidden" {
		t.Errorf("%d entries, want %d; refused %+v", n, before, refused)
	}
	w.People.Err = fault.ErrUnavailable
	if err := asks(w, referraltest.Intake, service.Filter{}, true, new(rows)); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("without the vault: %v", err)
	}
}

// slow is a table that holds an export up.
type slow struct{ began, goOn chan struct{} }

func (s slow) Write([]string) error {
	close(s.began)
	<-s.goOn
	return errors.New("held up")
}

func TestAnAuthorityMakesOneExportAtATimeAndKeepsNoOtherWaiting(t *testing.T) {
	w := referraltest.New(t)
	s, ended := slow{make(chan struct{}), make(chan struct{})}, make(chan error, 1)
	ctx, sent := context.WithCancel(referraltest.As(referraltest.Intake))
	go func() { ended <- w.Service.Export(ctx, service.Filter{}, false, s) }()
	<-s.began
	if err := asks(w, referraltest.Partille, service.Filter{}, false, new(rows)); err != nil {
		t.Errorf("another's: %v", err)
	}
	close(s.goOn)
	if err := <-ended; err == nil {
		t.Error("the held up one ended well")
	}
	if err := asks(w, referraltest.Intake, service.Filter{}, false, new(rows)); !errors.Is(err, export.ErrBusy) {
		t.Errorf("before the first one's answer is sent: %v", err)
	}
	sent()
	if err := asks(w, referraltest.Intake, service.Filter{}, false, new(rows)); err != nil {
		t.Error(err)
	}
}

// cutShort is a table whose request ends with a row.
type cutShort struct {
	rows
	at   int
	ends context.CancelFunc
}

// Write implements export.Table.
func (c *cutShort) Write(cells []string) error {
	if len(c.rows) == c.at {
		c.ends()
	}
	return c.rows.Write(cells)
}

func TestAnExportEndsWithItsRequest(t *testing.T) {
	w := referraltest.New(t)
	if err := w.Service.Fill(t.Context(), created(t, w), 450); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(referraltest.As(referraltest.Intake))
	table := &cutShort{at: 250, ends: cancel}
	if err := w.Service.Export(ctx, service.Filter{}, false, table); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if len(table.rows) > 1+2*200 {
		t.Errorf("%d rows were written", len(table.rows))
	}
}
