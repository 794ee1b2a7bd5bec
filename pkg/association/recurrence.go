package association

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/teambition/rrule-go"

	"github.com/finsam/finsam/pkg/civil"
)

// What a series does on a public holiday and in a closed period; empty: as its calendar says.
const (
	HolidaysOff   = "off"   // nothing takes place
	HolidaysOn    = "on"    // it takes place all the same
	HolidaysMoved = "moved" // it takes place on MovedTo of the same week; else it is off
)

// ruleForm is what of RFC 5545 a rule may say.
var ruleForm = regexp.MustCompile(`^FREQ=(WEEKLY|MONTHLY)(;(INTERVAL|BYDAY|BYMONTHDAY|BYSETPOS)=[-+0-9A-Z,]{1,60}){1,4}$`)

// rules are those read last, as weeks ask for the same ones again and again: nil for one that is
// refused.
var rules, _ = lru.New[string, *rrule.ROption](4096)

// parseRule reads a rule of Activity.Rule. ok is false for another one: what has no day in
// most months, what another series says better, or what two programs read in two ways, such as
// BYDAY=MO,2TU. The options are a copy.
func parseRule(text string) (o *rrule.ROption, ok bool) {
	if text == "" {
		return nil, false
	}
	known, found := rules.Get(text)
	if !found {
		if known, ok = readRule(text); !ok {
			known = nil
		}
		rules.Add(text, known)
	}
	if known == nil {
		return nil, false
	}
	options := *known
	return &options, true
}

func readRule(text string) (o *rrule.ROption, ok bool) {
	if !ruleForm.MatchString(text) {
		return nil, false
	}
	o, err := rrule.StrToROption(text)
	if err != nil {
		return nil, false
	}
	if _, err := rrule.NewRRule(*o); err != nil || o.Interval < 0 {
		return nil, false
	}
	numbered := 0
	for _, d := range o.Byweekday {
		if d.N() != 0 {
			numbered++
		}
	}
	days, dates, positions := len(o.Byweekday), len(o.Bymonthday), len(o.Bysetpos)
	if o.Freq == rrule.WEEKLY {
		return o, o.Interval <= 52 && days > 0 && numbered+dates+positions == 0
	}
	isSmall := func(n int) bool { return n != 0 && n >= -5 && n <= 5 }
	for _, d := range o.Byweekday {
		if d.N() != 0 && !isSmall(d.N()) {
			return nil, false
		}
	}
	for _, n := range o.Bysetpos {
		if !isSmall(n) {
			return nil, false
		}
	}
	return o, o.Interval <= 6 && (days > 0) != (dates > 0) && (numbered == 0 || numbered == days) && (positions == 0 || days > 0 && numbered == 0)
}

// HasDays reports whether this form of the activity has dates.
func (a *Activity) HasDays() bool {
	return !a.Gone && (a.Day != "" || a.Rule != "" || len(a.Extra) > 0)
}

// TakesPlaceAs reports whether two forms have the same dates and times.
func (a *Activity) TakesPlaceAs(b *Activity) bool {
	return a.recursAs(b) && (!a.HasDays() || a.From == b.From && a.To == b.To)
}

// recursAs reports whether two forms have the same dates.
func (a *Activity) recursAs(b *Activity) bool {
	if !a.HasDays() || !b.HasDays() {
		return a.HasDays() == b.HasDays()
	}
	return a.Day == b.Day && a.Rule == b.Rule && a.First == b.First && a.Holidays == b.Holidays && a.MovedTo == b.MovedTo && slices.Equal(a.Extra, b.Extra) && slices.Equal(a.Except, b.Except)
}

// recurs returns on which days of a span this form takes place, in order, whatever closed days
// there are.
func (a *Activity) recurs(from, to civil.Date) (days []civil.Date) {
	if from = max(from, a.First); !a.HasDays() || from > to {
		return nil
	}
	if weekday, ok := a.Weekday(); ok {
		untilDay := (int(weekday) - int(from.MidnightUTC().Weekday()) + 7) % 7
		for d := from.AddDays(untilDay); d <= to; d = d.AddDays(7) {
			days = append(days, d)
		}
	} else if o, ok := parseRule(a.Rule); ok {
		days = ruled(o, a.First, from, to)
	}
	if len(a.Except) > 0 {
		days = slices.DeleteFunc(days, func(d civil.Date) bool { return slices.Contains(a.Except, d) })
	}
	for _, d := range a.Extra {
		if d >= from && d <= to {
			days = append(days, d)
		}
	}
	if len(a.Extra) > 0 {
		slices.Sort(days)
		days = slices.Compact(days)
	}
	return days
}

// ruled returns the days of a rule in a span. The library walks from the rule's first day on;
// here from the week or month of it that is next to the span, which the rule has just as well.
func ruled(o *rrule.ROption, first, from, to civil.Date) (days []civil.Date) {
	start, n := periodStart(o, first), periods(o, first, from)*max(1, o.Interval)
	if o.Freq == rrule.WEEKLY {
		o.Dtstart = start.AddDate(0, 0, 7*n)
	} else {
		o.Dtstart = start.AddDate(0, n, 0)
	}
	o.Until = to.MidnightUTC()
	rule, err := rrule.NewRRule(*o)
	if err != nil {
		return nil
	}
	next := rule.Iterator()
	for t, more := next(); more; t, more = next() {
		if d := civil.Date(t.Format(time.DateOnly)); d >= from {
			days = append(days, d)
		}
	}
	return days
}

