package activity

import (
	"context"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// acts returns those of the operations that the caller may call for a thing.
func acts(ctx context.Context, t access.Resource, operations ...string) []string {
	var may []string
	for _, o := range operations {
		if access.Allows(o, actor.From(ctx), t) {
			may = append(may, o)
		}
	}
	return may
}

// Acts returns the operations that the caller can do with the booking now.
func (b *Booking) Acts(ctx context.Context) []string {
	if b.State() == StateBooked {
		return acts(ctx, b.Resource(), "noteAttendance", "cancelBooking")
	}
	if b.From <= b.LastDay() {
		return acts(ctx, b.Resource(), "noteAttendance") // of the days before it ended
	}
	return nil
}

// Acts returns the operations that the caller can do with the cancellation on a day.
func (c *Cancellation) Acts(ctx context.Context, today civil.Date) []string {
	if c.State() == Restored || c.Date < today {
		return nil
	}
	return acts(ctx, c.Resource(), "restoreOccurrence")
}

// ActsOn returns the operations that the caller can do with an activity now.
func ActsOn(ctx context.Context, x association.Activity) []string {
	if !x.Scheduled() {
		return nil
	}
	t := access.Resource{Association: actor.From(ctx).Association, Relationships: []access.Relationship{{Municipality: x.Municipality}}}
	return acts(ctx, t, "createBooking", "cancelOccurrence")
}
