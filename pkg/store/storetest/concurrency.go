package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// race runs do in n goroutines that start together, and fails on an error.
func (s *suite) race(n int, do func(i int) error) {
	s.Helper()
	s.during(n, do, nil)
	if s.Failed() {
		s.FailNow()
	}
}

// during repeats meanwhile, unless nil, as long as do runs in n goroutines that start
// together, and once more.
func (s *suite) during(n int, do func(i int) error, meanwhile func()) {
	start, ended := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			if err := do(i); err != nil {
				s.Errorf("goroutine %d: %v", i, err)
			}
		})
	}
	close(start)
	go func() { wg.Wait(); close(ended) }()
	for running := meanwhile != nil; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		meanwhile()
	}
	<-ended
}

// winners counts the calls without an error, and returns any other error than lost.
func winners(got *atomic.Int64, err, lost error) error {
	if err == nil {
		got.Add(1)
	} else if !errors.Is(err, lost) {
		return err
	}
	return nil
}

var concurrencyCases = []testCase{
	{"no update is lost", func(s *suite) {
		c := s.with(newThing("a"))
		s.race(8, func(int) error {
			for range 10 {
				err := error(store.ErrUnavailable)
				for errors.Is(err, store.ErrUnavailable) && s.ctx.Err() == nil { // until no faster writer prevents it
					_, err = c.Update(s.ctx, "north", "a", 0, func(v *thing) error { v.Count++; return nil })
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		v := s.get(c, "north", "a")
		s.equal("count", v.Value.Count, int64(80))
		s.equal("version", v.Version, int64(81))
	}},
	{"a compare-and-swap has one winner", func(s *suite) {
		c := s.with(newThing("a"))
		for round := range int64(10) {
			var won atomic.Int64
			v := s.get(c, "north", "a")
			s.race(8, func(i int) error {
				mine := *v.Value
				mine.Count = int64(i)
				return winners(&won, s.replace(c, store.Versioned[thing]{Value: &mine, Version: v.Version}), store.ErrStale)
			})
			s.equal("winners", won.Load(), int64(1))
			s.equal("version", s.get(c, "north", "a").Version, round+2)
		}
	}},
	{"an id is inserted once", func(s *suite) {
		c := s.things()
		for round := range 10 {
			var won atomic.Int64
			s.race(8, func(i int) error {
				return winners(&won, s.insert(c, thing{Association: "north", ID: fmt.Sprint("id", round), Count: int64(i)}), store.ErrExists)
			})
			s.equal("winners", won.Load(), int64(1))
		}
	}},
	{"a unique value is taken once by inserts", func(s *suite) {
		c := s.things()
		for round := range 10 {
			var won atomic.Int64
			s.race(8, func(i int) error {
				return winners(&won, s.insert(c, coded(fmt.Sprintf("%d-%d", round, i), fmt.Sprint(round))), store.ErrTaken)
			})
			s.equal("winners", won.Load(), int64(1))
			s.equal("stored", s.count(c, "code", fmt.Sprint(round)), int64(1))
		}
	}},
	{"a unique value is taken once by replaces", func(s *suite) {
		c := s.things()
		for i := range 8 {
			s.ok(s.insert(c, newThing(fmt.Sprint(i))))
		}
		var won atomic.Int64
		s.race(8, func(i int) error {
			v, err := c.Get(s.ctx, "north", fmt.Sprint(i))
			if err != nil {
				return err
			}
			v.Value.Code = new("x")
			return winners(&won, s.replace(c, v), store.ErrTaken)
		})
		s.equal("winners", won.Load(), int64(1))
		s.equal("stored", s.count(c, "code", "x"), int64(1))
	}},
	{"a document is deleted once", func(s *suite) {
		c := s.with(newThing("a"))
		var won atomic.Int64
		s.race(8, func(int) error { return winners(&won, c.Delete(s.ctx, "north", "a", 1), store.ErrNotFound) })
		s.equal("winners", won.Load(), int64(1))
	}},
	{"replace and delete of one version have one winner", func(s *suite) {
		c := s.things()
		for round := range 10 {
			id := fmt.Sprint("id", round)
			s.ok(s.insert(c, newThing(id)))
			var won atomic.Int64
			s.race(2, func(i int) error {
				var err error
				if i == 0 {
					err = c.Delete(s.ctx, "north", id, 1)
				} else {
					err = s.engine.Replace(s.ctx, s.name, record(id, 2), 1)
				}
				if errors.Is(err, store.ErrNotFound) {
					err = store.ErrStale
				}
				return winners(&won, err, store.ErrStale)
			})
			s.equal("winners", won.Load(), int64(1))
		}
	}},
	{"a sequence has neither gap nor double", func(s *suite) {
		// Appenders insert the number behind the last one that they see.
		c := s.things()
		const each = 12
		s.race(6, func(int) error {
			for range each {
				for {
					page, err := c.Find(s.ctx, withDefaults(store.Query{Sort: []store.Order{{Key: "rank", Desc: true}}, Limit: 1}))
					if err != nil {
						return err
					}
					next := int64(1)
					if len(page.Items) > 0 {
						next = *page.Items[0].Value.Rank + 1
					}
					_, err = c.Insert(s.ctx, &thing{Association: "north", ID: fmt.Sprintf("%08d", next), Rank: &next})
					if err == nil {
						break
					}
					if !errors.Is(err, store.ErrExists) {
						return err
					}
				}
			}
			return nil
		})
		page, err := c.Find(s.ctx, withDefaults(store.Query{}))
		s.ok(err)
		s.equal("length", len(page.Items), 6*each)
		for i, v := range page.Items {
			s.equal("number", *v.Value.Rank, int64(i+1))
		}
	}},
	{"a writer sees its own write at once", func(s *suite) {
		c := s.things()
		s.race(8, func(i int) error {
			for n := range 10 {
				id := fmt.Sprintf("%d-%d", i, n)
				if _, err := c.Insert(s.ctx, new(newThing(id))); err != nil {
					return err
				}
				if _, err := c.Get(s.ctx, "north", id); err != nil {
					return fmt.Errorf("%s: %w", id, err)
				}
			}
			return nil
		})
	}},
	{"marking races writing without losing either", func(s *suite) {
		// Writers write while steps are published, as the feed does. In the end every
		// version has been published.
		c := s.with(newThing("a"), newThing("b"))
		const writes = 20
		published := map[string]int64{}
		s.during(2, func(i int) error {
			for range writes {
				if _, err := c.Update(s.ctx, "north", []string{"a", "b"}[i], 0, func(v *thing) error { v.Count++; return nil }); err != nil {
					return err
				}
			}
			return nil
		}, func() {
			found, err := c.Unpublished(s.ctx, 10)
			s.ok(err)
			for _, v := range found {
				published[v.Value.ID] = max(published[v.Value.ID], v.Version)
				publish(v.Value.ID, v.Version)(s, c)
			}
		})
		for _, id := range []string{"a", "b"} {
			v := s.get(c, "north", id)
			s.equal("count of "+id, v.Value.Count, int64(writes))
			s.equal("version of "+id, v.Version, int64(writes+1))
			s.equal("published of "+id, published[id], v.Version)
		}
	}},
	{"failing writes do not disturb their neighbours", func(s *suite) {
		// Writes that must fail are among writes that must not.
		c := s.with(coded("taken", "x"))
		s.race(16, func(i int) error {
			for n := range 5 {
				id := fmt.Sprintf("%d-%d", i, n)
				var err, want error
				switch i % 4 {
				case 0:
					_, err = c.Insert(s.ctx, new(coded(id, "x")))
					want = store.ErrTaken
				case 1:
					_, err = c.Insert(s.ctx, new(newThing("taken")))
					want = store.ErrExists
				case 2:
					err, want = s.engine.Replace(s.ctx, s.name, record("taken", 9), 8), store.ErrStale
				default:
					_, err = c.Insert(s.ctx, new(newThing(id)))
				}
				if !errors.Is(err, want) {
					return fmt.Errorf("got %w, want %w", err, want)
				}
			}
			return nil
		})
		n, err := c.Count(s.ctx, "north", nil)
		s.ok(err)
		s.equal("stored", n, int64(1+4*5))
	}},
	{"a cancelled call leaves a whole write or none", func(s *suite) {
		// Calls end at any moment: what is stored then is whole.
		c := s.with(newThing("a"))
		change := func(v *thing) error {
			v.Count++
			v.Rank = new(v.Count)
			return nil
		}
		for i := range 40 {
			ctx, cancel := context.WithTimeout(s.ctx, time.Duration(i)*50*time.Microsecond)
			_, _ = c.Update(ctx, "north", "a", 0, change) // either outcome is right
			cancel()
		}
		_, err := c.Update(s.ctx, "north", "a", 0, change) // after it, what is still under way is too late
		s.ok(err)
		v := s.get(c, "north", "a")
		s.equal("version", v.Version, v.Value.Count+1)
		s.equal("by key", s.count(c, "rank", v.Value.Count), int64(1))
	}},
}
