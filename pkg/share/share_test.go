package share_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finsam/finsam/pkg/share"
)

func TestOneWhoTakesAllItCanLeavesTheRestToOthers(t *testing.T) {
	u := share.New(8, 2)
	taken := map[string]int{}
	for _, who := range []string{"a", "a", "a", "b", "b", "b", "c", "d", "c", "d", "e"} {
		if u.Take(who, 1) {
			taken[who]++
		}
	}
	if fmt.Sprint(taken) != "map[a:2 b:2 c:2 d:2]" || u.Taken() != 8 {
		t.Fatalf("%v have %d", taken, u.Taken())
	}
	u.Put("a", 1)
	if !u.Take("e", 1) || u.Take("a", 1) {
		t.Error("what is put back is not the next one's")
	}
}

func TestWhoAsksForMuchWaitsForItsOwnAndKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := share.New(4, 1)
		var held sync.WaitGroup
		var served atomic.Int64
		for range 20 {
			held.Go(func() {
				if u.Wait(t.Context(), "much", 1, 5*time.Second) {
					served.Add(1)
					time.Sleep(time.Second)
					u.Put("much", 1)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if !u.Wait(t.Context(), "little", 1, time.Second) || time.Since(began) != 0 {
			t.Errorf("another waited for %v", time.Since(began))
		}
		u.Put("little", 1)
		if held.Wait(); served.Load() != 5 && served.Load() != 6 { // one a second for five seconds
			t.Errorf("%d of 20 had their turn in time", served.Load())
		}
		if u.Wait(t.Context(), "much", 2, time.Hour); time.Since(began) > 10*time.Second {
			t.Error("more than a share is waited for")
		}
	})
}

// TestUnderEveryOrderTheBoundsHold takes and puts back from many sides at once.
func TestUnderEveryOrderTheBoundsHold(t *testing.T) {
	const all, each = 10, 3
	u := share.New(all, each)
	var total atomic.Int64
	var of [5]atomic.Int64
	var done sync.WaitGroup
	for i := range 40 {
		done.Go(func() {
			who, name := &of[i%5], fmt.Sprint(i%5)
			for range 200 {
				n := 1 + rand.Int64N(each)
				if i%2 == 0 && !u.Take(name, n) || i%2 == 1 && !u.Wait(t.Context(), name, n, time.Duration(rand.IntN(int(time.Millisecond)))) {
					continue
				}
				if a, o := total.Add(n), who.Add(n); a > all || o > each {
					t.Errorf("%d are taken in all, %d by one", a, o)
				}
				total.Add(-n)
				who.Add(-n)
				u.Put(name, n)
			}
		})
	}
	done.Wait()
	if u.Taken() != 0 {
		t.Errorf("%d remain taken", u.Taken())
	}
	for i := range 5 {
		if !u.Take(fmt.Sprint(i), 2) {
			t.Errorf("%d has lost units", i)
		}
	}
}
