package participant

import (
	"context"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
)

// Schema declares what this version knows of the service's database. A release that
// declares other keys raises Version; see docs/operations/day-two.md, "Upgrade".
func Schema() migration.Schema {
	return migration.Schema{
		Service: "participant", Version: 1,
		Collections: []migration.Collection{personCollection(), enrolmentCollection()},
	}
}

// personCollection declares how persons are kept. The keyed look-up of the number is
// unique: of two who post the same new person, one creates and the other finds.
func personCollection() store.Schema[Person] {
	return store.Schema[Person]{
		Name:    "persons",
		Unique:  []store.Index{{"lookup"}},
		Indexes: []store.Index{{"person"}},
		ID:      func(p *Person) (string, string) { return p.Association, p.ID },
		Keys:    func(p *Person) store.Keys { return store.Keys{"lookup": p.Lookup, "person": p.ID} },
		Version: func(p *Person) int64 { return int64(len(p.Steps)) },
	}
}

// enrolmentCollection declares how enrolments are kept: found by what lists filter
// on, and by the day on which the clock has something to do.
func enrolmentCollection() store.Schema[Enrolment] {
	return store.Schema[Enrolment]{
		Name: "enrolments",
		Indexes: []store.Index{
			{"municipality", "created"}, {"municipality", "state", "created"}, {"participant", "created"}, {"dueOn"},
		},
		ID: func(e *Enrolment) (string, string) { return e.Association, e.ID },
		Keys: func(e *Enrolment) store.Keys {
			c := e.Progress()
			k := store.Keys{
				"municipality": e.Municipality, "participant": e.Participant,
				"state": string(c.State), "created": e.Steps[0].At.UnixMilli(),
			}
			if due := c.DueOn(); due != "" {
				k["dueOn"] = string(due)
			}
			return k
		},
		Version: func(e *Enrolment) int64 { return int64(len(e.Steps)) },
	}
}

// personByLookup finds a person by the look-ups of the number under every key.
func (s *Service) personByLookup(ctx context.Context, association string, lookups []string) (v store.Versioned[Person], found bool, err error) {
	page, err := s.people.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{{Key: "lookup", Op: store.In, Value: values(lookups)}}, Limit: 1,
	})
	if err != nil || len(page.Items) == 0 {
		return v, false, err
	}
	return page.Items[0], true, nil
}

// personsByID finds persons by their ids; who is not there is left out.
func (s *Service) personsByID(ctx context.Context, association string, ids []string) (map[string]*Person, error) {
	page, err := s.people.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{{Key: "person", Op: store.In, Value: values(ids)}}, Limit: max(len(ids), 1),
	})
	if err != nil {
		return nil, err
	}
	found := make(map[string]*Person, len(page.Items))
	for _, v := range page.Items {
		found[v.Value.ID] = v.Value
	}
	return found, nil
}

// dueBefore finds enrolments whose block's last day has passed, the longest
// overdue first.
func (s *Service) dueBefore(ctx context.Context, association string, today civil.Date, limit int) ([]store.Versioned[Enrolment], error) {
	page, err := s.enrolments.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{{Key: "dueOn", Op: store.Lt, Value: string(today)}},
		Sort: []store.Order{{Key: "dueOn"}}, Limit: limit,
	})
	return page.Items, err
}

func values(texts []string) []any {
	all := make([]any, len(texts))
	for i, t := range texts {
		all[i] = t
	}
	return all
}
