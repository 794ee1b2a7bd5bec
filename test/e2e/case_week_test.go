package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/test/suite"
)

// TestCase_C26_OverFourProcesses: another time that is written over the old one is refused
// before any service reads it; written as a change it reaches a service that runs, and
// bookings, attendance, calendar and the past are as they were.
func TestCase_C26_OverFourProcesses(t *testing.T) {
	t.Parallel()
	w := walk{suite.FourProcesses(t, unlimited...), t}
	past := -7
	for weekday(past) != "Wednesday" {
		past--
	}
	next := past + 21
	thing, person := w.sent(rand.New(rand.NewPCG(26, 1)), nil)
	w.change(intake, thing, "acceptance", map[string]any{"initiative": "activera", "startDate": day(-20), "coach": "coach-1"})
	enrolment := "/enrolments/" + w.state(intake, thing, "enrolled").Text("progress.enrolment")
	w.change(coach, enrolment, "start", map[string]any{"startedOn": day(-20)})
	at := func(n int) map[string]any { // the week's recovery on a day, as the person's week has it
		t.Helper()
		date, _ := time.Parse(time.DateOnly, day(n))
		for _, item := range array(w.get(coach, person+"/week?week="+isoWeek(date)).At("items")) {
			if o := object(object(item)["occurrence"]); o["date"] == day(n) {
				return object(item)
			}
		}
		t.Fatalf("nothing on %s", day(n))
		return nil
	}
	starts := func(n int) string {
		begin, _ := time.Parse(time.RFC3339, fmt.Sprint(object(at(n)["occurrence"])["startsAt"]))
		return begin.In(civil.Zone).Format("15:04")
	}

	date, _ := time.Parse(time.DateOnly, day(past))
	recovery := map[string]any{}
	for _, item := range array(w.get(coach, "/municipalities/1481/week?week="+isoWeek(date)).At("items")) {
		if o := object(item); o["name"] == "Återhämtning" && o["date"] == day(past) {
			recovery = o
		}
	}
	booking := ""
	eventually(t, "the activities never knew the start", func() bool {
		a, err := w.Do(suite.Request{Method: "POST", Path: "/bookings", Token: w.Token(t, coach), Body: map[string]any{
			"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": recovery["activity"], "from": day(-20)}})
		booking = "/bookings/" + a.Text("id")
		return err == nil && a.Status == 201
	})
	w.change(coach, booking, "attendances", map[string]any{"date": day(past), "attendance": "present"})
	feed := "/calendars/" + w.wants(201, coach, "POST", person+"/calendar-feeds", "", nil).Text("token")
	events := func() (uids []string, text string) {
		t.Helper()
		text = string(w.Must(t, 200, suite.Request{Method: "GET", Path: feed}).Raw)
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "UID:") {
				uids = append(uids, strings.TrimSpace(line))
			}
		}
		return uids, text
	}
	before, _ := events()

	file, err := os.ReadFile(filepath.Join("..", "..", "services", "standalone", "example", "insjoriket.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const old = `category: health, day: wednesday, from: "10:00", to: "11:30"`
	write := func(changed string) (name string) {
		name = filepath.Join(t.TempDir(), "association.yaml")
		if err := os.WriteFile(name, bytes.Replace(file, []byte(old), []byte(changed), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	over := write(strings.Replace(strings.Replace(old, "10:00", "10:15", 1), "11:30", "11:45", 1))
	out, err := exec.Command(filepath.Join(suite.Programs(t), "finsam"), "load", "--data", w.Data, over).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Återhämtning, wednesday 10:00") {
		t.Errorf("another time over the old one: %v %s", err, out)
	}
	w.Finsam(t, "load", "--data", w.Data, write(old+fmt.Sprintf(`, changes: [{ on: %q, from: "10:15", to: "11:45" }]`, day(next))))
	eventually(t, "the change never reached the activities", func() bool { return starts(next) == "10:15" })
	for _, n := range []int{past, past + 7, past + 14} {
		if got := starts(n); got != "10:00" {
			t.Errorf("%s begins at %s", day(n), got)
		}
	}
	if got := at(past)["attendance"]; got != "present" {
		t.Errorf("the attendance is %v", got)
	}
	if got := w.get(coach, booking).Text("state"); got != "booked" {
		t.Errorf("the booking is %s", got)
	}
	after, text := events()
	if len(before) < 10 || strings.Join(after, " ") != strings.Join(before, " ") || !strings.Contains(text, "T101500") || !strings.Contains(text, "T100000") {
		t.Errorf("the calendar had %d events and has %d: %s", len(before), len(after), text)
	}
}
