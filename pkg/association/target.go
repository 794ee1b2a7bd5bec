package association

import (
	"fmt"
	"strings"
)

// TargetGroup is whom an initiative is for, besides its ages.
type TargetGroup struct {
	Authorities int      `yaml:"authorities"` // how many kinds of authority must be concerned, at least; 2 when not given
	Reasons     []string `yaml:"reasons"`     // the grounds of which one must hold; all of Reasons when not given
}

// Question is one item of the checklist whether now is the right time, to be
// answered by yes, no or unknown.
type Question struct {
	ID string `yaml:"id"`
	SV string `yaml:"sv"`
	EN string `yaml:"en"`
}

// Reasons are the grounds that a target group knows (the programme ACTivera).
var Reasons = []string{"long_absence", "young_adult", "not_entitled_sickness_benefit"}

// maxQuestions bounds a checklist: nobody answers more.
const maxQuestions = 30

func (g TargetGroup) orDefault() TargetGroup {
	if g.Authorities == 0 {
		g.Authorities = 2
	}
	if len(g.Reasons) == 0 {
		g.Reasons = Reasons
	}
	return g
}

func (c *checker) target(i fileInitiative) {
	n := i.TargetGroup.Authorities
	c.want(n >= 0 && n <= 4, "initiative.targetGroup.authorities", "want 1 to 4 kinds of authority, or none given, got %d", n)
	for k, reason := range i.TargetGroup.Reasons {
		c.oneOf(reason, fmt.Sprintf("initiative.targetGroup.reasons[%d]", k), Reasons, true)
	}
	c.want(len(i.RightTime) <= maxQuestions, "initiative.rightTime", "want at most %d items, got %d", maxQuestions, len(i.RightTime))
	seen := map[string]bool{}
	for k, q := range i.RightTime {
		place := fmt.Sprintf("initiative.rightTime[%d]", k)
		c.want(areaForm.MatchString(q.ID), place+".id", "want lower-case letters and \"_\", got %q", q.ID)
		c.want(!seen[q.ID], place+".id", "want each item once, got %q again", q.ID)
		c.text(q.SV, place+".sv", true)
		c.text(q.EN, place+".en", true)
		seen[strings.TrimSpace(q.ID)] = true
	}
}
