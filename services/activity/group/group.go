package group

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/services/activity"
)

// Group is one run of a course in a municipality.
type Group struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Municipality string              `json:"municipality"` // four-digit code
	Activity     string              `json:"activity"`     // the course that it is a run of
	Receipt      idempotency.Receipt `json:"receipt"`
	Steps        []Step              `json:"steps"`
}

// Step is one thing that happened to the group.
type Step struct {
	history.Entry
	Kind   StepKind `json:"kind"`
	Plan   *Plan    `json:"plan,omitempty"`   // as planned or changed
	Seat   *Seat    `json:"seat,omitempty"`   // offered, taken or freed
	Reason string   `json:"reason,omitempty"` // why it was cancelled, or the seat was freed
	Text   []byte   `json:"text,omitempty"`   // what the participants read about that, encrypted
}

// StepKind is what happened in a step.
type StepKind string

// The kinds of step of a group.
const (
	Planned   StepKind = "planned"
	Changed   StepKind = "changed"
	Opened    StepKind = "opened"
	Offered   StepKind = "offered" // a place, to one who waits
	Placed    StepKind = "placed"
	Freed     StepKind = "freed" // an offer or a place
	Started   StepKind = "started"
	Ended     StepKind = "ended"
	Cancelled StepKind = "cancelled"
)

// State is what a group is in.
type State string

// The states of a group.
const (
	StatePlanned   State = "planned"
	StateOpen      State = "open"
	StateRunning   State = "running"
	StateEnded     State = "ended"
	StateCancelled State = "cancelled"
)

// States lists them in the order of the README's drawing.
var States = []State{StatePlanned, StateOpen, StateRunning, StateEnded, StateCancelled}

// Table says what may happen to a group when. Places are only taken while it is open: nobody
// joins a running one.
var Table = history.Table[State, StepKind, activity.Party]{
	{Operation: "createGroup", Kind: Planned, By: []activity.Party{activity.PartyCoach, activity.PartyPlanner}, From: []State{""}, To: StatePlanned},
	{Operation: "changeGroup", Kind: Changed, By: []activity.Party{activity.PartyCoach, activity.PartyPlanner}, From: []State{StatePlanned, StateOpen, StateRunning}, To: history.Same},
	{Operation: "openGroup", Kind: Opened, By: []activity.Party{activity.PartyCoach}, From: []State{StatePlanned}, To: StateOpen},
	{Kind: Offered, By: []activity.Party{activity.PartyService}, From: []State{StateOpen}, To: history.Same},
	{Operation: "createBooking", Kind: Placed, By: []activity.Party{activity.PartyCoach}, From: []State{StateOpen}, To: history.Same},
	{Kind: Freed, By: []activity.Party{activity.PartyCoach, activity.PartyService}, From: []State{StateOpen, StateRunning}, To: history.Same},
	{Operation: "startGroup", Kind: Started, By: []activity.Party{activity.PartyCoach}, From: []State{StateOpen}, To: StateRunning},
	{Kind: Ended, By: []activity.Party{activity.PartyService}, From: []State{StateRunning}, To: StateEnded},
	{Operation: "cancelGroup", Kind: Cancelled, By: []activity.Party{activity.PartyCoach}, From: []State{StatePlanned, StateOpen, StateRunning}, To: StateCancelled},
}

// Reasons are those for which a group is cancelled, and for which a seat is freed.
var Reasons = []string{"too_few", "leader_absent", "premises", "other"}

// Why a seat was freed.
const (
	Declined  = "declined"   // the offer
	Lapsed    = "lapsed"     // the offer, of which nothing was heard
	Left      = "left"       // before the first session
	NotBooked = "not_booked" // the booking was never stored
)

// Plan is what the participants of a group can count on.
type Plan struct {
	Leader   string    `json:"leader,omitempty"` // subject of the member of staff
	Place    string    `json:"place,omitempty"`  // in words; empty: that of the activity
	Least    int       `json:"least"`            // participants, for the group to start
	Most     int       `json:"most"`
	Minutes  int       `json:"minutes,omitempty"` // of a session; zero: not given
	Sessions []Session `json:"sessions"`          // in the order of their days
}

// Session is one day of a group, and what it is about.
type Session struct {
	Date    civil.Date `json:"date"`
	Content string     `json:"content,omitempty"`
}

// First and Last return the days of the first and the last session as planned.
func (p *Plan) First() civil.Date { return p.Sessions[0].Date }

// Last returns the day of the last session as planned.
func (p *Plan) Last() civil.Date { return p.Sessions[len(p.Sessions)-1].Date }

