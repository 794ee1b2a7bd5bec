package association

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/civil"
)

var (
	idForm        = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	codeForm      = regexp.MustCompile(`^[0-9]{4}$`)
	authorityForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	areaForm      = regexp.MustCompile(`^[a-z][a-z_]{0,39}$`)
)

const (
	maxQuestions = 30  // of a checklist: nobody answers more
	maxTerm      = 365 // days: a longer term is no term
)

// checker walks a file and collects everything that is wrong in it.
type checker struct{ problems Problems }

func (c *checker) want(ok bool, place, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, Problem{place, fmt.Sprintf(format, args...)})
	}
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

func (c *checker) file(f *file) {
	c.want(idForm.MatchString(f.Association.ID), "association.id",
		"want lower-case letters, digits and \"-\", beginning with a letter, got %q", f.Association.ID)
	c.text(f.Association.Name, "association.name", true)
	c.want(len(f.Municipalities) > 0, "municipalities", "want at least one municipality, got none")
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
	c.initiative(f.Initiative, codes)
	t := f.Terms
	for _, x := range []struct {
		name string
		days int
	}{
		{"decision", t.Decision}, {"supplement", t.Supplement}, {"transfer", t.Transfer}, {"place", t.Place}, {"start", t.Start},
		{"checkInAnswer", t.CheckInAnswer}, {"checkInDecision", t.CheckInDecision}, {"nextBlock", t.NextBlock}, {"closing", t.Closing}, {"correction", t.Correction},
	} {
		c.want(x.days >= 0 && x.days <= maxTerm, "terms."+x.name, "want 1 to %d days, or none given, got %d", maxTerm, x.days)
	}
	c.oneOf(f.Calendar.PublicHolidays, "calendar.publicHolidays", []string{"closed", "open"}, false)
	for i, d := range f.Calendar.Open {
		_, holiday := civil.Date(d).Holiday()
		c.want(holiday, fmt.Sprintf("calendar.open[%d]", i), "want the date of a public holiday, got %q", d)
	}
	n := f.Calendar.DaysBeforeReceipt
	c.want(n == nil || *n >= 0 && *n <= maxTerm, "calendar.daysBeforeReceipt", "want 0 to %d days, or none given", maxTerm)
	seen := map[string]bool{}
	for i, w := range f.Weeks {
		place := fmt.Sprintf("weeks[%d]", i)
		c.want(codes[w.Municipality], place+".municipality", "want the code of a municipality above, got %q", w.Municipality)
		c.want(!seen[w.Municipality], place+".municipality", "want one week per municipality, got %q again", w.Municipality)
		seen[w.Municipality] = true
		c.week(w, f.Association.ID, place)
	}
}

func (c *checker) initiative(i fileInitiative, codes map[string]bool) {
	c.want(idForm.MatchString(i.ID), "initiative.id",
		"want lower-case letters, digits and \"-\", beginning with a letter, got %q", i.ID)
	c.text(i.Name, "initiative.name", true)
	c.oneOf(i.Orientation, "initiative.orientation", []string{"individual", "structural"}, true)
	agesOK := len(i.Ages) == 2 && i.Ages[0] >= 0 && i.Ages[0] <= i.Ages[1] && i.Ages[1] <= 120
	c.want(agesOK, "initiative.ages", "want [lowest, highest] between 0 and 120 years, got %v", i.Ages)
	n := i.TargetGroup.Authorities
	c.want(n >= 0 && n <= 4, "initiative.targetGroup.authorities", "want 1 to 4 kinds of authority, or none given, got %d", n)
	for k, reason := range i.TargetGroup.Reasons {
		c.oneOf(reason, fmt.Sprintf("initiative.targetGroup.reasons[%d]", k), Reasons, true)
	}
	c.want(len(i.RightTime) <= maxQuestions, "initiative.rightTime", "want at most %d items, got %d", maxQuestions, len(i.RightTime))
	asked := map[string]bool{}
	for k, q := range i.RightTime {
		place := fmt.Sprintf("initiative.rightTime[%d]", k)
		c.want(areaForm.MatchString(q.ID), place+".id", "want lower-case letters and \"_\", got %q", q.ID)
		c.want(!asked[q.ID], place+".id", "want each item once, got %q again", q.ID)
		c.text(q.SV, place+".sv", true)
		c.text(q.EN, place+".en", true)
		asked[strings.TrimSpace(q.ID)] = true
	}
	c.plan(i.Plan, "initiative")
	seen := map[string]bool{}
	for n, p := range i.Plans {
		place := fmt.Sprintf("initiative.plans[%d]", n)
		c.want(codes[p.Municipality], place+".municipality", "want the code of a municipality above, got %q", p.Municipality)
		c.want(!seen[p.Municipality], place+".municipality", "want one plan per municipality, got %q again", p.Municipality)
		seen[p.Municipality] = true
		if len(p.Blocks) == 0 {
			p.Blocks = i.Plan.Blocks
		}
		c.plan(p.Plan, place)
	}
}

