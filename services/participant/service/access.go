package service

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
)

// accessDays is how many days are read of the log without asking for others.
const accessDays = 90

// FindAccesses finds entries in the access log of another service.
type FindAccesses func(context.Context, accesslog.Query) ([]accesslog.Found, error)

// AccessPage is a page of the access logs of all services.
type AccessPage struct {
	Items []accesslog.Found
	Next  string // cursor; empty: there is no more
}

// ListAccesses returns the entries of all services that a reviewer asks for, the latest first.
// Without an end it is until now, without a beginning from 90 days before the end.
func (s *Service) ListAccesses(ctx context.Context, q accesslog.Query, w store.Window) (*AccessPage, error) {
	e := accesslog.Entry{Operation: "listAccesses", Thing: "access-log", Why: string(access.Association)}
	a, err := guard.Caller(ctx, s.AccessLog, e.Operation, e.Thing)
	if err != nil {
		return nil, err
	}
	if q.Participant != "" {
		e.Participants = []string{q.Participant}
	}
	page, err := s.findAccesses(ctx, a, q, w)
	return page, guard.Enter(ctx, s.AccessLog, e, err)
}

// ListOwnAccesses returns who has read or changed what about the person who asks, the latest
// first.
func (s *Service) ListOwnAccesses(ctx context.Context, id string, q accesslog.Query, w store.Window) (*AccessPage, error) {
	a := actor.From(ctx)
	if _, err := s.people.Load(ctx, a, guard.Call{Operation: "listOwnAccesses", ID: id}); err != nil {
		return nil, err
	}
	q.Participant = id
	return s.findAccesses(ctx, a, q, w)
}

// findAccesses asks all services at once. When one does not answer there is no page: a list
// with a gap would say that nobody had looked.
func (s *Service) findAccesses(ctx context.Context, a actor.Actor, q accesslog.Query, w store.Window) (*AccessPage, error) {
	if q.To.IsZero() {
		q.To = s.Now().UTC()
	}
	if q.From.IsZero() {
		q.From = q.To.AddDate(0, 0, -accessDays)
	}
	if err := participant.CheckPeriod(q.From, q.To); err != nil {
		return nil, err
	}
	q.Association, q.Limit = a.Association, w.Limit+1
	if w.Cursor != "" {
		place, err := parsePlace(w.Cursor)
		if err != nil {
			return nil, err
		}
		q.Before = place
	}
	all := make([][]accesslog.Found, 1+len(s.Logs))
	g, within := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		all[0], err = s.AccessLog.Find(within, "participant", q)
		return err
	})
	for n, find := range s.Logs {
		g.Go(func() (err error) {
			all[n+1], err = find(within, q)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	page := &AccessPage{Items: slices.Concat(all...)}
	slices.SortFunc(page.Items, func(a, b accesslog.Found) int { return accesslog.Newest(a.Place, b.Place) })
	if len(page.Items) > w.Limit {
		page.Items = page.Items[:w.Limit]
		page.Next = placeCursor(page.Items[w.Limit-1].Place)
	}
	return page, nil
}

// placeCursor writes where a list goes on.
func placeCursor(p accesslog.Place) string {
	c := store.Cursor{Values: []any{p.At.UnixMilli()}, ID: fmt.Sprintf("%s %s %d", p.Service, p.Block, p.Index)}
	return c.String()
}

// parsePlace reads what placeCursor wrote; any other text is store.ErrCursor.
func parsePlace(text string) (*accesslog.Place, error) {
	c, err := store.ParseCursor(text, 1)
	if err != nil {
		return nil, err
	}
	at, isTime := c.Values[0].(int64)
	parts := strings.Split(c.ID, " ")
	if !isTime || len(parts) != 3 {
		return nil, store.ErrCursor
	}
	index, err := strconv.Atoi(parts[2])
	if err != nil {
		return nil, store.ErrCursor
	}
	return &accesslog.Place{At: time.UnixMilli(at).UTC(), Service: parts[0], Block: parts[1], Index: index}, nil
}
