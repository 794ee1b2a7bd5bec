package civil

import "time"

// Holiday is a public holiday by law (lag 1989:253 om allmänna helgdagar), by name.
// Ordinary Sundays are public holidays as well, but have no name.
type Holiday struct {
	SV string
	EN string
}

// fixedHolidays have the same day every year.
var fixedHolidays = map[string]Holiday{
	"01-01": {"Nyårsdagen", "New Year's Day"},
	"01-06": {"Trettondedag jul", "Epiphany"},
	"05-01": {"Första maj", "May Day"},
	"06-06": {"Nationaldagen", "National Day of Sweden"},
	"12-25": {"Juldagen", "Christmas Day"},
	"12-26": {"Annandag jul", "Boxing Day"},
}

// easterHolidays follow Easter Sunday, by so many days.
var easterHolidays = map[int]Holiday{
	-2: {"Långfredagen", "Good Friday"},
	0:  {"Påskdagen", "Easter Sunday"},
	1:  {"Annandag påsk", "Easter Monday"},
	39: {"Kristi himmelsfärdsdag", "Ascension Day"},
	49: {"Pingstdagen", "Whit Sunday"},
}

// Holiday returns the public holiday on the date; ok is false on other days.
func (d Date) Holiday() (h Holiday, ok bool) {
	if !d.Valid() {
		return Holiday{}, false
	}
	if h, ok = fixedHolidays[string(d[5:])]; ok {
		return h, true
	}
	day := d.MidnightUTC()
	if h, ok = easterHolidays[easter(day.Year()).DaysUntil(d)]; ok {
		return h, true
	}
	switch { // the Saturday of a week
	case day.Weekday() != time.Saturday:
	case "06-20" <= d[5:] && d[5:] <= "06-26":
		return Holiday{"Midsommardagen", "Midsummer Day"}, true
	case "10-31" <= d[5:] && d[5:] <= "11-06":
		return Holiday{"Alla helgons dag", "All Saints' Day"}, true
	}
	return Holiday{}, false
}

// easter returns Easter Sunday of a year of the Gregorian calendar: the Sunday after the
// full moon, as the church reckons it, of 21 March or later (Meeus' form of the rule).
func easter(year int) Date {
	a, b, c := year%19, year/100, year%100
	moon := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	sunday := (32 + 2*(b%4) + 2*(c/4) - moon - c%4) % 7
	late := (a + 11*moon + 22*sunday) / 451
	n := moon + sunday - 7*late + 114
	return DateOf(time.Date(year, time.Month(n/31), n%31+1, 12, 0, 0, 0, time.UTC))
}
