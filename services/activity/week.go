package activity

import (
	"fmt"
	"time"
	_ "time/tzdata" // weeks are Swedish weeks, also where no zone files are installed

	"github.com/finsam/finsam/pkg/fault"
)

// Zone is the time zone of every week and date here.
const Zone = "Europe/Stockholm"

var stockholm = mustZone(Zone)

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // time/tzdata is linked in
	}
	return zone
}

// Date is a calendar day in Sweden, written as "2006-01-02". Dates compare as
// strings do.
type Date string

// Forever stands for the last day of what has none.
const Forever Date = "9999-12-31"

// DateOf gives the day of an instant.
func DateOf(t time.Time) Date { return Date(t.In(stockholm).Format(time.DateOnly)) }

// Valid tells whether the date exists, between the years 2000 and 2099.
func (d Date) Valid() bool {
	t, err := time.Parse(time.DateOnly, string(d))
	return err == nil && t.Year() >= 2000 && t.Year() <= 2099
}

// day gives the date as midnight UTC, for counting; it is never shown.
func (d Date) day() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// AddDays gives the date n days later.
func (d Date) AddDays(n int) Date { return Date(d.day().AddDate(0, 0, n).Format(time.DateOnly)) }

// Weekday gives the day of the week.
func (d Date) Weekday() time.Weekday { return d.day().Weekday() }

// At gives the instant at which the wall clock in Sweden shows a time of day on
// the date. A time that a clock change skips is the same time an hour later; one
// that it repeats is the first of the two.
func (d Date) At(sinceMidnight time.Duration) time.Time {
	t := d.day()
	minutes := int(sinceMidnight / time.Minute)
	at := time.Date(t.Year(), t.Month(), t.Day(), 0, minutes, 0, 0, stockholm)
	// Package time leaves open which of two it gives; RFC 5545 means the first.
	if earlier := at.Add(-time.Hour); earlier.Format(time.DateTime) == at.Format(time.DateTime) {
		at = earlier
	}
	return at.UTC()
}

// ErrNoSuchWeek answers a week that no calendar has.
var ErrNoSuchWeek = fault.New(fault.Invalid, "no-such-week",
	"Veckan finns inte. Skriv den som 2026-W48.", "There is no such week. Write it as 2026-W48.")

// Week is an ISO 8601 week.
type Week struct {
	Year   int // the year that the week belongs to
	Number int // 1 to 52, or 53
}

// WeekOf gives the week of a date.
func WeekOf(d Date) Week {
	year, number := d.day().ISOWeek()
	return Week{year, number}
}

// ParseWeek reads a week such as "2026-W48", between the years 2000 and 2099;
// one that does not exist is ErrNoSuchWeek.
func ParseWeek(s string) (Week, error) {
	var w Week
	if n, err := fmt.Sscanf(s, "%4d-W%2d", &w.Year, &w.Number); n != 2 || err != nil || w.String() != s {
		return Week{}, ErrNoSuchWeek.AtField("week")
	}
	if w.Year < 2000 || w.Year > 2099 || w.Number < 1 || WeekOf(w.Monday()) != w {
		return Week{}, ErrNoSuchWeek.AtField("week")
	}
	return w, nil
}

// String gives the week as ParseWeek reads it.
func (w Week) String() string { return fmt.Sprintf("%04d-W%02d", w.Year, w.Number) }

// Monday gives the week's first day. Week 1 is the one with 4 January.
func (w Week) Monday() Date {
	fourth := time.Date(w.Year, 1, 4, 0, 0, 0, 0, time.UTC)
	sinceMonday := (int(fourth.Weekday()) + 6) % 7
	return Date(fourth.AddDate(0, 0, (w.Number-1)*7-sinceMonday).Format(time.DateOnly))
}

// Sunday gives the week's last day.
func (w Week) Sunday() Date { return w.Monday().AddDays(6) }

// Next gives the week after.
func (w Week) Next() Week { return WeekOf(w.Monday().AddDays(7)) }

// Previous gives the week before.
func (w Week) Previous() Week { return WeekOf(w.Monday().AddDays(-7)) }
