package participant

import (
	"context"
	"errors"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// EnrolmentView is an enrolment as one caller may see it.
type EnrolmentView struct {
	*Enrolment
	Version  int64
	Progress Progress
	Texts    map[int64]Texts // by step; nil when the texts are not for the caller
	May      func(operation string) bool
}

// Texts is the free text of one step, in clear.
type Texts struct {
	Text      string
	Exception string
}

// Enrolment returns an enrolment with its texts.
func (s *Service) Enrolment(ctx context.Context, id string) (*EnrolmentView, error) {
	v, p, err := s.enrolment(ctx, "getEnrolment", id)
	if err != nil {
		return nil, err
	}
	return s.viewEnrolment(ctx, v, p)
}

// enrolment loads an enrolment, and the person whose consent and protection
// decide, for an operation that the caller may call on it.
func (s *Service) enrolment(ctx context.Context, operation, id string) (v store.Versioned[Enrolment], p *Person, err error) {
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return v, nil, fault.ErrForbidden
	}
	v, err = s.enrolments.Get(ctx, a.Association, id)
	if errors.Is(err, store.ErrNotFound) {
		// Missing and foreign take the same way, through the log as well.
		return v, nil, errors.Join(s.touch(ctx, operation, "enrolment/"+id, err), err)
	}
	if err != nil {
		return v, nil, err
	}
	person, err := s.people.Get(ctx, a.Association, v.Value.Participant)
	if err != nil {
		return v, nil, fault.ErrInternal.Because(errors.New("an enrolment without its person"))
	}
	return v, person.Value, s.decide(ctx, operation, "enrolment/"+id, v.Value.Resource(person.Value, a))
}

// change loads an enrolment for an operation, lets the noun change it, lets time
// catch up (what is written down late may be overdue at once), and saves.
func (s *Service) change(ctx context.Context, operation, id string, version int64, do func(*Enrolment, Who) error) (*EnrolmentView, error) {
	v, p, err := s.enrolment(ctx, operation, id)
	if err != nil {
		return nil, err
	}
	v, err = save(ctx, s, s.enrolments, v, version, func(e *Enrolment) error {
		if err := do(e, hand(ctx)); err != nil {
			return err
		}
		e.MarkOverdue(s.Now())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.viewEnrolment(ctx, v, p)
}

// viewEnrolment opens the texts where they are for the caller.
func (s *Service) viewEnrolment(ctx context.Context, v store.Versioned[Enrolment], p *Person) (*EnrolmentView, error) {
	view := s.summary(ctx, v, p)
	a := actor.From(ctx)
	if !access.Allows("getEnrolment#text", a, v.Value.Resource(p, a)) {
		return view, nil
	}
	view.Texts = map[int64]Texts{}
	for _, step := range view.Steps {
		t, err := s.texts(v.Value.ID, step)
		if err != nil {
			return nil, err
		}
		if t != (Texts{}) {
			view.Texts[step.N] = t
		}
	}
	return view, nil
}

func (s *Service) texts(id string, step EnrolmentStep) (t Texts, err error) {
	if t.Text, err = s.opened(step.Text, textOf(id)); err != nil || step.Exception == nil {
		return t, err
	}
	t.Exception, err = s.opened(step.Exception.Reason, exceptionOf(id))
	return t, err
}

func (s *Service) summary(ctx context.Context, v store.Versioned[Enrolment], p *Person) *EnrolmentView {
	a := actor.From(ctx)
	t := v.Value.Resource(p, a)
	seen, course := v.Value.seenBy(p, a)
	return &EnrolmentView{
		Enrolment: seen, Version: v.Version, Progress: course,
		May: func(operation string) bool { return access.Allows(operation, a, t) },
	}
}

// textOf is where the sealed texts of an enrolment belong.
func textOf(id string) string { return "enrolment/" + id + "/text" }

func exceptionOf(id string) string { return "enrolment/" + id + "/exception" }

// EnrolmentFilter narrows a list; empty fields do not.
type EnrolmentFilter struct {
	State        string
	Participant  string
	Municipality string
	Page, Limit  int // from 1
	Cursor       string
}

// EnrolmentPage is one page of a list.
type EnrolmentPage struct {
	Items []*EnrolmentView
	Total store.Total // without cursor: how many there are in all
	Next  string      // cursor behind this page; empty at the end
}

// Enrolments lists the enrolments of the caller's municipality, or the caller's
// own, the latest planned first.
func (s *Service) Enrolments(ctx context.Context, f EnrolmentFilter) (*EnrolmentPage, error) {
	a := actor.From(ctx)
	relation, ok := access.Scope("listEnrolments", a)
	if !ok {
		return nil, fault.ErrForbidden
	}
	where, ok := f.within(relation, a)
	if !ok {
		return &EnrolmentPage{}, s.touch(ctx, "listEnrolments", "enrolments", nil)
	}
	q := store.Query{Association: a.Association, Where: where, Limit: f.Limit, Sort: []store.Order{{Key: "created", Desc: true}}}
	var err error
	if q.After, err = store.ParseCursor(f.Cursor, len(q.Sort)); err != nil {
		return nil, fault.Of(err).AtField("cursor")
	}
	if f.Cursor == "" {
		q.Skip = (f.Page - 1) * f.Limit
	}
	return s.page(ctx, q)
}

// within returns the filter's conditions, narrowed to what the caller reads in the
// relation; ok is false when that leaves nothing.
func (f EnrolmentFilter) within(relation access.Relation, a actor.Actor) (where []store.Cond, ok bool) {
	own, narrowed := a.Municipality, &f.Municipality
	if relation == access.OwnParticipant {
		own, narrowed = a.Participant, &f.Participant
	}
	if own == "" || *narrowed != "" && *narrowed != own {
		return nil, false
	}
	*narrowed = own
	for _, c := range []store.Cond{
		{Key: "municipality", Op: store.Eq, Value: f.Municipality},
		{Key: "participant", Op: store.Eq, Value: f.Participant},
		{Key: "state", Op: store.Eq, Value: f.State},
	} {
		if c.Value != "" {
			where = append(where, c)
		}
	}
	return where, true
}

func (s *Service) page(ctx context.Context, q store.Query) (*EnrolmentPage, error) {
	found, err := s.enrolments.Find(ctx, q)
	if err != nil {
		return nil, err
	}
	page := &EnrolmentPage{Next: found.Next.String()}
	if q.After.ID == "" {
		if page.Total, err = s.enrolments.Total(ctx, q.Association, q.Where); err != nil {
			return nil, err
		}
	}
	var ids []string
	for _, v := range found.Items {
		ids = append(ids, v.Value.Participant)
	}
	persons, err := s.personsByID(ctx, q.Association, ids)
	if err != nil {
		return nil, err
	}
	for _, v := range found.Items {
		if p := persons[v.Value.Participant]; p != nil {
			page.Items = append(page.Items, s.summary(ctx, v, p))
		}
	}
	return page, s.touch(ctx, "listEnrolments", "enrolments", nil, ids...)
}
