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
	for {
		page, err := s.referrals.Find(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page.Items {
			_, err := s.referrals.Update(ctx, in.ID, r.Value.ID, 0, func(r *referral.Referral) error {
				if !r.MarkOverdue(now) {
					return store.ErrUnchanged
				}
				return nil
			})
			switch {
			// One that a newer program has written to, or that is written to all the time,
			// must not delay the others.
			case errors.Is(err, store.ErrNewer), errors.Is(err, fault.ErrUnavailable) && ctx.Err() == nil:
				s.Log.WarnContext(ctx, "an overdue referral could not be marked; the next round tries again", "referral", r.Value.ID, "error", err)
			case err != nil:
				return err
			}
		}
		if len(page.Items) > 0 {
			s.publisher.Wake()
		}
		if q.After = page.Next; q.After.ID == "" {
			return nil
		}
	}
}
