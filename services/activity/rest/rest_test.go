package rest

import (
	"bytes"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	. "github.com/finsam/finsam/services/activity/activitytest"
)

// face is the service behind its real router, asked as clients ask.
type face struct {
	*Suite
	t   *testing.T
	api *servicetest.API
}

// newFace returns a face whose service follows and publishes and knows Person's
// enrolment in Mölndal.
func newFace(t *testing.T) *face {
	t.Helper()
	f := &face{Suite: Start(t, OpensWorkshop...), t: t}
	servicetest.Run(t, f.Service.Run)
	f.Enrolled(t, Person, Molndal)
	f.api = servicetest.NewAPI(t, f.World, api.Spec, func(c server.Config) (*echo.Echo, error) { return New(f.Service, c) })
	return f
}

// coach is Mölndal's coach, the usual caller.
var coach = Coach(Molndal)

// do sends a request, with a header's names and values by turns.
func (f *face) do(who actor.Actor, method, path string, body any, header ...string) *webtest.Response {
	f.t.Helper()
	h := map[string]string{}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	return f.api.Do(f.t, webtest.Request{Method: method, Path: path, As: who, Body: body, Header: h})
}

type object = map[string]any

// booking books Person into the walk and returns the answer.
func (f *face) booking() api.Booking {
	f.t.Helper()
	var b api.Booking
	f.do(coach, "POST", "/bookings", object{"enrolment": Enrolment, "activity": Walk, "from": "2026-11-16"}).Into(f.t, 201, &b)
	return b
}

func TestABookingFromFirstToLast(t *testing.T) {
	f := newFace(t)
	r := f.do(coach, "POST", "/bookings", object{"enrolment": Enrolment, "activity": Walk, "from": "2026-11-16"}, "Idempotency-Key", "k1")
	var b api.Booking
	r.Into(t, 201, &b)
	at := servicetest.PathOf(t, r.Header.Get("Location"))
	if r.Header.Get("ETag") != `"1"` || at != "/bookings/"+b.Id || *b.Name != "Promenad" || b.State != api.BookingStateBooked {
		t.Fatalf("got %s at %s: %+v", r.Header.Get("ETag"), at, b)
	}
	again := f.do(coach, "POST", "/bookings", object{"enrolment": Enrolment, "activity": Walk, "from": "2026-11-16"}, "Idempotency-Key", "k1")
	if again.Status != 201 || !bytes.Equal(again.Body, r.Body) {
		t.Errorf("the repeat answers %d %s", again.Status, again.Body)
	}
	note := servicetest.PathOf(t, b.UnderscoreLinks.Href("attendances"))
	r = f.do(coach, "POST", note, object{"date": "2026-11-17", "attendance": "present"}, "If-Match", `"1"`)
	r.Into(t, 200, &b)
	if r.Header.Get("ETag") != `"2"` || len(b.Attendances) != 1 || len(b.Timeline) != 2 {
		t.Errorf("got %s: %+v", r.Header.Get("ETag"), b)
	}
	r = f.do(coach, "GET", at, nil)
	r.Into(t, 200, &b)
	f.do(coach, "GET", at, nil, "If-None-Match", r.Header.Get("ETag")).Into(t, 304, nil)
	end := servicetest.PathOf(t, b.UnderscoreLinks.Href("cancellation"))
	b = api.Booking{}
	f.do(coach, "POST", end, object{"from": "2026-12-01"}, "If-Match", `"2"`).Into(t, 200, &b)
	if b.UnderscoreLinks.Href("cancellation") != "" || b.State != api.BookingStateCancelled || *b.Until != "2026-11-30" {
		t.Errorf("got %+v", b)
	}
	var l api.BookingList
	f.do(coach, "GET", "/bookings?limit=1&page=1&state=cancelled&participant="+Person, nil).Into(t, 200, &l)
	if len(l.Items) != 1 || *l.UnderscoreMeta.TotalRecords != 1 {
		t.Errorf("got %+v", l)
	}
}

func TestAListReadByCursorEndsAndNamesNoPage(t *testing.T) {
	f := newFace(t)
	f.booking()
	other := object{"enrolment": Enrolment, "activity": f.Activity(t, Molndal, 4), "from": "2026-11-16"}
	f.do(coach, "POST", "/bookings", other).Into(t, 201, nil)
	var first, second api.BookingList
	f.do(coach, "GET", "/bookings?limit=1", nil).Into(t, 200, &first)
	next := servicetest.PathOf(t, first.UnderscoreLinks.Href("next"))
	f.do(coach, "GET", next, nil).Into(t, 200, &second)
	if len(second.Items) != 1 || second.Items[0].Id == first.Items[0].Id || second.UnderscoreMeta.Page != nil || second.UnderscoreMeta.NextCursor != nil {
		t.Errorf("got %+v", second)
	}
}

