package share_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finsam/finsam/pkg/share"
)

func TestOneAloneHasItsPartAndTheLastOnesAreForWhoHasFew(t *testing.T) {
	for alone, want := range map[float64]string{.75: "map[a:75 b:19 c:5 d:1]", .25: "map[a:25 b:19 c:14 d:11 e:8 f:6 g:5]"} {
		p := share.NewPlaces[string](share.PlacesConfig{Most: 100, Alone: alone})
		taken := map[string]int{}
		for _, who := range []string{"a", "b", "c", "d", "e", "f", "g"} {
			for admits(p, who) {
				taken[who]++
			}
		}
		if fmt.Sprint(taken) != want {
			t.Errorf("with %v: %v", alone, taken)
		}
		for who, n := range taken {
			for range n {
				p.Leave(who, 0)
			}
		}
		if _, err := p.Enter(t.Context(), "g"); err != nil {
			t.Errorf("all places are free again: %v", err)
		}
	}
}

func admits(p *share.Places[string], who string) bool {
	_, err := p.Enter(context.Background(), who)
	return err == nil
}

// hold lets an owner ask for a place and writes down who got one, in order. The place is put
// back when the channel that it returns is closed.
func hold(t *testing.T, p *share.Places[string], who, name string, order *[]string, mu *sync.Mutex) chan struct{} {
	done := make(chan struct{})
	go func() {
		_, err := p.Enter(t.Context(), who)
		mu.Lock()
		if err != nil {
			name += ": " + err.Error()
		}
		*order = append(*order, name)
		mu.Unlock()
		if err == nil {
			<-done
			p.Leave(who, 0)
		}
	}()
	synctest.Wait()
	return done
}

func TestWhoAsksForLittleIsServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := share.NewPlaces[string](share.PlacesConfig{Most: 2, Alone: .75, Queue: 100, Wait: time.Minute})
		var order []string
		var mu sync.Mutex
		open := []chan struct{}{}
		for i := range 5 {
			open = append(open, hold(t, p, "much", fmt.Sprint("much ", i), &order, &mu))
		}
		open = append(open, hold(t, p, "little", "little", &order, &mu))
		for i := range open {
			time.Sleep(time.Millisecond)
			close(open[[]int{0, 5, 1, 2, 3, 4}[i]])
			synctest.Wait()
		}
		want := []string{"much 0", "much 1", "little", "much 2", "much 3", "much 4"}
		if !slices.Equal(order, want) {
			t.Errorf("%q", order)
		}
	})
}

func TestOfSeveralWhoWaitTheLastOfEachIsServedAndTheFirstIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := share.NewPlaces[string](share.PlacesConfig{Most: 1, Alone: .75, Queue: 3, Wait: time.Second})
		var order []string
		var mu sync.Mutex
		first := hold(t, p, "a", "a0", &order, &mu)
		a1, a2, b1 := hold(t, p, "a", "a1", &order, &mu), hold(t, p, "a", "a2", &order, &mu), hold(t, p, "b", "b1", &order, &mu)
		a3 := hold(t, p, "a", "a3", &order, &mu) // one too many: the first of those who ask for most goes
		close(first)
		synctest.Wait()
		close(b1)
		close(a2)
		close(a3)
		synctest.Wait()
		close(a1)
		if want := []string{"a0", "a1: " + share.ErrShare.Error(), "b1", "a2", "a3"}; !slices.Equal(order, want) {
			t.Errorf("%q", order)
		}
	})
}

func TestNobodyWaitsLongerThanTheTargetOrItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := false
		p := share.NewPlaces[string](share.PlacesConfig{Most: 8, Alone: .75, Queue: 9, Wait: time.Second, IsFull: func() bool { return full }})
		for p2 := range 8 {
			if _, err := p.Enter(t.Context(), fmt.Sprint("one of eight ", p2)); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if waited, err := p.Enter(t.Context(), "late"); !errors.Is(err, share.ErrFull) || time.Since(began) != time.Second || waited != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := p.Enter(ctx, "hasty"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		full, began = true, time.Now()
		if _, err := p.Enter(t.Context(), "late"); !errors.Is(err, share.ErrFull) || time.Since(began) != 0 {
			t.Errorf("with full memory: %v after %s", err, time.Since(began))
		}
		if _, taken, waiting := p.State(); taken != 8 || waiting != 0 {
			t.Errorf("%d taken, %d wait", taken, waiting)
		}
	})
}

