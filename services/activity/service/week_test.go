package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
)

// said writes a week, a line for each occurrence.
func said(items []activity.Occurrence) string {
	var lines []string
	for _, o := range items {
		line := strings.Join(strings.Fields(fmt.Sprint(o.Date, " ", o.Activity.From, " ", o.Activity.Name, " ", o.Content)), " ")
		if o.MovedFrom != "" {
			line += " from " + string(o.MovedFrom)
		}
		if o.Closed {
			line += " closed"
		}
		if o.Cancelled != nil {
			line += " off: " + o.Cancelled.Message
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// ledSuite is a suite in which ledare-1 leads the walk until the new year, and a course of
// every other week in Alingsås.
func ledSuite(t *testing.T) (*Suite, context.Context) {
	t.Helper()
	s := Start(t, walkLine, strings.TrimSuffix(walkLine, " }")+`, leader: ledare-1, changes: [{ on: 2027-01-01, leader: ledare-2 }] }`,
		`- { name: Kaffekoppen,`, `- { name: Påhittad kurs, category: health, rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", first: 2026-11-24, contents: [Kost, Sömn], holidays: moved, movedTo: wednesday, from: "09:00", to: "10:00", leader: ledare-1 }
      - { name: Kaffekoppen,`)
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	return s, actor.With(t.Context(), Coach(Molndal))
}

func TestTheWeekOfALeaderIsOfAllMunicipalities(t *testing.T) {
	s, ctx := ledSuite(t)
	leader := actor.With(t.Context(), actor.Actor{Subject: "ledare-1", Association: Tenant, Authority: "molndal", Municipality: Molndal, Roles: []actor.Role{actor.Supervisor}})
	for _, c := range []struct {
		sentence, leader, week, want string
	}{
		{"both", "ledare-1", "2026-W48", "2026-11-24 09:00 Påhittad kurs Kost\n2026-11-24 13:00 Promenad\n2026-11-26 09:00 Påhittad kurs Kost"},
		{"one's own", "me", "2026-W49", "2026-12-01 13:00 Promenad"},
		{"the next content", "me", "2026-W50", "2026-12-08 09:00 Påhittad kurs Sömn\n2026-12-08 13:00 Promenad\n2026-12-10 09:00 Påhittad kurs Sömn"},
		{"a week 53 is a week: the walk is another's from New Year's Day on", "me", "2026-W53", "2026-12-29 13:00 Promenad"},
		{"and the week after it", "me", "2027-W01", "2027-01-05 09:00 Påhittad kurs Sömn\n2027-01-07 09:00 Påhittad kurs Sömn"},
		{"hers from then on", "ledare-2", "2027-W01", "2027-01-05 13:00 Promenad"},
		{"Epiphany is moved", "me", "2028-W01", "2028-01-04 09:00 Påhittad kurs Sömn\n2028-01-05 09:00 Påhittad kurs Sömn from 2028-01-06"},
		{"who leads nothing", "ingen", "2026-W48", ""},
	} {
		w, err := s.Service.LeaderWeek(leader, c.leader, c.week)
		if err != nil || said(w.Items) != c.want {
			t.Errorf("%s: got\n%s, %v", c.sentence, said(w.Items), err)
		}
	}
	before, err := s.Service.LeaderWeek(leader, "me", "2026-W48")
	servicetest.Must(t, err)
	_, err = s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-24", Reason: "leader_absent", Message: "Vi ses nästa vecka."}, "")
	servicetest.Must(t, err)
	after, err := s.Service.LeaderWeek(leader, "me", "2026-W48")
	if err != nil || after.Version == before.Version || !strings.Contains(said(after.Items), "Promenad off: Vi ses nästa vecka.") {
		t.Errorf("what is called off: %s, %v", said(after.Items), err)
	}
	if _, err := s.Service.LeaderWeek(actor.With(t.Context(), Participant(Person)), "ledare-1", ""); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("a participant: %v", err)
	}
}

func TestASpanIsCalledOffAsItsOccurrences(t *testing.T) {
	s, ctx := running(t)
	_, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-12-01", Reason: "weather"}, "")
	servicetest.Must(t, err)
	span := activity.CancellationRequest{Date: "2026-11-23", Until: "2026-12-16", Reason: "leader_absent", Message: "Ledaren är borta."}
	c, err := s.Service.CallOff(ctx, Walk, span, "key")
	if err != nil || c.Date != "2026-11-24" || len(c.Also) != 2 || c.Also[0].Date != "2026-12-08" || c.Also[1].Date != "2026-12-15" || c.Also[1].Message != "Ledaren är borta." {
		t.Fatalf("got %+v, %v", c, err)
	}
	again, err := s.Service.CallOff(ctx, Walk, span, "key")
	if err != nil || again.ID != c.ID || len(again.Also) != 2 || again.Also[1].ID != c.Also[1].ID {
		t.Errorf("the repeat: %+v, %v", again, err)
	}
	if _, err := s.Service.CallOff(ctx, Walk, span, "another"); !errors.Is(err, activity.ErrCalledOff) {
		t.Errorf("all of it again: %v", err)
	}
	_, err = s.Service.Restore(ctx, Walk, c.Also[0].ID, 1)
	servicetest.Must(t, err)
	for week, want := range map[string]bool{"2026-W48": true, "2026-W49": true, "2026-W50": false, "2026-W51": true, "2026-W52": false} {
		w, err := s.Service.MunicipalityWeek(ctx, Molndal, week)
		if err != nil || strings.Contains(said(w.Items), "Promenad off:") != want {
			t.Errorf("%s: %s, %v", week, said(w.Items), err)
		}
	}
}

func TestNothingOfASpanIsCalledOffInWhichSomebodyCame(t *testing.T) {
	s, ctx := running(t)
	b, err := s.Service.Book(ctx, walkFrom("2026-11-02"), "")
	servicetest.Must(t, err)
	_, err = s.Service.NoteAttendance(ctx, b.ID, 1, activity.Note{Date: "2026-11-17", Attendance: activity.Present})
	servicetest.Must(t, err)
	if _, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-02", Until: "2026-12-01", Reason: "weather"}, ""); !errors.Is(err, activity.ErrTookPlace) {
		t.Errorf("got %v", err)
	}
	w, err := s.Service.MunicipalityWeek(ctx, Molndal, "2026-W45")
	if err != nil || strings.Contains(said(w.Items), "off:") {
		t.Errorf("the week before that: %s, %v", said(w.Items), err)
	}
	if _, err := s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-11-24", Reason: "other", Message: "Ring 19121212-1212."}, ""); !errors.Is(err, personnummer.ErrNumberHere) {
		t.Errorf("a message with a number: %v", err)
	}
}

