package service

import (
	"context"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
)

const (
	dueInterval  = time.Minute
	dueTimeout   = 30 * time.Second
	maxDueInRead = 100 // enrolments of one association
)

// MarkOverdue makes silence an event: it takes every step that time has brought, once.
// When a block's last day has passed, the check-in is due, or the closing after the last
// block. Several processes may do this at once: each step is taken by compare-and-swap,
// and only once.
func (s *Service) MarkOverdue(ctx context.Context) error { return s.dueJob.Do(ctx) }

// markOverdue takes the steps of an association batch by batch, the longest overdue
// first: each of them changes the key or the state of its enrolment, so the next batch
// is another one.
func (s *Service) markOverdue(ctx context.Context, in *association.Association) error {
	for {
		now := s.Now()
		due, err := s.enrolments.Store.Find(ctx, store.Query{
			Association: in.ID, Where: []store.Cond{{Key: dueKey, Op: store.Lt, Value: string(civil.DateOf(now))}},
			Sort: []store.Order{{Key: dueKey}}, Limit: maxDueInRead,
		})
		if err != nil {
			return err
		}
		for _, v := range due.Items {
			_, err := s.enrolments.Store.Update(ctx, in.ID, v.Value.ID, 0, func(e *participant.Enrolment) error {
				return store.WriteIf(e.MarkOverdue(now))
			})
			if err != nil {
				return err
			}
		}
		if len(due.Items) > 0 {
			s.publisher.Wake()
		}
		if len(due.Items) < maxDueInRead {
			return nil
		}
	}
}
