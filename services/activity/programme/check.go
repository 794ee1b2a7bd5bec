package programme

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/codelist"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/services/activity"
)

// Finding is something that the check of a draft found.
type Finding struct {
	Object   string     // id of the object in which it is mended, such as "plan.activera.1441"
	Prevents bool       // activation; else it is only shown
	Text     fault.Text // what is found where, and what is wanted

	about  string // empty: the text says it
	extent int    // of what may be more or less
}

// Simulate returns what an association would meet in the two years from a day on, when it is
// after instead of before: nil for no association. What is found in both prevents nothing, as
// who changes one thing need not mend another first; it is shown for changed objects only.
func Simulate(before, after *association.Association, first civil.Date, changed ...string) []Finding {
	found := simulate(after, first)
	if before == nil {
		return found
	}
	extents := map[string]int{} // of what is known
	for _, f := range simulate(before, first) {
		about := cmp.Or(f.about, f.Object+f.Text.EN)
		extents[about] = max(extents[about], 1, f.extent)
	}
	var shown []Finding
	for _, f := range found {
		isKnown := max(1, f.extent) <= extents[cmp.Or(f.about, f.Object+f.Text.EN)]
		if !isKnown || slices.Contains(changed, f.Object) {
			f.Prevents = f.Prevents && !isKnown
			shown = append(shown, f)
		}
	}
	return shown
}

func simulate(in *association.Association, first civil.Date) []Finding {
	c := &checker{simulation: newSimulation(in, first)}
	for _, i := range in.Initiatives {
		c.plan("plan."+i.ID, i.Name, i.Name, i.Plan)
		for _, code := range slices.Sorted(maps.Keys(i.Plans)) {
			m, _ := in.Municipality(code)
			c.plan("plan."+i.ID+"."+code, i.Name+" i "+m.Name, i.Name+" in "+m.Name, i.Plans[code])
		}
		c.enrolment(i)
	}
	for _, m := range in.Municipalities {
		c.municipality(c.offer(m))
	}
	return c.found
}

// checker collects what a simulation shows.
type checker struct {
	*simulation
	found []Finding
}

var categories = codelist.Labels[string]("ActivityCategory")

// find adds a finding. Both sentences are written with the same values, by their numbers.
func (c *checker) find(object string, prevents bool, sv, en string, values ...any) {
	c.found = append(c.found, Finding{Object: object, Prevents: prevents, Text: fault.Text{SV: fmt.Sprintf(sv, values...), EN: fmt.Sprintf(en, values...)}})
}

// weigh says what the last finding is about, whatever dates and numbers its text has, and how
// much of it there is: more than before is a new finding, less is not.
func (c *checker) weigh(extent int, about ...any) {
	f := &c.found[len(c.found)-1]
	f.about, f.extent = fmt.Sprint(about...), extent
}

