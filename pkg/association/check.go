package association

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/personnummer"
)

var (
	idForm        = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	codeForm      = regexp.MustCompile(`^[0-9]{4}$`)
	authorityForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	versionForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$`)
	languageForm  = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	laterForm     = regexp.MustCompile(`^(changes|later)\[[0-9]+\]\.?`) // what a version of an object is in a file
	areaForm      = regexp.MustCompile(`^[a-z][a-z_]{0,39}$`)
)

const (
	maxQuestions = 30  // of a checklist: nobody answers more
	maxMinutes   = 600 // of a session of a course
	maxTerm      = 365 // days: a longer term is no term
	maxPlaces    = 1000
	maxText      = 20_000
)

// checker walks a file and collects everything that is wrong in it.
type checker struct {
	problems Problems
	object   string // the one that is looked at
	at       string // its place
}

// Check returns everything that is wrong with a file, each problem with its object.
func (f *File) Check() Problems {
	c := &checker{}
	c.file(f)
	return c.problems
}

func (c *checker) want(ok bool, place, format string, args ...any) {
	if ok {
		return
	}
	p := Problem{Place: place, Want: fmt.Sprintf(format, args...), Object: c.object, SV: fmt.Sprintf(swedish[format], args...)}
	if c.object != "" {
		p.Field = laterForm.ReplaceAllString(strings.TrimPrefix(strings.TrimPrefix(place, c.at), "."), "")
	}
	c.problems = append(c.problems, p)
}

// in turns to an object.
func (c *checker) in(place, object string, parts ...string) {
	c.at, c.object = place, strings.Join(append([]string{object}, parts...), ".")
}

// date wants a day of the calendar.
func (c *checker) date(d civil.Date, place string, required bool) {
	c.want(d.Valid() || d == "" && !required, place, "want a date such as 2026-11-24, got %q", d)
}

// atMost wants a list that the contract has room for.
func (c *checker) atMost(n, most int, place string) {
	c.want(n <= most, place, "want at most %d, got %d", most, n)
}

// paragraphs wants a text of several lines that a person can read.
func (c *checker) paragraphs(s, place string) {
	readable := !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' || r == unicode.ReplacementChar })
	c.want(strings.TrimSpace(s) != "" && readable && len(s) <= maxText, place, "want a text of at most %d bytes, of lines of printable characters, got %d bytes", maxText, len(s))
}

// text wants a text that a person can read, on one line.
func (c *checker) text(s, place string, required bool) {
	if required && strings.TrimSpace(s) == "" {
		c.want(false, place, "want a text, got nothing")
		return
	}
	printable := !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
	c.want(printable && len(s) <= 200 && s == strings.TrimSpace(s), place,
		"want at most 200 bytes of printable text on one line without outer blanks, got %q", s)
}

func (c *checker) oneOf(s, place string, values []string, required bool) {
	if s == "" && !required {
		return
	}
	c.want(slices.Contains(values, s), place, "want one of %s, got %q", strings.Join(values, ", "), s)
}

func (c *checker) file(f *File) {
	c.in("", "association")
	c.want(idForm.MatchString(f.Association.ID), "association.id",
		"want lower-case letters, digits and \"-\", beginning with a letter, got %q", f.Association.ID)
	c.text(f.Association.Name, "association.name", true)
	c.want(len(f.Municipalities) > 0, "municipalities", "want at least one municipality, got none")
	c.atMost(len(f.Municipalities), 100, "municipalities")
	c.atMost(len(f.Authorities), 100, "authorities")
	codes := map[string]bool{}
	for i, m := range f.Municipalities {
		place := fmt.Sprintf("municipalities[%d]", i)
		c.want(codeForm.MatchString(m.Code), place+".code", "want four digits, got %q", m.Code)
		c.want(!codes[m.Code], place+".code", "want each municipality once, got %q again", m.Code)
		c.text(m.Name, place+".name", true)
		c.want(m.Authority == "" || authorityForm.MatchString(m.Authority), place+".authority",
			"want the id of an authority, of lower-case letters, digits, \"-\" and \"_\", got %q", m.Authority)
		codes[m.Code] = true
	}
	for i, a := range f.Authorities {
		place := fmt.Sprintf("authorities[%d]", i)
		c.want(authorityForm.MatchString(a.ID), place, "want the id of an authority, of lower-case letters, digits, \"-\" and \"_\", got %q", a.ID)
		c.want(!slices.ContainsFunc(f.Authorities[:i], func(x Authority) bool { return x.ID == a.ID }), place, "want each authority once, got %q again", a.ID)
		c.text(a.Name, place+".name", false)
		c.oneOf(a.Kind, place+".kind", authorityKinds, false)
	}
	c.want(len(f.Initiatives) > 0, "initiatives", "want at least one initiative, got none")
	for n, i := range f.Initiatives {
		place := fmt.Sprintf("initiatives[%d]", n)
		if f.single {
			place = "initiative"
		}
		c.in(place, "initiative", i.ID)
		c.want(!slices.ContainsFunc(f.Initiatives[:n], func(x FileInitiative) bool { return x.ID == i.ID }), place+".id", "want each initiative once, got %q again", i.ID)
		c.initiative(i, codes, place)
	}
	c.terms(f.Terms)
	c.in("calendar", "closed_days")
	c.calendar(f.Calendar, "calendar")
	c.texts(f)
	seen := map[string]bool{}
	for i, w := range f.Weeks {
		place := fmt.Sprintf("weeks[%d]", i)
		c.in("", "association")
		c.want(codes[w.Municipality], place+".municipality", "want the code of a municipality above, got %q", w.Municipality)
		c.want(!seen[w.Municipality], place+".municipality", "want one week per municipality, got %q again", w.Municipality)
		seen[w.Municipality] = true
		c.week(w, f.Association.ID, place)
	}
}

func (c *checker) terms(t Terms) {
	c.in("terms", "terms")
	for _, x := range []struct {
		name string
		days int
	}{
		{"decision", t.Decision}, {"supplement", t.Supplement}, {"transfer", t.Transfer}, {"place", t.Place}, {"start", t.Start},
		{"checkInAnswer", t.CheckInAnswer}, {"checkInDecision", t.CheckInDecision}, {"nextBlock", t.NextBlock}, {"closing", t.Closing}, {"correction", t.Correction},
	} {
		c.want(x.days >= 0 && x.days <= maxTerm, "terms."+x.name, "want 1 to %d days, or none given, got %d", maxTerm, x.days)
	}
}

func (c *checker) calendar(k Calendar, place string) {
	c.oneOf(k.PublicHolidays, place+".publicHolidays", []string{"closed", "open"}, false)
	c.atMost(len(k.Open), 100, place+".open")
	c.atMost(len(k.Closed), 200, place+".closed")
	for i, d := range k.Open {
		_, holiday := civil.Date(d).Holiday()
		c.want(holiday, fmt.Sprintf("%s.open[%d]", place, i), "want the date of a public holiday, got %q", d)
	}
	for i, p := range k.Closed {
		at := fmt.Sprintf("%s.closed[%d]", place, i)
		c.date(p.From, at+".from", true)
		c.date(p.Until, at+".until", true)
		c.want(p.From <= p.Until && p.Until < p.From.AddDays(366), at+".until", "want a day from the first one (%s) on, within a year, got %q", p.From, p.Until)
		c.text(p.SV, at+".sv", true)
		c.text(p.EN, at+".en", true)
	}
	n := k.DaysBeforeReceipt
	c.want(n == nil || *n >= 0 && *n <= maxTerm, place+".daysBeforeReceipt", "want 0 to %d days, or none given", maxTerm)
	c.date(k.Since, place+".since", false)
	for i, x := range k.Later {
		at := fmt.Sprintf("%s.later[%d]", place, i)
		before := k.Since
		if i > 0 {
			before = k.Later[i-1].Since
		}
		c.want(before < x.Since, at+".since", "want a later day than that before, got %q", x.Since)
		c.want(len(x.Later) == 0, at+".later", "want each form once, in one list, got a list in it")
		x.Later = nil
		c.calendar(x, at)
	}
}

// texts wants texts of consent and words for codes that a reader finds by what they name.
func (c *checker) texts(f *File) {
	for i, t := range f.ConsentTexts {
		place := fmt.Sprintf("consentTexts[%d]", i)
		c.in(place, "consent_text", t.Version, t.Language)
		c.want(versionForm.MatchString(t.Version), place+".version", "want letters, digits, \"-\" and \"_\", such as 2026-1, got %q", t.Version)
		c.want(languageForm.MatchString(t.Language), place+".language", "want the code of a language such as sv, got %q", t.Language)
		c.want(!slices.ContainsFunc(f.ConsentTexts[:i], func(x ConsentText) bool { return x.Version == t.Version && x.Language == t.Language }), place, "want each version once in a language, got %s in %s again", t.Version, t.Language)
		c.text(t.Title, place+".title", true)
		c.paragraphs(t.Text, place+".text")
	}
	for i, l := range f.CodeLists {
		place := fmt.Sprintf("codeLists[%d]", i)
		c.in(place, "code_list", l.ID)
		n := slices.IndexFunc(codelist.Lists, func(x codelist.List) bool { return x.ID == l.ID })
		c.want(n >= 0, place+".id", "want the id of a list of GET /code-lists, such as EndReason, got %q", l.ID)
		c.want(!slices.ContainsFunc(f.CodeLists[:i], func(x CodeList) bool { return x.ID == l.ID }), place+".id", "want each list once, got %q again", l.ID)
		c.want(len(l.Codes) > 0, place+".codes", "want the words for at least one code, got none")
		for k, w := range l.Codes {
			at := fmt.Sprintf("%s.codes[%d]", place, k)
			c.want(n < 0 || slices.ContainsFunc(codelist.Lists[n].Codes, func(x codelist.Code) bool { return x.ID == w.ID }), at+".id", "want a code of the list %s, got %q", l.ID, w.ID)
			c.want(!slices.ContainsFunc(l.Codes[:k], func(x CodeWord) bool { return x.ID == w.ID }), at+".id", "want each code once, got %q again", w.ID)
			c.text(w.SV, at+".sv", true)
			c.text(w.EN, at+".en", true)
		}
	}
}

func (c *checker) initiative(i FileInitiative, codes map[string]bool, place string) {
	c.want(idForm.MatchString(i.ID), place+".id",
		"want lower-case letters, digits and \"-\", beginning with a letter, got %q", i.ID)
	c.text(i.Name, place+".name", true)
	c.oneOf(i.Orientation, place+".orientation", []string{"individual", "structural"}, true)
	c.text(i.FollowUpMethod, place+".followUpMethod", false)
	agesOK := i.Ages.Lowest >= 0 && i.Ages.Lowest <= i.Ages.Highest && i.Ages.Highest > 0 && i.Ages.Highest <= 120
	c.want(agesOK, place+".ages", "want [lowest, highest] between 0 and 120 years, got [%d, %d]", i.Ages.Lowest, i.Ages.Highest)
	n := i.TargetGroup.Authorities
	c.want(n >= 0 && n <= 4, place+".targetGroup.authorities", "want 1 to 4 kinds of authority, or none given, got %d", n)
	for k, reason := range i.TargetGroup.Reasons {
		c.oneOf(reason, fmt.Sprintf("%s.targetGroup.reasons[%d]", place, k), Reasons, true)
	}
	c.want(len(i.RightTime) <= maxQuestions, place+".rightTime", "want at most %d items, got %d", maxQuestions, len(i.RightTime))
	asked := map[string]bool{}
	for k, q := range i.RightTime {
		at := fmt.Sprintf("%s.rightTime[%d]", place, k)
		c.want(areaForm.MatchString(q.ID), at+".id", "want lower-case letters and \"_\", got %q", q.ID)
		c.want(!asked[q.ID], at+".id", "want each item once, got %q again", q.ID)
		c.text(q.SV, at+".sv", true)
		c.text(q.EN, at+".en", true)
		asked[strings.TrimSpace(q.ID)] = true
	}
	c.atMost(len(i.Agreements), 100, place+".agreements")
	for k, a := range i.Agreements {
		at := fmt.Sprintf("%s.agreements[%d]", place, k)
		c.want(codes[a.Municipality], at+".municipality", "want the code of a member municipality, got %q", a.Municipality)
		c.date(a.From, at+".from", true)
		c.date(a.Until, at+".until", false)
		c.want(a.Until == "" || a.From <= a.Until, at+".until", "want a day from the first one (%s) on, got %q", a.From, a.Until)
		c.text(a.Reference, at+".reference", false)
	}
	c.in(place, "plan", i.ID)
	c.plan(i.Plan, place)
	seen := map[string]bool{}
	for n, p := range i.Plans {
		at := fmt.Sprintf("%s.plans[%d]", place, n)
		c.in(at, "plan", i.ID, p.Municipality)
		c.want(codes[p.Municipality], at+".municipality", "want the code of a municipality above, got %q", p.Municipality)
		c.want(!seen[p.Municipality], at+".municipality", "want one plan per municipality, got %q again", p.Municipality)
		seen[p.Municipality] = true
		c.plan(p.over(i.Plan), at)
	}
}

func (c *checker) plan(p Plan, place string) {
	c.want(p.MaxWeeks >= 1 && p.MaxWeeks <= 260, place+".maxWeeks", "want 1 to 260 weeks, got %d", p.MaxWeeks)
	c.oneOf(p.WeeksUsedBefore, place+".weeksUsedBefore", []string{WeeksCount, WeeksIgnored}, false)
	c.want(p.CheckInDays == nil || *p.CheckInDays >= 0 && *p.CheckInDays <= 42, place+".checkInDays", "want 0 to 42 days before a block's last day, got %d", p.DaysBeforeCheckIn())
	c.want(p.CorrectionDays >= 0 && p.CorrectionDays <= maxTerm, place+".correctionDays", "want 1 to %d days, or none given, got %d", maxTerm, p.CorrectionDays)
	c.want(p.Absence.InRow >= 0 && p.Absence.InRow <= 20, place+".absence.inRow", "want 1 to 20 times in a row, or none given, got %d", p.Absence.InRow)
	c.want(p.Absence.Percent >= 0 && p.Absence.Percent <= 100, place+".absence.percent", "want 1 to 100 percent, or none given, got %d", p.Absence.Percent)
	c.want(p.Absence.Weeks >= 0 && p.Absence.Weeks <= 12, place+".absence.weeks", "want 1 to 12 weeks, or none given, got %d", p.Absence.Weeks)
	c.want(len(p.Blocks) > 0, place+".blocks", "want at least one block, got none")
	total := 0
	for n, b := range p.Blocks {
		block := fmt.Sprintf("%s.blocks[%d]", place, n)
		last := n == len(p.Blocks)-1
		c.want(b.Number == n+1, block+".number", "want %d, as blocks are numbered from 1 without gaps, got %d", n+1, b.Number)
		c.text(b.Name, block+".name", false)
		c.want(b.Weeks >= 1 && b.Weeks <= 52, block+".weeks", "want 1 to 52 weeks, got %d", b.Weeks)
		c.want(b.Closing == last, block+".closing", "want %t, as the last block and only that closes the initiative, got %t", last, b.Closing)
		c.want(!b.CheckIn || !last, block+".checkIn", "want false, as no block follows the last one, got true")
		for k, content := range b.Content {
			c.oneOf(content, fmt.Sprintf("%s.content[%d]", block, k), Categories, true)
		}
		total += min(max(b.Weeks, 0), 52)
	}
	c.want(total <= p.MaxWeeks, place+".blocks", "want at most maxWeeks (%d) weeks together, got %d", p.MaxWeeks, total)
	if i := p.Introduction; i != nil {
		c.text(i.Name, place+".introduction.name", false)
		c.want(i.Weeks >= 0 && i.Weeks <= 52, place+".introduction.weeks", "want 1 to 52 weeks, or none given, got %d", i.Weeks)
		for k, content := range i.Content {
			c.oneOf(content, fmt.Sprintf("%s.introduction.content[%d]", place, k), Categories, true)
		}
	}
	c.atMost(len(p.Blocks), 52, place+".blocks")
	c.atMost(len(p.Rules), 20, place+".rules")
	for n, r := range p.Rules {
		rule := fmt.Sprintf("%s.rules[%d]", place, n)
		c.want(idForm.MatchString(r.ID), rule+".id", "want lower-case letters, digits and \"-\", beginning with a letter, got %q", r.ID)
		c.want(!slices.ContainsFunc(p.Rules[:n], func(x Rule) bool { return x.ID == r.ID }), rule+".id", "want each rule once, got %q again", r.ID)
		c.oneOf(r.Category, rule+".category", Categories, true)
		c.want(r.Times >= 1 && r.Times <= 20, rule+".times", "want 1 to 20 times a week, got %d", r.Times)
		c.want(r.FromWeek >= 0 && r.FromWeek <= max(p.MaxWeeks, 0), rule+".fromWeek", "want a week of the %d that the plan has, got %d", p.MaxWeeks, r.FromWeek)
		for k, b := range r.Blocks {
			c.want(b >= 1 && b <= len(p.Blocks), fmt.Sprintf("%s.blocks[%d]", rule, k), "want the number of a block of the plan, got %d", b)
		}
		c.text(r.SV, rule+".sv", false)
		c.text(r.EN, rule+".en", false)
	}
}

func (c *checker) week(w Week, association, place string) {
	if k := w.Calendar; k != nil {
		c.in(place+".calendar", "closed_days", w.Municipality)
		c.calendar(*k, place+".calendar")
		c.want(k.DaysBeforeReceipt == nil, place+".calendar.daysBeforeReceipt", "want it in the association's calendar only, got it in a municipality's")
	}
	sites := map[string]Site{}
	for i, s := range w.Sites {
		at := fmt.Sprintf("%s.sites[%d]", place, i)
		if n := i - len(w.Sites) + w.trained; n >= 0 {
			at = fmt.Sprintf("%s.workTraining[%d]", place, n)
		}
		c.in(at, "site", w.Municipality, s.ID)
		c.want(idForm.MatchString(s.ID), at+".id", "want lower-case letters, digits and \"-\", beginning with a letter, got %q", s.ID)
		c.want(sites[s.ID].ID == "", at+".id", "want each site once, got %q again", s.ID)
		c.want(!s.Gone, at+".gone", "want a site that is there first, got one that is gone")
		c.site(s, at)
		for n, x := range s.Later {
			later := fmt.Sprintf("%s.later[%d]", at, n)
			c.want(x.Since > append([]Site{s}, s.Later...)[n].Since, later+".since", "want a later day than that before, got %q", x.Since)
			c.want(x.ID == "" && len(x.Later) == 0, later, "want no id and no list of its own, got one")
			c.want(!x.Gone || x.Name+x.Address == "" && !x.WorkTraining && len(x.Areas) == 0, later+".gone", "want nothing else of a site that is gone, got more")
			c.site(x, later)
		}
		sites[s.ID] = s
	}
	ids := map[string]int{}
	for i, x := range w.Activities {
		at, id := fmt.Sprintf("%s.activities[%d]", place, i), x.IDIn(association, w.Municipality)
		c.in(at, "series", id)
		c.series(x, at, sites)
		if first, twice := ids[id]; twice {
			c.want(false, at, "want another name, day or time than activities[%d], got the same", first)
			continue
		}
		ids[id] = i
	}
}

// site wants one form of a site.
func (c *checker) site(s Site, place string) {
	c.date(s.Since, place+".since", false)
	c.text(s.Name, place+".name", !s.Gone)
	c.text(s.Address, place+".address", false)
	c.atMost(len(s.Areas), 50, place+".areas")
	for k, area := range s.Areas {
		c.want(areaForm.MatchString(area), fmt.Sprintf("%s.areas[%d]", place, k), "want lower-case letters and \"_\", got %q", area)
	}
	c.training(s, place)
}

// training wants opening days, places and an agreement of a site that belong together.
func (c *checker) training(s Site, at string) {
	c.atMost(len(s.Supervisors), 50, at+".supervisors")
	for k, subject := range s.Supervisors {
		c.text(subject, fmt.Sprintf("%s.supervisors[%d]", at, k), true)
		c.want(!slices.Contains(s.Supervisors[:k], subject), fmt.Sprintf("%s.supervisors[%d]", at, k), "want each supervisor once, got %q again", subject)
	}
	c.atMost(len(s.Open), len(days), at+".open")
	for k, h := range s.Open {
		place := fmt.Sprintf("%s.open[%d]", at, k)
		c.oneOf(h.Day, place+".day", days, true)
		c.want(!slices.ContainsFunc(s.Open[:k], func(x OpeningHours) bool { return x.Day == h.Day }), place+".day", "want each day once, got %q again", h.Day)
		from, okFrom := Clock(h.From)
		to, okTo := Clock(h.To)
		c.want(okFrom, place+".from", "want a time such as \"09:30\", got %q", h.From)
		c.want(okTo, place+".to", "want a time such as \"12:00\", got %q", h.To)
		c.want(!okFrom || !okTo || from < to, place+".to", "want a time after from (%s), got %q", h.From, h.To)
	}
	c.atMost(len(s.Places), 200, at+".places")
	for k, p := range s.Places {
		place := fmt.Sprintf("%s.places[%d]", at, k)
		c.want(slices.Contains(s.Areas, p.Area), place+".area", "want one of the site's areas, got %q", p.Area)
		c.want(p.Places >= 0 && p.Places <= 500, place+".places", "want 0 to 500 places, got %d", p.Places)
		for n, day := range p.Days {
			opens := slices.ContainsFunc(s.Open, func(h OpeningHours) bool { return h.Day == day })
			c.want(opens, fmt.Sprintf("%s.days[%d]", place, n), "want a day on which the site is open, got %q", day)
		}
		twice := slices.ContainsFunc(s.Places[:k], func(x AreaPlaces) bool {
			return x.Area == p.Area && (len(x.Days) == 0 && len(p.Days) == 0 || slices.ContainsFunc(p.Days, func(day string) bool { return slices.Contains(x.Days, day) }))
		})
		c.want(!twice, place, "want the places of an area and a day once, got them again")
	}
	used := len(s.Supervisors) > 0 || len(s.Places) > 0 || s.Agreement != nil
	c.want(s.WorkTraining || !used, at+".workTraining", "want workTraining: true at a site with supervisors, places or agreement, got none")
	if g := s.Agreement; g != nil {
		c.date(g.From, at+".agreement.from", true)
		c.date(g.Until, at+".agreement.until", false)
		c.want(g.Until == "" || g.From <= g.Until, at+".agreement.until", "want a day from the first one (%s) on, got %q", g.From, g.Until)
		c.text(g.Reference, at+".agreement.reference", false)
	}
}

// series wants an activity that is whole in each of its forms.
func (c *checker) series(x Activity, place string, sites map[string]Site) {
	c.want(x.GivenID == "" || idForm.MatchString(x.GivenID) || uuid.Validate(x.GivenID) == nil && x.GivenID == strings.ToLower(x.GivenID), place+".id",
		"want lower-case letters, digits and \"-\", beginning with a letter, or a UUID, got %q", x.GivenID)
	c.date(x.Since, place+".since", false)
	for n, form := range slices.Concat([]Activity{x}, x.Later) {
		at := place
		if n > 0 {
			at = fmt.Sprintf("%s.changes[%d]", place, n-1)
		}
		c.activity(form, at)
		until := civil.Date("~") // behind every day
		if n < len(x.Later) {
			until = x.Later[n].Since
		}
		isOther := func(d civil.Date) bool { return d < form.Since || until <= d || form.Gone } // of another form's days
		c.recurrence(form, at, isOther)
		s, known := sites[form.Site]
		c.want(form.Site == "" || known, at+".site", "want the id of a site of the municipality, got %q", form.Site)
		c.want(!known || form.Gone || s.isThere(form.Since, until), at+".site", "want a site that is there on each day of the activity, got %q", form.Site)
		c.want(form.Site == "" || form.Place == "", at+".place", "want a site or a place, got both")
		g := form.ClosedGroup
		if g == nil {
			continue
		}
		c.want(g.Sessions >= 0 && g.Sessions <= 200, at+".closedGroup.sessions", "want 1 to 200 sessions, or none given, got %d", g.Sessions)
		c.want(g.Minutes >= 0 && g.Minutes <= maxMinutes, at+".closedGroup.minutes", "want 1 to %d minutes, or none given, got %d", maxMinutes, g.Minutes)
		c.want(g.Least >= 0 && g.Least <= 200, at+".closedGroup.least", "want 1 to 200 participants, or none given, got %d", g.Least)
		c.want(g.Most >= 0 && g.Most <= 200 && (g.Most == 0 || g.Least <= g.Most), at+".closedGroup.most", "want %d to 200 participants, or none given, got %d", max(1, g.Least), g.Most)
		c.atMost(len(g.Starts), 100, at+".closedGroup.starts")
		for i, start := range g.Starts {
			d := civil.Date(start)
			c.want(d.Valid() && (isOther(d) || len(form.recurs(d, d)) > 0), fmt.Sprintf("%s.closedGroup.starts[%d]", at, i), "want a date on which the activity takes place, got %q", start)
		}
	}
}

func (c *checker) activity(x Activity, place string) {
	c.text(x.Name, place+".name", true)
	c.oneOf(x.Category, place+".category", Categories, true)
	c.oneOf(x.Day, place+".day", days, false)
	c.oneOf(x.Part, place+".part", []string{"morning", "afternoon"}, false)
	c.oneOf(x.Mode, place+".mode", []string{"digital"}, false)
	c.text(x.Place, place+".place", false)
	c.text(x.Gather, place+".gather", false)
	c.atMost(len(x.Places), 50, place+".places")
	for i, p := range x.Places {
		c.text(p, fmt.Sprintf("%s.places[%d]", place, i), true)
	}
	link, err := url.Parse(x.Link)
	c.want(x.Link == "" || err == nil && link.Scheme == "https" && link.Host != "" && link.User == nil && len(x.Link) <= 500 && !strings.ContainsFunc(x.Link, unicode.IsSpace),
		place+".link", "want an address of at most 500 bytes that begins with https://, got %q", x.Link)
	c.want(x.Link == "" || x.Mode == "digital", place+".link", "want mode: digital where a link is given, got %q", x.Mode)
	c.text(x.Leader, place+".leader", false)
	c.want(len(x.Leader) <= 128 && !personnummer.Contains(x.Leader), place+".leader", "want somebody's id of at most 128 bytes, without a personal identity number")
	c.want(x.Capacity >= 0 && x.Capacity <= maxPlaces, place+".capacity", "want 1 to %d places, or none given, got %d", maxPlaces, x.Capacity)
	c.want(x.ClosedGroup == nil || x.Capacity == 0, place+".capacity", "want the places of a closed group as closedGroup.most, got them twice")
	c.want(x.ClosedGroup == nil || !x.DropIn, place+".dropIn", "want false in a closed group, as nobody joins it in its middle, got true")
	if l := x.Load; l != nil {
		for _, k := range []struct {
			kind string
			n    int
		}{{"physical", l.Physical}, {"social", l.Social}, {"cognitive", l.Cognitive}, {"digital", l.Digital}, {"travel", l.Travel}} {
			c.want(k.n >= 0 && k.n <= MaxLoad, place+".load."+k.kind, "want 0 to %d, got %d", MaxLoad, k.n)
		}
	}
	if x.From == "" && x.To == "" {
		c.want(x.Slot == 0, place+".slot", "want slots only between times, got %d", x.Slot)
		c.want(x.Individual || x.Part != "", place+".from", "want a time such as \"09:30\", or individual: true, or a part of the day, got nothing")
		return
	}
	from, okFrom := Clock(x.From) // a whole span of local time within a day
	to, okTo := Clock(x.To)
	c.want(okFrom, place+".from", "want a time such as \"09:30\", got %q", x.From)
	c.want(okTo, place+".to", "want a time such as \"12:00\", got %q", x.To)
	c.want(!okFrom || !okTo || from < to, place+".to", "want a time after from (%s), got %q", x.From, x.To)
	c.want(x.Part == "", place+".part", "want no part of the day where times are given, got %q", x.Part)
	c.want(x.Slot == 0 || x.Slot >= 5 && time.Duration(x.Slot)*time.Minute <= to-from, place+".slot", "want at least 5 minutes that fit between from and to, or none given, got %d", x.Slot)
	c.want(x.Slot == 0 || x.Capacity == 0 && x.ClosedGroup == nil, place+".slot", "want no slots in a group, got %d", x.Slot)
}

// recurrence wants days that can be reckoned, each of them once.
func (c *checker) recurrence(x Activity, place string, isOther func(civil.Date) bool) {
	_, ok := parseRule(x.Rule)
	c.want(x.Rule == "" || ok, place+".rule", "want a rule of weeks or months such as FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH, got %q", x.Rule)
	c.want(x.Rule == "" || x.Day == "", place+".rule", "want a day or a rule, got both")
	ruled := x
	ruled.Extra, ruled.Except = nil, nil
	isRuled := func(d civil.Date) bool { return len(ruled.recurs(d, d)) > 0 }
	c.date(x.First, place+".first", x.Rule != "" || len(x.Contents) > 0)
	c.want(!x.First.Valid() || !ruled.HasDays() || isOther(x.First) || isRuled(x.First), place+".first", "want the date of an occurrence, got %q", x.First)
	for _, l := range []struct {
		name  string
		dates []civil.Date
	}{{"extra", x.Extra}, {"except", x.Except}} {
		c.atMost(len(l.dates), 100, place+"."+l.name)
		for i, d := range l.dates {
			at := fmt.Sprintf("%s.%s[%d]", place, l.name, i)
			c.date(d, at, true)
			c.want(!slices.Contains(l.dates[:i], d), at, "want each date once, got %q again", d)
			c.want(l.name == "extra" || !d.Valid() || isOther(d) || isRuled(d), at, "want the date of an occurrence, got %q", d)
			c.want(l.name == "except" || !d.Valid() || isOther(d) || !isRuled(d) && d >= x.First, at, "want a date from the first one on that has no occurrence, got %q", d)
		}
	}
	c.oneOf(x.Holidays, place+".holidays", []string{HolidaysOff, HolidaysOn, HolidaysMoved}, false)
	c.oneOf(x.MovedTo, place+".movedTo", days, x.Holidays == HolidaysMoved)
	c.want(x.MovedTo == "" || x.Holidays == HolidaysMoved, place+".movedTo", "want holidays: moved where a day is given for it, got %q", x.Holidays)
	c.atMost(len(x.Contents), 60, place+".contents")
	for i, text := range x.Contents {
		c.text(text, fmt.Sprintf("%s.contents[%d]", place, i), true)
	}
}

// Clock reads a time of day such as "09:30" as the time since midnight on the
// wall clock; ok is false for anything else.
func Clock(s string) (sinceMidnight time.Duration, ok bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	h, errH := strconv.ParseUint(s[:2], 10, 8)
	m, errM := strconv.ParseUint(s[3:], 10, 8)
	if errH != nil || errM != nil || h > 23 || m > 59 {
		return 0, false
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, true
}
