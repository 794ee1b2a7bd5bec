package activity

import "context"

// Forget empties a participant's diary.
func (s *Service) Forget(ctx context.Context, association, participant string) error {
	return s.diary(ctx, association, participant, func(d *Diary) error {
		d.Claims, d.Writes = nil, d.Writes+1
		return nil
	})
}

// TakeClaim leaves a claim in a diary, as a process does that dies before it has
// made the booking.
func (s *Service) TakeClaim(ctx context.Context, association, participant string, c Claim) error {
	return s.diary(ctx, association, participant, func(d *Diary) error {
		d.Take(c)
		return nil
	})
}
