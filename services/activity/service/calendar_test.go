package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
)

// leaders is a member of staff of Mölndal who leads activities.
func leaders(t *testing.T, subject string) context.Context {
	return actor.With(t.Context(), actor.Actor{Subject: subject, Association: Tenant, Authority: "molndal", Municipality: Molndal, Roles: []actor.Role{actor.Supervisor}})
}

// shown returns the entries of a calendar in a span, a line each.
func shown(t *testing.T, s *Suite, secret, first, last string) string {
	t.Helper()
	entries, err := entriesBehind(s, t.Context(), secret)
	servicetest.Must(t, err)
	var lines []string
	for _, e := range entries {
		if string(e.Date) >= first && string(e.Date) <= last {
			line := strings.TrimSpace(fmt.Sprint(e.Date, " ", e.Starts.Format("15:04"), " ", e.Title))
			if e.Cancelled {
				line += " off"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

func TestALeadersCalendarHasWhatTheLeaderLeads(t *testing.T) {
	s, ctx := ledSuite(t)
	_, secret, err := s.Service.OpenStaffCalendar(leaders(t, "ledare-1"), "", "")
	servicetest.Must(t, err)
	_, others, err := s.Service.OpenStaffCalendar(leaders(t, "ledare-2"), "", "")
	servicetest.Must(t, err)
	_, err = s.Service.CallOff(ctx, Walk, activity.CancellationRequest{Date: "2026-12-22", Reason: "weather"}, "")
	servicetest.Must(t, err)
	for _, c := range []struct{ sentence, secret, first, last, want string }{
		{"in all municipalities", secret, "2026-11-23", "2026-11-29", "2026-11-24 12:00 Promenad; 2026-11-24 08:00 Påhittad kurs: Kost; 2026-11-26 08:00 Påhittad kurs: Kost"},
		{"as long as it is so", secret, "2026-12-21", "2027-01-05", "2026-12-22 08:00 Påhittad kurs: Kost; 2026-12-22 12:00 Promenad off; 2026-12-24 08:00 Påhittad kurs: Kost; 2026-12-29 12:00 Promenad; 2027-01-05 08:00 Påhittad kurs: Sömn"},
		{"and from then on it is another's", others, "2026-11-23", "2027-01-05", "2027-01-05 12:00 Promenad"},
	} {
		got := strings.Split(shown(t, s, c.secret, c.first, c.last), "; ")
		want := strings.Split(c.want, "; ")
		if !sameLines(got, want) {
			t.Errorf("%s: got %q", c.sentence, got)
		}
	}
}

// sameLines reports whether two lists have the same lines, in any order.
func sameLines(a, b []string) bool {
	n := map[string]int{}
	for _, x := range a {
		n[x]++
	}
	for _, x := range b {
		n[x]--
	}
	for _, x := range n {
		if x != 0 {
			return false
		}
	}
	return true
}

func TestALeadersCalendarHasTheBookedSlotsOfAllButProtectedPersons(t *testing.T) {
	o := newOffice(t, 2, calmLine, strings.TrimSuffix(calmLine, " }")+`, slot: 15, individual: true, leader: ledare-1 }`)
	in, err := o.Associations.Get(Tenant)
	servicetest.Must(t, err)
	calm := slotted(in)
	_, secret, err := o.Service.OpenStaffCalendar(leaders(t, "ledare-1"), "", "")
	servicetest.Must(t, err)
	_, others, err := o.Service.OpenStaffCalendar(leaders(t, "ledare-2"), "", "")
	servicetest.Must(t, err)
	var ids []string
	for n, slot := range []string{"13:00", "13:15"} {
		b, err := o.Service.Book(o.ctx, activity.BookingRequest{Enrolment: enrolment(n), Activity: calm, From: "2026-11-26", Until: "2026-11-26", Slot: slot}, "")
		servicetest.Must(t, err)
		ids = append(ids, b.ID)
	}
	want := func(sentence, lines string) {
		t.Helper()
		if got := shown(t, o.Suite, secret, "2026-11-26", "2026-11-26"); !sameLines(strings.Split(got, "; "), strings.Split(lines, "; ")) {
			t.Errorf("%s: got %q", sentence, got)
		}
	}
	x, _ := in.Activity(calm)
	want("both are booked", "2026-11-26 12:00 "+x.Name+"; 2026-11-26 12:00; 2026-11-26 12:15")
	if got := shown(t, o.Suite, others, "2026-11-01", "2027-06-01"); got != "" {
		t.Errorf("who leads nothing sees %q", got)
	}
	_, own, err := o.Service.OpenAddress(o.ctx, person(1), "")
	servicetest.Must(t, err)
	if got := shown(t, o.Suite, own, "2026-11-26", "2026-11-26"); got != "2026-11-26 12:15" {
		t.Errorf("the participant's own slot: %q", got)
	}
	entries, err := entriesBehind(o.Suite, t.Context(), secret)
	servicetest.Must(t, err)
	owns, err := entriesBehind(o.Suite, t.Context(), own)
	servicetest.Must(t, err)
	for _, e := range entries {
		for _, secret := range []string{ids[0], ids[1], person(0), person(1), enrolment(0), owns[0].UID} {
			if strings.Contains(fmt.Sprintf("%+v", e), secret) {
				t.Errorf("%+v names somebody", e)
			}
		}
	}
	_, err = o.Service.Cancel(o.ctx, ids[0], 0, "2026-11-26")
	servicetest.Must(t, err)
	want("one is cancelled", "2026-11-26 12:00 "+x.Name+"; 2026-11-26 12:00 off; 2026-11-26 12:15")
	o.Protect(person(1), 1)
	servicetest.Eventually(t, "the diary knows", func() bool {
		return !strings.Contains(shown(t, o.Suite, secret, "2026-11-26", "2026-11-26"), "12:15")
	})
	want("nothing of who is protected", "2026-11-26 12:00 "+x.Name+"; 2026-11-26 12:00 off")
}

func TestACalendarOfAMunicipalityHasWhatItOffers(t *testing.T) {
	s, _ := running(t)
	a, secret, err := s.Service.OpenStaffCalendar(leaders(t, "ledare-1"), Molndal, "key-1")
	servicetest.Must(t, err)
	if again, same, err := s.Service.OpenStaffCalendar(leaders(t, "ledare-1"), Molndal, "key-1"); err != nil || same != secret || again.ID != a.ID {
		t.Errorf("the repeat: %v", err)
	}
	c, err := s.Service.Calendar(t.Context(), secret)
	if err != nil || c.Municipality != "Mölndal" {
		t.Fatalf("%+v, %v", c, err)
	}
	got := map[string]bool{}
	for _, e := range c.Entries {
		if e.Date >= "2026-11-23" && e.Date <= "2026-11-29" {
			got[fmt.Sprint(e.Date, e.Title)] = true
		}
	}
	week, err := s.Service.MunicipalityWeek(actor.With(t.Context(), Coach(Molndal)), Molndal, "2026-W48")
	servicetest.Must(t, err)
	for _, o := range week.Items {
		if !got[fmt.Sprint(o.Date, o.Activity.Name)] {
			t.Errorf("%s of %s is missing", o.Activity.Name, o.Date)
		}
		delete(got, fmt.Sprint(o.Date, o.Activity.Name))
	}
	if len(got) > 0 || len(week.Items) == 0 {
		t.Errorf("not in the week: %v", got)
	}
}

func TestACalendarAddressOfStaffIsItsOwners(t *testing.T) {
	s, _ := running(t)
	owner, other := leaders(t, "ledare-1"), leaders(t, "ledare-2")
	a, secret, err := s.Service.OpenStaffCalendar(owner, Molndal, "key-1")
	servicetest.Must(t, err)
	if _, _, err := s.Service.OpenStaffCalendar(other, Molndal, "key-1"); err == nil || !strings.Contains(err.Error(), "idempotency-key-reused") {
		t.Errorf("a colleague with the same key: %v", err)
	}
	if _, err := s.Service.StaffCalendar(other, a.ID); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("another reads it: %v", err)
	}
	if err := s.Service.RevokeStaffCalendar(other, a.ID, 1); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("another revokes it: %v", err)
	}
	namesake := actor.From(owner)
	namesake.Authority = "fk"
	if _, err := s.Service.StaffCalendar(actor.With(t.Context(), namesake), a.ID); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("another authority's of the same subject reads it: %v", err)
	}
	for range activity.MaxAddresses - 1 {
		_, _, err := s.Service.OpenStaffCalendar(owner, "", "")
		servicetest.Must(t, err)
	}
	if _, _, err := s.Service.OpenStaffCalendar(owner, "", ""); !errors.Is(err, activity.ErrOwnAddresses) {
		t.Errorf("an eleventh: %v", err)
	}
	list, err := s.Service.StaffCalendars(owner, store.Window{Page: 1, Limit: 20})
	if err != nil || len(list.Items) != activity.MaxAddresses {
		t.Errorf("%d, %v", len(list.Items), err)
	}
	if list, err := s.Service.StaffCalendars(other, store.Window{Page: 1, Limit: 20}); err != nil || len(list.Items) != 0 {
		t.Errorf("another lists %d, %v", len(list.Items), err)
	}
	servicetest.Must(t, s.Service.RevokeStaffCalendar(owner, a.ID, 1))
	if _, err := s.Service.Calendar(t.Context(), secret); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("a revoked secret: %v", err)
	}
}

// However many programs fetch it at once, an hour has one note; and the note is no change of the address
// to whom has read it.
func TestManyFetchesAreOneWriteAnHour(t *testing.T) {
	s, _ := running(t)
	owner := leaders(t, "ledare-1")
	a, secret, err := s.Service.OpenStaffCalendar(owner, Molndal, "")
	servicetest.Must(t, err)
	if !a.ReadAt.IsZero() {
		t.Error("it was fetched when it was made")
	}
	for hour := range 3 {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := s.Service.Calendar(t.Context(), secret); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		is, err := s.Service.StaffCalendar(owner, a.ID)
		if err != nil || is.Reads != int64(hour+1) || !is.ReadAt.Equal(s.Clock.Now()) || is.Version() != 1 {
			t.Errorf("after %d hours: %d notes, the last at %s, version %d, %v", hour, is.Reads, is.ReadAt, is.Version(), err)
		}
		s.Clock.Advance(59 * time.Minute)
		_, err = s.Service.Calendar(t.Context(), secret)
		servicetest.Must(t, err)
		s.Clock.Advance(time.Minute)
	}
	servicetest.Must(t, s.Service.RevokeStaffCalendar(owner, a.ID, 1))
}
