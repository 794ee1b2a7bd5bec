package service

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	"github.com/finsam/finsam/services/activity/figures"
)

const (
	maxFigureWeeks   = 53
	usualFigureWeeks = 4 // before the last
)

// FiguresView is what a municipality offered in some weeks, and what of it was used.
type FiguresView struct {
	figures.Figures
	Municipality string
	First, Last  activity.Week
	Names        map[string]string // of the members, by their codes
}

// Figures returns the exact figures of the caller's municipality from one week to another,
// both included. It names nobody, and is
// for those who may see each booking that it counts; so one entry of the access log is all. By
// gender, the vault is asked about all who were booked in the weeks, and logs them.
func (s *Service) Figures(ctx context.Context, from, to string, byGender bool) (*FiguresView, error) {
	e := accesslog.Entry{Operation: "getActivityFigures", Thing: "activity-figures"}
	a, err := guard.Caller(ctx, s.AccessLog, e.Operation, e.Thing)
	if err != nil {
		return nil, err
	}
	v, err := figureWeeks(from, to, activity.WeekOf(civil.DateOf(s.Now())))
	if err != nil {
		return nil, err
	}
	s.Programme.CatchUp(ctx)
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	v.Names = map[string]string{}
	for _, m := range in.Municipalities {
		v.Names[m.Code] = m.Name
	}
	e.Why = string(access.Scope(e.Operation, a))
	if v.Municipality = a.Municipality; a.Municipality == "" { // a token that names no municipality has no figures
		return v, guard.Enter(ctx, s.AccessLog, e, nil)
	}
	first, last := v.First.Monday(), v.Last.Sunday()
	counted := figures.Input{First: v.First, Last: v.Last, Today: civil.DateOf(s.Now()), Activities: in.Week(a.Municipality).Activities}
	if counted.Cancelled, err = s.cancellationsOf(ctx, in.ID, store.Equals(municipalityKey, a.Municipality), first, last); err != nil {
		return nil, err
	}
	for _, x := range counted.Activities {
		booked, err := findAll(ctx, s.bookings.Store, in.ID, store.Equals(activityKey, x.ID), store.AtLeast(lastDayKey, string(first)))
		if err != nil {
			return nil, err
		}
		counted.Bookings = append(counted.Bookings, booked...)
	}
	groups, waits, err := s.Groups.Counted(ctx, in.ID, a.Municipality)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		x, _ := in.Activity(g.Activity)
		c := figures.Course{Activity: g.Activity}
		c.Sessions, c.Places = g.OpenOn(x)
		c.Started, c.Size = g.StartedWith()
		counted.Courses = append(counted.Courses, c)
	}
	for _, w := range waits {
		if from, until := w.UntilOffer(); until != "" {
			counted.Waited = append(counted.Waited, figures.Waited{Category: w.Category, From: from, Until: until})
		}
	}
	if byGender {
		if counted.Genders, err = s.gendersOf(ctx, counted.Bookings, last); err != nil {
			return nil, err
		}
	}
	v.Figures = *figures.Count(counted)
	return v, guard.Enter(ctx, s.AccessLog, e, nil)
}

// figureWeeks reads a span of weeks: to the present one, or the first if that is later, and
// from four weeks before the last, where nothing else is asked for.
func figureWeeks(from, to string, present activity.Week) (v *FiguresView, err error) {
	v = &FiguresView{}
	if v.Last, err = activity.ParseWeek(cmp.Or(to, max(present.String(), from))); err != nil {
		return nil, activity.ErrNoSuchWeek.AtField("to")
	}
	if from == "" {
		from = v.Last.Add(-usualFigureWeeks).String()
	}
	if v.First, err = activity.ParseWeek(from); err != nil {
		return nil, activity.ErrNoSuchWeek.AtField("from")
	}
	if v.First.Monday() > v.Last.Monday() || v.First.Add(maxFigureWeeks-1).Monday() < v.Last.Monday() {
		return nil, activity.ErrFigureWeeks.AtField("to")
	}
	return v, nil
}

// gendersOf asks the vault for the gender of those whose bookings hold on a day or before.
func (s *Service) gendersOf(ctx context.Context, booked []*activity.Booking, last civil.Date) (map[string]string, error) {
	asked, genders := map[string]bool{}, map[string]string{}
	for _, b := range booked {
		if st := b.Status(); st.Held && st.FirstDay <= last {
			asked[b.Participant] = true
		}
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(asked)), maxIdentities) {
		found, err := s.Genders(ctx, ids)
		if err != nil {
			return nil, err
		}
		maps.Copy(genders, found)
	}
	return genders, nil
}
