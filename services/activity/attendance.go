package activity

import (
	"cmp"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// Attendance reports whether the participant came.
type Attendance string

// The values of attendance.
const (
	Present        Attendance = "present"
	AbsentNotified Attendance = "absent_notified" // told beforehand
	Absent         Attendance = "absent"
)

// Note is the attendance noted for a day, the latest word on it.
type Note struct {
	Date       civil.Date
	Attendance Attendance
	At         time.Time // when it was noted
}

// Rules of attendance.
var (
	ErrNotCovered = fault.New(fault.Unprocessable, "outside-booking",
		"Bokningen gäller inte den dagen.", "The booking does not hold on that day.")
	ErrDayOff = fault.New(fault.Unprocessable, "occurrence-cancelled",
		"Tillfället var inställt, så det finns ingen närvaro att notera.",
		"The occurrence was called off, so there is no attendance to note.")
	ErrAttendance = fault.New(fault.Invalid, "unknown-attendance",
		"Närvaron är ingen av koderna i listan.", "The attendance is none of the codes in the list.")
)

// maxSteps bounds a booking's document: a daily activity for years.
const maxSteps = 4000

// Note notes attendance on a day that has been, or is, an occurrence within the
// booking. A second note for the day corrects the first; the same word again
// changes nothing, and changed is false.
func (b *Booking) Note(a association.Activity, known bool, d civil.Date, word Attendance, called Called, h Hand, now time.Time) (changed bool, err error) {
	o, occurs := OccurrenceOn(a, d, called)
	switch {
	case !isDate(d):
		return false, ErrDate.AtField("/date")
	case word != Present && word != AbsentNotified && word != Absent:
		return false, ErrAttendance.AtField("/attendance")
	case !known || !occurs:
		return false, ErrNoOccurrence.AtField("/date")
	case !b.Covers(d):
		return false, ErrNotCovered.AtField("/date")
	case d > civil.DateOf(now):
		return false, ErrFuture.AtField("/date")
	case o.Cancelled != nil:
		return false, ErrDayOff.AtField("/date")
	case len(b.Steps) >= maxSteps:
		return false, ErrTooMany
	}
	kind := StepNoted
	if was, noted := b.AttendanceOn(d); noted {
		if was.Attendance == word {
			return false, nil
		}
		kind = StepCorrected
	}
	b.step(Step{Kind: kind, Date: d, Attendance: word}, h, now)
	return true, nil
}

// AttendanceOn returns the latest note for a day.
func (b *Booking) AttendanceOn(d civil.Date) (n Note, noted bool) {
	for _, s := range b.Steps {
		if s.Attendance != "" && s.Date == d {
			n, noted = Note{s.Date, s.Attendance, s.At}, true
		}
	}
	return n, noted
}

// Attendances returns the latest note for each day, in the order of the days.
func (b *Booking) Attendances() []Note {
	latest := map[civil.Date]Note{}
	for _, s := range b.Steps {
		if s.Attendance != "" {
			latest[s.Date] = Note{s.Date, s.Attendance, s.At}
		}
	}
	all := make([]Note, 0, len(latest))
	for _, n := range latest {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b Note) int { return cmp.Compare(a.Date, b.Date) })
	return all
}