// Days returns the days of the sessions as planned.
func (p *Plan) Days() (days []civil.Date) {
	for _, s := range p.Sessions {
		days = append(days, s.Date)
	}
	return days
}

// Seat is a place that somebody has, or is offered.
type Seat struct {
	Enrolment    string     `json:"enrolment"`
	Participant  string     `json:"participant"`       // the person's id in the vault
	Municipality string     `json:"municipality"`      // of the enrolment
	Booking      string     `json:"booking,omitempty"` // by which it is taken; empty: offered
	Wait         string     `json:"wait,omitempty"`    // to whom it is offered, on the waiting list
	Until        civil.Date `json:"until,omitempty"`   // last day of the offer
	At           time.Time  `json:"-"`                 // since when
}

// Status is what the steps of a group amount to.
type Status struct {
	State  State
	Plan   *Plan
	Seats  []Seat   // in the order of time
	Passed []string // who waits and had an offer of the group
	Reason string   // why it was cancelled
	Text   []byte   // what the participants read about that, encrypted
}

// Status follows the steps.
func (g *Group) Status() *Status {
	st := &Status{}
	for i := range g.Steps {
		s := &g.Steps[i]
		st.State, _ = Table.Next(st.State, s.Kind, "")
		if s.Plan != nil {
			st.Plan = s.Plan
		}
		switch s.Kind {
		case Offered, Placed:
			st.drop(s.Seat.Enrolment)
			seat := *s.Seat
			seat.At = s.At
			st.Seats = append(st.Seats, seat)
			if s.Kind == Offered {
				st.Passed = append(st.Passed, seat.Wait)
			}
		case Freed:
			st.drop(s.Seat.Enrolment)
		case Started, Cancelled: // what was offered is not to be had any more
			st.Seats = slices.DeleteFunc(st.Seats, func(x Seat) bool { return x.Booking == "" })
			st.Reason, st.Text = s.Reason, s.Text
		}
	}
	return st
}

func (s *Status) drop(enrolment string) {
	s.Seats = slices.DeleteFunc(s.Seats, func(x Seat) bool { return x.Enrolment == enrolment })
}

// Seat returns the place or offer of an enrolment, nil without one.
func (s *Status) Seat(enrolment string) *Seat {
	if i := slices.IndexFunc(s.Seats, func(x Seat) bool { return x.Enrolment == enrolment }); i >= 0 {
		return &s.Seats[i]
	}
	return nil
}

// Taken returns how many have a place, without those who are offered one.
func (s *Status) Taken() (n int) {
	for _, x := range s.Seats {
		if x.Booking != "" {
			n++
		}
	}
	return n
}

// OpenOn returns the days of the sessions and how many places they have; no days while nobody
// can have a place, and of a group that was cancelled.
func (g *Group) OpenOn(x association.Activity) (days []civil.Date, places int) {
	st := g.Status()
	if st.State == StatePlanned || st.State == StateCancelled {
		return nil, 0
	}
	for _, s := range st.Plan.Sessions {
		days = append(days, s.DayOf(x))
	}
	return days, st.Plan.Most
}

// StartedWith returns on which day the group started, and how many had a place then; no day
// if it has not.
func (g *Group) StartedWith() (on civil.Date, size int) {
	i := slices.IndexFunc(g.Steps, func(s Step) bool { return s.Kind == Started })
	if i < 0 {
		return "", 0
	}
	then := *g
	then.Steps = g.Steps[:i+1]
	return civil.DateOf(g.Steps[i].At), then.Status().Taken()
}

// Version is the number of steps.
func (g *Group) Version() int64 { return int64(len(g.Steps)) }

// Resource is what access to the group depends on: to what of it is about a seat too, unless
// that is nil.
func (g *Group) Resource(seat *Seat) access.Resource {
	leader := g.Status().Plan.Leader
	r := access.Resource{Association: g.Association, Relationships: []access.Relationship{{Municipality: g.Municipality, Leader: leader}}}
	if seat != nil {
		r.Participant = seat.Participant
		if seat.Municipality != g.Municipality { // whose leaders do not lead it
			r.Relationships = append(r.Relationships, access.Relationship{Municipality: seat.Municipality, Leader: cmp.Or(leader, g.ID)})
		}
	}
	return r
}

// Request is a group on its way in, or what is to be another with it.
type Request struct {
	Leader   string
	Place    string
	Sessions int // zero: as many as the course has
	Least    int // zero: as the course, or DefaultLeast
	Most     int // zero: as the course, or DefaultMost
	From     civil.Date
	Skip     []civil.Date // occurrences of the activity without a session
	Contents []string     // of the sessions, in their order; those without one come last
}

