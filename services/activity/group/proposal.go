package group

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/services/activity"
)

// Candidate is one who waits, with the enrolment as it is.
type Candidate struct {
	*Wait
	Enrolment *activity.Enrolment
}

// Proposal is a group that could be planned for those who wait. Whether it is planned, a
// person decides.
type Proposal struct {
	Course      association.Activity // as it is on the first day
	First       civil.Date
	Sessions    int // zero: the programme does not say
	Least, Most int
	Invited     []Candidate // in the order of the waiting list, at most Most
	Others      []Excluded  // the others who wait, in the same order
	Text        fault.Text  // why, in whole sentences
}

// Excluded is one who waits and is not in a proposal.
type Excluded struct {
	Candidate
	Why string // Elsewhere, …
}

// IsEnough reports whether the group could start with those who are in it.
func (p *Proposal) IsEnough() bool { return len(p.Invited) >= p.Least }

// Propose returns which groups of the courses could be planned for those who wait, in the
// order of the waiting list: on which course, from which day within so many weeks. The
// largest group comes first, of equal ones the earliest, and then the one with the lowest id
// of its activity; who is in one is in no other, and a course is proposed once. Where no
// group has the participants that it needs, the best one is returned alone. taken reports
// whether a course has a group from a day already.
//
// The first day is a week ahead at least, as long as an offer holds.
func Propose(courses []association.Activity, waiting []Candidate, taken func(activity string, first civil.Date) bool, today civil.Date, weeks int) []Proposal {
	waiting = slices.Clone(waiting)
	slices.SortStableFunc(waiting, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), a.Since().Compare(b.Since()), cmp.Compare(a.ID, b.ID))
	})
	var all []Proposal
	for left := slices.Clone(courses); len(waiting) > 0; {
		var best *Proposal
		for _, x := range left {
			for d := today.AddDays(OfferDays); d <= today.AddWeeks(weeks); d = d.AddDays(1) {
				p := proposalOn(x, d, today, waiting)
				if p == nil || taken(x.ID, d) {
					continue
				}
				better := best == nil || cmp.Or(cmp.Compare(len(best.Invited), len(p.Invited)), cmp.Compare(p.First, best.First), cmp.Compare(p.Course.ID, best.Course.ID)) < 0
				if better {
					best = p
				}
			}
		}
		if best == nil || len(best.Invited) == 0 || !best.IsEnough() && len(all) > 0 {
			break
		}
		best.Text = best.explain(len(waiting), weeks)
		all = append(all, *best)
		if !best.IsEnough() {
			break
		}
		left = slices.DeleteFunc(left, func(x association.Activity) bool { return x.ID == best.Course.ID })
		waiting = slices.DeleteFunc(waiting, func(c Candidate) bool {
			return slices.ContainsFunc(best.Invited, func(i Candidate) bool { return i.ID == c.ID })
		})
	}
	return all
}

// proposalOn returns the group of a course that begins on a day, nil when none can.
func proposalOn(x association.Activity, first, today civil.Date, waiting []Candidate) *Proposal {
	o, occurs := activity.OccurrenceOn(x, first, nil)
	if !occurs || o.Closed || o.Activity.ClosedGroup == nil {
		return nil
	}
	course := o.Activity.ClosedGroup
	p := &Proposal{Course: o.Activity, First: first, Sessions: course.Sessions}
	p.Least, p.Most = sizes(course, 0, 0)
	if days, _ := Days(x, first, p.Sessions, nil); len(days) < p.Sessions || slices.Contains(course.Starts, string(first)) {
		return nil
	}
	for _, c := range waiting {
		why, _ := c.Fit(c.Enrolment, x, first, today)
		switch {
		case why == "" && len(p.Invited) < p.Most:
			p.Invited = append(p.Invited, c)
		default:
			p.Others = append(p.Others, Excluded{c, cmp.Or(why, NoRoom)})
		}
	}
	return p
}

// explain says in words who is in the group, and why the others are not.
func (p *Proposal) explain(waiting, weeks int) fault.Text {
	clockSV, clockEN := "", ""
	if p.Course.Timed() {
		clockSV, clockEN = " kl. "+p.Course.From+"–"+p.Course.To, " at "+p.Course.From+"–"+p.Course.To
	}
	placeSV, placeEN := "", ""
	switch where := cmp.Or(p.Course.Place, p.Course.Gather); {
	case p.Course.Mode == "digital":
		placeSV, placeEN = ", digitalt", ", digitally"
	case where != "":
		placeSV, placeEN = ", "+where, ", "+where
	}
	sv := []string{fmt.Sprintf("%d av %d som väntar kan börja på %s %s%s%s.", len(p.Invited), waiting, p.Course.Name, p.First, clockSV, placeSV)}
	en := []string{fmt.Sprintf("%d of %d who wait can begin %s on %s%s%s.", len(p.Invited), waiting, p.Course.Name, p.First, clockEN, placeEN)}
	if p.IsEnough() {
		sv = append(sv, fmt.Sprintf("Det är den största grupp som kan börja inom %d veckor; minst %d och högst %d behövs.", weeks, p.Least, p.Most))
		en = append(en, fmt.Sprintf("That is the largest group that can begin within %d weeks; at least %d and at most %d are needed.", weeks, p.Least, p.Most))
	} else {
		sv = append(sv, fmt.Sprintf("Ingen grupp kan börja inom %d veckor, eftersom minst %d behövs.", weeks, p.Least))
		en = append(en, fmt.Sprintf("No group can begin within %d weeks, as at least %d are needed.", weeks, p.Least))
	}
	for _, r := range []struct{ why, sv, en string }{
		{Elsewhere, "%d kan inte vara med i den kommunen.", "%d cannot take part in that municipality."},
		{OtherMode, "%d vill delta på annat sätt.", "%d want to take part in another way."},
		{OtherTime, "%d kan inte den tiden.", "%d cannot come at that time."},
		{Later, "%d kan börja först senare.", "%d can begin only later."},
		{NotReady, "%d har en inskrivning som inte tillåter det då.", "%d have an enrolment that does not allow it then."},
		{NoRoom, "%d får vänta, eftersom andra har stått längre eller har högre prioritet.", "%d have to wait, as others have waited longer or have a higher priority."},
	} {
		n := 0
		for _, o := range p.Others {
			if o.Why == r.why {
				n++
			}
		}
		if n > 0 {
			sv, en = append(sv, fmt.Sprintf(r.sv, n)), append(en, fmt.Sprintf(r.en, n))
		}
	}
	return fault.Text{SV: strings.Join(sv, " "), EN: strings.Join(en, " ")}
}