func (c *checker) plan(p Plan, place string) {
	c.want(p.MaxWeeks >= 1 && p.MaxWeeks <= 260, place+".maxWeeks", "want 1 to 260 weeks, got %d", p.MaxWeeks)
	c.oneOf(p.WeeksUsedBefore, place+".weeksUsedBefore", []string{WeeksCount, WeeksIgnored}, false)
	c.want(p.CheckInDays == nil || *p.CheckInDays >= 0 && *p.CheckInDays <= 42, place+".checkInDays", "want 0 to 42 days before a block's last day, got %d", p.DaysBeforeCheckIn())
	c.want(p.CorrectionDays >= 0 && p.CorrectionDays <= maxTerm, place+".correctionDays", "want 1 to %d days, or none given, got %d", maxTerm, p.CorrectionDays)
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
}

func (c *checker) week(w Week, association, place string) {
	ids := map[string]int{}
	for i, x := range w.Activities {
		at := fmt.Sprintf("%s.activities[%d]", place, i)
		c.activity(x, at)
		id := activityID(association, w.Municipality, x)
		if first, twice := ids[id]; twice {
			c.want(false, at, "want another name, day or time than activities[%d], got the same", first)
			continue
		}
		ids[id] = i
	}
	for i, t := range w.WorkTraining {
		at := fmt.Sprintf("%s.workTraining[%d]", place, i)
		c.text(t.Site, at+".site", true)
		for k, area := range t.Areas {
			c.want(areaForm.MatchString(area), fmt.Sprintf("%s.areas[%d]", at, k), "want lower-case letters and \"_\", got %q", area)
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
	for i, p := range x.Places {
		c.text(p, fmt.Sprintf("%s.places[%d]", place, i), true)
	}
	if x.From == "" && x.To == "" {
		c.want(x.Individual || x.Part != "", place+".from", "want a time such as \"09:30\", or individual: true, or a part of the day, got nothing")
	} else { // a whole span of local time within a day
		from, okFrom := Clock(x.From)
		to, okTo := Clock(x.To)
		c.want(okFrom, place+".from", "want a time such as \"09:30\", got %q", x.From)
		c.want(okTo, place+".to", "want a time such as \"12:00\", got %q", x.To)
		c.want(!okFrom || !okTo || from < to, place+".to", "want a time after from (%s), got %q", x.From, x.To)
		c.want(x.Part == "", place+".part", "want no part of the day where times are given, got %q", x.Part)
	}
	c.want(x.GivenID == "" || idForm.MatchString(x.GivenID) || uuid.Validate(x.GivenID) == nil && x.GivenID == strings.ToLower(x.GivenID), place+".id",
		"want lower-case letters, digits and \"-\", beginning with a letter, or a UUID, got %q", x.GivenID)
	c.want(x.Until == "" || civil.Date(x.Until).Valid(), place+".until", "want a date such as 2026-11-24, got %q", x.Until)
	c.changes(x, place)
	if x.ClosedGroup == nil {
		return
	}
	s := x.ClosedGroup.Sessions
	c.want(s >= 0 && s <= 200, place+".closedGroup.sessions", "want 1 to 200 sessions, or none given, got %d", s)
	for i, start := range x.ClosedGroup.Starts {
		day, scheduled := x.At(civil.Date(start)).Weekday()
		ok := civil.Date(start).Valid() && scheduled && civil.Date(start).MidnightUTC().Weekday() == day
		c.want(ok, fmt.Sprintf("%s.closedGroup.starts[%d]", place, i), "want a date on the weekday of the activity, got %q", start)
	}
}

// changes wants each change of an activity later than the one before it, and an activity
// that is whole after it.
func (c *checker) changes(x Activity, place string) {
	for i, ch := range x.Changes {
		at := fmt.Sprintf("%s.changes[%d]", place, i)
		c.want(civil.Date(ch.On).Valid(), at+".on", "want a date such as 2026-11-24, got %q", ch.On)
		c.want(i == 0 || x.Changes[i-1].On < ch.On, at+".on", "want a later day than that of the change before, got %q", ch.On)
		c.want(ch != Change{On: ch.On}, at, "want what is another from that day on, got nothing")
		changed := x.At(civil.Date(ch.On))
		changed.Changes, changed.Until, changed.ClosedGroup = nil, "", nil
		c.activity(changed, at)
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