// TestThePlacesFollowHowLongItTakes has a machine that serves eight at once in a millisecond
// and takes longer for more, as one with few processors does.
func TestThePlacesFollowHowLongItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := share.NewPlaces[string](share.PlacesConfig{Most: 512, Alone: .75, Least: 16, Queue: 512, Wait: time.Second})
		var under, served, refused atomic.Int64
		serve := func(under int64) time.Duration { return time.Millisecond * time.Duration(max(8, under)) / 8 }
		ask := func(who string) (waited time.Duration) {
			began := time.Now()
			if !admits(p, who) {
				refused.Add(1)
				return 0
			}
			waited, began = time.Since(began), time.Now()
			time.Sleep(serve(under.Add(1)))
			under.Add(-1)
			p.Leave(who, time.Since(began))
			served.Add(1)
			return waited
		}
		for range 500 {
			ask("before")
		}
		var hammering sync.WaitGroup
		stop := make(chan struct{})
		for i := range 400 {
			hammering.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						ask(fmt.Sprint("much ", i%4))
					}
				}
			})
		}
		time.Sleep(2 * time.Second)
		if limit, _, _ := p.State(); limit > 128 {
			t.Errorf("%d places, where 8 can be served at once and 100 in 12 ms", limit)
		}
		for range 50 {
			time.Sleep(20 * time.Millisecond)
			if waited := ask("little"); waited > 0 {
				t.Errorf("who asks for little waited %s", waited)
			}
		}
		close(stop)
		hammering.Wait()
		before, _, _ := p.State()
		for range 4000 {
			ask("after")
		}
		if limit, taken, waiting := p.State(); limit > before+before/8+1 || taken != 0 || waiting != 0 {
			t.Errorf("one after the other needs no more than %d places; there are %d, %d taken, %d wait", before, limit, taken, waiting)
		}
		serve = func(int64) time.Duration { return 100 * time.Millisecond } // as with a slow database
		var slow sync.WaitGroup
		for i := range 200 {
			slow.Go(func() {
				for range 100 {
					ask(fmt.Sprint("slow ", i%4))
				}
			})
		}
		slow.Wait()
		if limit, _, _ := p.State(); limit < 100 {
			t.Errorf("%d places, although many are as fast as few", limit)
		}
		serve = func(int64) time.Duration { return time.Millisecond } // as on a larger machine
		var many sync.WaitGroup
		for i := range 200 {
			many.Go(func() {
				for range 1500 {
					ask(fmt.Sprint("many ", i%4))
				}
			})
		}
		many.Wait()
		if limit, _, _ := p.State(); limit < 200 {
			t.Errorf("%d places, where all could be served at once", limit)
		}
		t.Logf("%d served, %d refused", served.Load(), refused.Load())
	})
}

func TestUnderEveryOrderNoPlaceIsLost(t *testing.T) {
	p := share.NewPlaces[int](share.PlacesConfig{Most: 6, Alone: .75, Queue: 5, Wait: 200 * time.Microsecond})
	var under atomic.Int64
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			for range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(400))*time.Microsecond)
				if _, err := p.Enter(ctx, i%5); err == nil {
					if n := under.Add(1); n > 6 {
						t.Errorf("%d at once", n)
					}
					under.Add(-1)
					p.Leave(i%5, 0)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if _, taken, waiting := p.State(); taken != 0 || waiting != 0 {
		t.Errorf("%d remain taken, %d wait", taken, waiting)
	}
}

func BenchmarkPlaces(b *testing.B) {
	p := share.NewPlaces[[2]string](share.PlacesConfig{Most: 1024, Alone: .75, Least: 16, Queue: 1024, Wait: time.Second})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Enter(b.Context(), [2]string{"insjoriket", "fk"}); err != nil {
			b.Fatal(err)
		}
		p.Leave([2]string{"insjoriket", "fk"}, time.Millisecond)
	}
}

// BenchmarkNewcomers measures what a newcomer pays while many others have places.
func BenchmarkNewcomers(b *testing.B) {
	p := share.NewPlaces[int](share.PlacesConfig{Most: 20_000, Alone: .75})
	for who := range 10_000 {
		if _, err := p.Enter(b.Context(), who); err != nil {
			b.Fatal(err)
		}
	}
	who := 10_000
	for b.Loop() {
		who++
		if _, err := p.Enter(b.Context(), who); err != nil {
			b.Fatal(err)
		}
		p.Leave(who, 0)
	}
}

