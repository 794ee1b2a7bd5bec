package service

import (
	"context"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
)

// ForecastView is when the next places of an initiative in a municipality are expected to be
// free.
type ForecastView struct {
	On       civil.Date // when it was computed
	MaxWeeks int        // that the initiative lasts there
	Places   []participant.PlaceForecast
}

// maxHabits bounds how many enrolments of each municipality, the latest first, say how they
// usually go.
const maxHabits = 200

// Forecast returns when the next places become free, from the enrolments of the municipality
// that are not closed and from how the latest of the whole association have gone.
func (s *Service) Forecast(ctx context.Context, initiative, municipality string) (*ForecastView, error) {
	e := accesslog.Entry{Operation: "getForecast", Thing: "forecasts/" + initiative + "/" + municipality}
	a, err := guard.Caller(ctx, s.AccessLog, e.Operation, e.Thing)
	if err != nil {
		return nil, err
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	own := access.Resource{Association: a.Association}
	_, member := in.Municipality(municipality)
	plan, known := planIn(in, initiative, municipality)
	if !member || !known {
		own = access.Resource{}
	}
	if err := guard.Decide(ctx, s.AccessLog, e, own); err != nil {
		return nil, err
	}
	var latest, running []*participant.Enrolment
	for _, m := range in.Municipalities {
		found, err := s.enrolments.Store.Find(ctx, store.Query{
			Association: in.ID, Where: []store.Cond{store.Equals(municipalityKey, m.Code)}, Sort: []store.Order{{Key: createdKey, Desc: true}}, Limit: maxHabits,
		})
		if err != nil {
			return nil, err
		}
		for _, v := range found.Items {
			if v.Value.Initiative == initiative {
				latest = append(latest, v.Value)
			}
		}
	}
	for _, state := range participant.RunningStates {
		where := []store.Cond{store.Equals(municipalityKey, municipality), store.Equals(stateKey, string(state))}
		err := s.enrolments.Store.Each(ctx, store.Query{Association: in.ID, Where: where, Sort: []store.Order{{Key: createdKey}}, Limit: maxHabits}, func(v store.Versioned[participant.Enrolment]) error {
			if v.Value.Initiative == initiative {
				running = append(running, v.Value)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	today := civil.DateOf(s.Now())
	return &ForecastView{On: today, MaxWeeks: plan.MaxWeeks, Places: participant.HabitsOf(latest, today).NextPlaces(running, today)}, nil
}
