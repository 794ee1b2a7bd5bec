package service_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/figures"
)

// TestFiguresFollowWhatIsNoted books a walk, notes that somebody came and corrects it.
func TestFiguresFollowWhatIsNoted(t *testing.T) {
	s, ctx := ledSuite(t)
	count := func() (found figures.Attendance) {
		t.Helper()
		f, err := s.Service.Figures(ctx, "2026-W47", "2026-W47", false)
		servicetest.Must(t, err)
		for _, r := range f.Weeks {
			for _, a := range r.People {
				if found = a; r.Category != "social" || r.Held == 0 {
					t.Errorf("%+v", r)
				}
			}
		}
		return found
	}
	if got := count(); got != (figures.Attendance{}) {
		t.Errorf("before anybody is booked: %+v", got)
	}
	b, err := s.Service.Book(ctx, activity.BookingRequest{Enrolment: Enrolment, Activity: Walk, From: "2026-11-17"}, "")
	servicetest.Must(t, err)
	if got, want := count(), (figures.Attendance{Municipality: Molndal, Booked: 1, Unnoted: 1}); got != want {
		t.Errorf("booked: %+v, want %+v", got, want)
	}
	v, err := s.Service.NoteAttendance(ctx, b.ID, b.Version(), activity.Note{Date: "2026-11-17", Attendance: activity.Present})
	servicetest.Must(t, err)
	if got, want := count(), (figures.Attendance{Municipality: Molndal, Booked: 1, Present: 1}); got != want {
		t.Errorf("noted: %+v, want %+v", got, want)
	}
	_, err = s.Service.CorrectAttendance(ctx, b.ID, v.Version(), activity.Note{Date: "2026-11-17", Attendance: activity.Absent, Reason: "ill"}, "Fel rad.")
	servicetest.Must(t, err)
	if got, want := count(), (figures.Attendance{Municipality: Molndal, Booked: 1, Absent: 1}); got != want {
		t.Errorf("corrected: %+v, want %+v", got, want)
	}
	there, err := s.Service.Figures(actor.With(t.Context(), Coach(Alingsas)), "2026-W47", "2026-W47", false)
	servicetest.Must(t, err)
	for _, r := range there.Weeks {
		if len(r.People) > 0 {
			t.Errorf("another municipality's figures have %+v", r.People)
		}
	}
	board := Coach(Molndal)
	board.Roles = []actor.Role{actor.Board}
	if _, err := s.Service.Figures(actor.With(t.Context(), board), "", "", false); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("the board reads exact figures: %v", err)
	}
}

// TestThePeriodOfFiguresIsWholeWeeks says which weeks are counted when some are not given.
func TestThePeriodOfFiguresIsWholeWeeks(t *testing.T) {
	s, ctx := ledSuite(t)
	for _, c := range []struct{ from, to, first, last string }{
		{"", "", "2026-W43", "2026-W47"},
		{"2026-W40", "", "2026-W40", "2026-W47"},
		{"2026-W50", "", "2026-W50", "2026-W50"},
		{"", "2026-W02", "2025-W50", "2026-W02"},
		{"2026-W01", "2026-W53", "2026-W01", "2026-W53"},
	} {
		f, err := s.Service.Figures(ctx, c.from, c.to, false)
		servicetest.Must(t, err)
		if f.First.String() != c.first || f.Last.String() != c.last {
			t.Errorf("%q to %q: %s to %s, want %s to %s", c.from, c.to, f.First, f.Last, c.first, c.last)
		}
	}
	for _, c := range [][2]string{{"2026-W48", "2026-W47"}, {"2026-W01", "2027-W01"}, {"2027-W53", ""}, {"", "2027-W53"}} {
		if _, err := s.Service.Figures(ctx, c[0], c[1], false); fault.Of(err).Status != fault.Invalid {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// TestFiguresByGenderAskTheVaultAboutThoseWhoAreCounted says whom the vault is asked about.
func TestFiguresByGenderAskTheVaultAboutThoseWhoAreCounted(t *testing.T) {
	s, ctx := ledSuite(t)
	var asked [][]string
	s.Service.Genders = func(_ context.Context, participants []string) (map[string]string, error) {
		asked = append(asked, participants)
		return map[string]string{Person: "female"}, nil
	}
	_, err := s.Service.Book(ctx, activity.BookingRequest{Enrolment: Enrolment, Activity: Walk, From: "2026-11-24"}, "")
	servicetest.Must(t, err)
	for _, c := range []struct {
		week     string
		byGender bool
		asked    int
		gender   string
	}{{"2026-W48", false, 0, ""}, {"2026-W47", true, 0, "nobody"}, {"2026-W48", true, 1, "female"}} {
		asked = nil
		f, err := s.Service.Figures(ctx, c.week, c.week, c.byGender)
		servicetest.Must(t, err)
		got := "nobody"
		for _, r := range f.Weeks {
			for _, a := range r.People {
				got = a.Gender
			}
		}
		if len(asked) != c.asked || got != c.gender || c.asked == 1 && !slices.Equal(asked[0], []string{Person}) {
			t.Errorf("%s, by gender %v: asked about %v, counted %q", c.week, c.byGender, asked, got)
		}
	}
}