// After a stall all who wait are late. That refuses who asks for more than the others, and
// not who asks for less.
func TestAStallRefusesNobodyWhoAsksForLessThanTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := share.NewPlaces[string](share.PlacesConfig{Most: 129, Least: 128, Alone: .75, Queue: 128, Wait: time.Second})
		for range 64 { // so that what is usual is known
			_, _ = p.Enter(t.Context(), "a")
			time.Sleep(5 * time.Millisecond)
			p.Leave("a", 5*time.Millisecond)
		}
		var refused atomic.Int32
		var waiting sync.WaitGroup
		ask := func(who string, places, more int) {
			for range places {
				if !admits(p, who) {
					t.Fatalf("there is no place for %s", who)
				}
			}
			for range more {
				waiting.Go(func() {
					if !admits(p, who) && who == "b" {
						refused.Add(1)
					}
				})
			}
			synctest.Wait()
		}
		ask("a", 96, 20)
		ask("b", 24, 40)
		time.Sleep(200 * time.Millisecond)
		p.Leave("a", 0)
		synctest.Wait()
		if n := refused.Load(); n != 0 {
			t.Errorf("%d of b, who asks for less, were refused", n)
		}
		waiting.Wait()
	})
}

// TestCase_G7_WhatIsServedInAnOverloadHasHardlyWaited lets six authorities ask over 1,000
// connections for twice what a machine can do, and a seventh five times a second.
func TestCase_G7_WhatIsServedInAnOverloadHasHardlyWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond, callers, tick = 1700, 1000, 2 * time.Millisecond
		p := share.NewPlaces[string](share.PlacesConfig{Most: 1024, Least: 64, Alone: .75, Queue: 1024, Wait: time.Second})
		var mu sync.Mutex
		var taken, polite []time.Duration
		under := 0 // way, which share the machine
		ask := func(who string) {
			sent := time.Now()
			if _, err := p.Enter(t.Context(), who); err != nil {
				return
			}
			mu.Lock()
			began := time.Now()
			under++
			for work := 1. / perSecond; work > 0; work -= tick.Seconds() / float64(under) {
				mu.Unlock()
				time.Sleep(tick)
				mu.Lock()
			}
			under--
			if took := time.Since(sent); who == "polite" {
				polite = append(polite, took)
			} else {
				taken = append(taken, took)
			}
			mu.Unlock()
			p.Leave(who, time.Since(began))
		}
		during := func(d time.Duration, callers int, pause time.Duration) {
			var all sync.WaitGroup
			end := time.Now().Add(d)
			for i := range callers {
				all.Go(func() {
					for time.Sleep(time.Duration(i) * pause / time.Duration(callers)); time.Now().Before(end); {
						due := time.Now().Add(pause)
						ask(fmt.Sprint(i % 6))
						time.Sleep(time.Until(due))
					}
				})
			}
			all.Go(func() {
				for ; time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
					ask("polite")
				}
			})
			all.Wait()
		}
		during(2*time.Second, 24, 0)
		taken, polite = nil, nil
		during(5*time.Second, callers, callers*time.Second/(2*perSecond))
		slices.Sort(taken)
		slices.Sort(polite)
		if p99 := taken[len(taken)*99/100]; len(taken) < 5*perSecond*9/10 || p99 > 300*time.Millisecond {
			t.Errorf("%d were served, p99 %s", len(taken), p99)
		}
		if last := polite[len(polite)-1]; len(polite) < 20 || last > 150*time.Millisecond {
			t.Errorf("%d of who asks for little were served, the last after %s", len(polite), last)
		}
	})
}

// What a stall has kept waiting is served as soon as it is over: it is no overload.
func TestWhatAStallHasKeptWaitingIsServedAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := share.NewPlaces[string](share.PlacesConfig{Most: 129, Least: 128, Alone: .75, Queue: 128, Wait: time.Second})
		var stalled atomic.Bool
		var served, refused atomic.Int32
		ask := func(who string) {
			began := time.Now()
			if _, err := p.Enter(t.Context(), who); err != nil {
				refused.Add(1)
				return
			}
			for time.Sleep(5 * time.Millisecond); stalled.Load(); time.Sleep(5 * time.Millisecond) {
			}
			served.Add(1)
			p.Leave(who, time.Since(began))
		}
		for range 64 { // so that what is usual is known
			ask("a")
		}
		stalled.Store(true)
		var all sync.WaitGroup
		for i := range 220 {
			time.Sleep(5 * time.Millisecond)
			all.Go(func() { ask("abcabca"[i%7 : i%7+1]) })
		}
		stalled.Store(false)
		if all.Wait(); refused.Load() > 0 {
			t.Errorf("%d of %d were refused", refused.Load(), refused.Load()+served.Load())
		}
	})
}
