package service

import (
	"context"

	"github.com/finsam/finsam/pkg/feed"
)

// Handle does what an event of the referral service means here.
func (s *Service) Handle(ctx context.Context, e feed.Event) error { return s.handle(ctx, e) }