// plan checks what a plan says by itself, wherever it is followed.
func (c *checker) plan(object, sv, en string, p association.Plan) {
	total := 0
	for _, b := range p.Blocks {
		total += b.Weeks
		if early := p.DaysBeforeCheckIn(); b.CheckIn && early >= 7*b.Weeks {
			c.find(object, true, "%[1]s, block %[3]d: avstämningen kan hållas %[4]d dagar före blockets sista dag, alltså innan blocket på %[5]d dagar har börjat. Ange färre dagar.",
				"%[2]s, block %[3]d: the check-in can be held %[4]d days before the block's last day, which is before the block of %[5]d days has begun. Give fewer days.", sv, en, b.Number, early, 7*b.Weeks)
		}
	}
	if total > p.MaxWeeks {
		c.find(object, true, "%[1]s: blocken är %[3]d veckor tillsammans, men ingen får delta i mer än %[4]d veckor. Korta ett block, eller höj det högsta antalet veckor.",
			"%[2]s: the blocks have %[3]d weeks together, but nobody may take part for more than %[4]d weeks. Shorten a block, or raise the highest number of weeks.", sv, en, total, p.MaxWeeks)
	}
	for _, r := range p.Rules {
		ruleSV, ruleEN := cmp.Or(r.SV, r.ID), cmp.Or(r.EN, r.ID)
		if r.FromWeek > total {
			c.find(object, true, "%[1]s: regeln ”%[3]s” gäller från vecka %[5]d, men blocken är %[6]d veckor tillsammans. Ange en tidigare vecka.",
				"%[2]s: the rule “%[4]s” holds from week %[5]d on, but the blocks have %[6]d weeks together. Give an earlier week.", sv, en, ruleSV, ruleEN, r.FromWeek, total)
		}
		for _, n := range r.Blocks {
			if n < 1 || n > len(p.Blocks) {
				c.find(object, true, "%[1]s: regeln ”%[3]s” gäller block %[5]d, som inte finns. Ange ett av planens block.",
					"%[2]s: the rule “%[4]s” is for block %[5]d, which does not exist. Give one of the plan's blocks.", sv, en, ruleSV, ruleEN, n)
			}
		}
		weeks := 0 // until the end of a block
		for _, b := range p.Blocks {
			weeks += b.Weeks
			if isMeant := len(r.Blocks) == 0 || slices.Contains(r.Blocks, b.Number); isMeant && weeks >= r.FromWeek && !isIn(b, r.Category) {
				label := categories[r.Category]
				c.find(object, true, "%[1]s: regeln ”%[3]s” kan inte följas i block %[5]d, som inte har slaget ”%[6]s”. Lägg till det i blocket, eller låt regeln gälla andra block.",
					"%[2]s: the rule “%[4]s” cannot be met in block %[5]d, which does not have the category “%[7]s”. Add it to the block, or let the rule be for other blocks.", sv, en, ruleSV, ruleEN, b.Number, label.SV, label.EN)
			}
		}
	}
}

// enrolment checks that somebody can be enrolled in an initiative.
func (c *checker) enrolment(i association.Initiative) {
	first := c.dates[0]
	if i.Ages.Lowest > i.Ages.Highest {
		c.find("initiative."+i.ID, true, "%[1]s: ingen kan skrivas in, eftersom den lägsta åldern (%[2]d år) är högre än den högsta (%[3]d år). Ange åldrarna i ordning.",
			"%[1]s: nobody can be enrolled, as the lowest age (%[2]d years) is above the highest (%[3]d years). Give the ages in order.", i.Name, i.Ages.Lowest, i.Ages.Highest)
	}
	if len(i.Agreements) > 0 && !slices.ContainsFunc(c.in.Municipalities, func(m association.Municipality) bool { return c.performs(i, m.Code) }) {
		c.find("initiative."+i.ID, true, "%[1]s: ingen kan skrivas in, eftersom inget avtal med en kommun gäller %[2]s eller senare. Lägg till ett avtal.",
			"%[1]s: nobody can be enrolled, as no agreement with a municipality covers %[2]s or a later day. Add an agreement.", i.Name, first)
		return
	}
	for _, m := range c.in.Municipalities {
		last := first.AddDays(-1) // day that agreements cover without a gap
		for range i.Agreements {
			for _, a := range i.Agreements {
				if a.Municipality == m.Code && a.From <= last.AddDays(1) {
					last = max(last, cmp.Or(a.Until, activity.Forever))
				}
			}
		}
		_, own := i.Plans[m.Code]
		switch {
		case len(i.Agreements) == 0:
		case last < first && own:
			c.find("plan."+i.ID+"."+m.Code, true, "%[1]s i %[2]s: ingen kan skrivas in %[3]s, eftersom inget avtal med kommunen gäller den dagen. Lägg till ett avtal, eller ange en annan första dag.",
				"%[1]s in %[2]s: nobody can be enrolled on %[3]s, as no agreement with the municipality covers that day. Add an agreement, or give another first day.", i.Name, m.Name, first)
		case last >= first && last <= c.dates[len(c.dates)-1]:
			c.find("initiative."+i.ID, false, "%[1]s i %[2]s: avtalet med kommunen slutar %[3]s, så ingen kan skrivas in efter den dagen.",
				"%[1]s in %[2]s: the agreement with the municipality ends on %[3]s, so nobody can be enrolled after that day.", i.Name, m.Name, last)
		}
	}
}

// performs reports whether a municipality performs an initiative on some day.
func (c *checker) performs(i association.Initiative, municipality string) bool {
	return len(i.Agreements) == 0 || slices.ContainsFunc(i.Agreements, func(a association.Agreement) bool {
		return a.Municipality == municipality && a.From <= c.dates[len(c.dates)-1] && cmp.Or(a.Until, activity.Forever) >= c.dates[0]
	})
}