// BenchmarkMunicipalityWeek reads the week of a municipality that offers 400 activities, half of
// them by rules, to 5,000 participants, of which 40 are called off: what a request costs that
// the gateway has not kept.
func BenchmarkMunicipalityWeek(b *testing.B) {
	var lines strings.Builder
	for n := range 400 {
		when := fmt.Sprintf("day: %s", []string{"monday", "tuesday", "wednesday", "thursday", "friday"}[n%5])
		if n%2 == 0 {
			when = `rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", first: 2026-11-24, holidays: moved, movedTo: friday`
		}
		fmt.Fprintf(&lines, "\n      - { name: Påhittad %d, category: health, %s, from: \"%02d:00\", to: \"%02d:45\", place: Påhittade huset }", n, when, 8+n%9, 8+n%9)
	}
	s := Start(b, "- { name: Kaffekoppen,", strings.TrimPrefix(lines.String(), "\n      ")+"\n      - { name: Kaffekoppen,")
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	servicetest.Run(b, s.Service.Run)
	coach := actor.With(ctx, Coach(Alingsas))
	for n := range 5000 {
		s.Emit("planned", fmt.Sprintf("%08d-1111-4111-8111-111111111111", n), fmt.Sprintf("%08d-2222-4222-8222-222222222222", n), Alingsas, 1, "")
		if n%250 == 249 {
			s.Enrolled(b, fmt.Sprintf("%08d-2222-4222-8222-222222222222", n), Alingsas)
		}
	}
	for n := range 40 {
		_, err := s.Service.CallOff(coach, s.Activity(b, Alingsas, 4+2*n), activity.CancellationRequest{Date: "2026-11-24", Reason: "weather"}, "")
		servicetest.Must(b, err)
	}
	for b.Loop() {
		if w, err := s.Service.MunicipalityWeek(coach, Alingsas, "2026-W48"); err != nil || len(w.Items) < 400 {
			b.Fatalf("%d occurrences, %v", len(w.Items), err)
		}
	}
}
