package figures_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/figures"
	"github.com/finsam/finsam/services/referral/publication"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

var sweden = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		panic(err)
	}
	return zone
}()

// admin sees aggregates only.
var admin = actor.Actor{Subject: "admin-1", Association: "insjoriket", Authority: "insjoriket", Roles: []actor.Role{actor.AssociationAdmin}}

// act lets a referral go one random step, legal or not, through the real verbs.
func act(t *rapid.T, w *referraltest.World, id, participant string, version int64) {
	intake, fk := referraltest.As(referraltest.Intake), referraltest.As(referraltest.FK)
	event := func(kind string, data map[string]string) {
		data["referral"], data["participant"] = id, participant
		cause := fmt.Sprintf("e-%s/%d", id, version+1)
		_ = w.Service.Handle(context.Background(), feed.Event{ID: cause, Type: "se.finsam.enrolment." + kind, Subject: "00000000-0000-4000-8000-000000000001", Association: "insjoriket", Data: data})
	}
	today := w.Clock.Now().In(sweden).Format("2006-01-02")
	switch rapid.IntRange(0, 13).Draw(t, "act") {
	case 0, 1:
		_, _ = w.Service.PutOnWaitlist(intake, id, version, rapid.SampledFrom([]string{"high", "low"}).Draw(t, "priority"), "")
	case 2, 3, 4:
		_, _ = w.Service.Accept(intake, id, version, referral.Acceptance{Initiative: "activera", StartDate: today, Coach: "coach-1"})
	case 5:
		_, _ = w.Service.Reject(intake, id, version, rapid.SampledFrom([]string{"no_capacity", "other"}).Draw(t, "code"), "Påhittat.")
	case 6:
		_, _ = w.Service.RequestSupplement(intake, id, version, "Påhittad fråga?")
	case 7:
		_, _ = w.Service.SendSupplement(fk, id, version, "Påhittat svar.")
	case 8:
		_, _ = w.Service.Withdraw(fk, id, version, "referrer", "Påhittat.")
	case 9:
		_, _ = w.Service.MarkInError(fk, id, version, "Påhittat.")
	case 10:
		event("planned", map[string]string{"on": today, "firstDay": today})
	case 11:
		event("started", map[string]string{"on": today, "number": "1"})
	case 12:
		kind := rapid.SampledFrom([]string{"check_in_due", "answered", "decided"}).Draw(t, "progress")
		event(kind, map[string]string{"on": today, "number": strconv.Itoa(rapid.IntRange(1, 3).Draw(t, "block")), "decision": "continue"})
	case 13:
		event("closed", map[string]string{"on": today, "outcome": "completed"})
	}
}

// brute counts the same over the documents, the plain way.
func brute(all []*referral.Referral, from, to, municipality string) (map[figures.Row]int64, map[[2]string][]int) {
	rows, spans := map[figures.Row]int64{}, map[[2]string][]int{}
	date := func(t time.Time) time.Time {
		d, err := time.Parse("2006-01-02", t.In(sweden).Format("2006-01-02"))
		if err != nil {
			panic(err)
		}
		return d
	}
	span := func(step, detail string, a, b time.Time) {
		n := 0
		for d := date(a); d.Before(date(b)); d = d.AddDate(0, 0, 1) {
			n++
		}
		spans[[2]string{step, detail}] = append(spans[[2]string{step, detail}], n)
	}
	for _, r := range all {
		where := r.Status().Municipality
		if municipality != "" && municipality != where {
			continue
		}
		count := func(measure, detail string) {
			for _, row := range []figures.Row{{By: "total"}, {By: "source", Value: string(r.Source)}, {By: "gender", Value: r.Gender}, {By: "municipality", Value: where}} {
				row.Measure = measure
				rows[row]++
				if row.Detail = detail; detail != "" {
					rows[row]++
				}
			}
		}
		decided, waits := false, false
		var accepted, started time.Time
		due := map[int]time.Time{}
		for i, s := range r.Steps {
			month := s.At.In(sweden).Format("2006-01")
			if month > to {
				break
			}
			in := month >= from
			decides := s.Kind == referral.Waitlisted || s.Kind == referral.Accepted || s.Kind == referral.Rejected
			if in && decides && !decided {
				span("decision", "", r.Steps[0].At, s.At)
			}
			decided = decided || decides
			switch s.Kind {
			case referral.Submitted:
				if in {
					count("received", "")
				}
			case referral.Waitlisted:
				waits = true
			case referral.Accepted, referral.Rejected, referral.Withdrawn, referral.MarkedInError:
				waits = false
				name := map[referral.StepKind]string{referral.Accepted: "accepted", referral.Rejected: "rejected", referral.Withdrawn: "withdrawn", referral.MarkedInError: "entered_in_error"}[s.Kind]
				detail := ""
				if s.Kind == referral.Rejected {
					detail = s.Code
				}
				if s.Kind == referral.Accepted {
					accepted = s.At
				}
				if in {
					count(name, detail)
				}
			case referral.Closed:
				if in {
					count("closed", s.Code)
					if !started.IsZero() {
						span("closing", "", started, s.At)
					}
				}
			case referral.ProgressReported:
				switch s.Progress.Kind {
				case "started":
					if in && started.IsZero() {
						span("start", "", accepted, s.At)
					}
					started = s.At
				case "check_in_due":
					due[s.Progress.Block] = s.At
				case "answered":
					if in && !started.IsZero() {
						span("check_in", strconv.Itoa(s.Progress.Block), started, s.At)
					}
					if at, ok := due[s.Progress.Block]; in && ok {
						span("check_in_answer", "", at, s.At)
					}
				}
			}
			if i == 0 || !in {
				continue
			}
			before, after := *r, *r
			before.Steps, after.Steps = r.Steps[:i], r.Steps[:i+1]
			if t, ok := before.Status().Turn(); ok {
				if next, still := after.Status().Turn(); !still || next.Began != t.Began {
					span("turn", string(t.Party), t.Since, s.At)
				}
			}
		}
		if waits {
			count("waiting", "")
		}
	}
	return rows, spans
}