// municipality checks what one municipality offers against the plans that it follows.
func (c *checker) municipality(o offer) {
	var performed []association.Initiative
	for _, i := range c.in.Initiatives {
		if len(i.PlanIn(o.Code).Blocks) > 0 && c.performs(i, o.Code) {
			performed = append(performed, i)
		}
	}
	if len(performed) == 0 {
		return
	}
	if len(o.offered) == 0 {
		c.find("association", false, "%[1]s erbjuder inga aktiviteter ännu, så deltagarna där får inget i veckan. Lägg upp kommunens aktiviteter.",
			"%[1]s offers no activities yet, so the participants there get nothing into their week. Add the municipality's activities.", o.Name)
	}
	for _, i := range performed {
		object, p := "plan."+i.ID, i.PlanIn(o.Code)
		if _, own := i.Plans[o.Code]; own {
			object += "." + o.Code
		}
		if len(o.offered) > 0 {
			c.content(object, i.Name, o, p)
			c.rules(object, i.Name, o, p)
		}
		c.checkIns(object, i.Name, o, p)
	}
	for n, x := range o.activities {
		if len(o.sessions[n]) > 0 {
			c.clock(o, x, o.sessions[n])
			c.series(o, x, o.sessions[n], performed)
		}
	}
}

// content checks that each block of a plan has something that the municipality offers.
func (c *checker) content(object, initiative string, o offer, p association.Plan) {
	missing := map[string]bool{}
	for _, b := range p.Blocks {
		isOffered := func(category string) bool { return o.offered[category] }
		if len(b.Content) > 0 && !slices.ContainsFunc(b.Content, isOffered) {
			c.find(object, true, "%[1]s i %[2]s, block %[3]d: kommunen erbjuder ingen aktivitet som ingår i blocket. Lägg upp en, eller ändra blockets innehåll.",
				"%[1]s in %[2]s, block %[3]d: the municipality offers no activity that belongs to the block. Add one, or change the block's content.", initiative, o.Name, b.Number)
			continue
		}
		for _, category := range b.Content {
			if !isOffered(category) && !missing[category] {
				missing[category] = true
				label := categories[category]
				c.find(object, false, "%[1]s i %[2]s, från block %[3]d: kommunen erbjuder ännu ingen aktivitet av slaget ”%[4]s”.",
					"%[1]s in %[2]s, from block %[3]d on: the municipality offers no activity of the category “%[5]s” yet.", initiative, o.Name, b.Number, label.SV, label.EN)
			}
		}
	}
}

// rules checks that what a municipality offers lets each week that is not closed be as the
// rules want it. That one or two closed days take what there is prevents nothing.
func (c *checker) rules(object, initiative string, o offer, p association.Plan) {
	closed := c.closed[o.Code]
	for _, r := range p.Rules {
		label, sessions := categories[r.Category], o.open[r.Category]
		values := []any{initiative, o.Name, cmp.Or(r.SV, r.ID), cmp.Or(r.EN, r.ID), label.SV, label.EN, r.Times}
		if len(sessions) == 0 && o.offered[r.Category] {
			c.find(object, false, "%[1]s i %[2]s: regeln ”%[3]s” kan inte prövas, eftersom det kommunen erbjuder av slaget ”%[5]s” inte har någon veckodag som alla kan komma på.",
				"%[1]s in %[2]s: the rule “%[4]s” cannot be tried, as what the municipality offers of the category “%[6]s” has no weekday on which everybody can come.", values...)
			continue
		}
		var without, shortened []civil.Date // Mondays
		for week := (c.weekday + 6) / 7; 7*(week+1)-c.weekday <= len(c.dates); week++ {
			monday, free := 7*week-c.weekday, 0
			for _, isClosed := range closed[monday : monday+5] {
				if isClosed {
					free++
				}
			}
			n, _ := slices.BinarySearchFunc(sessions, monday, session.compareDay)
			end, _ := slices.BinarySearchFunc(sessions, monday+7, session.compareDay)
			if free == 5 || canAttend(sessions[n:end], r.Times) {
				continue
			}
			if free > 0 {
				shortened = append(shortened, c.dates[monday])
			} else {
				without = append(without, c.dates[monday])
			}
		}
		if len(without) > 0 {
			c.find(object, true, "%[1]s i %[2]s: regeln ”%[3]s” (slaget ”%[5]s”, minst %[7]d i veckan) kan inte följas med det som kommunen erbjuder. Antal veckor: %[8]d, den första från %[9]s. Lägg till en aktivitet.",
				"%[1]s in %[2]s: the rule “%[4]s” (category “%[6]s”, at least %[7]d a week) cannot be met by what the municipality offers. Weeks: %[8]d, the first from %[9]s on. Add an activity.",
				append(values, len(without), without[0])...)
			c.weigh(len(without), "rule ", initiative, o.Code, " ", r.ID)
		}
		if len(shortened) > 0 {
			c.find(object, false, "%[1]s i %[2]s: regeln ”%[3]s” kan inte följas i veckor med stängda dagar. Antal veckor: %[8]d, den första från %[9]s. Lägg till en aktivitet på en annan dag de veckorna.",
				"%[1]s in %[2]s: the rule “%[4]s” cannot be met in weeks with closed days. Weeks: %[8]d, the first from %[9]s on. Add an activity on another day in those weeks.",
				append(values, len(shortened), shortened[0])...)
			c.weigh(len(shortened), "closed ", initiative, o.Code, " ", r.ID)
		}
	}
}

