// Package placementtest shows on an engine that the places of work training hold, however
// many ask at once: through the real handlers of four replicas of the service.
package placementtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/rest"
	"github.com/finsam/finsam/services/activity/service"
)

const (
	replicas = 4
	people   = 12
	rounds   = 8
	acts     = 6 // of each person in a round
)

// takes is how many the areas of the workshop take at once.
var takes = map[string]int{"carpentry": 2, "textile": 1}

// proof is a running proof.
type proof struct {
	*activitytest.Suite
	t        testing.TB
	services []*service.Service
	apis     []*servicetest.API
	of       []string // enrolments
}

// Run lets people be offered, agree, decline and end at once on random days, and counts by
// hand at the end of each round that no area has more than it takes, and that a place which
// is free is had. engine is SQLite for nil.
func Run(t *testing.T, engine store.Engine) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := &proof{Suite: activitytest.StartOn(t, engine, activitytest.OpensWorkshop...), t: t}
	for range replicas {
		p.replica()
	}
	for n := range people {
		enrolment, person := id("enrolment", n), id("person", n)
		p.Emit("planned", enrolment, person, activitytest.Molndal, 1, "")
		p.of = append(p.of, enrolment)
		p.Enrolled(t, person, activitytest.Molndal)
	}
	made, refused := 0, 0
	last := rounds
	if engine != nil { // on the wire each takes some twenty seconds
		last = rounds / 2
	}
	for round := range last {
		var wait sync.WaitGroup
		var mu sync.Mutex
		for _, s := range p.services[:2] {
			wait.Go(func() {
				if err := s.Placements.Advance(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		for n := range people {
			wait.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(round*people+n)))
				for range acts {
					m, f := p.act(r, n)
					mu.Lock()
					made, refused = made+m, refused+f
					mu.Unlock()
				}
			})
		}
		wait.Wait()
		p.count()
		p.Clock.Advance(time.Duration(rand.New(rand.NewPCG(seed, uint64(round))).IntN(4)) * 24 * time.Hour)
	}
	if made < people || refused < people {
		t.Errorf("%d placements made and %d refused as full: nothing is shown", made, refused)
	}
	t.Logf("%d placements made, %d refused as full", made, refused)
}

func id(kind string, n int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, kind, n)).String()
}

// replica adds a service on the same store, behind its own router.
func (p *proof) replica() {
	s, err := service.New(context.Background(), service.Config{Parts: p.Parts})
	servicetest.Must(p.t, err)
	p.services = append(p.services, s)
	p.apis = append(p.apis, servicetest.NewAPI(p.t, p.World, api.Spec, func(c server.Config) (*echo.Echo, error) { return rest.New(s, c) }))
	servicetest.Run(p.t, s.Run)
}

// do makes a call of the coach to one of the replicas.
func (p *proof) do(r *rand.Rand, method, path string, body any, header map[string]string) *webtest.Response {
	return p.apis[r.IntN(replicas)].Do(p.t, webtest.Request{Method: method, Path: path, As: activitytest.Coach(activitytest.Molndal), Body: body, Header: header})
}

// act does one thing with the placements of a person: it returns how many were made, and how
// many were refused as the area was full.
func (p *proof) act(r *rand.Rand, n int) (made, full int) {
	today := civil.DateOf(p.Clock.Now())
	if r.IntN(2) == 0 {
		from := today.AddDays(r.IntN(8))
		days := []any{map[string]any{"day": []string{"monday", "wednesday", "friday"}[r.IntN(3)]}}
		answer := p.do(r, "POST", "/placements", map[string]any{
			"enrolment": p.of[n], "site": activitytest.Workshop, "area": []string{"carpentry", "textile"}[r.IntN(2)], "days": days, "extent": 5,
			"from": from, "until": from.AddDays(r.IntN(21)), "answerBy": today.AddDays(r.IntN(1 + today.DaysUntil(from))),
		}, nil)
		switch answer.Status {
		case http.StatusCreated:
			return 1, 0
		case http.StatusConflict, http.StatusUnprocessableEntity:
			return 0, map[bool]int{true: 1}[answer.Problem(p.t, answer.Status).Code == "site-full"]
		case http.StatusServiceUnavailable: // a slow engine: whether it was made is counted at the end
			return 0, 0
		}
		p.t.Errorf("an offer: %d %s", answer.Status, answer.Body)
		return 0, 0
	}
	var list api.PlacementList
	p.do(r, "GET", "/placements?limit=200&enrolment="+p.of[n], nil, nil).Into(p.t, http.StatusOK, &list)
	if len(list.Items) == 0 {
		return 0, 0
	}
	x := list.Items[r.IntN(len(list.Items))]
	what, body := "agreement", any(nil)
	switch {
	case x.State == api.PlacementStateRunning:
		what, body = "ending", map[string]any{"from": max(x.From, string(today)), "reason": "other"}
	case r.IntN(3) == 0:
		what, body = "declination", map[string]any{"reason": "participant"}
	}
	answer := p.do(r, "POST", "/placements/"+x.Id+"/"+what, body, map[string]string{"If-Match": fmt.Sprintf("%q", fmt.Sprint(*x.Version))})
	if answer.Status != http.StatusOK && answer.Status != http.StatusConflict && answer.Status != http.StatusPreconditionFailed && answer.Status != http.StatusUnprocessableEntity && answer.Status != http.StatusServiceUnavailable {
		p.t.Errorf("%s of %+v: %d %s", what, x, answer.Status, answer.Body)
	}
	return 0, 0
}

// count counts the placements of each area and day by hand, and compares with what the areas
// take and with what the service says is taken.
func (p *proof) count() {
	r := rand.New(rand.NewPCG(1, 1))
	today := civil.DateOf(p.Clock.Now())
	taken := map[string]int{}
	for page, more := 1, true; more; page++ {
		var list api.PlacementList
		p.do(r, "GET", fmt.Sprintf("/placements?limit=200&page=%d", page), nil, nil).Into(p.t, http.StatusOK, &list)
		more = len(list.Items) == 200
		for _, x := range list.Items {
			if x.State == api.PlacementStateDeclined || x.State == api.PlacementStateOffered && x.AnswerBy < string(today) {
				continue
			}
			last := civil.Date(x.Until)
			if step := x.Timeline[len(x.Timeline)-1]; step.Kind == api.PlacementStepKindEnded {
				last = min(last, civil.Date(*step.Date).AddDays(-1))
			}
			for d := civil.Date(x.From); d <= last; d = d.AddDays(1) {
				for _, h := range x.Days {
					if string(h.Day) == weekdays[d.MidnightUTC().Weekday()] {
						taken[x.Area+" "+string(d)]++
					}
				}
			}
		}
	}
	for key, n := range taken {
		var area, day string
		_, _ = fmt.Sscan(key, &area, &day)
		if n > takes[area] {
			p.t.Errorf("%s has %d, and takes %d", key, n, takes[area])
		}
	}
	var free api.SitePlacesLeft
	p.do(r, "GET", fmt.Sprintf("/sites/%s/places?from=%s&until=%s", activitytest.Workshop, today, today.AddDays(40)), nil, nil).Into(p.t, http.StatusOK, &free)
	for _, f := range free.Days {
		if want := taken[f.Area+" "+f.Date]; f.Taken != want || f.Places != takes[f.Area] {
			p.t.Errorf("%s %s: %d of %d taken, counted %d of %d", f.Area, f.Date, f.Taken, f.Places, want, takes[f.Area])
		}
	}
}

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
