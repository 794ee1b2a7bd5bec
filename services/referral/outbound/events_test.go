package outbound_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/outbound"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// acceptance is a complete one.
var acceptance = referral.Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16", Coach: "coach-1"}

// put creates a referral and returns its id.
func put(t *testing.T, w *referraltest.World) string {
	t.Helper()
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", referraltest.Submission())
	if err != nil {
		t.Fatal(err)
	}
	return v.Referral.ID
}

// gather reads page by page until there are as many events as wanted, and returns them
// with the position behind them.
func gather(t *testing.T, s *outbound.Service, a actor.Actor, after string, limit, want int) ([]outbound.Notice, string) {
	t.Helper()
	var all []outbound.Notice
	for end := time.Now().Add(30 * time.Second); len(all) < want && time.Now().Before(end); {
		e, err := s.Events(referraltest.As(a), outbound.EventQuery{After: after, Limit: limit, Wait: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Items) > limit {
			t.Fatalf("%d events, the limit is %d", len(e.Items), limit)
		}
		all, after = append(all, e.Items...), e.After
	}
	if len(all) != want {
		t.Fatalf("%d events, want %d", len(all), want)
	}
	return all, after
}

func kinds(all []outbound.Notice) []string {
	var k []string
	for _, n := range all {
		k = append(k, n.Kind())
	}
	return k
}

func TestAFollowerMissesNothingAndMeetsNothingTwice(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	const n = 60
	var want []string
	for range n {
		want = append(want, put(t, w)+"/1")
	}
	for _, a := range []actor.Actor{referraltest.FK, referraltest.Intake} {
		for _, limit := range []int{1, 7, 200} {
			all, after := gather(t, w.Service.Outbound, a, "", limit, n)
			var got []string
			for i, e := range all {
				got = append(got, e.ID)
				if i > 0 && e.Sequence <= all[i-1].Sequence {
					t.Fatalf("%d comes behind %d", e.Sequence, all[i-1].Sequence)
				}
			}
			slices.Sort(got)
			if sorted := slices.Sorted(slices.Values(want)); !slices.Equal(got, sorted) {
				t.Fatalf("%s, limit %d: %d events, not those that happened", a.Subject, limit, len(got))
			}
			if e, err := w.Service.Outbound.Events(referraltest.As(a), outbound.EventQuery{After: after, Limit: limit}); err != nil || len(e.Items) > 0 {
				t.Fatalf("behind the last: %v %v", e, err)
			}
		}
	}
	for name, a := range map[string]actor.Actor{
		"another municipality": referraltest.Partille, "another association": referraltest.Elsewhere,
	} {
		if e, err := w.Service.Outbound.Events(referraltest.As(a), outbound.EventQuery{Limit: 200}); err != nil || len(e.Items) > 0 {
			t.Errorf("%s sees %v, %v", name, e, err)
		}
	}
}

func TestReadingEventsIsEnteredWithTheRelation(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	put(t, w)
	both := referraltest.FK
	both.Municipality = "1402"
	for _, c := range []struct {
		a    actor.Actor
		want string
	}{
		{referraltest.FK, "own-authority"},
		{both, "own-authority"},
		{referraltest.Intake, "own-municipality"},
	} {
		var last accesslog.Entry
		_, after := gather(t, w.Service.Outbound, c.a, "", 1, 1)
		for _, people := range []int{1, 0} { // the second page is empty
			err := accesslog.Read(t.Context(), map[string]*accesslog.Log{"": w.AccessLog}, func(_ string, e accesslog.Entry) error {
				last = e
				return nil
			})
			if err != nil || last.Operation != "listEvents" || last.Why != c.want || len(last.Participants) != people {
				t.Errorf("%s: %v %+v", c.a.Subject, err, last)
			}
			if _, err := w.Service.Outbound.Events(referraltest.As(c.a), outbound.EventQuery{After: after, Limit: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTheSenderSeesTheProgressOnlyWhileTheConsentHolds(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	id := put(t, w)
	tell := func(kind string, data map[string]string) {
		data["referral"] = id
		w.Peer.Add(feed.Event{ID: kind + "/" + id, Type: kind, Association: "insjoriket", Subject: "e-1", Time: w.Clock.Now(), Data: data})
	}
	ctx := referraltest.As(referraltest.Intake)
	if _, err := w.Service.Accept(ctx, id, 1, acceptance); err != nil {
		t.Fatal(err)
	}
	tell("se.finsam.enrolment.planned", map[string]string{"firstDay": "2026-03-16"})
	tell("se.finsam.participant.consent_withdrawn", map[string]string{})
	tell("se.finsam.participant.protected", map[string]string{"level": "protected_registration", "handlers": "x"})
	tell("se.finsam.enrolment.started", map[string]string{"number": "1"})
	municipality, _ := gather(t, w.Service.Outbound, referraltest.Intake, "", 200, 5)
	if k := kinds(municipality); !slices.Equal(k, []string{"submitted", "accepted", "enrolled", "consent_withdrawn", "progress_reported"}) {
		t.Errorf("the municipality sees %v", k)
	}
	referrer, _ := gather(t, w.Service.Outbound, referraltest.FK, "", 200, 3)
	if k := kinds(referrer); !slices.Equal(k, []string{"submitted", "accepted", "consent_withdrawn"}) {
		t.Errorf("the sender sees %v", k)
	}
	for _, n := range append(referrer, municipality...) {
		for key, v := range n.Data {
			if slices.Contains([]string{"participant", "coach", "startDate", "initiative"}, key) {
				t.Errorf("%s shows %s: %s", n.Kind(), key, v)
			}
		}
	}
}

func TestAWrongPositionAndATooOldOneAreDifferentFaults(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	put(t, w)
	_, after := gather(t, w.Service.Outbound, referraltest.FK, "", 1, 1)
	for _, bad := range []string{"nope", "YXp6", after + "A"} {
		if _, err := w.Service.Outbound.Events(referraltest.As(referraltest.FK), outbound.EventQuery{After: bad, Limit: 1}); !errors.Is(err, outbound.ErrPosition) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	put(t, w)
	gather(t, w.Service.Outbound, referraltest.FK, "", 200, 2)
	w.Clock.Advance(91 * 24 * time.Hour)
	if err := w.Service.Outbound.Disposal.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask := func(after string) error {
		e, err := w.Service.Outbound.Events(referraltest.As(referraltest.FK), outbound.EventQuery{After: after, Limit: 1})
		if err == nil && len(e.Items) > 0 {
			t.Errorf("still stored: %v", e.Items)
		}
		return err
	}
	if err := ask(after); !errors.Is(err, outbound.ErrPositionTooOld) {
		t.Errorf("got %v", err)
	}
	if err := ask(""); err != nil {
		t.Errorf("from the beginning: %v", err)
	}
}

func TestAWaiterIsWokenAndReleased(t *testing.T) {
	w := referraltest.New(t)
	w.Run(t)
	ending := make(chan struct{})
	got := make(chan int, 2)
	for _, c := range []struct {
		a      actor.Actor
		ending chan struct{}
	}{{referraltest.FK, nil}, {referraltest.Partille, ending}} {
		go func() {
			e, err := w.Service.Outbound.Events(referraltest.As(c.a), outbound.EventQuery{Limit: 9, Wait: outbound.MaxWait, Ending: c.ending})
			if err != nil {
				t.Error(err)
				got <- -1
				return
			}
			got <- len(e.Items)
		}()
	}
	put(t, w)
	if n := <-got; n != 1 {
		t.Errorf("woken with %d events", n)
	}
	close(ending)
	if n := <-got; n != 0 {
		t.Errorf("released with %d events", n)
	}
	ctx, cancel := context.WithCancel(referraltest.As(referraltest.Partille))
	cancel()
	if _, err := w.Service.Outbound.Events(ctx, outbound.EventQuery{Limit: 1, Wait: time.Second}); err == nil || !strings.Contains(err.Error(), "cancel") {
		t.Errorf("a caller that is gone: %v", err)
	}
}
