package service_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// twins returns several services on the engine of w, as pods have one database.
func twins(t *testing.T, w *referraltest.World, n int) []*service.Service {
	t.Helper()
	all := []*service.Service{w.Service}
	for len(all) < n {
		deps := w.Service.Config
		deps.Peers, deps.Log = nil, slog.New(slog.DiscardHandler)
		s, err := service.New(t.Context(), deps)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// overdueSteps counts the Overdue steps of all referrals.
func overdueSteps(t *testing.T, w *referraltest.World) (n int) {
	t.Helper()
	all, err := w.All(t.Context(), "insjoriket")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		for _, s := range r.Steps {
			if s.Kind == referral.Overdue {
				n++
			}
		}
	}
	return n
}

func TestSeveralSweepersTakeOneStepPerTurn(t *testing.T) {
	w := referraltest.New(t)
	const n = 230 // more than two batches
	for range n {
		created(t, w)
	}
	pods := twins(t, w, 4)
	sweepAll := func() int {
		var wg sync.WaitGroup
		before := overdueSteps(t, w)
		for _, s := range pods {
			wg.Go(func() {
				if err := s.MarkOverdue(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return overdueSteps(t, w) - before
	}
	if got := sweepAll(); got != 0 {
		t.Fatalf("%d steps before anything is due", got)
	}
	w.Clock.Advance(15 * 24 * time.Hour)
	if got := sweepAll(); got != n {
		t.Fatalf("want %d steps, got %d", n, got)
	}
	if got := sweepAll(); got != 0 {
		t.Fatalf("%d more of the same turns", got)
	}
	l, err := w.Service.List(referraltest.As(referraltest.Intake), service.Filter{}, store.Window{Limit: 200, Page: 1})
	if err != nil || len(l.Items) != 200 {
		t.Fatal(err)
	}
	for _, v := range l.Items {
		if steps := v.Referral.Steps; len(steps) != 2 || steps[1].Kind != referral.Overdue || !v.Overdue {
			t.Fatalf("got %+v", steps)
		}
	}
}

func TestWhoseTurnIsOverdueIsNotified(t *testing.T) {
	w := referraltest.New(t)
	first, second := created(t, w), created(t, w)
	if _, err := w.Service.RequestSupplement(referraltest.As(referraltest.Intake), second.ID, 1, "Påhittad fråga?"); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(15 * 24 * time.Hour)
	if err := w.Service.MarkOverdue(t.Context()); overdueSteps(t, w) != 2 || err != nil {
		t.Fatal(overdueSteps(t, w), err)
	}
	w.Run(t)
	told := map[string]feed.Event{}
	for deadline := time.Now().Add(30 * time.Second); len(told) < 2 && time.Now().Before(deadline); {
		events, err := w.Feed.After(t.Context(), 0, 100, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Type == "se.finsam.referral.overdue" {
				told[e.Subject] = e
			}
		}
	}
	for id, want := range map[string][]string{
		first.ID:  {"fk", "1481", "receiver", "decision", "2026-03-02T12:00:00Z", "2026-03-16T22:59:59Z"},
		second.ID: {"fk", "1481", "sender", "supplement", "2026-03-02T12:00:00Z", "2026-03-16T22:59:59Z"},
	} {
		e := told[id]
		if got := []string{e.Authority, e.Data["municipality"], e.Data["party"], e.Data["wait"], e.Data["since"], e.Data["due"]}; !slices.Equal(got, want) {
			t.Errorf("want %v, got %v", want, got)
		}
	}
}

func TestASenderWithoutConsentDoesNotLearnThatTheProgressIsOverdue(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	id := created(t, w).ID
	if _, err := w.Service.Accept(referraltest.As(referraltest.Intake), id, 1, acceptance()); err != nil {
		t.Fatal(err)
	}
	w.Peer.Add(feed.Event{ID: "p/2", Type: "se.finsam.participant.consent_withdrawn", Association: "insjoriket",
		Subject: viewed(t, w, id).Referral.Participant})
	steps := func(n int) *referral.View {
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if v := viewed(t, w, id); len(v.Referral.Steps) >= n {
				return v
			}
		}
		t.Fatalf("no step %d", n)
		return nil
	}
	steps(3)
	w.Clock.Advance(60 * 24 * time.Hour)
	if err := w.Service.MarkOverdue(t.Context()); overdueSteps(t, w) != 1 || err != nil {
		t.Fatal(overdueSteps(t, w), err)
	}
	if v := steps(4); v.Turn == nil || v.Turn.Wait != referral.WaitStart || !v.Overdue {
		t.Errorf("the receiver sees %+v", v.Turn)
	}
	v, err := w.Service.Get(referraltest.As(referraltest.FK), id)
	if err != nil || v.Turn != nil || v.Overdue || slices.ContainsFunc(v.Steps, func(s referral.Step) bool { return s.Kind == referral.Overdue }) {
		t.Errorf("the sender sees %+v, %v", v.Turn, err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		events, err := w.Feed.After(t.Context(), 3, 100, time.Second)
		if err != nil || time.Now().After(deadline) {
			t.Fatal("no event: ", err)
		}
		if len(events) > 0 {
			if e := events[0]; e.Type != "se.finsam.referral.overdue" || e.Authority != "" {
				t.Errorf("got %+v", e)
			}
			return
		}
	}
}

// viewed returns a referral as its receiver sees it.
func viewed(t *testing.T, w *referraltest.World, id string) *referral.View {
	t.Helper()
	v, err := w.Service.Get(referraltest.As(referraltest.Intake), id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
