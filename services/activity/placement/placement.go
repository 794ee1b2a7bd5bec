// Package placement is work training: who works at which area of a site, on which days of the
// week and until when. No area has more at once than it takes: its places are one document
// (Register), so that of those who ask at once no more get a place.
//
// placement.go and register.go are the noun, pure; service.go has the verbs, and follows the
// enrolments and what time brings.
package placement

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/services/activity"
)

// Category is the category of activity that a placement is: a block without it in its content
// has no work training.
const Category = "work_oriented"

// Placement is one participant's place in an area of a site.
type Placement struct {
	Association  string                     `json:"association"`
	ID           string                     `json:"id"`
	Enrolment    string                     `json:"enrolment"`
	Participant  string                     `json:"participant"`  // the person's id in the vault
	Municipality string                     `json:"municipality"` // four-digit code, the enrolment's and the site's
	Site         string                     `json:"site"`         // id of its object
	Area         string                     `json:"area"`
	From         civil.Date                 `json:"from"`
	Until        civil.Date                 `json:"until"` // last day as agreed
	Days         []association.OpeningHours `json:"days"`  // of the week
	Extent       int                        `json:"extent"`
	AnswerBy     civil.Date                 `json:"answerBy"` // last day of the offer
	FollowUps    []civil.Date               `json:"followUps,omitempty"`
	Tasks        []byte                     `json:"tasks,omitempty"` // encrypted
	Receipt      idempotency.Receipt        `json:"receipt"`
	Steps        []Step                     `json:"steps"`
}

// Step is one thing that happened to the placement.
type Step struct {
	history.Entry
	Kind       StepKind   `json:"kind"`
	Date       civil.Date `json:"date,omitempty"` // of attendance or a follow-up; else the first day that it no longer holds
	Attendance Attendance `json:"attendance,omitempty"`
	Minutes    int        `json:"minutes,omitempty"` // late
	Reason     string     `json:"reason,omitempty"`  // code
	Text       []byte     `json:"text,omitempty"`    // encrypted
}

// StepKind is what happened in a step.
type StepKind string

// The kinds of step.
const (
	StepOffered     StepKind = "offered"
	StepAgreed      StepKind = "agreed"
	StepDeclined    StepKind = "declined"
	StepLapsed      StepKind = "lapsed" // nobody answered the offer
	StepStarted     StepKind = "started"
	StepNoted       StepKind = "attendance_noted"
	StepFollowUpDue StepKind = "follow_up_due"
	StepFollowedUp  StepKind = "followed_up"
	StepEnded       StepKind = "ended"
)

// State is what a placement is in.
type State string

// The states.
const (
	Offered  State = "offered"
	Agreed   State = "agreed"
	Running  State = "running"
	Ended    State = "ended"
	Declined State = "declined"
)

// States lists them in the order of the README's drawing.
var States = []State{Offered, Agreed, Running, Ended, Declined}

// Table says what may happen to a placement when. Attendance and follow-ups are noted also
// after the end, of the days before it.
var Table = history.Table[State, StepKind, activity.Party]{
	{Operation: "createPlacement", Kind: StepOffered, By: []activity.Party{activity.PartyCoach}, From: []State{""}, To: Offered},
	{Operation: "agreePlacement", Kind: StepAgreed, By: []activity.Party{activity.PartyCoach}, From: []State{Offered}, To: Agreed},
	{Operation: "declinePlacement", Kind: StepDeclined, By: []activity.Party{activity.PartyCoach}, From: []State{Offered, Agreed}, To: Declined},
	{Kind: StepLapsed, By: []activity.Party{activity.PartyService}, From: []State{Offered}, To: Declined},
	{Kind: StepStarted, By: []activity.Party{activity.PartyService}, From: []State{Agreed}, To: Running},
	{Operation: "notePlacementAttendance", Kind: StepNoted, By: []activity.Party{activity.PartyCoach, activity.PartySupervisor}, From: []State{Running, Ended}, To: history.Same},
	{Kind: StepFollowUpDue, By: []activity.Party{activity.PartyService}, From: []State{Running}, To: history.Same},
	{Operation: "recordFollowUp", Kind: StepFollowedUp, By: []activity.Party{activity.PartyCoach}, From: []State{Running, Ended}, To: history.Same},
	{Operation: "endPlacement", Kind: StepEnded, By: []activity.Party{activity.PartyCoach, activity.PartyService}, From: []State{Running}, To: Ended},
	{Kind: StepEnded, By: []activity.Party{activity.PartyService}, From: []State{Offered, Agreed, Ended}, To: Ended},
}