// checkIns looks for closed weeks that are longer than the time in which a check-in is held
// before the end of its block.
func (c *checker) checkIns(object, initiative string, o offer, p association.Plan) {
	if !slices.ContainsFunc(p.Blocks, func(b association.Block) bool { return b.CheckIn }) {
		return
	}
	closed := c.closed[o.Code]
	for day := 0; day < len(closed); day++ {
		first, working := day, 0
		for ; day < len(closed) && (closed[day] || c.isWeekend(day)); day++ {
			if !c.isWeekend(day) {
				working++
			}
		}
		if working >= 5 && day-first > p.DaysBeforeCheckIn() {
			c.find(object, false, "%[1]s i %[2]s: det är stängt %[3]s till %[4]s, längre än de %[5]d dagar före blockets sista dag då en avstämning kan hållas. Den hålls efteråt för dem vars block slutar då.",
				"%[1]s in %[2]s: it is closed from %[3]s to %[4]s, longer than the %[5]d days before a block's last day in which a check-in can be held. It is held afterwards for those whose block ends then.",
				initiative, o.Name, c.dates[first], c.dates[day-1], p.DaysBeforeCheckIn())
		}
	}
}

// clock looks for sessions during which the clock is changed.
func (c *checker) clock(o offer, x association.Activity, sessions []session) {
	for _, y := range sessions {
		d := c.dates[y.day]
		if !c.isWeekend(y.day) || d.End().Sub(d.Start()) == 24*time.Hour {
			continue
		}
		from, timed := association.Clock(y.form.From)
		to, _ := association.Clock(y.form.To)
		if lasts := d.At(to).Sub(d.At(from)); timed && lasts != to-from {
			c.find("series."+x.ID, lasts <= 0, "”%[1]s” i %[2]s: klockan ställs om %[3]s mellan %[4]s och %[5]s, så tillfället är %[6]d minuter långt. Ange andra tider.",
				"“%[1]s” in %[2]s: the clock is changed on %[3]s between %[4]s and %[5]s, so the occurrence lasts %[6]d minutes. Give other times.", y.form.Name, o.Name, d, y.form.From, y.form.To, max(0, int(lasts.Minutes())))
		}
	}
}

// series checks that somebody can be booked into an activity, and a whole course of it.
func (c *checker) series(o offer, x association.Activity, sessions []session, performed []association.Initiative) {
	for _, p := range c.spans(x) {
		category := p.form.Category
		if !p.form.HasDays() {
			continue
		}
		var plans []association.Plan // with the activity in a block
		for _, i := range performed {
			if p := i.PlanIn(o.Code); slices.ContainsFunc(p.Blocks, func(b association.Block) bool { return isIn(b, category) }) {
				plans = append(plans, p)
			}
		}
		if len(plans) == 0 {
			label := categories[category]
			c.find("series."+x.ID, false, "”%[1]s” i %[2]s: inget block har slaget ”%[3]s”, så ingen kan bokas. Ändra aktivitetens slag, eller ett blocks innehåll.",
				"“%[1]s” in %[2]s: no block has the category “%[4]s”, so nobody can be booked. Change the activity's category, or the content of a block.", p.form.Name, o.Name, label.SV, label.EN)
		} else if g := p.form.ClosedGroup; g != nil && g.Sessions > 0 {
			var days [][]bool // of each plan, whether the activity belongs to the block of each day
			for _, p := range plans {
				days = append(days, nil)
				for _, b := range p.Blocks {
					days[len(days)-1] = append(days[len(days)-1], slices.Repeat([]bool{isIn(b, category)}, 7*b.Weeks)...)
				}
			}
			c.course(o, x, p, sessions, days)
		}
	}
}

