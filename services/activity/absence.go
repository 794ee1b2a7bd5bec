package activity

import (
	"cmp"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
)

// Absence (frånvaroanmälan) is a call that a participant will not come for some days. It
// holds for all that the participant is booked into then, whenever that was booked, unless
// something else is noted of the day.
type Absence struct {
	Association string              `json:"association"`
	ID          string              `json:"id"`
	Participant string              `json:"participant"` // the person's id in the vault
	Receipt     idempotency.Receipt `json:"receipt"`
	Steps       []AbsenceStep       `json:"steps"`
}

// AbsenceStep is one thing that happened to it.
type AbsenceStep struct {
	history.Entry
	Kind AbsenceKind `json:"kind"`
	Span
}

// Span is the days of an absence, and why.
type Span struct {
	From   civil.Date `json:"from,omitempty"`
	Until  civil.Date `json:"until,omitempty"`  // last day
	Reason string     `json:"reason,omitempty"` // code
}

// AbsenceKind is what happened in a step.
type AbsenceKind string

// The kinds of step.
const (
	AbsenceReported  AbsenceKind = "reported"
	AbsenceCorrected AbsenceKind = "corrected" // it is for other days, or another reason
	AbsenceWithdrawn AbsenceKind = "withdrawn" // the participant comes after all
)

// AbsenceState is what an absence is in.
type AbsenceState string

// The states of an absence.
const (
	AbsenceHolds AbsenceState = "reported"
	AbsenceGone  AbsenceState = "withdrawn"
)

var absenceTable = history.Table[AbsenceState, AbsenceKind, Party]{
	{Operation: "reportAbsence", Kind: AbsenceReported, By: []Party{PartyPerson, PartyCoach}, From: []AbsenceState{""}, To: AbsenceHolds},
	{Operation: "correctAbsence", Kind: AbsenceCorrected, By: []Party{PartyPerson, PartyCoach}, From: []AbsenceState{AbsenceHolds}, To: history.Same},
	{Operation: "withdrawAbsence", Kind: AbsenceWithdrawn, By: []Party{PartyPerson, PartyCoach}, From: []AbsenceState{AbsenceHolds}, To: AbsenceGone},
}

// The bounds of an absence, in days.
const (
	maxAbsenceDays  = 92 // who is away for longer has a pause
	absenceBehind   = 7  // the first day, before today
	absenceAhead    = 366
	maxAbsenceSteps = 100
)

// check returns what is wrong with a span.
func (x Span) check(now time.Time) error {
	today := civil.DateOf(now)
	switch {
	case !IsDate(x.From):
		return ErrDate.AtField("/from")
	case !IsDate(x.Until):
		return ErrDate.AtField("/until")
	case !slices.Contains(absenceReasons, x.Reason):
		return ErrAbsenceReason.AtField("/reason")
	case x.From < today.AddDays(-absenceBehind) || x.From > today.AddDays(absenceAhead):
		return ErrAbsenceFrom.AtField("/from")
	case x.Until < x.From || x.Until > x.From.AddDays(maxAbsenceDays-1):
		return ErrAbsenceUntil.AtField("/until")
	}
	return nil
}

// ReportAbsence returns a new absence of a participant.
func ReportAbsence(id, association, participant string, x Span, receipt idempotency.Receipt, by history.Author, now time.Time) (*Absence, error) {
	if err := x.check(now); err != nil {
		return nil, err
	}
	return &Absence{
		Association: association, ID: id, Participant: participant, Receipt: receipt,
		Steps: history.Append(nil, AbsenceStep{Kind: AbsenceReported, Span: x}, by, now),
	}, nil
}

// Correct lets the absence be for other days, or another reason. Its first day stays within
// what can be reported, unless it is the one that it was. The same again changes nothing.
func (x *Absence) Correct(to Span, by history.Author, now time.Time) (changed bool, err error) {
	was := x.Span()
	if !absenceTable.Allows(x.State(), AbsenceCorrected) {
		return false, ErrAbsenceGone
	}
	if to == was {
		return false, nil
	}
	tried := now
	if to.From == was.From { // it was within the bounds when it was reported
		tried = x.Steps[0].At
	}
	if err := to.check(tried); err != nil {
		return false, err
	}
	if len(x.Steps) >= maxAbsenceSteps {
		return false, ErrAbsenceFull
	}
	x.Steps = history.Append(x.Steps, AbsenceStep{Kind: AbsenceCorrected, Span: to}, by, now)
	return true, nil
}