// check returns personnummer.ErrNumberHere for a word about the group in which there is a
// personal identity number: everybody reads it.
func (r Request) check() error {
	words := map[string]string{"/leader": r.Leader, "/place": r.Place}
	for i, text := range r.Contents {
		words[fmt.Sprintf("/contents/%d", i)] = text
	}
	for _, pointer := range slices.Sorted(maps.Keys(words)) {
		if personnummer.Contains(words[pointer]) {
			return personnummer.ErrNumberHere.AtField(pointer)
		}
	}
	return nil
}

// How many a group is for, where neither the programme nor its planner says.
const (
	DefaultLeast = 6
	DefaultMost  = 8
)

// maxSteps bounds a group's document: with eight places, thousands who leave again.
const maxSteps = 4000

// PlanOf returns the plan of a group that is asked for, of the course x: what the programme
// says of it on the first day holds.
func PlanOf(x association.Activity, r Request) (*Plan, error) {
	form := x.At(r.From)
	_, occurs := activity.OccurrenceOn(x, r.From, nil)
	switch {
	case !activity.IsDate(r.From):
		return nil, activity.ErrDate.AtField("/from")
	case !occurs:
		return nil, activity.ErrNoOccurrence.AtField("/from")
	case form.ClosedGroup == nil:
		return nil, ErrNoCourse.AtField("/activity")
	case slices.Contains(form.ClosedGroup.Starts, string(r.From)):
		return nil, ErrOfFile.AtField("/from")
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	course := form.ClosedGroup
	p := &Plan{Leader: cmp.Or(r.Leader, form.Leader), Place: r.Place, Minutes: course.Minutes}
	if from, timed := association.Clock(form.From); timed && p.Minutes == 0 {
		to, _ := association.Clock(form.To)
		p.Minutes = int((to - from) / time.Minute)
	}
	for _, n := range []struct {
		field       string
		asked, says int
	}{{"/sessions", r.Sessions, course.Sessions}, {"/least", r.Least, course.Least}, {"/most", r.Most, course.Most}} {
		if n.says != 0 && n.asked != 0 && n.asked != n.says {
			return nil, ErrAsProgramme.WithText(
				fmt.Sprintf("Programmet anger %d. Ange det, eller utelämna uppgiften.", n.says), fmt.Sprintf("The programme says %d. Give that, or leave it out.", n.says)).AtField(n.field)
		}
	}
	count := cmp.Or(course.Sessions, r.Sessions)
	p.Least, p.Most = sizes(course, r.Least, r.Most)
	switch {
	case count == 0:
		return nil, ErrSessions.AtField("/sessions")
	case p.Least > p.Most:
		return nil, ErrSize.AtField("/least")
	case len(r.Contents) > count:
		return nil, ErrContents.AtField("/contents")
	}
	days, skipped := Days(x, r.From, count, r.Skip)
	if len(days) < count {
		return nil, ErrShort.WithText(
			fmt.Sprintf("Aktiviteten hålls bara %d gånger från den dagen, och kursen har %d tillfällen. Välj en tidigare dag.", len(days), count),
			fmt.Sprintf("The activity takes place only %d times from that day on, and the course has %d sessions. Choose an earlier day.", len(days), count)).AtField("/from")
	}
	for i, d := range r.Skip {
		if !slices.Contains(skipped, d) {
			return nil, ErrSkip.AtField(fmt.Sprintf("/skip/%d", i))
		}
	}
	for i, d := range days {
		p.Sessions = append(p.Sessions, Session{Date: d})
		if i < len(r.Contents) {
			p.Sessions[i].Content = r.Contents[i]
		}
	}
	return p, nil
}

// sizes returns how many a course is for: as the programme says, else as is asked for, else
// as is usual.
func sizes(course *association.ClosedGroup, least, most int) (int, int) {
	least = cmp.Or(course.Least, least, min(DefaultLeast, cmp.Or(course.Most, most, DefaultLeast)))
	return least, cmp.Or(course.Most, most, max(DefaultMost, least))
}

// maxDays bounds how far ahead the sessions of a group are looked for: 200 of a course that
// is held every other week, with its holidays.
const maxDays = 200*14 + 2*366

// Days returns the first days, from a day on, on which a course is held: days that are closed
// and those to be skipped are left out. skipped are those of the latter that were on its way.
func Days(x association.Activity, from civil.Date, count int, skip []civil.Date) (days, skipped []civil.Date) {
	for d, last := from, from.AddDays(maxDays); d <= last && len(days) < count; d = d.AddDays(1) {
		o, occurs := activity.OccurrenceOn(x, d, nil)
		switch {
		case !occurs || o.Closed:
		case slices.Contains(skip, d):
			skipped = append(skipped, d)
		default:
			days = append(days, d)
		}
	}
	return days, skipped
}

// DayOf returns on which day a session of the activity x is held: where the series was moved,
// on its occurrence in the same ISO week.
func (s Session) DayOf(x association.Activity) civil.Date {
	if _, occurs := activity.OccurrenceOn(x, s.Date, nil); occurs {
		return s.Date
	}
	monday := activity.WeekOf(s.Date).Monday()
	for n := range 7 {
		if _, occurs := activity.OccurrenceOn(x, monday.AddDays(n), nil); occurs {
			return monday.AddDays(n)
		}
	}
	return s.Date
}

// Make returns a planned group. Its first session is today or later.
func Make(id, associationID string, x association.Activity, r Request, receipt idempotency.Receipt, by history.Author, now time.Time) (*Group, error) {
	p, err := PlanOf(x, r)
	switch {
	case err != nil:
		return nil, err
	case r.From < civil.DateOf(now):
		return nil, ErrPast.AtField("/from")
	case r.From > civil.DateOf(now).AddDays(2*366):
		return nil, ErrFarAhead.AtField("/from")
	}
	return &Group{
		Association: associationID, ID: id, Municipality: x.Municipality, Activity: x.ID, Receipt: receipt,
		Steps: history.Append(nil, Step{Kind: Planned, Plan: p}, by, now),
	}, nil
}

// take adds a step, if the state allows it.
func (g *Group) take(s Step, by history.Author, now time.Time) error {
	st := g.Status()
	switch {
	case !Table.Allows(st.State, s.Kind):
		return ErrState[st.State]
	case len(g.Steps) >= maxSteps:
		return ErrTooMany
	}
	g.Steps = history.Append(g.Steps, s, by, now)
	return nil
}

// Change makes the plan another: its days only while nobody can have a place, and no fewer
// places than are taken. Without a From the days stay.
func (g *Group) Change(x association.Activity, r Request, by history.Author, now time.Time) error {
	st := g.Status()
	days := r.From != ""
	if !Table.Allows(st.State, Changed) {
		return ErrState[st.State]
	}
	var p *Plan
	switch {
	case days && st.State != StatePlanned:
		return ErrDaysFixed.AtField("/from")
	case !days && (len(r.Skip) > 0 || r.Sessions != 0 && r.Sessions != len(st.Plan.Sessions)):
		return ErrDaysFixed.WithText("Ange också första dagen, from, när tillfällena ska bli andra.", "Give the first day, from, as well when the sessions shall be others.").AtField("/from")
	case days:
		made, err := Make("", g.Association, x, r, g.Receipt, by, now)
		if err != nil {
			return err
		}
		p = made.Status().Plan
	default:
		next := *st.Plan
		next.Leader, next.Place, next.Least, next.Most = r.Leader, r.Place, cmp.Or(r.Least, next.Least), cmp.Or(r.Most, next.Most)
		next.Sessions = slices.Clone(next.Sessions)
		for i := range next.Sessions {
			next.Sessions[i].Content = ""
			if i < len(r.Contents) {
				next.Sessions[i].Content = r.Contents[i]
			}
		}
		course := x.At(next.First()).ClosedGroup
		if err := r.check(); err != nil {
			return err
		}
		switch {
		case len(r.Contents) > len(next.Sessions):
			return ErrContents.AtField("/contents")
		case next.Least > next.Most:
			return ErrSize.AtField("/least")
		case course != nil && course.Least != 0 && r.Least != 0 && r.Least != course.Least:
			return ErrAsProgramme.AtField("/least")
		case course != nil && course.Most != 0 && r.Most != 0 && r.Most != course.Most:
			return ErrAsProgramme.AtField("/most")
		case next.Most < len(st.Seats):
			return ErrMoreTaken.AtField("/most")
		}
		p = &next
	}
	return g.take(Step{Kind: Changed, Plan: p}, by, now)
}

// first returns the day of the first session of the activity x.
func (s *Status) first(x association.Activity) civil.Date { return s.Plan.Sessions[0].DayOf(x) }

// Open lets participants take places.
func (g *Group) Open(x association.Activity, by history.Author, now time.Time) error {
	if st := g.Status(); st.State == StatePlanned && st.first(x) < civil.DateOf(now) {
		return ErrBegun
	}
	return g.take(Step{Kind: Opened}, by, now)
}

// CanTake returns why nobody can take a place in the group today, nil while somebody can:
// until its first day, or its start if that is earlier.
func (s *Status) CanTake(x association.Activity, now time.Time) error {
	switch {
	case s.State == StatePlanned:
		return activity.ErrGroupNotOpen.AtField("/activity")
	case s.State == StateCancelled:
		return ErrState[StateCancelled].AtField("/activity")
	case s.State != StateOpen || s.first(x) < civil.DateOf(now):
		return activity.ErrGroupRunning.AtField("/from")
	}
	return nil
}

// Place takes a place for a booking: the one that the enrolment is offered, or one that
// nobody has.
func (g *Group) Place(x association.Activity, seat Seat, by history.Author, now time.Time) error {
	st := g.Status()
	if err := st.CanTake(x, now); err != nil {
		return err
	}
	has := st.Seat(seat.Enrolment)
	switch {
	case has != nil && has.Booking != "":
		return activity.ErrBooked.AtField("/activity")
	case has != nil:
		seat.Wait = has.Wait
	case len(st.Seats) >= st.Plan.Most:
		return activity.ErrGroupFull.AtField("/activity")
	}
	return g.take(Step{Kind: Placed, Seat: &seat}, by, now)
}

// Free frees a place or an offer of an enrolment: that of a booking, unless it is empty.
// It reports whether there was one.
func (g *Group) Free(enrolment, booking, why string, by history.Author, now time.Time) bool {
	st := g.Status()
	has := st.Seat(enrolment)
	if has == nil || has.Booking != booking || !Table.Allows(st.State, Freed) {
		return false
	}
	g.Steps = history.Append(g.Steps, Step{Kind: Freed, Seat: has, Reason: why}, by, now)
	return true
}

// OfferDays is how long a place is kept for who is offered one: until the first day at most.
const OfferDays = 7

// Offer keeps a place for one who waits. It reports whether there was one.
func (g *Group) Offer(x association.Activity, w *Wait, by history.Author, now time.Time) bool {
	st := g.Status()
	if st.CanTake(x, now) != nil || len(st.Seats) >= st.Plan.Most || st.Seat(w.Enrolment) != nil || slices.Contains(st.Passed, w.ID) {
		return false
	}
	seat := &Seat{Enrolment: w.Enrolment, Participant: w.Participant, Municipality: w.Municipality, Wait: w.ID, Until: min(civil.DateOf(now).AddDays(OfferDays), st.first(x))}
	return g.take(Step{Kind: Offered, Seat: seat}, by, now) == nil
}

// Start begins the group on its first day or later, with as many participants as it needs.
func (g *Group) Start(x association.Activity, by history.Author, now time.Time) error {
	st := g.Status()
	taken, first := st.Taken(), st.first(x)
	switch {
	case st.State != StateOpen:
	case first > civil.DateOf(now):
		return ErrEarly.WithText(
			fmt.Sprintf("Gruppen har sitt första tillfälle %s. Starta den då eller senare.", first), fmt.Sprintf("The group has its first session on %s. Start it then or later.", first))
	case taken < st.Plan.Least:
		return ErrTooFew.WithText(
			fmt.Sprintf("Gruppen har %d deltagare och behöver minst %d. Fyll platserna, eller ställ in gruppen.", taken, st.Plan.Least),
			fmt.Sprintf("The group has %d participants and needs at least %d. Fill the places, or cancel the group.", taken, st.Plan.Least))
	}
	return g.take(Step{Kind: Started}, by, now)
}

// Cancel calls off the group, for a reason; text is what the participants read, encrypted.
func (g *Group) Cancel(reason string, text []byte, by history.Author, now time.Time) error {
	if !slices.Contains(Reasons, reason) {
		return activity.ErrReason.AtField("/reason")
	}
	return g.take(Step{Kind: Cancelled, Reason: reason, Text: text}, by, now)
}

// End ends a running group whose last session has been. It reports whether that is so.
func (g *Group) End(x association.Activity, by history.Author, now time.Time) bool {
	st := g.Status()
	last := st.Plan.Sessions[len(st.Plan.Sessions)-1].DayOf(x)
	return st.State == StateRunning && last < civil.DateOf(now) && g.take(Step{Kind: Ended}, by, now) == nil
}

// Bind makes a booking one of the group's sessions.
func (g *Group) Bind(b *activity.Booking, x association.Activity) {
	b.Group, b.Sessions = g.ID, nil
	for _, s := range g.Status().Plan.Sessions {
		b.Sessions = append(b.Sessions, s.DayOf(x))
	}
	last := b.Sessions[len(b.Sessions)-1]
	if b.From = b.Sessions[0]; b.Until == "" || b.Until > last {
		b.Until = last
	}
}
