package civil

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The movable days as almanacs print them, and Easter Sundays of the years in which it is
// early, late or at the mercy of the rule's exceptions.
var (
	movable = map[int]string{ // Good Friday, Ascension Day, Midsummer Day, All Saints' Day
		2024: "03-29 05-09 06-22 11-02", 2025: "04-18 05-29 06-21 11-01", 2026: "04-03 05-14 06-20 10-31",
		2027: "03-26 05-06 06-26 11-06", 2028: "04-14 05-25 06-24 11-04", 2029: "03-30 05-10 06-23 11-03", 2030: "04-19 05-30 06-22 11-02",
	}
	easterSundays = []Date{
		"1900-04-15", "1943-04-25", "1954-04-18", "1961-04-02", "1981-04-19", "2000-04-23", "2008-03-23", "2011-04-24", "2016-03-27", "2019-04-21",
		"2020-04-12", "2021-04-04", "2022-04-17", "2023-04-09", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2028-04-16", "2029-04-01",
		"2030-04-21", "2035-03-25", "2038-04-25", "2049-04-18", "2076-04-19", "2099-04-12",
	}
)

func TestEasterIsWhenTheAlmanacsPrintIt(t *testing.T) {
	for _, want := range easterSundays {
		if got := easter(want.MidnightUTC().Year()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTheHolidaysOfAYearAreTheLawsOwn(t *testing.T) {
	for year, days := range movable {
		at := func(monthDay string) Date { return Date(fmt.Sprintf("%d-%s", year, monthDay)) }
		m := strings.Fields(days)
		law := map[Date]string{
			at("01-01"): "Nyårsdagen", at("01-06"): "Trettondedag jul", at(m[0]): "Långfredagen", at(m[0]).AddDays(2): "Påskdagen",
			at(m[0]).AddDays(3): "Annandag påsk", at("05-01"): "Första maj", at(m[1]): "Kristi himmelsfärdsdag", at(m[1]).AddDays(10): "Pingstdagen",
			at("06-06"): "Nationaldagen", at(m[2]): "Midsommardagen", at(m[3]): "Alla helgons dag", at("12-25"): "Juldagen", at("12-26"): "Annandag jul",
		}
		if len(law) != 13 {
			t.Fatalf("%d: %d days", year, len(law))
		}
		for d := at("01-01"); d <= at("12-31"); d = d.AddDays(1) {
			h, is := d.Holiday()
			if want := law[d]; h.SV != want || is != (want != "") || is && h.EN == "" {
				t.Errorf("%s: got %q, want %q", d, h.SV, want)
			}
		}
	}
}

func TestEveryYearHasItsHolidays(t *testing.T) {
	for year := 2000; year < 2100; year++ {
		var names []string
		for d := Date(fmt.Sprintf("%d-01-01", year)); d <= Date(fmt.Sprintf("%d-12-31", year)); d = d.AddDays(1) {
			if h, is := d.Holiday(); is {
				names = append(names, h.SV)
			}
		}
		slices.Sort(names)
		want := 13
		if slices.Contains([]int{2008, 2049, 2055, 2060}, year) { // Ascension Day is 1 May, or Whit Sunday 6 June
			want = 12
		}
		if n := len(slices.Compact(names)); n != want {
			t.Errorf("%d has %d holidays: %v", year, n, names)
		}
	}
	if _, is := Date("no date").Holiday(); is {
		t.Error("what is no date is no holiday")
	}
}
