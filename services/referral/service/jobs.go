package service

import (
	"context"
	"errors"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

const (
	overdueInterval = time.Minute
	overdueTimeout  = 50 * time.Second // of one round
	overduePage     = 100              // referrals of one association in one read
	flushInterval   = time.Minute      // of registry numbers that nobody asks for
)

func (s *Service) jobs() []*jobs.Job {
	work := []*jobs.Job{
		jobs.Every(overdueInterval, jobs.Config{Service: "referral", Name: "mark-overdue", Do: s.MarkOverdue, AtStart: true, Timeout: overdueTimeout, Log: s.Log}),
		jobs.Every(flushInterval, jobs.Config{Service: "referral", Name: "flush-registry-numbers", Log: s.Log, Do: func(context.Context) error {
			s.numbers.Flush()
			return nil
		}}),
		s.Drafts.Job, s.Waitlist.Job,
	}
	if s.Attachments.Job != nil {
		work = append(work, s.Attachments.Job)
	}
	return work
}

// markOverdue makes silence an event: a turn whose time has passed becomes a step of its
// referral, once.
func (s *Service) markOverdue(ctx context.Context, in *association.Association) error {
	now := s.Now()
	q := store.Query{
		Association: in.ID,
		Where:       []store.Cond{{Key: keyAlarm, Op: store.Lt, Value: now.UnixMilli()}},
		Sort:        []store.Order{{Key: keyAlarm}},
		Limit:       overduePage,
	}
	return s.referrals.Each(ctx, q, func(r store.Versioned[referral.Referral]) error {
		_, err := s.referrals.Update(ctx, in.ID, r.Value.ID, 0, func(r *referral.Referral) error {
			return store.WriteIf(r.MarkOverdue(now))
		})
		s.publisher.Wake()
		// One that a newer program has written to, or that is written to all the time,
		// must not delay the others.
		if errors.Is(err, store.ErrNewer) || errors.Is(err, fault.ErrUnavailable) && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "an overdue referral could not be marked; the next round tries again", "referral", r.Value.ID, "error", err)
			return nil
		}
		return err
	})
}
