package referral

import (
	"context"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// Window is the part of a list that is wanted: a page, or what follows a cursor.
type Window struct {
	Limit  int    // 1 to 200
	Page   int    // from 1; not read when there is a cursor
	Cursor string // as an earlier list gave it; empty: by page
}

// List is a part of a list.
type List struct {
	Items []*View // without texts and course
	Next  string  // cursor; empty on the last page
	Total int64   // of the whole list; -1 when it was read by cursor
}

// List gives the referrals that the caller may see, the latest first. One entry
// of the access log names all persons shown.
func (s *Service) List(ctx context.Context, f Filter, w Window) (*List, error) {
	a := actor.From(ctx)
	if !access.MayCall("listReferrals", a) {
		return nil, fault.ErrForbidden
	}
	after, err := store.ParseCursor(w.Cursor, len(latestFirst))
	if err != nil {
		return nil, err
	}
	where, ok := conditions("listReferrals", a, f)
	if !ok {
		return s.shown(ctx, "listReferrals", store.Page[Referral]{}, 0)
	}
	q := store.Query{Association: a.Association, Where: where, Sort: latestFirst, After: after, Limit: w.Limit}
	total := int64(-1)
	if w.Cursor == "" {
		q.Skip = (w.Page - 1) * w.Limit
		if total, err = s.referrals.Count(ctx, a.Association, where); err != nil {
			return nil, err
		}
	}
	page := store.Page[Referral]{}
	if total < 0 || int64(q.Skip) < total {
		if page, err = s.referrals.Find(ctx, q); err != nil {
			return nil, err
		}
	}
	return s.shown(ctx, "listReferrals", page, total)
}

// shown notes whose referrals are shown and turns them into what the caller sees.
func (s *Service) shown(ctx context.Context, operation string, page store.Page[Referral], total int64) (*List, error) {
	a := actor.From(ctx)
	l := &List{Items: make([]*View, 0, len(page.Items)), Next: page.Next.String(), Total: total}
	people := make([]string, 0, len(page.Items))
	for _, item := range page.Items {
		people = append(people, item.Value.Participant)
		l.Items = append(l.Items, outline(item.Value, a, s.Now()))
	}
	if err := s.line(ctx, l.Items...); err != nil {
		return nil, err
	}
	return l, s.Access.Touch(ctx, accesslog.Entry{Operation: operation, Thing: "referrals", Participants: people})
}