// Attendance says whether the participant came.
type Attendance string

// The values of attendance.
const (
	Present Attendance = "present"
	Late    Attendance = "late"
	Absent  Attendance = "absent"
)

// The codes of why somebody was absent, an offer was declined, and a placement ended.
var (
	absences = []string{"ill", "care", "health_care", "authority", "work", "studies", "other", "unknown"}
	declines = []string{"participant", "site", "other"}
	endings  = []string{"according_to_plan", "work", "studies", "ill_health", "own_choice", "site", "other"}
)

// Note is what is noted of a day.
type Note struct {
	Date       civil.Date
	Attendance Attendance
	Minutes    int    // late
	Reason     string // of an absence
	At         time.Time
}

// On returns what is known of the participant on a day: what was noted, and before that the
// absence that was reported for it.
func (s Status) On(o activity.Occurrence, absences []*activity.Absence) activity.Mark {
	booked := activity.Status{Notes: map[civil.Date]activity.Note{}}
	if n, noted := s.Notes[o.Date]; noted {
		booked.Notes[o.Date] = activity.Note{Date: n.Date, Attendance: activity.Attendance(n.Attendance), Minutes: n.Minutes, Reason: n.Reason, At: n.At}
	}
	return booked.On(o, absences)
}

// Status is what the steps amount to.
type Status struct {
	State    State
	LastDay  civil.Date          // before From when it has no day
	Notes    map[civil.Date]Note // the latest of each day
	followed map[civil.Date]bool // days of follow-ups that were held or were reported as due, of which the former are true
}

// Status follows the steps.
func (p *Placement) Status() Status {
	st := Status{LastDay: p.Until, Notes: map[civil.Date]Note{}, followed: map[civil.Date]bool{}}
	for _, s := range p.Steps {
		st.State, _ = Table.Next(st.State, s.Kind, "")
		switch s.Kind {
		case StepDeclined, StepLapsed:
			st.LastDay = p.From.AddDays(-1)
		case StepEnded:
			st.LastDay = min(st.LastDay, s.Date.AddDays(-1))
		case StepNoted:
			st.Notes[s.Date] = Note{s.Date, s.Attendance, s.Minutes, s.Reason, s.At}
		case StepFollowUpDue:
			if !st.followed[s.Date] {
				st.followed[s.Date] = false
			}
		case StepFollowedUp:
			st.followed[s.Date] = true
		}
	}
	return st
}

// Attendances returns the latest note of each day, in the order of the days.
func (s Status) Attendances() []Note {
	return slices.SortedFunc(maps.Values(s.Notes), func(a, b Note) int { return cmp.Compare(a.Date, b.Date) })
}

// IsHeld reports whether the follow-up that was planned for a day has been held.
func (s Status) IsHeld(planned civil.Date) bool { return s.followed[planned] }

// HoursOn returns when the participant is at the site on a date; ok is false on a day on which
// the placement has nothing.
func (p *Placement) HoursOn(d civil.Date) (h association.OpeningHours, ok bool) {
	if d < p.From || d > p.Status().LastDay {
		return h, false
	}
	return association.Site{Open: p.Days}.HoursOn(d)
}

// Times returns what the placement takes of the participant's time: a claim for each day of
// the week.
func (p *Placement) Times() (claims []activity.Claim) {
	for _, h := range p.Days {
		claims = append(claims, activity.Claim{
			Booking: p.ID + "/" + h.Day, Activity: p.ID, From: p.From, Until: p.Until, At: p.Steps[0].At,
			Hours: &h,
		})
	}
	return claims
}

// NextFollowUp returns the first follow-up that has not been held; empty: all have.
func (p *Placement) NextFollowUp() civil.Date {
	st := p.Status()
	for _, d := range p.FollowUps {
		if d <= st.LastDay && !st.followed[d] {
			return d
		}
	}
	return ""
}

// TaskFrom returns the day from which the coach has something to do with the placement: its
// next follow-up, or the first day of one that could not start; empty: nothing.
func (p *Placement) TaskFrom() civil.Date {
	switch p.Status().State {
	case Agreed:
		return p.From
	case Running, Ended:
		return p.NextFollowUp()
	}
	return ""
}

