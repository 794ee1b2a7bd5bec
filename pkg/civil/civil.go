// Package civil holds the calendar of the services: dates in Sweden, and the
// instants at which they begin and end. It is the only place that names a time
// zone, so that a term, a week and an age mean the same everywhere.
package civil

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zone must be known where no zone files are installed
)

// ZoneName is the name of Zone in the IANA time zone database.
const ZoneName = "Europe/Stockholm"

// Zone is the time zone of every date and week.
var Zone = func() *time.Location {
	zone, err := time.LoadLocation(ZoneName)
	if err != nil {
		panic(err) // time/tzdata is linked in
	}
	return zone
}()

// Date is a calendar date in Sweden, written as "2006-01-02" (ISO 8601). Dates
// compare as strings do; the empty Date is no date and is before all others.
//
// A conversion from string does not check that the date exists: use Parse or
// Valid for text from outside. The methods treat a text that is no date as the
// first day of year 1.
type Date string

// DateOf returns the date in Sweden at an instant.
func DateOf(t time.Time) Date { return Date(t.In(Zone).Format(time.DateOnly)) }

// Parse reads a date. It refuses any other form, and dates that the calendar
// does not have.
func Parse(text string) (Date, error) {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", fmt.Errorf("not a calendar date such as 2006-01-02: %.20q", text)
	}
	return Date(text), nil
}

// Valid reports whether the date exists in the calendar.
func (d Date) Valid() bool {
	_, err := Parse(string(d))
	return err == nil
}

// MidnightUTC returns the date for reckoning by package time: its year, its weekday, its
// ISO week. In UTC all days have 24 hours. Start is the instant at which it begins.
func (d Date) MidnightUTC() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// AddDays returns the date n days later; earlier when n is negative.
func (d Date) AddDays(n int) Date {
	return Date(d.MidnightUTC().AddDate(0, 0, n).Format(time.DateOnly))
}

// AddWeeks returns the date n weeks later; earlier when n is negative.
func (d Date) AddWeeks(n int) Date { return d.AddDays(7 * n) }

// AddYears returns the same day n years later; 29 February becomes 1 March in a
// common year.
func (d Date) AddYears(n int) Date {
	return Date(d.MidnightUTC().AddDate(n, 0, 0).Format(time.DateOnly))
}

// DaysUntil returns the number of days from d to other, negative when other is
// the earlier one.
func (d Date) DaysUntil(other Date) int {
	return int(other.MidnightUTC().Sub(d.MidnightUTC()) / (24 * time.Hour))
}

// Start returns the instant at which the date begins in Sweden, in UTC.
func (d Date) Start() time.Time { return d.At(0) }

// End returns the instant at which the next date begins in Sweden, in UTC: the
// first that no longer belongs to d. It is 23, 24 or 25 hours after Start.
func (d Date) End() time.Time { return d.At(24 * time.Hour) }

// At returns the instant, in UTC, at which the wall clock in Sweden shows a time
// of day on the date; whole minutes count. A time that a clock change skips is
// the same time an hour later, and of a time that it repeats the first is meant.
func (d Date) At(sinceMidnight time.Duration) time.Time {
	return wallClock(d.MidnightUTC(), 0, sinceMidnight)
}

// EndAfter returns the End of the date that is some days after that of an instant.
func EndAfter(t time.Time, days int) time.Time { return wallClock(t.In(Zone), days+1, 0) }

func wallClock(day time.Time, later int, sinceMidnight time.Duration) time.Time {
	at := time.Date(day.Year(), day.Month(), day.Day()+later, 0, int(sinceMidnight/time.Minute), 0, 0, Zone)
	// Package time leaves open which of two it returns; RFC 5545 means the first.
	if earlier := at.Add(-time.Hour); earlier.Hour() == at.Hour() {
		at = earlier
	}
	return at.UTC()
}

// AgeOn returns the age in whole years, on a day, of a person who was born on d.
// A person born on 29 February is a year older on 1 March in common years, as
// Swedish law counts. It is negative before the birth.
func (d Date) AgeOn(day Date) int {
	born, on := d.MidnightUTC(), day.MidnightUTC()
	years := on.Year() - born.Year()
	if on.Month() < born.Month() || on.Month() == born.Month() && on.Day() < born.Day() {
		years--
	}
	return years
}
