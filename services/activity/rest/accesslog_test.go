package rest

import (
	"testing"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	. "github.com/finsam/finsam/services/activity/activitytest"
)

// entered returns the entries that the access log gains while ask runs.
func (f *face) entered(t *testing.T, ask func()) []accesslog.Entry {
	t.Helper()
	before := len(f.Accesses(t))
	ask()
	return f.Accesses(t)[before:]
}

func TestEveryAccessIsEnteredWithItsRelationAndOutcome(t *testing.T) {
	f := newFace(t)
	b := f.booking()
	one, week := "/bookings/"+b.Id, "/participants/"+Person+"/week"
	elsewhere, board := Coach(Alingsas), Coach(Molndal)
	board.Roles = []actor.Role{actor.Board}
	supervisor := Coach(Molndal)
	supervisor.Roles = []actor.Role{actor.Supervisor}
	version := []string{"If-Match", `"1"`}
	note := object{"date": "2026-11-17", "attendance": "present"}
	for _, c := range []struct {
		sentence     string
		who          actor.Actor
		method, path string
		body         any
		header       []string
		status       int
		want         accesslog.Entry
	}{
		{"a coach reads a booking", coach, "GET", one, nil, nil, 200,
			accesslog.Entry{Operation: "getBooking", Thing: "booking/" + b.Id, Outcome: accesslog.Done, Why: "own-municipality"}},
		{"the person reads it", Participant(Person), "GET", one, nil, nil, 200,
			accesslog.Entry{Operation: "getBooking", Thing: "booking/" + b.Id, Outcome: accesslog.Done, Why: "own-participant"}},
		{"another municipality's coach is not related", elsewhere, "GET", one, nil, nil, 404,
			accesslog.Entry{Operation: "getBooking", Thing: "booking/" + b.Id, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"nor is anybody to a booking that does not exist", coach, "GET", "/bookings/" + noID, nil, nil, 404,
			accesslog.Entry{Operation: "getBooking", Thing: "booking/" + noID, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"a role without a row", board, "GET", one, nil, nil, 403,
			accesslog.Entry{Operation: "getBooking", Outcome: accesslog.Refused, Why: "role", Code: "forbidden"}},
		{"a role without a row, in a list", board, "GET", "/bookings", nil, nil, 403,
			accesslog.Entry{Operation: "listBookings", Outcome: accesslog.Refused, Why: "role", Code: "forbidden"}},
		{"a list", coach, "GET", "/bookings", nil, nil, 200,
			accesslog.Entry{Operation: "listBookings", Thing: "bookings", Outcome: accesslog.Done, Why: "own-municipality"}},
		{"the day's list, for its leader", supervisor, "GET", "/activities/" + Walk + "/days/2026-11-17", nil, nil, 200,
			accesslog.Entry{Operation: "getActivityDay", Thing: "activity/" + Walk + "/2026-11-17", Outcome: accesslog.Done, Why: "own-list"}},
		{"a week", coach, "GET", week, nil, nil, 200,
			accesslog.Entry{Operation: "getParticipantWeek", Thing: "participant/" + Person, Outcome: accesslog.Done, Why: "own-municipality"}},
		{"a week of somebody else's participant", elsewhere, "GET", week, nil, nil, 404,
			accesslog.Entry{Operation: "getParticipantWeek", Thing: "participant/" + Person, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"a note at a version that has passed", coach, "POST", one + "/attendances", note, []string{"If-Match", `"7"`}, 412,
			accesslog.Entry{Operation: "noteAttendance", Thing: "booking/" + b.Id, Outcome: accesslog.Failed, Why: "own-municipality", Code: "stale-version"}},
		{"a note that a rule stops", coach, "POST", one + "/attendances", object{"date": "2026-11-18", "attendance": "present"}, version, 422,
			accesslog.Entry{Operation: "noteAttendance", Thing: "booking/" + b.Id, Outcome: accesslog.Failed, Why: "own-municipality", Code: "no-occurrence"}},
		{"a note", coach, "POST", one + "/attendances", note, version, 200,
			accesslog.Entry{Operation: "noteAttendance", Thing: "booking/" + b.Id, Outcome: accesslog.Done, Why: "own-municipality"}},
		{"a booking that a rule stops", coach, "POST", "/bookings", object{"enrolment": Enrolment, "activity": Walk, "from": "2026-11-23"}, nil, 409,
			accesslog.Entry{Operation: "createBooking", Thing: "enrolment/" + Enrolment, Outcome: accesslog.Failed, Why: "own-municipality", Code: "already-booked"}},
		{"a booking for somebody else's participant", elsewhere, "POST", "/bookings", object{"enrolment": Enrolment, "activity": Walk, "from": "2026-11-23"}, nil, 404,
			accesslog.Entry{Operation: "createBooking", Thing: "enrolment/" + Enrolment, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"a cancelled booking", coach, "POST", one + "/cancellation", object{"from": "2026-12-01"}, []string{"If-Match", `"2"`}, 200,
			accesslog.Entry{Operation: "cancelBooking", Thing: "booking/" + b.Id, Outcome: accesslog.Done, Why: "own-municipality"}},
		{"calling off another municipality's activity", elsewhere, "POST", "/activities/" + Walk + "/cancellations", object{"date": "2026-12-08", "reason": "weather"}, nil, 404,
			accesslog.Entry{Operation: "cancelOccurrence", Thing: "activity/" + Walk + "/2026-12-08", Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
		{"a calendar address of somebody else's participant", elsewhere, "POST", "/participants/" + Person + "/calendar-feeds", nil, nil, 404,
			accesslog.Entry{Operation: "createCalendarFeed", Thing: "participant/" + Person, Outcome: accesslog.Refused, Why: "not-related", Code: "not-found"}},
	} {
		entries := f.entered(t, func() {
			if r := f.do(c.who, c.method, c.path, c.body, c.header...); r.Status != c.status {
				t.Errorf("%s: answered %d %s", c.sentence, r.Status, r.Body)
			}
		})
		if len(entries) != 1 {
			t.Errorf("%s: %d entries: %+v", c.sentence, len(entries), entries)
			continue
		}
		e := entries[0]
		if e.Operation != c.want.Operation || c.want.Thing != "" && e.Thing != c.want.Thing || e.Outcome != c.want.Outcome ||
			e.Why != c.want.Why || e.Code != c.want.Code || e.Subject != c.who.Subject {
			t.Errorf("%s: entered as %+v, want %+v", c.sentence, e, c.want)
		}
	}
}
