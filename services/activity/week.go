package activity

import (
	"fmt"

	"github.com/finsam/finsam/pkg/civil"
)

// Week is an ISO 8601 week.
type Week struct {
	Year   int // the year that the week belongs to
	Number int // 1 to 52, or 53
}

// WeekOf returns the week of a date.
func WeekOf(d civil.Date) Week {
	year, number := d.MidnightUTC().ISOWeek()
	return Week{year, number}
}

// ParseWeek reads a week such as "2026-W48", between the years 2000 and 2099. It
// returns ErrNoSuchWeek for one that does not exist.
func ParseWeek(text string) (Week, error) {
	var w Week
	n, err := fmt.Sscanf(text, "%4d-W%2d", &w.Year, &w.Number)
	if n != 2 || err != nil || w.String() != text || w.Year < 2000 || w.Year > 2099 || w.Number < 1 || WeekOf(w.Monday()) != w {
		return Week{}, ErrNoSuchWeek.AtField("week")
	}
	return w, nil
}

// String returns the week as ParseWeek reads it.
func (w Week) String() string { return fmt.Sprintf("%04d-W%02d", w.Year, w.Number) }

// Monday returns the week's first day. Week 1 is the one with 4 January.
func (w Week) Monday() civil.Date {
	fourth := civil.Date(fmt.Sprintf("%04d-01-04", w.Year))
	sinceMonday := (int(fourth.MidnightUTC().Weekday()) + 6) % 7
	return fourth.AddWeeks(w.Number - 1).AddDays(-sinceMonday)
}

// Sunday returns the week's last day.
func (w Week) Sunday() civil.Date { return w.Monday().AddDays(6) }

// Add returns the week that is so many weeks later.
func (w Week) Add(weeks int) Week { return WeekOf(w.Monday().AddWeeks(weeks)) }
