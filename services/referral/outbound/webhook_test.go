package outbound_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral/outbound"
	"github.com/finsam/finsam/services/referral/referraltest"
)

// newWebhook creates a webhook of FK's.
func newWebhook(t *testing.T, w *referraltest.World, kinds ...string) *outbound.WebhookView {
	t.Helper()
	k, err := w.Service.Outbound.Create(referraltest.As(referraltest.FK), "", outbound.Settings{URL: "https://hooks.example.se/", Kinds: kinds, On: true})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// until waits for what the service does by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func deliveriesOf(t *testing.T, w *referraltest.World, id string, state outbound.DeliveryState) []*outbound.Delivery {
	t.Helper()
	l, err := w.Service.Outbound.Deliveries(referraltest.As(referraltest.FK), id, state, store.Window{Limit: 200, Page: 1})
	if err != nil {
		t.Fatal(err)
	}
	return l.Items
}

// verifies reports whether the secret signed the message, as a receiver would.
func verifies(t *testing.T, m outbound.Message, secret string) bool {
	t.Helper()
	v, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set(standardwebhooks.HeaderWebhookID, m.ID)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.At.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, m.Signature)
	return v.VerifyIgnoringTimestamp(m.Body, h) == nil
}

func TestAnIndependentVerifierAcceptsTheSignaturesWhileTheSecretIsRotated(t *testing.T) {
	w := referraltest.New(t)
	k := newWebhook(t, w)
	w.Run(t)
	put(t, w)
	until(t, "the first", func() bool { return len(w.Hooks.Got()) == 1 })
	r, err := w.Service.Outbound.Rotate(referraltest.As(referraltest.FK), k.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	put(t, w)
	until(t, "the second", func() bool { return len(w.Hooks.Got()) == 2 })
	w.Clock.Advance(25 * time.Hour)
	id := put(t, w)
	until(t, "the third", func() bool { return len(w.Hooks.Got()) == 3 })
	got := w.Hooks.Got()
	for i, want := range []struct{ old, new bool }{{true, false}, {true, true}, {false, true}} {
		if o, n := verifies(t, got[i], k.Secret), verifies(t, got[i], r.Secret); o != want.old || n != want.new {
			t.Errorf("message %d: the old secret verifies %v, the new one %v", i, o, n)
		}
	}
	got[0].Body = append(got[0].Body, ' ')
	if verifies(t, got[0], k.Secret) {
		t.Error("a changed body is taken for the one that was signed")
	}
	var p struct {
		Type      string            `json:"type"`
		Timestamp time.Time         `json:"timestamp"`
		Data      map[string]string `json:"data"`
	}
	if err := json.Unmarshal(got[2].Body, &p); err != nil || p.Type != "se.finsam.referral.submitted" || p.Timestamp.IsZero() || p.Data["referral"] != id || got[2].ID != id+"/1" {
		t.Errorf("got %s %v", got[2].Body, err)
	}
	for _, word := range append(referraltest.Canary, "participant") {
		if strings.Contains(string(got[2].Body), word) {
			t.Errorf("%s is sent: %s", word, got[2].Body)
		}
	}
}

func TestADeliveryThatAlwaysFailsIsTriedForADayAndBecomesADeadLetter(t *testing.T) {
	w := referraltest.New(t)
	w.Hooks.Answer = func(outbound.Message) outbound.Answer { return outbound.Answer{Outcome: outbound.Refused, Status: 500} }
	k := newWebhook(t, w)
	w.Run(t)
	put(t, w)
	began := w.Clock.Now()
	for n := 1; n <= 8; n++ {
		until(t, "try "+strconv.Itoa(n), func() bool {
			d := deliveriesOf(t, w, k.ID, "")
			return len(d) == 1 && len(d[0].Attempts) == n
		})
		if d := deliveriesOf(t, w, k.ID, "")[0]; d.State.Listed() == outbound.Waiting {
			w.Clock.Advance(d.Due.Sub(w.Clock.Now()) + time.Millisecond)
		}
	}
	dead := deliveriesOf(t, w, k.ID, outbound.Dead)
	if len(dead) != 1 || len(w.Hooks.Got()) != 8 {
		t.Fatalf("%d dead after %d tries", len(dead), len(w.Hooks.Got()))
	}
	if took := w.Clock.Now().Sub(began); took < 24*time.Hour || took > 29*time.Hour {
		t.Errorf("given up after %s", took)
	}
	for i := 2; i < 8; i++ {
		a := dead[0].Attempts
		if a[i].At.Sub(a[i-1].At) <= a[i-1].At.Sub(a[i-2].At) {
			t.Errorf("the pause before try %d does not grow", i+1)
		}
	}
	w.Hooks.Set(nil)
	if _, err := w.Service.Outbound.Resend(referraltest.As(referraltest.FK), k.ID, dead[0].ID); err != nil {
		t.Fatal(err)
	}
	until(t, "sent again", func() bool { return len(deliveriesOf(t, w, k.ID, outbound.Delivered)) == 1 })
}

func TestAReceiverThatWasAwayTooLongIsSentWhatItMissed(t *testing.T) {
	w := referraltest.New(t)
	w.Hooks.Answer = func(m outbound.Message) outbound.Answer {
		return outbound.Answer{Outcome: outbound.OutcomeGone, Status: 410}
	}
	k := newWebhook(t, w)
	w.Run(t)
	ctx := referraltest.As(referraltest.FK)
	on := func() {
		t.Helper()
		now, err := w.Service.Outbound.Get(ctx, k.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Service.Outbound.Change(ctx, k.ID, now.Version, outbound.Settings{URL: now.URL, On: true}); err != nil {
			t.Fatal(err)
		}
	}
	// Of one referral, so that each waits for the one before it.
	id := ""
	for n := int64(1); n <= 3; n++ {
		on()
		if n == 1 {
			id = put(t, w)
		} else if _, err := w.Service.PutOnWaitlist(referraltest.As(referraltest.Intake), id, n-1, "normal", "activera"); err != nil {
			t.Fatal(err)
		}
		until(t, "dead letters: "+strconv.FormatInt(n, 10), func() bool { return len(deliveriesOf(t, w, k.ID, outbound.Dead)) == int(n) })
		until(t, "turned off", func() bool {
			now, err := w.Service.Outbound.Get(ctx, k.ID)
			return err == nil && now.Off == outbound.OffGone
		})
	}
	if _, _, err := w.Service.Outbound.ResendDead(ctx, k.ID); !errors.Is(err, outbound.ErrWebhookOff) {
		t.Errorf("while it is off: %v", err)
	}
	if _, _, err := w.Service.Outbound.ResendDead(referraltest.As(referraltest.Intake), k.ID); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("by another: %v", err)
	}
	w.Hooks.Set(nil)
	on()
	n, more, err := w.Service.Outbound.ResendDead(ctx, k.ID)
	if err != nil || n != 3 || more {
		t.Fatalf("%d sent again, more %t, %v", n, more, err)
	}
	until(t, "all delivered", func() bool { return len(deliveriesOf(t, w, k.ID, outbound.Delivered)) == 3 })
	if n, more, err := w.Service.Outbound.ResendDead(ctx, k.ID); err != nil || n != 0 || more {
		t.Errorf("once more: %d, %t, %v", n, more, err)
	}
}

func TestAReceiverThatIsGoneIsNotCalledUntilItsOwnerTurnsItOn(t *testing.T) {
	w := referraltest.New(t)
	w.Hooks.Answer = func(outbound.Message) outbound.Answer {
		return outbound.Answer{Outcome: outbound.OutcomeGone, Status: 410}
	}
	k := newWebhook(t, w)
	w.Run(t)
	put(t, w)
	ctx := referraltest.As(referraltest.FK)
	until(t, "turned off", func() bool {
		now, err := w.Service.Outbound.Get(ctx, k.ID)
		return err == nil && now.Off == outbound.OffGone
	})
	put(t, w)
	gather(t, w.Service.Outbound, referraltest.FK, "", 200, 2)
	if n := len(deliveriesOf(t, w, k.ID, "")); n != 1 {
		t.Errorf("%d deliveries of a webhook that is off", n)
	}
	w.Hooks.Set(nil)
	now, err := w.Service.Outbound.Get(ctx, k.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Outbound.Change(ctx, k.ID, now.Version, outbound.Settings{URL: now.URL, On: true}); err != nil {
		t.Fatal(err)
	}
	put(t, w)
	until(t, "called again", func() bool { return len(deliveriesOf(t, w, k.ID, outbound.Delivered)) == 1 })
}

func TestABusyReceiverIsNotCalledForAsLongAsItAsks(t *testing.T) {
	w := referraltest.New(t)
	w.Hooks.Answer = func(outbound.Message) outbound.Answer {
		return outbound.Answer{Outcome: outbound.Refused, Status: 429, RetryAfter: time.Hour}
	}
	k := newWebhook(t, w)
	w.Run(t)
	put(t, w)
	until(t, "one try", func() bool { d := deliveriesOf(t, w, k.ID, ""); return len(d) == 1 && len(d[0].Attempts) == 1 })
	if d := deliveriesOf(t, w, k.ID, "")[0]; d.Due.Sub(w.Clock.Now()) != time.Hour {
		t.Errorf("tried again after %s", d.Due.Sub(w.Clock.Now()))
	}
}

// twin returns the service of another process on the world's database.
func twin(t *testing.T, w *referraltest.World, e store.Engine) *outbound.Service {
	t.Helper()
	p := w.Parts
	p.Engine = e
	s, err := outbound.New(t.Context(), outbound.Config{Parts: p, Sender: w.Hooks, VisibleStepNumber: w.Service.Outbound.VisibleStepNumber})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run lets a twin work until stop is called.
func run(t *testing.T, s *outbound.Service) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func TestTwoProcessesSendEveryEventMostlyOnceAndEachReferralsInOrder(t *testing.T) {
	w := referraltest.New(t)
	k := newWebhook(t, w, "submitted", "rejected")
	w.Run(t)
	run(t, twin(t, w, w.Engine))
	const n = 30
	for range n {
		id := put(t, w)
		if _, err := w.Service.Reject(referraltest.As(referraltest.Intake), id, 1, "other", "Påhittat."); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all delivered", func() bool { return len(deliveriesOf(t, w, k.ID, outbound.Delivered)) == 2*n })
	seen := map[string]int{}
	for _, m := range w.Hooks.Got() {
		referral, step, _ := strings.Cut(m.ID, "/")
		if step == "2" && seen[referral+"/1"] == 0 {
			t.Errorf("%s was rejected before it was submitted", referral)
		}
		seen[m.ID]++
	}
	if extra := len(w.Hooks.Got()) - 2*n; len(seen) != 2*n || extra > n/5 {
		t.Errorf("%d events, %d of %d messages too many", len(seen), extra, len(w.Hooks.Got()))
	}
}

// dying is an engine whose process dies in the middle of a delivery.
type dying struct {
	store.Engine
	dead atomic.Bool
}

var errDead = errors.New("this process is dead")

func (d *dying) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	if d.dead.Load() {
		return errDead
	}
	return d.Engine.Replace(ctx, collection, r, from)
}

func TestADeliveryOfADeadProcessIsSentByAnother(t *testing.T) {
	w := referraltest.New(t)
	k := newWebhook(t, w)
	e := &dying{Engine: w.Engine}
	stop := run(t, twin(t, w, e))
	w.Hooks.Set(func(outbound.Message) outbound.Answer {
		e.dead.Store(true)
		return outbound.Answer{Outcome: outbound.OK, Status: 200}
	})
	if _, err := w.Service.Outbound.Test(referraltest.As(referraltest.FK), k.ID, ""); err != nil {
		t.Fatal(err)
	}
	until(t, "one begun", func() bool { return len(w.Hooks.Got()) == 1 })
	stop()
	if d := deliveriesOf(t, w, k.ID, outbound.Waiting); len(d) != 1 || len(d[0].Attempts) != 0 {
		t.Fatalf("it died with %+v", d)
	}
	w.Hooks.Set(nil)
	w.Run(t)
	w.Clock.Advance(time.Minute) // the lease has ended
	until(t, "sent by another", func() bool { return len(deliveriesOf(t, w, k.ID, outbound.Delivered)) == 1 })
	ids := []string{}
	for _, m := range w.Hooks.Got() {
		ids = append(ids, m.ID)
	}
	if len(ids) != 2 || len(slices.Compact(ids)) != 1 {
		t.Errorf("sent %v: the receiver knows the second by its id", ids)
	}
}