// Withdraw takes the absence back.
func (x *Absence) Withdraw(by history.Author, now time.Time) error {
	if !absenceTable.Allows(x.State(), AbsenceWithdrawn) {
		return ErrAbsenceGone
	}
	x.Steps = history.Append(x.Steps, AbsenceStep{Kind: AbsenceWithdrawn}, by, now)
	return nil
}

// State reports whether the absence holds.
func (x *Absence) State() AbsenceState {
	state := AbsenceState("")
	for _, s := range x.Steps {
		state, _ = absenceTable.Next(state, s.Kind, "")
	}
	return state
}

// Span returns the days and the reason as they were left.
func (x *Absence) Span() (span Span) {
	for _, s := range x.Steps {
		if s.Kind != AbsenceWithdrawn {
			span = s.Span
		}
	}
	return span
}

// Operations returns what the absence's state allows.
func (x *Absence) Operations() []string { return absenceTable.Operations(x.State()) }

// Version is the number of steps.
func (x *Absence) Version() int64 { return int64(len(x.Steps)) }

// Mark is what is known of a participant at an occurrence.
type Mark struct {
	Note             // without an Attendance: nothing is
	Others  []Note   // that contradict it
	Absence *Absence // that the participant reported for the day; nil: none
}

// On returns what is known of the participant at an occurrence: what counts of what was
// noted, and before that the absence that was reported for the day. Of who did not come, the
// note has the reason that was notified ahead, if it has none of its own.
func (s Status) On(o Occurrence, absences []*Absence) (m Mark) {
	m.Note, m.Others = s.Notes[o.Date], s.Others[o.Date]
	ahead := s.Ahead[o.Date]
	for _, x := range absences {
		if span := x.Span(); x.State() == AbsenceHolds && span.From <= o.Date && o.Date <= span.Until && (m.Absence == nil || m.Absence.Steps[0].At.Before(x.Steps[0].At)) {
			m.Absence = x
		}
	}
	if x := m.Absence; x != nil && ahead.Attendance == "" {
		i := slices.IndexFunc(x.Steps, func(s AbsenceStep) bool { return s.From <= o.Date && o.Date <= s.Until })
		said := x.Steps[i]
		ahead = Note{Date: o.Date, Attendance: Absent, Reason: x.Span().Reason, At: said.At, By: said.By, Authority: said.Authority}
		ahead.Notified = civil.DateOf(said.At) < o.Date || civil.DateOf(said.At) == o.Date && (o.Starts.IsZero() || said.At.Before(o.Starts))
	}
	switch {
	case ahead.Attendance == "":
	case m.Note.Attendance == "":
		m.Note = ahead
	case m.Note.Attendance == Absent && m.Note.Reason == AbsenceUnknown:
		m.Note.Reason, m.Note.Notified = ahead.Reason, m.Note.Notified || ahead.Notified
	}
	return m
}

// Signal (frånvarosignal) is that somebody who is enrolled is absent often, which the coach
// follows up: one document per enrolment, whose id it has.
type Signal struct {
	Association  string       `json:"association"`
	ID           string       `json:"id"` // the enrolment's
	Participant  string       `json:"participant"`
	Municipality string       `json:"municipality"`
	Coach        string       `json:"coach"` // subject, the enrolment's
	Steps        []SignalStep `json:"steps"`
}

// SignalStep is one thing that happened to it.
type SignalStep struct {
	history.Entry
	Kind SignalKind `json:"kind"`
	Pattern
	Action string `json:"action,omitempty"` // what the coach did, a code
}

// Pattern is how somebody is absent.
type Pattern struct {
	Name     PatternName `json:"pattern,omitempty"`
	On       civil.Date  `json:"on,omitempty"`       // of the absence with which it came
	Absences int         `json:"absences,omitempty"` // so many
	Of       int         `json:"of,omitempty"`       // of so many occurrences
}

// PatternName is a kind of pattern.
type PatternName string

// The kinds of pattern.
const (
	PatternRow   PatternName = "in_a_row"
	PatternShare PatternName = "share"
)

// SignalKind is what happened in a step.
type SignalKind string

// The kinds of step.
const (
	SignalNoticed    SignalKind = "noticed"
	SignalFollowedUp SignalKind = "followed_up"
	SignalCeased     SignalKind = "ceased"   // what was noted has been corrected
	SignalAssigned   SignalKind = "assigned" // the enrolment has another coach
)

// SignalState is what a signal is in.
type SignalState string

