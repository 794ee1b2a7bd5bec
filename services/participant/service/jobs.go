package service

import (
	"context"
	"errors"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
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

// markOverdue takes the steps of an association, the longest overdue first.
func (s *Service) markOverdue(ctx context.Context, in *association.Association) error {
	now := s.Now()
	q := store.Query{
		Association: in.ID, Where: []store.Cond{{Key: dueKey, Op: store.Lt, Value: string(civil.DateOf(now))}},
		Sort: []store.Order{{Key: dueKey}}, Limit: maxDueInRead,
	}
	return s.enrolments.Store.Each(ctx, q, func(v store.Versioned[participant.Enrolment]) error {
		_, err := s.enrolments.Store.Update(ctx, in.ID, v.Value.ID, 0, func(e *participant.Enrolment) error {
			return store.WriteIf(e.MarkOverdue(now))
		})
		s.publisher.Wake()
		// One that a newer program has written to, or that is written to all the time,
		// must not delay the others.
		if errors.Is(err, store.ErrNewer) || errors.Is(err, fault.ErrUnavailable) && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "an enrolment whose step is due could not be written; the next round tries again", "enrolment", v.Value.ID, "error", err)
			return nil
		}
		return err
	})
}
