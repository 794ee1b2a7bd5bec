package rest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goical "github.com/emersion/go-ical"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/service"
)

// read returns a calendar's events by date, as an independent parser sees them.
func read(t *testing.T, text []byte) (*goical.Calendar, map[string]goical.Event) {
	t.Helper()
	c, err := goical.NewDecoder(bytes.NewReader(text)).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	events := map[string]goical.Event{}
	for _, e := range c.Events() {
		start := e.Props.Get(goical.PropDateTimeStart)
		events[start.Value[:8]] = e
	}
	return c, events
}

// own is a participant's calendar.
func own(entries ...activity.CalendarEntry) *service.Calendar {
	return &service.Calendar{Address: &activity.Address{Participant: Person}, Entries: entries}
}

func TestACalendarProgramReadsTheRightTimesOverBothClockChanges(t *testing.T) {
	var entries []activity.CalendarEntry
	for _, d := range []civil.Date{"2026-03-24", "2026-03-31", "2026-10-20", "2026-10-27"} {
		entries = append(entries, activity.CalendarEntry{
			UID: string(d) + "@finsam", Date: d, Starts: d.At(13 * time.Hour), Ends: d.At(14 * time.Hour), ChangedAt: time.Unix(0, 0),
		})
	}
	text, err := calendar(own(entries...))
	if err != nil {
		t.Fatal(err)
	}
	_, events := read(t, text)
	for date, want := range map[string]string{
		"20260324": "2026-03-24T12:00:00Z", "20260331": "2026-03-31T11:00:00Z",
		"20261020": "2026-10-20T11:00:00Z", "20261027": "2026-10-27T12:00:00Z",
	} {
		e := events[date]
		start, err := e.DateTimeStart(time.UTC)
		if err != nil || start.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: got %v, %v, want %s", date, start.UTC(), err, want)
		}
		if end, err := e.DateTimeEnd(time.UTC); err != nil || end.Sub(start) != time.Hour {
			t.Errorf("%s: it lasts %v, %v", date, end.Sub(start), err)
		}
		if p := e.Props.Get(goical.PropDateTimeStart); p.Params.Get("TZID") != "Europe/Stockholm" || !strings.HasSuffix(p.Value, "T130000") {
			t.Errorf("%s: the wall clock is not kept: %+v", date, p)
		}
	}
}

// The rules in the VTIMEZONE are held against the zone database, change by change.
func TestTheZonesRulesAreTheRealOnes(t *testing.T) {
	text, err := calendar(own())
	if err != nil {
		t.Fatal(err)
	}
	c, _ := read(t, text)
	if len(c.Children) != 1 || c.Children[0].Name != goical.CompTimezone || len(c.Children[0].Children) != 2 {
		t.Fatalf("got %s", text)
	}
	for _, rules := range c.Children[0].Children {
		set, err := rules.RecurrenceSet(time.UTC)
		if err != nil || set == nil {
			t.Fatalf("%s: %v", rules.Name, err)
		}
		from, to := rules.Props.Get(goical.PropTimezoneOffsetFrom).Value, rules.Props.Get(goical.PropTimezoneOffsetTo).Value
		changes := set.Between(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC), true)
		if len(changes) != 10 {
			t.Errorf("%s: %d changes in ten years", rules.Name, len(changes))
		}
		for _, wall := range changes {
			before, err := time.Parse("20060102T150405-0700", wall.Format("20060102T150405")+from)
			if err != nil {
				t.Fatal(err)
			}
			_, was := before.Add(-time.Second).In(civil.Zone).Zone()
			_, becomes := before.In(civil.Zone).Zone()
			if (was == 3600) != (from == "+0100") || (becomes == 3600) != (to == "+0100") || was == becomes {
				t.Errorf("%s: at %s the zone goes from %d to %d", rules.Name, before, was, becomes)
			}
		}
	}
}

