package service_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// errCut is what an engine answers whose process died.
var errCut = errors.New("the power went")

// brittle is an engine of which every few inserts of referrals fail: before they
// are written, or after, so that nobody knows. Once it is dead nothing works.
type brittle struct {
	store.Engine
	mu   sync.Mutex
	rand *rand.Rand
	dead bool
}

func (b *brittle) roll() (n int, dead bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rand.IntN(12), b.dead
}

func (b *brittle) die() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dead = true
}

func (b *brittle) Insert(ctx context.Context, collection string, r store.Record) error {
	n, dead := b.roll()
	switch {
	case dead, collection == "referrals" && n == 0:
		return errCut
	case collection == "referrals" && n == 1:
		return errors.Join(b.Engine.Insert(ctx, collection, r), errCut)
	}
	return b.Engine.Insert(ctx, collection, r)
}

func (b *brittle) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	if _, dead := b.roll(); dead {
		return errCut
	}
	return b.Engine.Replace(ctx, collection, r, from)
}

// TestRegistryNumbersHaveNoGaps posts to four services on one engine at once:
// inserts fail or end in doubt, vaults refuse, keys are repeated, references are
// taken, and two of the services die in the middle. What is stored then, and a
// post after grace, must bear every number from 1 up, once.
func TestRegistryNumbersHaveNoGaps(t *testing.T) {
	for seed := range uint64(2) {
		w := referraltest.New(t)
		var engines []*brittle
		var services []*service.Service
		for i := range 4 {
			e := &brittle{Engine: w.Engine, rand: rand.New(rand.NewPCG(seed, uint64(i)))}
			engines, services = append(engines, e), append(services, another(t, w, e))
		}
		var all sync.WaitGroup
		for worker := range 12 {
			all.Go(func() {
				s, r := services[worker%4], rand.New(rand.NewPCG(seed, 100+uint64(worker)))
				for i := range 12 {
					sub, key := referraltest.Submission(), ""
					switch r.IntN(6) {
					case 0:
						sub.Person.PersonalIdentityNumber = referraltest.BadNumber
					case 1:
						key = fmt.Sprint("key-", r.IntN(20))
					case 2:
						sub.ExternalReference = fmt.Sprint("ref-", r.IntN(20))
					}
					_, _ = s.Create(referraltest.As(referraltest.FK), key, sub) // some fail: that is what it is about
					if worker == 0 && i == 7 {
						engines[2].die()
						engines[3].die()
					}
				}
			})
		}
		all.Wait()
		// Anyone who comes next takes the numbers that were lent to the dead, and those
		// that the living are still about to give back.
		missing := 1
		for round := 0; missing > 0; round++ {
			if round == 10 {
				t.Fatalf("seed %d: %d numbers are missing for ever", seed, missing)
			}
			w.Clock.Advance(10 * time.Minute)
			created(t, w)
			numbers := storedNumbers(t, w)
			if len(slices.Compact(slices.Clone(numbers))) != len(numbers) {
				t.Fatalf("seed %d: a number is twice in %v", seed, numbers)
			}
			last := numbers[len(numbers)-1]
			missing = -len(numbers)
			for n := 1; fmt.Sprintf("2026-%06d", n) <= last; n++ {
				missing++
			}
			for range missing {
				created(t, w)
			}
		}
	}
}

// storedNumbers returns the registry numbers of all referrals, in order.
func storedNumbers(t *testing.T, w *referraltest.World) []string {
	t.Helper()
	var numbers []string
	for page, next := 1, "x"; next != ""; page++ {
		l, err := w.Service.List(referraltest.As(referraltest.FK), service.Filter{}, store.Window{Limit: 200, Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range l.Items {
			numbers = append(numbers, v.Referral.RegistryNumber)
		}
		next = l.Next
	}
	slices.Sort(numbers)
	return numbers
}

func TestANumberOfSomebodyThoughtDeadGoesToOneOnly(t *testing.T) {
	w := referraltest.New(t)
	late := &held{Engine: w.Engine, arrived: make(chan struct{}), release: make(chan struct{})}
	slow := another(t, w, late)
	done := make(chan *referral.View, 1)
	go func() {
		v, err := slow.Create(referraltest.As(referraltest.FK), "", referraltest.Submission())
		if err != nil {
			t.Error(err)
		}
		done <- v
	}()
	<-late.arrived
	w.Clock.Advance(10 * time.Minute)
	first := created(t, w)
	if first.RegistryNumber != "2026-000001" {
		t.Errorf("the number of the dead was not allocated again: %s", first.RegistryNumber)
	}
	close(late.release)
	if v := <-done; v.Referral.RegistryNumber != "2026-000002" {
		t.Errorf("the late one has %s", v.Referral.RegistryNumber)
	}
	if third := created(t, w); third.RegistryNumber != "2026-000003" {
		t.Errorf("then comes %s", third.RegistryNumber)
	}
}

// held keeps the first insert of a referral back until it is released.
type held struct {
	store.Engine
	once             sync.Once
	arrived, release chan struct{}
}

func (h *held) Insert(ctx context.Context, collection string, r store.Record) error {
	if collection == "referrals" {
		h.once.Do(func() {
			close(h.arrived)
			<-h.release
		})
	}
	return h.Engine.Insert(ctx, collection, r)
}

func TestEachYearAndAssociationCountsForItself(t *testing.T) {
	w := referraltest.New(t)
	if n := created(t, w).RegistryNumber; n != "2026-000001" {
		t.Errorf("got %s", n)
	}
	v, err := w.Service.Create(referraltest.As(referraltest.Elsewhere), "", referraltest.Submission())
	wants(t, "elsewhere", err, nil)
	if v.Referral.RegistryNumber != "2026-000001" {
		t.Errorf("elsewhere: got %s", v.Referral.RegistryNumber)
	}
	w.Clock.Advance(time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC).Sub(w.Clock.Now())) // half past midnight in Sweden
	if n := created(t, w).RegistryNumber; n != "2027-000001" {
		t.Errorf("in the new year: got %s", n)
	}
	w.People.Err = fault.ErrUnavailable
	_, err = w.Service.Create(referraltest.As(referraltest.FK), "", referraltest.Submission())
	wants(t, "a refused one", err, fault.ErrUnavailable)
	w.People.Err = nil
	// Its number is free again with a later write of the counter, and none is left out.
	var next []string
	for len(next) < 10 && !slices.Contains(next, "2027-000002") {
		next = append(next, created(t, w).RegistryNumber)
	}
	slices.Sort(next)
	for i, n := range next {
		if want := fmt.Sprintf("2027-%06d", i+2); n != want {
			t.Fatalf("after what was refused come %v", next)
		}
	}
}