func TestTheWeekIsTheSameForEverybodyAndChangesWithACancellation(t *testing.T) {
	f := newFace(t)
	board := actor.Actor{Subject: "b", Association: Tenant, Roles: []actor.Role{actor.Board}}
	const path = "/municipalities/1481/week?week=2026-W48"
	before := f.do(coach, "GET", path, nil)
	if !bytes.Equal(before.Body, f.do(board, "GET", path, nil).Body) {
		t.Error("the week is kept for all by the gateway, so it may not depend on who asks")
	}
	tag := before.Header.Get("ETag")
	f.do(board, "GET", path, nil, "If-None-Match", tag).Into(t, 304, nil)
	var c api.Cancellation
	r := f.do(coach, "POST", "/activities/"+Walk+"/cancellations", object{"date": "2026-11-24", "reason": "weather"})
	r.Into(t, 201, &c)
	at := servicetest.PathOf(t, r.Header.Get("Location"))
	r = f.do(coach, "GET", at, nil)
	r.Into(t, 200, &c)
	f.do(coach, "GET", at, nil, "If-None-Match", r.Header.Get("ETag")).Into(t, 304, nil)
	if servicetest.Version(r.Header) != `"1"` {
		t.Errorf("got %s", r.Header.Get("ETag"))
	}
	var w api.MunicipalityWeek
	f.do(board, "GET", path, nil, "If-None-Match", tag).Into(t, 200, &w)
	off := 0
	for _, o := range w.Items {
		if o.State == api.OccurrenceStateCancelled && *o.Reason == api.CancellationReasonWeather && *o.Cancellation == c.Id {
			off++
		}
	}
	if off != 1 || len(w.Items) != 10 || w.Week != "2026-W48" {
		t.Errorf("got %d called off of %d", off, len(w.Items))
	}
	f.do(coach, "POST", servicetest.PathOf(t, c.UnderscoreLinks.Href("restoration")), nil, "If-Match", `"1"`).Into(t, 200, &c)
	f.do(board, "GET", "/municipalities/1489/week", nil).Into(t, 200, &w)
	if len(w.Unscheduled) != 7 || w.Week != "2026-W47" {
		t.Errorf("Alingsås: got %d unscheduled in %s", len(w.Unscheduled), w.Week)
	}
}

func TestActivitiesAreListedInPages(t *testing.T) {
	f := newFace(t)
	var l api.ActivityList
	f.do(coach, "GET", "/activities", nil).Into(t, 200, &l)
	if *l.UnderscoreMeta.TotalRecords != 17 || len(l.Items) != 17 {
		t.Errorf("got %d of %d", len(l.Items), *l.UnderscoreMeta.TotalRecords)
	}
	f.do(coach, "GET", "/activities?municipality=1481&limit=4&page=3", nil).Into(t, 200, &l)
	if len(l.Items) != 2 || *l.UnderscoreMeta.TotalPages != 3 {
		t.Errorf("got %d in %d pages", len(l.Items), *l.UnderscoreMeta.TotalPages)
	}
	f.do(coach, "GET", "/activities?municipality=1481&page=1000000&limit=200", nil).Into(t, 200, &l)
}

func TestTheDayAndTheParticipantsWeekShowAttendance(t *testing.T) {
	f := newFace(t)
	b := f.booking()
	supervisor := Coach(Molndal)
	supervisor.Roles = []actor.Role{actor.Supervisor}
	var d api.ActivityDay
	path := "/activities/" + Walk + "/days/2026-11-17"
	f.do(supervisor, "GET", path, nil).Into(t, 200, &d)
	if len(d.Items) != 1 || d.Items[0].Participant != Person || d.Items[0].Version != 1 {
		t.Fatalf("got %+v", d)
	}
	note := servicetest.PathOf(t, d.Items[0].UnderscoreLinks.Href("attendances"))
	f.do(supervisor, "POST", note, object{"date": "2026-11-17", "attendance": "absent_notified"}, "If-Match", `"1"`).Into(t, 200, &b)
	var w api.ParticipantWeek
	f.do(Participant(Person), "GET", "/participants/"+Person+"/week", nil).Into(t, 200, &w)
	if len(w.Items) != 1 || *w.Items[0].Attendance != api.AttendanceAbsent || !*w.Items[0].Note.Notified {
		t.Errorf("got %+v", w)
	}
	if next := servicetest.PathOf(t, w.UnderscoreLinks.Href("next")); next != "/participants/"+Person+"/week?week=2026-W48" {
		t.Errorf("next is %s", next)
	}
}
