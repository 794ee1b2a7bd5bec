package jobs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/metrics/metricstest"
)

// run lets a job run for a time and returns what it logged.
func run(t *testing.T, d time.Duration, j *Job, meanwhile func()) string {
	t.Helper()
	var log strings.Builder
	j.Log = slog.New(slog.NewTextHandler(&log, nil))
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	ended := make(chan error)
	go func() { ended <- j.Run(ctx) }()
	if meanwhile != nil {
		meanwhile()
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return log.String()
}

func TestARoundComesEveryIntervalGiveOrTakeAQuarter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		j := Every(time.Minute, Config{Name: "x", Do: func(context.Context) error { at = append(at, time.Now()); return nil }})
		began := time.Now()
		run(t, time.Hour, j, nil)
		if len(at) < 48 || len(at) > 80 {
			t.Errorf("%d rounds in an hour", len(at))
		}
		for _, a := range at {
			if d := a.Sub(began); d < 45*time.Second || d > 75*time.Second {
				t.Errorf("a round after %s", d)
			}
			began = a
		}
	})
}

func TestAJobBeginsAtOnceWhereItIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rounds := 0
		run(t, time.Second, Every(time.Minute, Config{Name: "x", AtStart: true, Do: func(context.Context) error { rounds++; return nil }}), nil)
		if rounds != 1 {
			t.Errorf("%d rounds", rounds)
		}
	})
}

func TestWakingBeginsARoundOfItsOwnKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		usual, woken := 0, 0
		j := Every(time.Hour, Config{Name: "x", Do: func(context.Context) error { usual++; return nil }})
		j.OnWake = func(context.Context) error {
			if woken++; woken == 1 { // several calls while a round is under way are one round more
				j.Wake()
				j.Wake()
			}
			return nil
		}
		run(t, 10*time.Minute, j, j.Wake)
		if usual != 0 || woken != 2 {
			t.Errorf("%d usual rounds and %d woken", usual, woken)
		}
	})
}

func TestAFailureIsLoggedAndCountedAndTheNextRoundComes(t *testing.T) {
	m := metricstest.New(t)
	synctest.Test(t, func(t *testing.T) {
		rounds := 0
		j := Every(time.Minute, Config{Service: "referral", Name: "expire-drafts", AtStart: true, Do: func(context.Context) error {
			if rounds++; rounds == 2 {
				return errors.New("no primary")
			}
			return nil
		}})
		log := run(t, 3*time.Minute, j, nil)
		if rounds < 3 || strings.Count(log, "\n") != 1 || !strings.Contains(log, `job=expire-drafts error="no primary" failures=1`) {
			t.Errorf("%d rounds, logged %s", rounds, log)
		}
		got := m.Read(t)
		if got["finsam.job.rounds{component=referral outcome=failed task=expire-drafts}"] != 1 || got["finsam.job.rounds{component=referral outcome=done task=expire-drafts}"] != float64(rounds-1) {
			t.Errorf("got %v", got)
		}
	})
}

func TestFailuresAreRetriedAsIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rounds := 0
		run(t, time.Minute, Every(time.Second, Config{
			Name: "x", Retry: backoff.Backoff{First: 2 * time.Second, Max: 10 * time.Second},
			Do: func(context.Context) error { rounds++; return errors.New("away") },
		}), nil)
		if rounds < 7 || rounds > 13 {
			t.Errorf("%d rounds", rounds)
		}
	})
}

func TestARoundEndsInTimeAndTheEndOfAProcessIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took []time.Duration
		j := Every(time.Minute, Config{Name: "x", AtStart: true, Timeout: 10 * time.Second, Do: func(ctx context.Context) error {
			began := time.Now()
			<-ctx.Done()
			took = append(took, time.Since(began))
			return ctx.Err()
		}})
		log := run(t, 5*time.Second, j, nil)
		if log != "" || !slices.Equal(took, []time.Duration{5 * time.Second}) {
			t.Errorf("took %v, logged %s", took, log)
		}
		took = nil
		if log := run(t, 20*time.Second, j, nil); !strings.Contains(log, "deadline exceeded") || took[0] != 10*time.Second {
			t.Errorf("took %v, logged %s", took, log)
		}
	})
}

func registry(t *testing.T, ids ...string) *association.Registry {
	t.Helper()
	var all []*association.Association
	for _, id := range ids {
		all = append(all, &association.Association{ID: id})
	}
	r, err := association.NewRegistry(all...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARoundThatIsCutShortGoesOnWhereItStopped(t *testing.T) {
	var visited []string
	stop, most := func() {}, 0
	round := ForEach(registry(t, "a", "b", "c"), func(_ context.Context, in *association.Association) error {
		if visited = append(visited, in.ID); len(visited) == most {
			stop()
		}
		return nil
	})
	for n, want := range [][]string{{"a"}, {"b", "c"}, {"a", "b", "c"}, {"a"}} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		visited, stop, most = nil, cancel, len(want)
		err := round(ctx)
		if !slices.Equal(visited, want) || (len(want) < 3) != errors.Is(err, context.Canceled) {
			t.Errorf("round %d: want %v, got %v, %v", n+1, want, visited, err)
		}
	}
}

func TestOneAssociationsErrorDoesNotHoldUpTheOthers(t *testing.T) {
	broken := errors.New("broken")
	var visited []string
	err := ForEach(registry(t, "a", "b", "c"), func(_ context.Context, in *association.Association) error {
		if visited = append(visited, in.ID); in.ID == "b" {
			return broken
		}
		return nil
	})(t.Context())
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "association b") || len(visited) != 3 {
		t.Errorf("visited %v, %v", visited, err)
	}
	if err := ForEach(registry(t), nil)(t.Context()); err != nil {
		t.Error(err)
	}
}
