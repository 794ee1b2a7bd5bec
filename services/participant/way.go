package participant

import (
	"context"

	"github.com/finsam/finsam/pkg/civil"
)

// Start begins an enrolment and its first block.
func (s *Service) Start(ctx context.Context, id string, version int64, on civil.Date) (*EnrolmentView, error) {
	return s.change(ctx, "startEnrolment", id, version, func(e *Enrolment, who Who) error {
		return e.Start(on, who, s.Now())
	})
}

// StartBlock begins the next block.
func (s *Service) StartBlock(ctx context.Context, id string, version int64, number int, on civil.Date) (*EnrolmentView, error) {
	return s.change(ctx, "startBlock", id, version, func(e *Enrolment, who Who) error {
		return e.StartBlock(number, on, who, s.Now())
	})
}

// AnswerCheckIn notes the referrer's answer; only for the sender of the referral,
// while the person's consent holds.
func (s *Service) AnswerCheckIn(ctx context.Context, id string, version int64, number int, readiness, text string) (*EnrolmentView, error) {
	sealed, err := s.sealed(text, textOf(id))
	if err != nil {
		return nil, err
	}
	return s.change(ctx, "answerCheckIn", id, version, func(e *Enrolment, who Who) error {
		return e.Answer(number, readiness, sealed, who, s.Now())
	})
}

// RecordNonAnswer notes that no answer came.
func (s *Service) RecordNonAnswer(ctx context.Context, id string, version int64, number int, text string) (*EnrolmentView, error) {
	sealed, err := s.sealed(text, textOf(id))
	if err != nil {
		return nil, err
	}
	return s.change(ctx, "recordNonAnswer", id, version, func(e *Enrolment, who Who) error {
		return e.RecordNonAnswer(number, sealed, who, s.Now())
	})
}

// DecisionInput is what the coach decides at a check-in, in clear.
type DecisionInput struct {
	Decision        Decision
	On              civil.Date
	Weeks           int
	Reason          string
	ExceptionReason string
	Approver        string // of the exception; empty: none
}

// DecideCheckIn decides at the check-in that waits.
func (s *Service) DecideCheckIn(ctx context.Context, id string, version int64, number int, in DecisionInput) (*EnrolmentView, error) {
	reason, err := s.sealed(in.Reason, textOf(id))
	if err != nil {
		return nil, err
	}
	d := CheckInDecision{Decision: in.Decision, On: in.On, Weeks: in.Weeks, Reason: reason}
	if in.Approver != "" {
		sealed, err := s.sealed(in.ExceptionReason, exceptionOf(id))
		if err != nil {
			return nil, err
		}
		d.Exception = &Exception{Reason: sealed, Approver: in.Approver}
	}
	return s.change(ctx, "decideCheckIn", id, version, func(e *Enrolment, who Who) error {
		return e.Decide(number, d, who, s.Now())
	})
}

// Resume ends a pause.
func (s *Service) Resume(ctx context.Context, id string, version int64, on civil.Date) (*EnrolmentView, error) {
	return s.change(ctx, "resumeEnrolment", id, version, func(e *Enrolment, who Who) error {
		return e.Resume(on, who, s.Now())
	})
}

// HoldConversation notes the closing conversation.
func (s *Service) HoldConversation(ctx context.Context, id string, version int64, on civil.Date, text string) (*EnrolmentView, error) {
	sealed, err := s.sealed(text, textOf(id))
	if err != nil {
		return nil, err
	}
	return s.change(ctx, "holdClosingConversation", id, version, func(e *Enrolment, who Who) error {
		return e.HoldConversation(on, sealed, who, s.Now())
	})
}

// Close ends an enrolment; d comes with the summary in clear beside it.
func (s *Service) Close(ctx context.Context, id string, version int64, d Documentation, summary string) (*EnrolmentView, error) {
	var err error
	if d.Summary, err = s.sealed(summary, textOf(id)); err != nil {
		return nil, err
	}
	return s.change(ctx, "closeEnrolment", id, version, func(e *Enrolment, who Who) error {
		return e.Close(d, who, s.Now())
	})
}

// Cancel ends an enrolment that never began.
func (s *Service) Cancel(ctx context.Context, id string, version int64, text string) (*EnrolmentView, error) {
	sealed, err := s.sealed(text, textOf(id))
	if err != nil {
		return nil, err
	}
	return s.change(ctx, "cancelEnrolment", id, version, func(e *Enrolment, who Who) error {
		return e.Cancel(sealed, who, s.Now())
	})
}