// DueOn returns the first day on which time brings a step to the placement; empty: it brings
// no more.
func (p *Placement) DueOn() civil.Date {
	st := p.Status()
	switch st.State {
	case Offered:
		return p.AnswerBy.AddDays(1)
	case Agreed:
		return p.From
	case Running:
		due := st.LastDay.AddDays(1)
		for _, d := range p.FollowUps {
			if _, reported := st.followed[d]; !reported {
				due = min(due, d)
			}
		}
		return due
	}
	return ""
}

// ChangedAt returns when the last step was taken.
func (p *Placement) ChangedAt() time.Time { return p.Steps[len(p.Steps)-1].At }

// Version is the number of steps.
func (p *Placement) Version() int64 { return int64(len(p.Steps)) }

// Resource is what access depends on; site is the placement's as it is now.
func (p *Placement) Resource(site association.Site) access.Resource {
	return access.Resource{Association: p.Association, Participant: p.Participant, Relationships: []access.Relationship{{Municipality: p.Municipality, Supervisors: site.Supervisors}}}
}

// Operations returns what the placement's state allows.
func (p *Placement) Operations() []string {
	st := p.Status()
	return slices.DeleteFunc(Table.Operations(st.State), func(operation string) bool {
		return st.State == Ended && st.LastDay < p.From || operation == "recordFollowUp" && p.NextFollowUp() == ""
	})
}

// Request is a placement on its way in.
type Request struct {
	Enrolment, Site, Area string
	From, Until, AnswerBy civil.Date
	Days                  []association.OpeningHours // one without times: as long as the site is open
	Extent                int                        // percent of 40 hours a week
	FollowUps             []civil.Date
	Tasks                 string
}

const (
	maxDays    = 366 // that a placement lasts, and begins ahead
	fullWeek   = 40 * time.Hour
	maxPercent = 100
)

// Check returns what of the request is against the rules of a site, and the days with their
// times.
func (r Request) Check(site association.Site, known bool, municipality string, now time.Time) (days []association.OpeningHours, err error) {
	today := civil.DateOf(now)
	site = site.At(r.From)
	switch {
	case !known || !site.WorkTraining:
		return nil, ErrSite.AtField("/site")
	case site.Municipality != municipality:
		return nil, ErrElsewhere.AtField("/site")
	case !slices.Contains(site.Areas, r.Area):
		return nil, ErrArea.AtField("/area")
	case !activity.IsDate(r.From):
		return nil, activity.ErrDate.AtField("/from")
	case r.From < today || r.From > today.AddDays(maxDays):
		return nil, ErrFrom.AtField("/from")
	case !activity.IsDate(r.Until):
		return nil, activity.ErrDate.AtField("/until")
	case r.Until < r.From || r.Until > r.From.AddDays(maxDays):
		return nil, ErrUntil.AtField("/until")
	case !activity.IsDate(r.AnswerBy):
		return nil, activity.ErrDate.AtField("/answerBy")
	case r.AnswerBy < today || r.AnswerBy > r.From:
		return nil, ErrAnswerBy.AtField("/answerBy")
	case len(r.Days) == 0:
		return nil, ErrDays.AtField("/days")
	case r.Extent < 1 || r.Extent > maxPercent:
		return nil, ErrExtent.AtField("/extent")
	}
	var hours time.Duration
	for i, day := range r.Days {
		if days, err = addDay(days, site, day, i); err != nil {
			return nil, err
		}
		from, _ := association.Clock(days[i].From)
		to, _ := association.Clock(days[i].To)
		hours += to - from
	}
	if hours < fullWeek*time.Duration(r.Extent)/maxPercent {
		return nil, ErrExtent.AtField("/extent")
	}
	for i, d := range r.FollowUps {
		if !activity.IsDate(d) {
			return nil, activity.ErrDate.AtField(field("/followUps", i))
		}
		if d < r.From || d > r.Until || slices.Contains(r.FollowUps[:i], d) {
			return nil, ErrFollowUp.AtField(field("/followUps", i))
		}
	}
	return days, nil
}

