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
type Window = store.Window

// List is a part of a list.
type List struct {
	Items []*View      // without texts and course
	Next  string       // cursor; empty on the last page
	Total *store.Total // of the whole list; nil when it was read by cursor
}

// List returns the referrals that the caller may see. One entry of the access log
// names all persons shown.
func (s *Service) List(ctx context.Context, f Filter, w Window) (*List, error) {
	const operation = "listReferrals"
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return nil, fault.ErrForbidden
	}
	sort, after, err := f.order(w.Cursor).behind(w.Cursor)
	if err != nil {
		return nil, err
	}
	f.Sort = sort
	where, ok, err := conditions(operation, a, f, s.Now())
	if err != nil {
		return nil, err
	}
	return s.read(ctx, operation, where, ok, sort.orders(where), sort.cursor, after, w)
}

// Tasks returns the referrals that wait for the caller: for receivers and coaches of
// the municipality, for the sending unit or authority. What is due first comes
// first, and so what is overdue before all else. responsible, when given, leaves
// those that are assigned to this subject.
func (s *Service) Tasks(ctx context.Context, responsible string, w Window) (*List, error) {
	const operation = "listTasks"
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return nil, fault.ErrForbidden
	}
	sort := Sort{Key: SortDue}
	sort, after, err := sort.behind(w.Cursor)
	if err != nil {
		return nil, err
	}
	where, ok := waiting(operation, a)
	if responsible != "" {
		if relation, _ := access.Scope(operation, a); relation != access.OwnMunicipality {
			return nil, ErrOwnFilter.AtField("responsible")
		}
		where = append(where, store.Cond{Key: keyResponsible, Op: store.Eq, Value: responsible})
	}
	return s.read(ctx, operation, where, ok, sort.orders(where), sort.cursor, after, w)
}

// read returns a part of what the conditions find; found is false when nothing can
// match, and next writes the cursor of what follows.
func (s *Service) read(ctx context.Context, operation string, where []store.Cond, found bool, sort []store.Order, next func(store.Cursor) string, after store.Cursor, w Window) (*List, error) {
	var total *store.Total
	if w.Cursor == "" {
		total = new(store.Total)
	}
	page := store.Page[Referral]{}
	if !found {
		return s.shown(ctx, operation, page, total)
	}
	a := actor.From(ctx)
	q := store.Query{Association: a.Association, Where: where, Sort: sort, After: after, Limit: w.Limit}
	if total != nil {
		q.Skip = (w.Page - 1) * w.Limit
		n, err := s.referrals.Total(ctx, a.Association, where)
		if err != nil {
			return nil, err
		}
		*total = n
	}
	if total == nil || total.Minimum || int64(q.Skip) < total.Records {
		var err error
		if page, err = s.referrals.Find(ctx, q); err != nil {
			return nil, err
		}
	}
	l, err := s.shown(ctx, operation, page, total)
	if err == nil {
		l.Next = next(page.Next)
	}
	return l, err
}

// shown notes whose referrals are shown and turns them into what the caller sees.
func (s *Service) shown(ctx context.Context, operation string, page store.Page[Referral], total *store.Total) (*List, error) {
	a, now := actor.From(ctx), s.Now()
	l := &List{Items: make([]*View, 0, len(page.Items)), Next: page.Next.String(), Total: total}
	people := make([]string, 0, len(page.Items))
	for _, item := range page.Items {
		people = append(people, item.Value.Participant)
		l.Items = append(l.Items, s.offeredPlaces(outline(item.Value, a, now)))
	}
	if err := s.fillQueuePositions(ctx, l.Items...); err != nil {
		return nil, err
	}
	if err := s.countDuplicates(ctx, l.Items); err != nil {
		return nil, err
	}
	return l, s.AccessLog.Record(ctx, accesslog.Entry{Operation: operation, Thing: "referrals", Participants: people})
}
