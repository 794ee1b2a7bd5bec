package e2e

import (
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"github.com/finsam/finsam/test/suite"
)

// isoWeek writes the week of a day as the API does, such as 2026-W48.
func isoWeek(t time.Time) string {
	year, week := t.ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week)
}

// fillsTheWeek: the coach books the participant into what Mölndal does on weekday
// mornings and afternoons, notes who came, and the participant's week is read as
// JSON and as a calendar.
func (w walk) fillsTheWeek(enrolment, participant string) {
	w.t.Helper()
	past := time.Now().UTC().AddDate(0, 0, -14)
	week := w.get(coach, "/municipalities/1481/week?week="+isoWeek(past))
	first := w.occurrence(week, "Återhämtning")
	second := w.occurrence(week, "Utomhusträning")
	booking := w.book(enrolment, first, "book-1")
	w.book(enrolment, second, "book-2")
	w.change(coach, booking, "attendances", map[string]any{"date": first["date"], "attendance": "present"})

	me := suite.Caller{Role: "participant", Authority: "self", Participant: participant, Subject: "person-1"}
	own := w.get(me, "/participants/"+participant+"/week?week="+isoWeek(past))
	items, _ := own.At("items").([]any)
	if len(items) != 2 { // what was booked: a recovery and a training
		w.t.Fatalf("the participant's week has %d items: %s", len(items), own.Raw)
	}
	if !strings.Contains(string(own.Raw), `"attendance":"present"`) {
		w.t.Errorf("attendance is not in the week: %s", own.Raw)
	}
	w.readsTheCalendar(me, participant)
	figures := w.get(coach, fmt.Sprintf("/activity-figures?gender=true&from=%[1]s&to=%[1]s", isoWeek(past)))
	if text := string(figures.Raw); !strings.Contains(text, `"gender":"female"`) || !strings.Contains(text, `"present":1`) || strings.Contains(text, participant) {
		w.t.Errorf("the figures of the week are %s", text)
	}
}

// occurrence finds the first one of that name which can be booked by its times.
func (w walk) occurrence(week suite.Answer, name string) map[string]any {
	w.t.Helper()
	items, _ := week.At("items").([]any)
	for _, item := range items {
		o, _ := item.(map[string]any)
		if o["name"] == name && o["state"] == "planned" {
			return o
		}
	}
	w.t.Fatalf("no %s in the week: %s", name, week.Raw)
	return nil
}

func (w walk) book(enrolment string, occurrence map[string]any, key string) string {
	w.t.Helper()
	body := map[string]any{
		"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": occurrence["activity"], "from": day(-40),
	}
	post := suite.Request{
		Method: "POST", Path: "/bookings", Token: w.Token(w.t, coach), Body: body,
		Header: map[string]string{"Idempotency-Key": key},
	}
	// The activity service learns of the enrolment by the feed.
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		a, err := w.Do(post)
		if err == nil && a.Status == 201 {
			return "/bookings/" + a.Text("id")
		}
		if time.Now().After(end) {
			w.t.Fatalf("booking: %d %s %v", a.Status, a.Raw, err)
		}
	}
}

// readsTheCalendar subscribes as a calendar program does, without a token, with
// a parser that is not ours.
func (w walk) readsTheCalendar(me suite.Caller, participant string) {
	w.t.Helper()
	feeds := "/participants/" + participant + "/calendar-feeds"
	made := w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: feeds, Token: w.Token(w.t, me), Header: map[string]string{"Idempotency-Key": "calendar-1"},
	})
	address := "/calendars/" + made.Text("token")
	got := w.Must(w.t, 200, suite.Request{Method: "GET", Path: address})
	if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/calendar") {
		w.t.Errorf("the calendar is %s", got.Header.Get("Content-Type"))
	}
	calendar, err := ical.NewDecoder(strings.NewReader(string(got.Raw))).Decode()
	if err != nil {
		w.t.Fatalf("a calendar program refuses it: %v\n%s", err, got.Raw)
	}
	if len(calendar.Events()) == 0 {
		w.t.Errorf("no events in the calendar:\n%s", got.Raw)
	}
	for _, secret := range []string{participant, "Tolvan", "19800101", "Återhämtning", "ACT"} {
		if strings.Contains(string(got.Raw), secret) {
			w.t.Errorf("the calendar reveals %q", secret)
		}
	}
	feed := w.get(me, feeds+"/"+made.Text("id"))
	w.Must(w.t, 204, suite.Request{
		Method: "DELETE", Path: feeds + "/" + made.Text("id"), Token: w.Token(w.t, me),
		Header: map[string]string{"If-Match": feed.Header.Get("ETag")},
	})
	w.Must(w.t, 404, suite.Request{Method: "GET", Path: address})
}
