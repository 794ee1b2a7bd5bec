package programme

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// TestEveryDayHasTheVersionThatWasSetForItLast compares any sequence of drafts, activations
// and ends with a table of days that is kept by hand.
func TestEveryDayHasTheVersionThatWasSetForItLast(t *testing.T) {
	const days = 60
	first := civil.Date("2026-11-30")
	by, now := history.System("test"), time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	for seed := range uint64(300) {
		chance := rand.New(rand.NewPCG(seed, 1))
		o := &Object{ID: "terms", Kind: Terms}
		var want [days]int // version of each day
		for range 12 {
			from, length := chance.IntN(days), 1+chance.IntN(days)
			switch chance.IntN(5) {
			case 0:
				if chance.IntN(2) == 0 {
					o.End(first.AddDays(from))
				} else {
					o.Draw(Version{From: first.AddDays(from), Ends: true}, by, now)
					o.Activate(by, now)
				}
				for d := from; d < days; d++ {
					want[d] = 0
				}
			case 1:
				o.Discard()
			default:
				v := Version{From: first.AddDays(from), Content: Content{Terms: &association.Terms{Decision: 1 + chance.IntN(30)}}}
				if chance.IntN(2) == 0 {
					v.Until = first.AddDays(from + length - 1)
				} else {
					length = days
				}
				o.Draw(v, by, now)
				if chance.IntN(3) == 0 {
					continue // replaced by the next one
				}
				v = o.Activate(by, now)
				for d := from; d < min(days, from+length); d++ {
					want[d] = v.N
				}
			}
			if problem := differs(o, first, want[:]); problem != "" {
				t.Fatalf("seed %d: %s\n%+v", seed, problem, o.Periods)
			}
		}
	}
}

// differs says on which day the object has another version than wanted.
func differs(o *Object, first civil.Date, want []int) string {
	for d, n := range want {
		covering := 0
		for _, p := range o.Periods {
			if p.Covers(first.AddDays(d)) {
				covering++
			}
		}
		got := 0
		if v, ok := o.On(first.AddDays(d)); ok {
			got = v.N
		}
		if got != n || covering > 1 {
			return fmt.Sprintf("day %d: version %d of %d periods, want version %d", d, got, covering, n)
		}
	}
	return ""
}

func TestADraftThatIsReplacedKeepsItsNumber(t *testing.T) {
	o, by, now := &Object{}, history.System("test"), time.Now()
	o.Draw(Version{From: Beginning, Decision: "§ 1"}, by, now)
	o.Draw(Version{From: Beginning, Decision: "§ 2"}, by, now)
	if v := o.Activate(by, now); v.N != 1 || v.Decision != "§ 2" || o.Draft != nil {
		t.Errorf("activated %+v", v)
	}
	o.Draw(Version{From: "2026-12-01"}, by, now)
	if o.Draft.N != 2 || !o.Discard() || o.Discard() {
		t.Errorf("draft %+v", o.Draft)
	}
	o.Draw(Version{From: "2026-12-01"}, by, now)
	if o.Draft.N != 3 {
		t.Errorf("a number is given twice: %+v", o.Draft)
	}
}