// addDay adds the i-th day of a request, with its times, to those before.
func addDay(days []association.OpeningHours, site association.Site, day association.OpeningHours, i int) ([]association.OpeningHours, error) {
	n := slices.IndexFunc(site.Open, func(h association.OpeningHours) bool { return h.Day == day.Day })
	if n < 0 || slices.ContainsFunc(days, func(h association.OpeningHours) bool { return h.Day == day.Day }) {
		return nil, ErrDays.AtField(field("/days", i) + "/day")
	}
	open := site.Open[n]
	day.From, day.To = cmp.Or(day.From, open.From), cmp.Or(day.To, open.To)
	if day.From < open.From || day.To > open.To || day.From >= day.To {
		return nil, ErrHours.AtField(field("/days", i) + "/from")
	}
	return append(days, day), nil
}

// CanPlace returns what prevents a placement from one day to another: the enrolment runs now,
// and each day is of a block with work training, as it has begun or as the plan expects it.
func CanPlace(e *activity.Enrolment, plan association.Plan, from, until civil.Date) error {
	if err := e.CanBook(association.Activity{Category: Category}, from, from); err != nil && !errors.Is(err, activity.ErrNotInBlock) {
		return err
	}
	blocks := slices.Clone(e.Blocks)
	for _, b := range plan.Blocks {
		if n := len(blocks); n > 0 && b.Number == blocks[n-1].Number+1 {
			first := blocks[n-1].Last.AddDays(1)
			blocks = append(blocks, activity.Block{Number: b.Number, First: first, Last: first.AddWeeks(b.Weeks).AddDays(-1), Content: b.Content})
		}
	}
	for i, b := range blocks {
		last := activity.Forever
		if i+1 < len(blocks) {
			last = blocks[i+1].First.AddDays(-1)
		}
		if first := max(b.First, from); first <= min(last, until) && len(b.Content) > 0 && !slices.Contains(b.Content, Category) {
			if first == from {
				return ErrNotInBlock.AtField("/from")
			}
			return ErrNotInBlock.AtField("/until")
		}
	}
	return nil
}

// Offer returns a new placement of a checked request; tasks is encrypted.
func Offer(id string, e *activity.Enrolment, r Request, days []association.OpeningHours, tasks []byte, receipt idempotency.Receipt, by history.Author, now time.Time) *Placement {
	return &Placement{
		Association: e.Association, ID: id, Enrolment: e.ID, Participant: e.Participant, Municipality: e.Municipality, Site: r.Site, Area: r.Area,
		From: r.From, Until: r.Until, Days: days, Extent: r.Extent, AnswerBy: r.AnswerBy, FollowUps: slices.Sorted(slices.Values(r.FollowUps)), Tasks: tasks, Receipt: receipt,
		Steps: history.Append(nil, Step{Kind: StepOffered}, by, now),
	}
}

// Agree lets the placement be, while the offer holds.
func (p *Placement) Agree(by history.Author, now time.Time) error {
	switch {
	case !Table.Allows(p.Status().State, StepAgreed):
		return ErrNotOffered
	case p.AnswerBy < civil.DateOf(now):
		return ErrLapsed
	}
	p.Steps = history.Append(p.Steps, Step{Kind: StepAgreed}, by, now)
	return nil
}

// Decline lets nothing come of the placement, before it has started. text is encrypted.
func (p *Placement) Decline(reason string, text []byte, by history.Author, now time.Time) error {
	switch {
	case !Table.Allows(p.Status().State, StepDeclined):
		return ErrStarted
	case !slices.Contains(declines, reason):
		return ErrReason.AtField("/reason")
	}
	p.Steps = history.Append(p.Steps, Step{Kind: StepDeclined, Reason: reason, Text: text}, by, now)
	return nil
}

// End ends a running placement from a day on, which is not before attendance that is noted.
func (p *Placement) End(from civil.Date, reason string, text []byte, by history.Author, now time.Time) error {
	st := p.Status()
	switch {
	case st.State != Running:
		return ErrNotRunning
	case !activity.IsDate(from):
		return activity.ErrDate.AtField("/from")
	case from < p.From || from > p.Until.AddDays(1):
		return ErrOutside.AtField("/from")
	case !slices.Contains(endings, reason):
		return ErrReason.AtField("/reason")
	case slices.ContainsFunc(st.Attendances(), func(n Note) bool { return n.Date >= from && n.Attendance != Absent }):
		return activity.ErrAttended.AtField("/from")
	}
	p.Steps = history.Append(p.Steps, Step{Kind: StepEnded, Date: from, Reason: reason, Text: text}, by, now)
	return nil
}

