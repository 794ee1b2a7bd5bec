package service

import (
	"context"

	"github.com/finsam/finsam/pkg/history"
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

// ForgetInitiative stores an enrolment as an earlier version did, without its initiative.
func (s *Service) ForgetInitiative(ctx context.Context, association, enrolment string) error {
	_, err := s.enrolments.Update(ctx, association, enrolment, 0, func(e *activity.Enrolment) error {
		e.Initiative, e.Writes = "", e.Writes+1
		return nil
	})
	return err
}

// ForgetPlan stores a booking as an earlier version did, without its plan.
func (s *Service) ForgetPlan(ctx context.Context, association, booking string) error {
	_, err := s.bookings.Store.Update(ctx, association, booking, 0, func(b *activity.Booking) error {
		b.Plan, b.Steps = nil, history.Append(b.Steps, activity.Step{Kind: activity.StepNoted, Date: b.From, Attendance: activity.Absent}, history.System("test"), s.Now())
		return nil
	})
	return err
}

// Enrolment returns what the service knows of an enrolment.
func (s *Service) Enrolment(ctx context.Context, association, enrolment string) (*activity.Enrolment, error) {
	v, err := s.enrolments.Get(ctx, association, enrolment)
	return v.Value, err
}

// OfferPlaces lets time pass for those who wait, as the job does every minute.
func (s *Service) OfferPlaces(ctx context.Context, association string) error {
	in, err := s.Associations.Get(association)
	if err != nil {
		return err
	}
	return s.offerPlaces(ctx, in)
}
