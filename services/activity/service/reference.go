package service

import (
	"context"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/services/activity"
)

// plannedYears is how far ahead a programme can be asked for.
const plannedYears = 10

// Reference returns the caller's association as it is on a day, today where none is given,
// for an operation that answers what a form needs of it. No person is in it, so only a
// refusal is entered in the access log.
func (s *Service) Reference(ctx context.Context, operation string, on civil.Date) (*association.Association, error) {
	a, err := guard.Caller(ctx, s.AccessLog, operation, "reference")
	if err != nil {
		return nil, err
	}
	s.Programme.CatchUp(ctx)
	switch {
	case on == "":
		return s.Associations.Get(a.Association)
	case !on.Valid():
		return nil, activity.ErrDate.AtField("on")
	case on < programme.Beginning || on > civil.DateOf(s.Now().AddDate(plannedYears, 0, 0)):
		return nil, activity.ErrNotPlanned.AtField("on")
	}
	return s.Associations.On(a.Association, on)
}