// maxSteps bounds a placement's document: a day's attendance, some of it corrected.
const maxSteps = 2000

// NoteAttendance notes whether the participant came on a day that has been or is; an absence
// also before the day. What is noted again of a day is a correction: both remain in the
// history. The same note again changes nothing, and changed is false.
func (p *Placement) NoteAttendance(n Note, closed bool, by history.Author, now time.Time) (changed bool, err error) {
	st := p.Status()
	_, there := p.HoursOn(n.Date)
	switch {
	case !activity.IsDate(n.Date):
		return false, activity.ErrDate.AtField("/date")
	case !Table.Allows(st.State, StepNoted):
		return false, ErrNotRunning
	case n.Attendance != Present && n.Attendance != Late && n.Attendance != Absent:
		return false, activity.ErrAttendance.AtField("/attendance")
	case (n.Attendance == Late) != (n.Minutes > 0) || n.Minutes < 0 || n.Minutes > 600:
		return false, ErrMinutes.AtField("/minutes")
	case (n.Attendance == Absent) != (n.Reason != "") || n.Reason != "" && !slices.Contains(absences, n.Reason):
		return false, ErrAbsence.AtField("/reason")
	case !there:
		return false, ErrOutside.AtField("/date")
	case closed:
		return false, activity.ErrDayOff.AtField("/date")
	case n.Date > civil.DateOf(now) && n.Attendance != Absent:
		return false, activity.ErrFuture.AtField("/date")
	case len(p.Steps) >= maxSteps:
		return false, activity.ErrTooMany
	}
	if was, noted := st.Notes[n.Date]; noted && was.Attendance == n.Attendance && was.Minutes == n.Minutes && was.Reason == n.Reason {
		return false, nil
	}
	p.Steps = history.Append(p.Steps, Step{Kind: StepNoted, Date: n.Date, Attendance: n.Attendance, Minutes: n.Minutes, Reason: n.Reason}, by, now)
	return true, nil
}

// FollowUp notes that a follow-up that was planned for a day has been held. text is encrypted.
func (p *Placement) FollowUp(planned civil.Date, text []byte, by history.Author, now time.Time) error {
	st := p.Status()
	switch {
	case !Table.Allows(st.State, StepFollowedUp):
		return ErrNotRunning
	case !slices.Contains(p.FollowUps, planned) || st.followed[planned]:
		return ErrNoFollowUp.AtField("/planned")
	}
	p.Steps = history.Append(p.Steps, Step{Kind: StepFollowedUp, Date: planned, Text: text}, by, now)
	return nil
}

// Advance takes the steps that time has brought by now. canStart says whether the enrolment
// lets the placement start. It reports whether there was one.
func (p *Placement) Advance(canStart bool, by history.Author, now time.Time) bool {
	steps, today := len(p.Steps), civil.DateOf(now)
	step := func(s Step) { p.Steps = history.Append(p.Steps, s, by, now) }
	if p.Status().State == Offered && p.AnswerBy < today {
		step(Step{Kind: StepLapsed})
	}
	if p.Status().State == Agreed && p.Until < today {
		step(Step{Kind: StepEnded, Date: p.From})
	}
	if p.Status().State == Agreed && p.From <= today && canStart {
		step(Step{Kind: StepStarted, Date: p.From})
	}
	if st := p.Status(); st.State == Running {
		for _, d := range p.FollowUps {
			if _, reported := st.followed[d]; d <= today && !reported {
				step(Step{Kind: StepFollowUpDue, Date: d})
			}
		}
		if st.LastDay < today {
			step(Step{Kind: StepEnded, Date: st.LastDay.AddDays(1)})
		}
	}
	return len(p.Steps) > steps
}

// EndWith ends the placement because the enrolment ended on a day, the last one that counts;
// cause is the id of the event that said so. It reports whether it had not ended by then.
func (p *Placement) EndWith(lastDay civil.Date, cause string, by history.Author, now time.Time) bool {
	st := p.Status()
	if st.State == Declined || st.State == Ended && st.LastDay <= max(lastDay, p.From.AddDays(-1)) {
		return false
	}
	p.Steps = history.Append(p.Steps, Step{Kind: StepEnded, Date: max(p.From, lastDay.AddDays(1)), Entry: history.Entry{Cause: cause}}, by, now)
	return true
}
