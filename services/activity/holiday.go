package activity

import (
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/se"
)

// Holiday is a public holiday by law (lag 1989:253 om allmänna helgdagar), by
// name. Ordinary Sundays are public holidays as well, but not named ones.
type Holiday struct {
	SV string
	EN string
}

// holidays are the law's named days. The law's list, checked for whole years in
// the tests, is the judge of the library that computes them.
var holidays = []struct {
	rule *cal.Holiday
	Holiday
}{
	{se.Nyarsdagen, Holiday{"Nyårsdagen", "New Year's Day"}},
	{se.TrettondedagJul, Holiday{"Trettondedag jul", "Epiphany"}},
	{se.Langfredagen, Holiday{"Långfredagen", "Good Friday"}},
	{se.Paskdagen, Holiday{"Påskdagen", "Easter Sunday"}},
	{se.AnnandagPask, Holiday{"Annandag påsk", "Easter Monday"}},
	{se.ForstaMaj, Holiday{"Första maj", "May Day"}},
	{se.KristiHimmelfardsdag, Holiday{"Kristi himmelsfärdsdag", "Ascension Day"}},
	{se.Pingstdagen, Holiday{"Pingstdagen", "Whit Sunday"}},
	{se.Nationaldagen, Holiday{"Nationaldagen", "National Day of Sweden"}},
	{se.Midsommardagen, Holiday{"Midsommardagen", "Midsummer Day"}},
	{se.AllaHelgonsDag, Holiday{"Alla helgons dag", "All Saints' Day"}},
	{se.Juldagen, Holiday{"Juldagen", "Christmas Day"}},
	{se.AnnandagJul, Holiday{"Annandag jul", "Boxing Day"}},
}

// HolidayOn returns the public holiday on a date; ok is false on other days.
// Nothing is skipped for it: the municipality decides what takes place.
func HolidayOn(d civil.Date) (h Holiday, ok bool) {
	h, ok = holidaysOf(d.Year())[d]
	return h, ok
}

// byYear remembers the holidays of the years asked for, those of the dates that isDate accepts.
var byYear sync.Map // int -> map[Date]Holiday

func holidaysOf(year int) map[civil.Date]Holiday {
	if known, ok := byYear.Load(year); ok {
		return known.(map[civil.Date]Holiday)
	}
	days := map[civil.Date]Holiday{}
	for _, x := range holidays {
		actual, _ := x.rule.Calc(year)
		days[civil.Date(actual.Format(time.DateOnly))] = x.Holiday
	}
	if year >= 2000 && year <= 2100 {
		byYear.Store(year, days)
	}
	return days
}
