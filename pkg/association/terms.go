package association

// Terms are how many days each kind of turn may take, as the association has
// agreed with its members. Zero: the default. A day is a calendar day in Sweden;
// a turn is due at the end of its last day.
type Terms struct {
	Decision        int `yaml:"decision" json:"decision,omitempty"`               // the municipality on a referral that came in, came back or was completed
	Supplement      int `yaml:"supplement" json:"supplement,omitempty"`           // the sender on what it was asked for
	Transfer        int `yaml:"transfer" json:"transfer,omitempty"`               // the other municipality on taking over
	Place           int `yaml:"place" json:"place,omitempty"`                     // the municipality on a place that is kept for one who waited
	Start           int `yaml:"start" json:"start,omitempty"`                     // the coach, from the agreed first day
	CheckInAnswer   int `yaml:"checkInAnswer" json:"checkInAnswer,omitempty"`     // the sender at a check-in
	CheckInDecision int `yaml:"checkInDecision" json:"checkInDecision,omitempty"` // the coach on an answered check-in
	NextBlock       int `yaml:"nextBlock" json:"nextBlock,omitempty"`             // the coach, once it is decided to go on
	Closing         int `yaml:"closing" json:"closing,omitempty"`                 // the coach on conversation and documentation
}

// DefaultTerms hold where an association has set none. No law fixes them: two
// weeks is what authorities give each other for an answer (one of the
// associations' seeds is to halve its lead times, and they begin at about a
// month), one week is enough where only one person has to act, and a reserved
// place is empty meanwhile.
var DefaultTerms = Terms{
	Decision: 14, Supplement: 14, Transfer: 7, Place: 7, Start: 7, CheckInAnswer: 14, CheckInDecision: 7, NextBlock: 7, Closing: 14,
}

// maxTerm is the most days that a term may have: longer is no clock.
const maxTerm = 365

func (c *checker) terms(t Terms) {
	for _, x := range []struct {
		name string
		days int
	}{
		{"decision", t.Decision}, {"supplement", t.Supplement}, {"transfer", t.Transfer}, {"place", t.Place}, {"start", t.Start},
		{"checkInAnswer", t.CheckInAnswer}, {"checkInDecision", t.CheckInDecision}, {"nextBlock", t.NextBlock}, {"closing", t.Closing},
	} {
		c.want(x.days >= 0 && x.days <= maxTerm, "terms."+x.name, "want 1 to %d days, or none given, got %d", maxTerm, x.days)
	}
}