// periodStart returns the first day of the week or month of a day.
func periodStart(o *rrule.ROption, d civil.Date) time.Time {
	t := d.MidnightUTC()
	if o.Freq == rrule.WEEKLY {
		return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	}
	return t.AddDate(0, 0, 1-t.Day())
}

// periods returns how many times a rule has recurred from its first day to another: each
// interval of weeks or months once.
func periods(o *rrule.ROption, first, d civil.Date) int {
	a, b := periodStart(o, first), periodStart(o, d)
	n := 12*(b.Year()-a.Year()) + int(b.Month()) - int(a.Month())
	if o.Freq == rrule.WEEKLY {
		n = int(b.Sub(a) / (7 * 24 * time.Hour))
	}
	return max(0, n/max(1, o.Interval))
}

// ContentOn returns what an occurrence of a day has as its content: that of its week, or, where
// a rule has longer intervals, of its interval. Empty: none is given.
func (a *Activity) ContentOn(d civil.Date) string {
	if len(a.Contents) == 0 || d < a.First {
		return ""
	}
	o := &rrule.ROption{Freq: rrule.WEEKLY}
	if rule, ok := parseRule(a.Rule); ok {
		o = rule
	}
	return a.Contents[periods(o, a.First, d)%len(a.Contents)]
}

// lastPlanned is behind all that anybody asks for.
const lastPlanned civil.Date = "2199-12-31"

// Planned is one day of an activity.
type Planned struct {
	Date  civil.Date
	Moved civil.Date // the day on which it would have been, but for closed days; empty: this one
	Form  *Activity  // as it is on that day
}

// Days returns on which days of a span the activity takes place, in order. Where nothing
// takes place after all, because it is closed, Form.IsOff says so. It is the one place that
// knows. A text that is no date has no days.
func (a *Activity) Days(first, last civil.Date) (all []Planned) {
	forms := make([]*Activity, 0, 1+len(a.Later))
	own := *a
	own.Later = nil
	moves := own.Holidays == HolidaysMoved
	forms = append(forms, &own)
	for i := range a.Later {
		forms = append(forms, &a.Later[i])
		moves = moves || a.Later[i].Holidays == HolidaysMoved
	}
	if !first.Valid() || !last.Valid() {
		return nil
	}
	from, to := first, min(last, lastPlanned)
	if moves { // from and to other days of the week
		from, to = from.AddDays(-(int(from.MidnightUTC().Weekday())+6)%7), to.AddDays((7-int(to.MidnightUTC().Weekday()))%7)
	}
	for i, f := range forms {
		until := to
		if i+1 < len(forms) {
			until = min(to, forms[i+1].Since.AddDays(-1))
		}
		for _, d := range f.recurs(max(from, f.Since), until) {
			all = append(all, Planned{Date: d, Form: f})
		}
	}
	if moves {
		a.move(all)
		all = slices.DeleteFunc(all, func(p Planned) bool { return p.Date < first || p.Date > last })
	}
	return all
}

// move moves what is planned on closed days to the day of the same week on which it is then.
// The earlier of the two days decides, by what is known on it: so what has been does not change
// when the series or the closed days become another.
func (a *Activity) move(all []Planned) {
	taken := map[civil.Date]bool{}
	for _, p := range all {
		taken[p.Date] = true
	}
	for i, p := range all {
		if p.Form.Holidays != HolidaysMoved {
			continue
		}
		sinceMonday := (int(p.Date.MidnightUTC().Weekday()) + 6) % 7
		to := p.Date.AddDays(slices.Index(days, p.Form.MovedTo) - sinceMonday)
		other, known := a.At(to), min(p.Date, to)
		if taken[to] || !other.recursAs(p.Form) || !p.Form.isOff(p.Date, known) || p.Form.isOff(to, known) {
			continue
		}
		taken[to] = true
		if all[i].Date, all[i].Moved = to, p.Date; to < p.Date {
			all[i].Form = &other
		}
	}
	slices.SortFunc(all, func(p, q Planned) int { return cmp.Compare(p.Date, q.Date) })
}

// IsOff reports whether nothing takes place on a day of this form, because it is closed.
func (a *Activity) IsOff(d civil.Date) bool { return a.isOff(d, d) }

// isOff is IsOff by the closed days as they are known on a day.
func (a *Activity) isOff(d, known civil.Date) bool {
	if a.Holidays == HolidaysOn {
		return false
	}
	c := a.Calendar.At(known)
	c.Since, c.Later = "", nil
	if c.IsClosed(d) {
		return true
	}
	_, isHoliday := d.Holiday()
	return a.Holidays != "" && isHoliday && !slices.Contains(c.Open, string(d))
}