// The states of a signal.
const (
	SignalOpen SignalState = "open"
	SignalDone SignalState = "followed_up"
	SignalOver SignalState = "ceased"
)

var signalStates = []SignalState{SignalOpen, SignalDone, SignalOver}

var signalTable = history.Table[SignalState, SignalKind, Party]{
	{Kind: SignalNoticed, By: []Party{PartyService}, From: []SignalState{"", SignalOpen, SignalDone, SignalOver}, To: SignalOpen},
	{Operation: "followUpAbsence", Kind: SignalFollowedUp, By: []Party{PartyCoach}, From: []SignalState{SignalOpen}, To: SignalDone},
	{Kind: SignalAssigned, By: []Party{PartyService}, From: signalStates, To: history.Same},
	{Kind: SignalCeased, By: []Party{PartyService}, From: []SignalState{SignalOpen}, To: SignalOver},
}

// followUps are the codes of what a coach did, as in the contract.
var followUps = []string{"contacted", "meeting_booked", "week_changed", "referrer_informed", "no_action"}

// Turnout is whether somebody came to an occurrence.
type Turnout struct {
	Starts time.Time // or midnight
	On     civil.Date
	Absent bool
}

// TurnoutsOf returns what is known of whether somebody came to what is booked in a span of
// days, in the order of time: what was noted, and the absence that was reported.
func TurnoutsOf(bookings []*Booking, absences []*Absence, cancelled Cancellations, offered func(string) (association.Activity, bool), first, last civil.Date) (all []Turnout) {
	for _, b := range bookings {
		a, known := offered(b.Activity)
		st := b.Status()
		for d := max(first, st.FirstDay); known && d <= min(last, st.LastDay); d = d.AddDays(1) {
			o, occurs := OccurrenceOn(a, d, cancelled)
			if !occurs || o.Closed || o.Cancelled != nil {
				continue
			}
			if n := st.On(o, absences).Note; n.Attendance != "" {
				all = append(all, Turnout{Starts: o.Starts, On: d, Absent: !n.Came()})
			}
		}
	}
	slices.SortStableFunc(all, func(x, y Turnout) int { return cmp.Or(cmp.Compare(x.On, y.On), x.Starts.Compare(y.Starts)) })
	return all
}

// Patterns returns the patterns of absence in turnouts in the order of time, each where it
// comes first.
func Patterns(turnouts []Turnout, rule association.AbsenceRule) []Pattern {
	found := map[PatternName]Pattern{}
	row := 0
	for i, t := range turnouts {
		if row++; !t.Absent {
			row = 0
			continue
		}
		if _, before := found[PatternRow]; !before && row >= rule.InRow {
			found[PatternRow] = Pattern{PatternRow, t.On, row, row}
		}
		absences, of := 0, 0
		for _, x := range turnouts[:i+1] {
			if x.On > t.On.AddWeeks(-rule.Weeks) {
				of++
				if x.Absent {
					absences++
				}
			}
		}
		// One absence is no pattern, whatever it is a half of.
		if _, before := found[PatternShare]; !before && absences >= 2 && absences*100 >= of*rule.Percent {
			found[PatternShare] = Pattern{PatternShare, t.On, absences, of}
		}
	}
	var all []Pattern
	for _, name := range []PatternName{PatternRow, PatternShare} {
		if p, is := found[name]; is {
			all = append(all, p)
		}
	}
	return all
}

// State returns the state of the signal.
func (s *Signal) State() (state SignalState) {
	for _, step := range s.Steps {
		state, _ = signalTable.Next(state, step.Kind, "")
	}
	return state
}

// Counted returns the turnouts that count: what was followed up is not noticed again.
func (s *Signal) Counted(turnouts []Turnout) []Turnout {
	for _, step := range s.Steps {
		if day := civil.DateOf(step.At); step.Kind == SignalFollowedUp {
			turnouts = slices.DeleteFunc(slices.Clone(turnouts), func(t Turnout) bool { return t.On <= day })
		}
	}
	return turnouts
}

// Open returns the patterns that wait to be followed up.
func (s *Signal) Open() (open []Pattern) {
	for _, step := range s.Steps {
		switch step.Kind {
		case SignalNoticed:
			open = append(open, step.Pattern)
		case SignalFollowedUp, SignalCeased:
			open = nil
		}
	}
	return open
}