// isIn reports whether a category of activity belongs to a block.
func isIn(b association.Block, category string) bool {
	return len(b.Content) == 0 || slices.Contains(b.Content, category)
}

// fits reports whether there is a first day of a plan by which all the sessions are on days
// that they belong to.
func fits(sessions []session, plans [][]bool) bool {
	last := sessions[len(sessions)-1].day - sessions[0].day
	for _, days := range plans {
		for n := 0; n+last < len(days); n++ {
			if !slices.ContainsFunc(sessions, func(y session) bool { return !days[n+y.day-sessions[0].day] }) {
				return true
			}
		}
	}
	return false
}

// course checks that the sessions of a course fit into the blocks that it belongs to, from
// each of its starts; or, as long as it has none, from some day.
func (c *checker) course(o offer, x association.Activity, p span, sessions []session, plans [][]bool) {
	object, wanted := "series."+x.ID, p.form.ClosedGroup.Sessions
	for _, start := range p.form.ClosedGroup.Starts {
		first := c.index(civil.Date(start))
		if first < p.from || first >= p.until || c.dates[first] != civil.Date(start) {
			continue // it has been, or is another form's
		}
		values := []any{p.form.Name, o.Name, wanted, start}
		n, found := slices.BinarySearchFunc(sessions, first, session.compareDay)
		switch {
		case !found:
			c.find(object, true, "”%[1]s” i %[2]s: kursen kan inte börja %[4]s, för då är det stängt. Ange en annan start.",
				"“%[1]s” in %[2]s: the course cannot begin on %[4]s, as it is closed then. Give another start.", values...)
		case len(sessions)-n < wanted:
			if later := x.At(c.dates[len(c.dates)-1]); !later.HasDays() { // else the rest is behind the simulation
				c.find(object, true, "”%[1]s” i %[2]s: kursen som börjar %[4]s hinner bara %[5]d av sina %[3]d gånger innan aktiviteten upphör. Ange en senare sista dag, eller färre gånger.",
					"“%[1]s” in %[2]s: the course that begins on %[4]s gets only %[5]d of its %[3]d sessions before the activity ends. Give a later last day, or fewer sessions.", append(values, len(sessions)-n)...)
			}
		case !fits(sessions[n:n+wanted], plans):
			c.find(object, true, "”%[1]s” i %[2]s: kursen som börjar %[4]s har sin sista av %[3]d gånger %[5]s. Det är längre än blocken som den hör till. Ange en annan start, färre gånger eller längre block.",
				"“%[1]s” in %[2]s: the course that begins on %[4]s has its last of %[3]d sessions on %[5]s. That is longer than the blocks that it belongs to. Give another start, fewer sessions or longer blocks.",
				append(values, c.dates[sessions[n+wanted-1].day])...)
			c.weigh(c.dates[first].DaysUntil(c.dates[sessions[n+wanted-1].day]), "course ", x.ID, start)
		}
	}
	if len(p.form.ClosedGroup.Starts) > 0 {
		return
	}
	possible := false
	for n := 0; n+wanted <= len(sessions); n++ {
		if sessions[n].day >= p.from && sessions[n].day < p.until {
			if possible = true; fits(sessions[n:n+wanted], plans) {
				return
			}
		}
	}
	if possible {
		c.find(object, true, "”%[1]s” i %[2]s: kursens %[3]d gånger ryms inte i blocken som den hör till. Ange färre gånger, eller längre block.",
			"“%[1]s” in %[2]s: the %[3]d sessions of the course do not fit into the blocks that it belongs to. Give fewer sessions, or longer blocks.", p.form.Name, o.Name, wanted)
	}
}
