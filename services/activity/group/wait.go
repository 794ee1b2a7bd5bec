package group

import (
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/services/activity"
)

// Wait is that an enrolled participant waits for a place in a group of some kind of course.
type Wait struct {
	Association  string              `json:"association"`
	ID           string              `json:"id"`
	Enrolment    string              `json:"enrolment"`
	Participant  string              `json:"participant"`  // the person's id in the vault
	Municipality string              `json:"municipality"` // of the enrolment
	Category     string              `json:"category"`     // of the course
	Wish         Wish                `json:"wish"`
	Receipt      idempotency.Receipt `json:"receipt"`
	Steps        []WaitStep          `json:"steps"`
}

// Wish is what a participant who waits can do, and how urgent it is.
type Wish struct {
	Priority       string     `json:"priority"`                 // one of Priorities
	From           civil.Date `json:"from,omitempty"`           // first day that would do; empty: any
	Municipalities []string   `json:"municipalities,omitempty"` // where; none: in that of the enrolment
	Mode           string     `json:"mode,omitempty"`           // "digital" or "place"; empty: both would do
	Times          []Time     `json:"times,omitempty"`          // that would do; none: any
}

// Time is a part of a week.
type Time struct {
	Day  string `json:"day"`            // "monday" to "sunday"
	Part string `json:"part,omitempty"` // "morning" or "afternoon"; empty: the whole day
}

// Priorities are those of the waiting list, the most urgent first.
var Priorities = []string{"high", "normal", "low"}

// WaitStep is one thing that happened while somebody waited.
type WaitStep struct {
	history.Entry
	Kind   WaitKind `json:"kind"`
	Group  string   `json:"group,omitempty"`
	Reason string   `json:"reason,omitempty"` // why the wait goes on, or ended
}

// WaitKind is what happened in a step.
type WaitKind string

// The kinds of step of a wait.
const (
	WaitBegun    WaitKind = "queued"
	WaitOffered  WaitKind = "offered"
	WaitPlaced   WaitKind = "placed"
	WaitReturned WaitKind = "returned" // without the place, with the time since the beginning
	WaitEnded    WaitKind = "ended"
)

// WaitState is what a wait is in.
type WaitState string

// The states of a wait.
const (
	Waiting  WaitState = "waiting"
	HasOffer WaitState = "offered"
	HasPlace WaitState = "placed"
	WaitOver WaitState = "ended"
)

// WaitStates lists them in the order of the README's drawing.
var WaitStates = []WaitState{Waiting, HasOffer, HasPlace, WaitOver}

// WaitTable says what may happen to a wait when.
var WaitTable = history.Table[WaitState, WaitKind, activity.Party]{
	{Operation: "createGroupWait", Kind: WaitBegun, By: []activity.Party{activity.PartyCoach}, From: []WaitState{""}, To: Waiting},
	{Kind: WaitOffered, By: []activity.Party{activity.PartyService}, From: []WaitState{Waiting}, To: HasOffer},
	{Kind: WaitPlaced, By: []activity.Party{activity.PartyCoach, activity.PartyService}, From: []WaitState{Waiting, HasOffer}, To: HasPlace},
	{Operation: "declineGroupOffer", Kind: WaitReturned, By: []activity.Party{activity.PartyCoach, activity.PartyService}, From: []WaitState{HasOffer, HasPlace}, To: Waiting},
	{Operation: "endGroupWait", Kind: WaitEnded, By: []activity.Party{activity.PartyCoach, activity.PartyService}, From: []WaitState{Waiting, HasOffer, HasPlace}, To: WaitOver},
}

// State returns the state, and the group of the offer or the place.
func (w *Wait) State() (state WaitState, group string) {
	for _, s := range w.Steps {
		state, _ = WaitTable.Next(state, s.Kind, "")
		group = s.Group
		if s.Kind == WaitReturned {
			group = ""
		}
	}
	return state, group
}

// Operations returns what the state of a wait allows.
func (w *Wait) Operations() []string {
	state, _ := w.State()
	all := WaitTable.Operations(state)
	if state == HasPlace { // that is given up by the booking
		all = nil
	}
	return all
}