// agrees holds the figures against the plain count.
func agrees(t *rapid.T, months []*figures.Month, all []*referral.Referral, from, to, municipality string) {
	got := figures.Over(months, from, to, municipality)
	rows, spans := brute(all, from, to, municipality)
	have := map[figures.Row]int64{}
	for _, r := range got.Rows {
		n := r.N
		r.Sum = figures.Sum{}
		have[r] = n
	}
	if !maps.Equal(have, rows) {
		t.Fatalf("%s to %s in %q: counted\n%v\nthere are\n%v", from, to, municipality, have, rows)
	}
	for _, l := range got.Leads {
		days := spans[[2]string{l.Step, l.Detail}]
		slices.Sort(days)
		rank := func(p int) int { return days[(len(days)*p+99)/100-1] }
		if int(l.N) != len(days) || l.Median != rank(50) || l.P90 != rank(90) {
			t.Fatalf("%s %s: got %+v of %v", l.Step, l.Detail, l, days)
		}
		delete(spans, [2]string{l.Step, l.Detail})
	}
	if len(spans) > 0 {
		t.Fatalf("not counted: %v", spans)
	}
}

func TestTheFiguresAreWhatIsInTheReferralsWhateverDiesMeanwhile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := referraltest.New(t)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- w.Service.Run(ctx) }()
		defer func() {
			cancel()
			<-done
		}()
		type one struct{ id, participant string }
		var made []one
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			w.Clock.Advance(time.Duration(rapid.IntRange(0, 24*20).Draw(rt, "hours")) * time.Hour)
			if len(made) == 0 || rapid.IntRange(0, 4).Draw(rt, "new") == 0 {
				sub := referraltest.Submission()
				sub.Person.Gender = rapid.SampledFrom([]string{"", "female", "male"}).Draw(rt, "gender")
				if rapid.Bool().Draw(rt, "elsewhere") {
					sub.WishedMunicipality, sub.Consent.Authorities = "1441", append(sub.Consent.Authorities, "lerum")
				}
				v, err := w.Service.Create(referraltest.As(referraltest.FK), "", sub)
				if err != nil {
					rt.Fatal(err)
				}
				made = append(made, one{v.Referral.ID, v.Referral.Participant})
				continue
			}
			m := made[rapid.IntRange(0, len(made)-1).Draw(rt, "which")]
			v, err := w.Service.Get(referraltest.As(referraltest.FK), m.id)
			if err != nil {
				rt.Fatal(err)
			}
			act(rt, w, m.id, m.participant, v.Referral.Version())
		}
		if err := w.Service.MarkOverdue(ctx); err != nil {
			rt.Fatal(err)
		}
		all := settled(rt, w)
		// What the service itself has counted, and a newer version from the start.
		for _, version := range []int{figures.Version, figures.Version + 1} {
			if version > figures.Version {
				deaths := rapid.IntRange(0, 6).Draw(rt, "deaths")
				dies := func() bool {
					deaths--
					return deaths >= 0 && rapid.Bool().Draw(rt, "dies")
				}
				for range 2 { // and all of it once more
					if err := recount(ctx, w, version, dies); err != nil {
						rt.Fatal(err)
					}
				}
			}
			months, err := storedMonths(ctx, w, version)
			if err != nil {
				rt.Fatal(err)
			}
			for _, where := range []string{"", "1481", "1441"} {
				agrees(rt, months, all, "2026-01", "2030-12", where)
				agrees(rt, months, all, "2026-04", "2026-06", where)
			}
		}
	})
}

