package participant

import (
	"time"
	_ "time/tzdata" // dates are Swedish dates, wherever this runs

	"github.com/finsam/finsam/pkg/fault"
)

// Day is a calendar date in Sweden as "2006-01-02". Days compare as strings do.
// The empty Day is no day.
type Day string

// What may be wrong with a day.
var (
	ErrDay = fault.New(fault.Invalid, "bad-date",
		"Datumet finns inte i kalendern.", "The date does not exist in the calendar.")
	ErrFuture = fault.New(fault.Unprocessable, "date-in-future",
		"Dagen ligger i framtiden. Ange dagen då det hände.", "The day lies in the future. Give the day on which it happened.")
	ErrTooEarly = fault.New(fault.Unprocessable, "date-too-early",
		"Dagen ligger före det som måste ha hänt dessförinnan.", "The day lies before what must have happened first.")
)

// sweden is where the associations' days begin and end.
var sweden = func() *time.Location {
	l, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		panic("time zone data is part of the program: " + err.Error())
	}
	return l
}()

// DayOf gives the date that it is in Sweden at an instant.
func DayOf(t time.Time) Day { return Day(t.In(sweden).Format(time.DateOnly)) }

// ParseDay reads a date; ErrDay for anything else.
func ParseDay(text string) (Day, error) {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", ErrDay
	}
	return Day(text), nil
}

// Add gives the day n days later.
func (d Day) Add(n int) Day {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return d
	}
	return Day(t.AddDate(0, 0, n).Format(time.DateOnly))
}

// AddWeeks gives the day n weeks later.
func (d Day) AddWeeks(n int) Day { return d.Add(7 * n) }

// happened wants a day on which something can have happened: not after today
// and not before earliest.
func happened(d, earliest, today Day, pointer string) error {
	switch {
	case d > today:
		return ErrFuture.AtField(pointer)
	case d < earliest:
		return ErrTooEarly.AtField(pointer)
	}
	return nil
}

// yearsBetween gives the whole years from birth to on; one born on 29 February
// is a year older on 1 March in common years, as Swedish law counts.
func yearsBetween(birth, on Day) int {
	b, err1 := time.Parse(time.DateOnly, string(birth))
	o, err2 := time.Parse(time.DateOnly, string(on))
	if err1 != nil || err2 != nil {
		return 0
	}
	years := o.Year() - b.Year()
	if o.Month() < b.Month() || o.Month() == b.Month() && o.Day() < b.Day() {
		years--
	}
	return years
}