// Since returns since when the participant waits.
func (w *Wait) Since() time.Time { return w.Steps[0].At }

// UntilOffer returns from which day the participant waited until the first offer or place; no
// second day while there was none.
func (w *Wait) UntilOffer() (from, until civil.Date) {
	if i := slices.IndexFunc(w.Steps, func(s WaitStep) bool { return s.Kind == WaitOffered || s.Kind == WaitPlaced }); i >= 0 {
		until = civil.DateOf(w.Steps[i].At)
	}
	return civil.DateOf(w.Since()), until
}

// Version is the number of steps.
func (w *Wait) Version() int64 { return int64(len(w.Steps)) }

// Resource is what access to a wait depends on.
func (w *Wait) Resource() access.Resource {
	r := access.Resource{Association: w.Association, Participant: w.Participant, Relationships: []access.Relationship{{Municipality: w.Municipality}}}
	for _, m := range w.Wish.Municipalities {
		r.Relationships = append(r.Relationships, access.Relationship{Municipality: m})
	}
	return r
}

// Queue returns a wait that begins.
func Queue(id string, e *activity.Enrolment, category string, w Wish, receipt idempotency.Receipt, by history.Author, now time.Time) (*Wait, error) {
	switch {
	case e.Closed:
		return nil, activity.ErrEnrolmentClosed.AtField("/enrolment")
	case w.From != "" && !activity.IsDate(w.From):
		return nil, activity.ErrDate.AtField("/from")
	case w.From > civil.DateOf(now).AddDays(2*366):
		return nil, ErrFarAhead.AtField("/from")
	}
	return &Wait{
		Association: e.Association, ID: id, Enrolment: e.ID, Participant: e.Participant, Municipality: e.Municipality, Category: category, Wish: w, Receipt: receipt,
		Steps: history.Append(nil, WaitStep{Kind: WaitBegun}, by, now),
	}, nil
}

// Take adds a step about a group, if the state allows it. It reports whether that is so.
func (w *Wait) Take(kind WaitKind, group, reason string, by history.Author, now time.Time) bool {
	if state, _ := w.State(); !WaitTable.Allows(state, kind) || len(w.Steps) >= maxSteps {
		return false
	}
	w.Steps = history.Append(w.Steps, WaitStep{Kind: kind, Group: group, Reason: reason}, by, now)
	return true
}

// rank is the index of the priority, from 0.
func (w *Wait) rank() int64 { return int64(max(slices.Index(Priorities, w.Wish.Priority), 0)) }

// Why somebody who waits does not fit into a group: the wish, or the enrolment.
const (
	Elsewhere = "elsewhere"  // in another municipality than where it would do
	OtherMode = "other_mode" // digital instead of at a place, or the reverse
	OtherTime = "other_time"
	Later     = "later"     // the group begins too early
	NotReady  = "not_ready" // the enrolment cannot be booked into it then
	NoRoom    = "no_room"   // others come first
)

// Fit returns why a course that begins on a day does not do for who waits, empty when it
// does. err is what of the enrolment is in the way, for NotReady.
func (w *Wait) Fit(e *activity.Enrolment, x association.Activity, first, today civil.Date) (why string, err error) {
	form := x.At(first)
	where := w.Wish.Municipalities
	if len(where) == 0 {
		where = []string{w.Municipality}
	}
	mode := "place"
	if form.Mode == "digital" {
		mode = "digital"
	}
	part := form.Part
	if form.Timed() {
		if part = "morning"; form.From >= "12:00" {
			part = "afternoon"
		}
	}
	day := strings.ToLower(first.MidnightUTC().Weekday().String())
	suits := func(t Time) bool { return t.Day == day && (t.Part == "" || t.Part == part) }
	switch {
	case !slices.Contains(where, x.Municipality):
		return Elsewhere, nil
	case w.Wish.Mode != "" && w.Wish.Mode != mode:
		return OtherMode, nil
	case len(w.Wish.Times) > 0 && !slices.ContainsFunc(w.Wish.Times, suits):
		return OtherTime, nil
	case first < w.Wish.From:
		return Later, nil
	}
	if err := e.CanBook(form, first, today); err != nil {
		return NotReady, err
	}
	return "", nil
}