// recount counts the whole feed by a rollup of that version, in small pages. When dies
// says so it dies in the middle of a page, or before it has noted the position, and the
// page comes again, as it also does to a twin.
func recount(ctx context.Context, w *referraltest.World, version int, dies func() bool) error {
	referrals, err := store.Open(ctx, w.Engine, service.Collection)
	if err != nil {
		return err
	}
	r, err := figures.New(ctx, figures.Config{Parts: w.Parts, Referrals: referrals}, version)
	if err != nil {
		return err
	}
	for seq := int64(0); ; {
		events, err := w.Feed.After(ctx, seq, 7, 0)
		if err != nil || len(events) == 0 {
			return err
		}
		if dies() {
			if err := r.Count(ctx, events[:len(events)/2]); err != nil {
				return err
			}
		}
		if err := r.Count(ctx, events); err != nil {
			return err
		}
		if !dies() {
			seq = events[len(events)-1].Sequence
		}
	}
}

// storedMonths returns what a version has counted in an association.
func storedMonths(ctx context.Context, w *referraltest.World, version int) ([]*figures.Month, error) {
	c, err := store.Open(ctx, w.Engine, figures.Collection)
	if err != nil {
		return nil, err
	}
	page, err := c.Find(ctx, store.Query{
		Association: "insjoriket", Where: []store.Cond{store.Equals("version", version)}, Sort: []store.Order{{Key: "month"}}, Limit: 1000,
	})
	var all []*figures.Month
	for _, m := range page.Items {
		all = append(all, m.Value)
	}
	return all, err
}

// settled waits until every step has been published and counted, and returns the referrals.
func settled(t *rapid.T, w *referraltest.World) []*referral.Referral {
	ctx := context.Background()
	w.Clock.Advance(time.Second) // so that no step is as late as now
	deadline := time.Now().Add(30 * time.Second)
	for {
		all, err := w.All(ctx, "insjoriket")
		if err != nil {
			t.Fatal(err)
		}
		steps := 0
		for _, r := range all {
			steps += len(r.Steps)
		}
		events, err := w.Feed.After(ctx, 0, feed.MaxLimit, 0)
		if err != nil {
			t.Fatal(err)
		}
		f, err := w.Service.Figures(referraltest.As(referraltest.Intake), "2026-01", "2026-12", "")
		if err != nil {
			t.Fatal(err)
		}
		if len(events) >= steps && f.CountedUntil.Equal(w.Clock.Now()) {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d steps are in the feed, counted until %s", len(events), steps, f.CountedUntil)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestWhoSeesWhichFigures(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	for range 12 {
		if _, err := w.Service.Create(referraltest.As(referraltest.FK), "", referraltest.Submission()); err != nil {
			t.Fatal(err)
		}
	}
	received := func(f *service.Figures) int64 {
		for _, r := range f.Rows {
			if r.By == "total" && r.Measure == "received" {
				return r.N
			}
		}
		return 0
	}
	var own *service.Figures
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var err error
		if own, err = w.Service.Figures(referraltest.As(referraltest.Intake), "2026-01", "2026-12", ""); err != nil {
			t.Fatal(err)
		}
		if received(own) == 12 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v", own)
		}
	}
	if own.Municipality != "1481" {
		t.Errorf("a receiver's own: %+v", own)
	}
	sent, err := w.Service.Figures(referraltest.As(referraltest.FK), "2026-01", "2026-12", "")
	if err != nil || received(sent) != 12 {
		t.Errorf("a sender's own: %+v, %v", sent, err)
	}
	other := referraltest.FK
	other.Authority, other.Unit = "af", "af-molndal"
	if sent, err = w.Service.Figures(referraltest.As(other), "2026-01", "2026-12", ""); err != nil || len(sent.Rows) > 0 {
		t.Errorf("another sender's: %+v, %v", sent, err)
	}
	for _, who := range []actor.Actor{admin, referraltest.Board} {
		if _, err := w.Service.Figures(referraltest.As(who), "2026-01", "2026-12", ""); !errors.Is(err, publication.ErrInstead) {
			t.Errorf("the association's, live: %v", err)
		}
	}
	if _, err := w.Service.Figures(referraltest.As(referraltest.Intake), "2026-01", "2026-12", "1402"); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("another municipality's: %v", err)
	}
}
