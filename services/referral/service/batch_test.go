package service_test

import (
	"context"
	"errors"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
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
