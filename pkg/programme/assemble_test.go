package programme

import (
	"fmt"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// series returns an object with a version for each span of days, such as
// "2026-01-01 2026-05-31", which is on the days of the week in turn.
func series(spans ...string) *Object {
	w := Wanted{ID: "series.fb5fa133-7031-548c-88db-384e1fc1f78d", Kind: Series, Municipality: "1481"}
	for n, span := range spans {
		from, until, _ := strings.Cut(span, " ")
		day := []string{"monday", "tuesday", "wednesday", "thursday"}[n]
		w.Forms = append(w.Forms, Form{civil.Date(from), civil.Date(until), Content{Series: &association.Activity{Name: "Promenad", Category: "social", Day: day, From: "13:00", To: "14:00"}}})
	}
	return activated([]Wanted{w})[0]
}

func TestAnAssembledSeriesIsOnEachDayWhatItsVersionSays(t *testing.T) {
	for _, c := range []struct {
		sentence string
		spans    []string
		days     string // day and what takes place then, with the version; where nothing does, with the latest, below which no sequence falls
	}{
		{"one that goes on", []string{string(Beginning)}, "2000-01-01 monday 1; 2026-11-30 monday 1; 2040-01-01 monday 1"},
		{"one that begins", []string{"2026-12-08"}, "2026-12-07  1; 2026-12-08 monday 1"},
		{"one that ends", []string{"2026-01-01 2026-12-07"}, "2025-12-31  1; 2026-01-01 monday 1; 2026-12-07 monday 1; 2026-12-08  1"},
		{"this and following", []string{string(Beginning), "2026-12-08"}, "2026-12-07 monday 1; 2026-12-08 tuesday 2"},
		{"another in between", []string{string(Beginning), "2026-12-08 2026-12-14"}, "2026-12-07 monday 1; 2026-12-08 tuesday 2; 2026-12-14 tuesday 2; 2026-12-15 monday 1"},
		{"a break", []string{"2026-01-01 2026-05-31", "2026-09-01"}, "2026-05-31 monday 1; 2026-06-01  2; 2026-08-31  2; 2026-09-01 tuesday 2"},
		{"what was over two years ago", []string{"2020-01-01 2021-01-01", "2021-01-02 2024-11-29", "2024-11-30 2025-01-01", "2025-01-02"}, "2024-11-29  3; 2024-11-30 wednesday 3; 2025-01-02 thursday 4"},
		{"all of it over two years ago", []string{"2020-01-01 2024-11-29"}, ""},
	} {
		a := Assemble([]*Object{series(c.spans...)}, today).Build()
		if c.days == "" {
			if len(a.Weeks) != 0 {
				t.Errorf("%s: %+v", c.sentence, a.Weeks)
			}
			continue
		}
		for _, want := range strings.Split(c.days, "; ") {
			x := a.Weeks[0].Activities[0].At(civil.Date(want[:10]))
			if got := fmt.Sprint(want[:10], " ", x.Day, " ", x.Version); got != want || x.ID != "fb5fa133-7031-548c-88db-384e1fc1f78d" || x.Gone != (x.Day == "") {
				t.Errorf("%s: %q, want %q: %+v", c.sentence, got, want, x)
			}
		}
	}
}

// TestWhatWasAtASiteThatHasEndedIsStillThere assembles, exports and reads again.
func TestWhatWasAtASiteThatHasEndedIsStillThere(t *testing.T) {
	site := activated([]Wanted{{ID: "site.1481.neon", Kind: Site, Municipality: "1481", Forms: []Form{{Beginning, "2026-11-29", Content{Site: &association.Site{Name: "Neon", Address: "Gatan 1"}}}}}})[0]
	town := activated([]Wanted{{ID: "association", Kind: Association, Forms: []Form{{Beginning, "", Content{Association: &association.Members{Name: "Påhittat", Municipalities: []association.Municipality{{Code: "1481", Name: "Mölndal"}}}}}}}})[0]
	for sentence, spans := range map[string][]string{"it is elsewhere now": {"2026-01-01 2026-11-29", "2026-11-30"}, "it has ended too": {"2026-01-01 2026-11-29"}} {
		walk := series(spans...)
		walk.Versions[0].Content.Series.Site = "neon"
		f := Assemble([]*Object{town, site, walk}, today)
		for _, p := range f.Check() {
			if p.Object == walk.ID {
				t.Errorf("%s: %+v", sentence, p)
			}
		}
		if got := f.Build().Weeks[0].Activities[0].At("2026-11-23").Place; got != "Neon, Gatan 1" {
			t.Errorf("%s: it was at %q", sentence, got)
		}
		if v, _ := walk.On("2026-11-23"); v.Content.Series.Site != "neon" {
			t.Errorf("%s: the object is another", sentence)
		}
	}
}

// TestAPastWeekKeepsTheAddressOfThen is: a site that moves takes its activities with it, from the
// day on, and what has been there stays where it was.
func TestAPastWeekKeepsTheAddressOfThen(t *testing.T) {
	at := func(address string) Content { return Content{Site: &association.Site{Name: "Neon", Address: address}} }
	site := activated([]Wanted{{ID: "site.1481.neon", Kind: Site, Municipality: "1481", Forms: []Form{
		{"2023-01-01", "2023-12-31", at("Gatan 0")}, {"2024-01-01", "2026-08-31", at("Gatan 1")}, {"2026-09-01", "2027-01-10", at("Gatan 2")}, {"2027-01-11", "", at("Gatan 3")},
	}}})[0]
	walk := series("2023-01-01 2026-10-31", "2026-11-01")
	for i := range walk.Versions {
		walk.Versions[i].Content.Series.Site = "neon"
	}
	for _, on := range []civil.Date{today, "2027-02-01"} { // whenever it is asked
		f := Assemble([]*Object{site, walk}, on)
		for _, p := range f.Check() {
			if p.Object == walk.ID || p.Object == site.ID {
				t.Errorf("%s: %+v", on, p)
			}
		}
		x := f.Build().Weeks[0].Activities[0]
		for day, want := range map[civil.Date]string{
			"2026-08-31": "Neon, Gatan 1 monday 1", "2026-09-01": "Neon, Gatan 2 monday 1", "2026-10-31": "Neon, Gatan 2 monday 1",
			"2026-11-01": "Neon, Gatan 2 tuesday 2", "2027-01-10": "Neon, Gatan 2 tuesday 2", "2027-01-11": "Neon, Gatan 3 tuesday 2",
		} {
			if is := x.At(day); fmt.Sprint(is.Place, " ", is.Day, " ", is.Version) != want {
				t.Errorf("on %s, asked on %s: %s %s %d, want %s", day, on, is.Place, is.Day, is.Version, want)
			}
		}
	}
}

// TestAnActivityIsAtASiteThatIsThere checks the days that both have.
func TestAnActivityIsAtASiteThatIsThere(t *testing.T) {
	neon := Content{Site: &association.Site{Name: "Neon"}}
	for sentence, c := range map[string]struct {
		forms []Form
		wrong bool
	}{
		"it is there":                       {[]Form{{Beginning, "", neon}}, false},
		"from the first day on":             {[]Form{{"2026-12-01", "2027-01-31", neon}}, false},
		"it comes a day later":              {[]Form{{"2026-12-02", "", neon}}, true},
		"it goes a day before the last":     {[]Form{{Beginning, "2027-01-30", neon}}, true},
		"it is away for a while":            {[]Form{{Beginning, "2026-12-31", neon}, {"2027-01-15", "", neon}}, true},
		"it is away before, and afterwards": {[]Form{{"2026-01-01", "2026-02-01", neon}, {"2026-11-01", "2027-01-31", neon}, {"2027-06-01", "", neon}}, false},
		"it was there only before":          {[]Form{{"2026-01-01", "2026-02-01", neon}}, true},
	} {
		walk := series("2026-12-01 2027-01-31")
		walk.Versions[0].Content.Series.Site = "neon"
		wrong := false
		for _, p := range Assemble(append(activated([]Wanted{{ID: "site.1481.neon", Kind: Site, Municipality: "1481", Forms: c.forms}}), walk), today).Check() {
			wrong = wrong || p.Object == walk.ID && p.Field == "site"
		}
		if wrong != c.wrong {
			t.Errorf("%s: wrong is %t", sentence, wrong)
		}
	}
}

// TestTextsOfConsentAreKnownForTheDaysOnWhichTheyWereSigned asks on one day for the versions of
// another.
func TestTextsOfConsentAreKnownForTheDaysOnWhichTheyWereSigned(t *testing.T) {
	text := func(id string, from, until civil.Date) Wanted {
		return Wanted{ID: "consent_text." + id, Kind: ConsentText, Forms: []Form{{from, until, Content{ConsentText: &association.ConsentText{Title: "Samtycke", Text: "Påhittat."}}}}}
	}
	a := Assemble(activated([]Wanted{
		text("2026-1.sv", "2026-01-01", "2026-06-30"), text("2026-1.en", "2026-03-01", "2026-07-31"), text("2026-2.sv", "2026-07-01", ""),
	}), today).Build()
	for on, want := range map[civil.Date]string{
		"2025-12-31": "[]", "2026-01-01": "[2026-1]", "2026-06-30": "[2026-1]", "2026-07-01": "[2026-1 2026-2]", "2026-08-01": "[2026-2]", "2030-01-01": "[2026-2]",
	} {
		if got := fmt.Sprint(a.ConsentVersions(on)); got != want {
			t.Errorf("%s: %s, want %s", on, got, want)
		}
	}
	if len(a.ConsentTexts) != 1 {
		t.Errorf("today there are %+v", a.ConsentTexts)
	}
	if always := (&association.File{ConsentTexts: []association.ConsentText{{Version: "1"}}}).Build(); fmt.Sprint(always.ConsentVersions("2001-01-01")) != "[1]" {
		t.Errorf("of a file alone: %+v", always.ConsentPeriods)
	}
}

func TestAssembledIsWhatHoldsOnTheDay(t *testing.T) {
	plan := func(weeks int) Content { return Content{Plan: &association.Plan{MaxWeeks: weeks}} }
	objects := activated([]Wanted{
		{ID: "plan.activera.1441", Kind: Plan, Municipality: "1441", Forms: []Form{{From: Beginning, Until: "2026-12-31", Content: plan(12)}, {From: "2027-01-01", Content: plan(13)}}},
		{ID: "plan.activera", Kind: Plan, Forms: []Form{{From: Beginning, Content: plan(24)}}},
		{ID: "initiative.activera", Kind: Initiative, Forms: []Form{{From: "2020-01-01", Until: "2027-06-30", Content: Content{Initiative: &association.Initiative{Name: "ACTivera"}}}}},
	})
	var digests []string
	for _, c := range []struct {
		on          civil.Date
		initiatives int
		weeks       int
		version     int
	}{{"2019-12-31", 0, 0, 0}, {"2026-12-31", 1, 12, 1}, {"2027-01-01", 1, 13, 2}, {"2027-07-01", 0, 0, 0}} {
		a := Assemble(objects, c.on).Build()
		digests = append(digests, a.Version)
		i, _ := a.Initiative("activera")
		if p := i.PlanIn("1441"); len(a.Initiatives) != c.initiatives || p.MaxWeeks != c.weeks || p.Version != c.version || c.initiatives == 1 && i.PlanIn("1481").MaxWeeks != 24 {
			t.Errorf("%s: %+v", c.on, a.Initiatives)
		}
	}
	if digests[1] == digests[2] {
		t.Errorf("another version, and the same digest: %v", digests)
	}
}
