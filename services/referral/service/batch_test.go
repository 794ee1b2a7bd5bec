package service_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// slowVault files nobody of whom Försäkringskassan writes, until it may go on.
type slowVault struct {
	service.People
	asked, goOn chan struct{}
}

func (v slowVault) Put(ctx context.Context, in service.PersonInput) (service.Filed, error) {
	if actor.From(ctx).Authority == "fk" {
		v.asked <- struct{}{}
		<-v.goOn
	}
	return v.People.Put(ctx, in)
}

func TestBatchesOfOneAuthorityKeepNoOthersWaiting(t *testing.T) {
	w := referraltest.New(t)
	v := slowVault{w.People, make(chan struct{}), make(chan struct{})}
	c := w.Config
	c.People = v
	s, err := service.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	batch := func(a actor.Actor) error {
		submission := referraltest.Submission()
		submission.Unit = a.Unit
		answers, err := s.CreateBatch(referraltest.As(a), "", []service.BatchItem{{Submission: submission}})
		if err == nil && len(answers) != 1 {
			t.Errorf("%d answers", len(answers))
		}
		return err
	}
	held := make(chan error, 2)
	for range 2 {
		go func() { held <- batch(referraltest.FK) }()
		<-v.asked
	}
	refused := make(chan error)
	go func() { refused <- batch(referraltest.FK) }()
	af := referraltest.FK
	af.Authority, af.AuthorityKind, af.Unit = "af", actor.EmploymentService, "af-molndal"
	if err := batch(af); err != nil {
		t.Errorf("another's: %v", err)
	}
	if err := <-refused; !errors.Is(err, share.ErrShare) {
		t.Errorf("the third at once: %v", err)
	}
	close(v.goOn)
	for range 2 {
		if err := <-held; err != nil {
			t.Error(err)
		}
	}
}

// silentVault files nobody until the context ends.
type silentVault struct {
	service.People
	asked *atomic.Int64
}

func (v silentVault) Put(ctx context.Context, _ service.PersonInput) (service.Filed, error) {
	v.asked.Add(1)
	<-ctx.Done()
	return service.Filed{}, ctx.Err()
}

func TestABatchThatIsOutOfTimeBeginsNoItemAndSaysSoOnce(t *testing.T) {
	w := referraltest.New(t)
	var log bytes.Buffer
	v := silentVault{w.People, new(atomic.Int64)}
	c := w.Config
	c.People, c.Log = v, slog.New(slog.NewTextHandler(&log, nil))
	s, err := service.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	items := make([]service.BatchItem, 500)
	for i := range items {
		items[i].Submission = referraltest.Submission()
	}
	const atOnce = 32
	ctx, cancel := context.WithCancel(referraltest.As(referraltest.FK))
	go func() {
		for end := time.Now().Add(10 * time.Second); v.asked.Load() < atOnce && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	answers, err := s.CreateBatch(ctx, "k", items)
	if err != nil || v.asked.Load() != atOnce {
		t.Errorf("%v, and %d items have begun", err, v.asked.Load())
	}
	for i, a := range answers {
		if f := fault.Of(a.Err); f == nil || f.Status.HTTP() < 500 {
			t.Fatalf("item %d: %v", i, a.Err)
		}
	}
	if !errors.Is(answers[499].Err, fault.ErrUnavailable) || !errors.Is(answers[499].Err, context.Canceled) {
		t.Errorf("one that has not begun: %v", answers[499].Err)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "items=500") {
		t.Errorf("%d lines: %.1000s", lines, log.String())
	}
}
