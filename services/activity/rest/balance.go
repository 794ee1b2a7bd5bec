package rest

import (
	"context"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity/balance"
)

func (h handlers) GetManageableLoad(ctx context.Context, r api.GetManageableLoadRequestObject) (api.GetManageableLoadResponseObject, error) {
	m, err := h.service.Manageable(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return api.GetManageableLoad200JSONResponse(h.manageable(m)), nil
}

func (h handlers) StateManageableLoad(ctx context.Context, r api.StateManageableLoadRequestObject) (api.StateManageableLoadResponseObject, error) {
	m, err := h.service.StateManageable(ctx, r.Id, balance.Limits{Most: limits(r.Body.Most), Least: limits(r.Body.Least)})
	if err != nil {
		return nil, err
	}
	return api.StateManageableLoad200JSONResponse(h.manageable(m)), nil
}

func (h handlers) GetWeekBalance(ctx context.Context, r api.GetWeekBalanceRequestObject) (api.GetWeekBalanceResponseObject, error) {
	b, err := h.service.Balance(ctx, r.Id, rest.Value(r.Params.Week))
	if err != nil {
		return nil, err
	}
	return api.GetWeekBalance200JSONResponse{
		Participant: b.Participant, Week: b.Week.String(), Most: sums(b.Limits.Most), Least: sums(b.Limits.Least), Load: amounts(b.Load), Under: kinds(b.Under),
		Days: rest.Map(b.Days, func(d balance.DayBalance) api.DayBalance {
			return api.DayBalance{Date: string(d.Date), Load: amounts(d.Load), Over: kinds(d.Over)}
		}),
		Proposals: rest.Map(b.Proposals, proposal), UnderscoreLinks: h.weekLinks("getWeekBalance", b.Participant, b.Week),
	}, nil
}

func proposal(p balance.Proposal) api.BalanceProposal {
	b := api.BalanceProposal{Kind: api.LoadKind(p.Kind), Reason: api.BalanceReasonOver, Relief: rest.Optional(p.Relief), In: occurrence(p.In), Day: amounts(p.Outcome)}
	if p.Under {
		b.Reason = api.BalanceReasonUnder
	}
	if o := p.Out; o != nil {
		b.Out = &api.BookedOccurrenceReference{Booking: o.Booking, Activity: o.Activity.ID, Date: string(o.Date)}
	}
	return b
}

func (h handlers) manageable(m *balance.Manageable) api.ManageableLoad {
	now := m.Now()
	return api.ManageableLoad{
		Participant: m.Participant, Most: sums(now.Most), Least: sums(now.Least),
		Timeline: rest.Map(m.Steps, func(s balance.ManageableStep) api.ManageableLoadStep {
			return api.ManageableLoadStep{
				Number: int(s.N), At: s.At, By: rest.Optional(s.By), Authority: rest.Optional(s.Authority), Most: sums(s.Most), Least: sums(s.Least),
			}
		}),
		UnderscoreLinks: api.Links{h.paths.Link("self", "getManageableLoad", m.Participant), h.paths.Link("statement", "stateManageableLoad", m.Participant)},
	}
}

// limits reads the limits that are given.
func limits(b *api.LoadSums) balance.Sums {
	if b == nil {
		return nil
	}
	s := balance.Sums{}
	for kind, n := range map[string]*int{"physical": b.Physical, "social": b.Social, "cognitive": b.Cognitive, "digital": b.Digital, "travel": b.Travel} {
		if n != nil {
			s[kind] = *n
		}
	}
	return s
}

// amounts writes the kinds that there are, also with zero.
func amounts(s balance.Sums) api.LoadSums {
	of := func(kind string) *int {
		if n, is := s[kind]; is {
			return &n
		}
		return nil
	}
	return api.LoadSums{Physical: of("physical"), Social: of("social"), Cognitive: of("cognitive"), Digital: of("digital"), Travel: of("travel")}
}

// sums is amounts of limits; nil: there are none.
func sums(s balance.Sums) *api.LoadSums {
	if len(s) == 0 {
		return nil
	}
	b := amounts(s)
	return &b
}

func kinds(all []string) *[]api.LoadKind {
	return rest.OptionalList(rest.Map(all, func(k string) api.LoadKind { return api.LoadKind(k) }))
}
