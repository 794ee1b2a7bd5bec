package service

import (
	"context"

	"github.com/finsam/finsam/services/activity"
)

// Forget empties a participant's diary.
func (s *Service) Forget(ctx context.Context, association, participant string) error {
	return s.updateDiary(ctx, association, participant, func(d *activity.Diary) error {
		d.Claims, d.Writes = nil, d.Writes+1
		return nil
	})
}

// TakeClaim leaves a claim in a diary, as a process does that dies before it has
// made the booking.
func (s *Service) TakeClaim(ctx context.Context, association, participant string, c activity.Claim) error {
	return s.updateDiary(ctx, association, participant, func(d *activity.Diary) error {
		d.Claims, d.Writes = append(d.Claims, c), d.Writes+1
		return nil
	})
}
