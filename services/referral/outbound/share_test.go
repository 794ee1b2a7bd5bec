package outbound_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/referral/outbound"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// hook creates a webhook of the actor's.
func hook(t *testing.T, w *referraltest.World, a actor.Actor, url string) *outbound.WebhookView {
	t.Helper()
	k, err := w.Service.Outbound.Create(referraltest.As(a), "", outbound.Settings{URL: url, On: true})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSilentReceiversOfOneOwnerCostOnlyThatOwner(t *testing.T) {
	w := referraltest.New(t)
	ended, end := make(chan struct{}), sync.Once{}
	var held, most atomic.Int64
	w.Hooks.Set(func(m outbound.Message) outbound.Answer {
		if !strings.Contains(m.URL, "silent") {
			return outbound.Answer{Outcome: outbound.OK, Status: 200}
		}
		most.Store(max(most.Load(), held.Add(1)))
		defer held.Add(-1)
		<-ended
		return outbound.Answer{Outcome: outbound.TimedOut}
	})
	w.Run(t)
	t.Cleanup(func() { end.Do(func() { close(ended) }) }) // before Run ends
	for n := range 20 {
		hook(t, w, referraltest.FK, fmt.Sprintf("https://silent%d.example.se/", n))
	}
	other := hook(t, w, referraltest.Intake, "https://answers.example.se/")
	for range 5 {
		put(t, w)
	}
	until(t, "the owner has its share of attempts", func() bool { return held.Load() >= 12 })
	put(t, w)
	until(t, "the other's deliveries", func() bool {
		n := 0
		for _, m := range w.Hooks.Got() {
			if m.URL == other.URL {
				n++
			}
		}
		return n == 6
	})
	if held.Load() < 12 || most.Load() > 16 {
		t.Errorf("%d attempts of the owner are under way, %d at most", held.Load(), most.Load())
	}
	end.Do(func() { close(ended) })
}

func TestASilentReceiverIsLeftAloneForLongerAndLongerAndThenByOneAtATime(t *testing.T) {
	w := referraltest.New(t)
	var answers atomic.Bool
	w.Hooks.Set(func(outbound.Message) outbound.Answer {
		if answers.Load() {
			return outbound.Answer{Outcome: outbound.OK, Status: 200}
		}
		return outbound.Answer{Outcome: outbound.TimedOut}
	})
	k := newWebhook(t, w)
	for range 12 {
		put(t, w)
	}
	w.Run(t)
	attempted := func() int { return len(w.Hooks.Got()) }
	until(t, "the first attempts", func() bool { return attempted() > 0 })
	time.Sleep(50 * time.Millisecond)
	first := attempted()
	if first > 4 {
		t.Fatalf("%d attempts without an answer before it is left alone", first)
	}
	for n := 1; n <= 4; n++ {
		w.Clock.Advance(time.Minute)
		until(t, "one more attempt", func() bool { return attempted() == first+n })
		time.Sleep(20 * time.Millisecond)
		if attempted() != first+n {
			t.Fatalf("%d attempts after %d pauses", attempted()-first, n)
		}
	}
	answers.Store(true)
	if _, err := w.Service.Outbound.Test(referraltest.As(referraltest.FK), k.ID, ""); err != nil {
		t.Fatal(err)
	}
	until(t, "all that waited, once it answers", func() bool {
		w.Clock.Advance(time.Minute)
		return len(deliveriesOf(t, w, k.ID, outbound.Delivered)) == 13
	})
}