func TestASubscribedCalendarSaysWhenAndNothingElse(t *testing.T) {
	f := newFace(t)
	b := f.booking()
	var made api.NewCalendarFeed
	r := f.do(Participant(Person), "POST", "/participants/"+Person+"/calendar-feeds", nil)
	r.Into(t, 201, &made)
	at := servicetest.PathOf(t, r.Header.Get("Location"))
	path := servicetest.PathOf(t, made.UnderscoreLinks.Href("calendar"))
	if path != "/calendars/"+made.Token {
		t.Fatalf("the link leads to %s", path)
	}
	f.do(coach, "POST", "/activities/"+Walk+"/cancellations", object{"date": "2026-11-24", "reason": "weather"}).Into(t, 201, nil)

	nobody := actor.Actor{}
	r = f.do(nobody, "GET", path, nil)
	r.Into(t, 200, nil)
	if got := r.Header.Get("Cache-Control"); got != "private, max-age=900" {
		t.Errorf("Cache-Control: %s", got)
	}
	if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/calendar") {
		t.Errorf("Content-Type: %s", ct)
	}
	for _, word := range []string{"Promenad", "Frölunda", "social", Person, Enrolment, b.Id, Walk, "1481", "Mölndal", "coach"} {
		if bytes.Contains(r.Body, []byte(word)) {
			t.Errorf("the calendar says %q:\n%s", word, r.Body)
		}
	}
	for _, line := range []string{
		"METHOD:PUBLISH\r\n", "REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n", "X-PUBLISHED-TTL:PT1H\r\n",
		"TZID:Europe/Stockholm\r\n", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n", "SUMMARY:Inbokad aktivitet\r\n",
	} {
		if !bytes.Contains(r.Body, []byte(line)) {
			t.Errorf("the calendar lacks %q", line)
		}
	}
	_, events := read(t, r.Body)
	off := events["20261124"]
	if status, err := off.Status(); err != nil || status != goical.EventCancelled || off.Props.Get(goical.PropSequence).Value != "1" {
		t.Errorf("the called-off walk: %v, %v, %v", status, off.Props.Get(goical.PropSequence), err)
	}
	if next := events["20261201"]; next.Props.Get(goical.PropSequence).Value != "0" {
		t.Errorf("next week's walk has changed: %v", next.Props)
	}
	f.do(nobody, "GET", path, nil, "If-None-Match", r.Header.Get("ETag")).Into(t, 304, nil)

	r = f.do(coach, "GET", at, nil)
	r.Into(t, 200, nil)
	f.do(coach, "GET", at, nil, "If-None-Match", r.Header.Get("ETag")).Into(t, 304, nil)
	f.do(coach, "GET", "/participants/"+Person+"/calendar-feeds", nil).Into(t, 200, nil)
	f.do(Participant(Person), "DELETE", at, nil, "If-Match", `"1"`).Into(t, 204, nil)
	f.do(nobody, "GET", path, nil).Problem(t, 404)
	f.keepsNo(made.Token)
}

// keepsNo wants a text to be in none of the files that the service has written.
func (f *face) keepsNo(text string) {
	f.t.Helper()
	files, err := filepath.Glob(filepath.Join(f.Dir, "*"))
	if err != nil || len(files) == 0 {
		f.t.Fatalf("nothing is stored: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.t.Fatal(err)
		}
		if bytes.Contains(content, []byte(text)) {
			f.t.Errorf("%s holds what may be stored nowhere", file)
		}
	}
}

func TestAnActivityWithoutTimesIsADayInTheCalendar(t *testing.T) {
	text, err := calendar(own(activity.CalendarEntry{UID: "x@finsam", Date: "2026-12-31", ChangedAt: time.Unix(0, 0)}))
	if err != nil {
		t.Fatal(err)
	}
	_, events := read(t, text)
	e := events["20261231"]
	if p := e.Props.Get(goical.PropDateTimeStart); p == nil || p.ValueType() != goical.ValueDate {
		t.Errorf("got %+v", p)
	}
	if p := e.Props.Get(goical.PropDateTimeEnd); p.Value != "20270101" {
		t.Errorf("it ends %s", p.Value)
	}
}

// What is moved and what ends is written so that an independent program knows each
// occurrence again.
func TestACalendarProgramSeesWhatIsMovedAndWhatEnds(t *testing.T) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	by := history.Author{Subject: "coach-1"}
	series := association.Activity{ID: Walk, Day: "tuesday", From: "13:00", To: "14:00"}
	b := activity.Book("b1", &activity.Enrolment{}, activity.BookingRequest{Activity: Walk, From: "2026-11-16"}, activity.PlanOf(series, "2026-11-16"), idempotency.Receipt{}, by, now)
	events := func() map[string]goical.Event {
		offered := func(string) (association.Activity, bool) { return series, true }
		text, err := calendar(own(activity.CalendarOf([]*activity.Booking{b}, offered, nil, now)...))
		if err != nil {
			t.Fatal(err)
		}
		c, _ := read(t, text)
		byUID := map[string]goical.Event{}
		for _, e := range c.Events() {
			byUID[e.Props.Get(goical.PropUID).Value] = e
		}
		if len(byUID) != len(c.Events()) {
			t.Errorf("%d events have %d UIDs", len(c.Events()), len(byUID))
		}
		return byUID
	}
	first := events()
	moved, over := series, series
	moved.Since, moved.Day, moved.From, moved.To = "2026-12-07", "thursday", "08:00", "09:00"
	over.Since, over.Day, over.Gone = "2027-01-04", "", true
	series.Later = []association.Activity{moved, over}
	now = now.Add(time.Hour)
	b.Follow(series, "programme/1", by, now)
	then := events()
	for uid, was := range first {
		e := then[uid]
		before, _ := was.DateTimeStart(civil.Zone)
		start, err := e.DateTimeStart(civil.Zone)
		status, statusErr := e.Status()
		if err != nil || statusErr != nil {
			t.Fatalf("%s: %v, %v", uid, err, statusErr)
		}
		sequence, summary := e.Props.Get(goical.PropSequence).Value, e.Props.Get(goical.PropSummary).Value
		got := fmt.Sprint(int(start.Sub(before).Hours()), " ", sequence, " ", status, " ", summary)
		want := "0 0 CONFIRMED Inbokad aktivitet"
		if on := civil.DateOf(before); on > "2027-01-03" {
			want = "43 2 CANCELLED INSTÄLLT: Inbokad aktivitet"
		} else if on > "2026-12-06" {
			want = "43 1 CONFIRMED Inbokad aktivitet"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", before, got, want)
		}
	}
}