// Follow notes which patterns there are now; cause is the id of the event that led to it. It
// reports whether that is new.
func (s *Signal) Follow(e *Enrolment, patterns []Pattern, cause string, by history.Author, now time.Time) (changed bool) {
	open := s.Open()
	step := SignalStep{Entry: history.Entry{Cause: cause}, Kind: SignalCeased}
	if len(patterns) == 0 && len(open) > 0 {
		s.Steps = history.Append(s.Steps, step, by, now)
		return true
	}
	for _, p := range patterns {
		if !slices.ContainsFunc(open, func(x Pattern) bool { return x.Name == p.Name }) {
			step.Kind, step.Pattern = SignalNoticed, p
			s.Participant, s.Municipality, s.Coach = e.Participant, e.Municipality, e.Coach
			s.Steps, changed = history.Append(s.Steps, step, by, now), true
		}
	}
	return changed
}

// Assign follows that the enrolment has another coach, and reports whether that is so.
func (s *Signal) Assign(coach, cause string, by history.Author, now time.Time) bool {
	if coach == s.Coach {
		return false
	}
	s.Coach, s.Steps = coach, history.Append(s.Steps, SignalStep{Entry: history.Entry{Cause: cause}, Kind: SignalAssigned}, by, now)
	return true
}

// FollowUp says what the coach did about it.
func (s *Signal) FollowUp(action string, by history.Author, now time.Time) error {
	switch {
	case !signalTable.Allows(s.State(), SignalFollowedUp):
		return ErrSignalDone
	case !slices.Contains(followUps, action):
		return ErrFollowUp.AtField("/action")
	}
	s.Steps = history.Append(s.Steps, SignalStep{Kind: SignalFollowedUp, Action: action}, by, now)
	return nil
}

// Version is the number of steps.
func (s *Signal) Version() int64 { return int64(len(s.Steps)) }

// Resource is what access depends on.
func (s *Signal) Resource() access.Resource {
	return access.Resource{Association: s.Association, Participant: s.Participant, Relationships: []access.Relationship{{Municipality: s.Municipality}}}
}

// Shortfall is that a participant's week lacks what a rule of the programme wants.
type Shortfall struct {
	Rule     association.Rule
	Planned  int // occurrences of the rule's category that the participant is booked into and that take place
	Attended int // of them
	Open     int // of them: nothing is known yet
	Lacks    Lack
}

// Lack is what a week lacks.
type Lack string

// What a week lacks: bookings, or attendance.
const (
	LacksPlanned  Lack = "planned"
	LacksAttended Lack = "attended"
)

// RulesIn returns the rules of a plan that hold for the week of an enrolment: one that it
// runs through, from Monday to Sunday.
func (e *Enrolment) RulesIn(w Week, p association.Plan) (rules []association.Rule) {
	first, last := w.Monday(), w.Sunday()
	if len(e.Blocks) == 0 || e.Blocks[0].First > first || e.Closed && e.LastDay < last {
		return nil
	}
	if slices.ContainsFunc(e.Pauses, func(x Pause) bool { return x.First <= last && (x.Last == "" || x.Last >= first) }) {
		return nil
	}
	block := e.Blocks[0]
	for _, b := range e.Blocks {
		if b.First <= last {
			block = b
		}
	}
	number := 1 + WeekOf(e.Blocks[0].First).Monday().DaysUntil(first)/7
	for _, r := range p.Rules {
		if number >= r.FromWeek && (len(r.Blocks) == 0 || slices.Contains(r.Blocks, block.Number)) {
			rules = append(rules, r)
		}
	}
	return rules
}

// ShortfallsIn returns which rules a week does not keep to, of what is booked in it. Where
// nothing is known yet of an occurrence, it may still be attended, as long as the week lasts.
func ShortfallsIn(w Week, rules []association.Rule, booked []BookedOccurrence, today civil.Date) (lacking []Shortfall) {
	for _, r := range rules {
		x := Shortfall{Rule: r}
		for _, o := range booked {
			if o.Activity.Category != r.Category || o.Closed || o.Cancelled != nil {
				continue
			}
			x.Planned++
			switch {
			case o.Came():
				x.Attended++
			case o.Attendance == "":
				x.Open++
			}
		}
		still := x.Open
		if w.Sunday() < today {
			still = 0
		}
		switch {
		case x.Planned < r.Times:
			x.Lacks = LacksPlanned
		case x.Attended+still < r.Times:
			x.Lacks = LacksAttended
		default:
			continue
		}
		lacking = append(lacking, x)
	}
	return lacking
}

// BookedOccurrence is an occurrence that a participant is booked into.
type BookedOccurrence struct {
	Occurrence
	Booking   string // empty for work training
	Placement string // of work training
	Mark
}
