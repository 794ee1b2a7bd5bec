package activity

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// Enrolment is what this service knows of an enrolment: a projection of the
// participant service's feed, never written by a request.
type Enrolment struct {
	Association  string     `json:"association"`
	ID           string     `json:"id"`
	Participant  string     `json:"participant"`
	Municipality string     `json:"municipality"`         // four-digit code
	Coach        string     `json:"coach"`                // subject
	Initiative   string     `json:"initiative,omitempty"` // empty: stored before it was kept, and no step came since
	Closed       bool       `json:"closed"`
	LastDay      civil.Date `json:"lastDay,omitempty"` // of a closed one
	State        string     `json:"state,omitempty"`   // as the latest step left it
	Blocks       []Block    `json:"blocks,omitempty"`  // that have begun
	Pauses       []Pause    `json:"pauses,omitempty"`

	// Steps are those that say when it runs, kept so that one can be corrected.
	Steps []EnrolmentStep `json:"steps,omitempty"`

	Step   int64 `json:"told"`   // number of the latest step that it follows
	Writes int64 `json:"writes"` // each write is a new version
}

// Block is a block of an enrolment that has begun.
type Block struct {
	Number  int        `json:"number"`
	First   civil.Date `json:"first"`
	Last    civil.Date `json:"last"`              // if nothing ends it earlier
	Content []string   `json:"content,omitempty"` // categories of activity; none: all
}

// EnrolmentStep is what one step of an enrolment says of when it runs.
type EnrolmentStep struct {
	history.Entry
	Kind       string                             `json:"kind"`
	Data       map[string]string                  `json:"data"` // of the event
	Correction *history.Correction[EnrolmentStep] `json:"correction,omitempty"`
}

// dayKeys are the parts of an event's data that say when an enrolment runs.
var dayKeys = []string{"on", "number", "firstDay", "lastDay", "content", "decision"}

// Pause is the days on which an enrolment rests.
type Pause struct {
	First civil.Date `json:"first"`
	Last  civil.Date `json:"last,omitempty"` // empty: it goes on
}

// Follow applies step n of the enrolment. It reports whether anything changed: a
// step that it has followed before, or an earlier one, changes nothing.
func (e *Enrolment) Follow(n int64, kind string, data map[string]string, at time.Time) bool {
	if n <= e.Step {
		return false
	}
	e.Step, e.Writes = n, e.Writes+1
	for key, field := range map[string]*string{"participant": &e.Participant, "municipality": &e.Municipality, "coach": &e.Coach, "initiative": &e.Initiative} {
		if text := data[key]; text != "" {
			*field = text
		}
	}
	if state := data["state"]; state != "" {
		e.State = state
	}
	step := EnrolmentStep{Entry: history.Entry{N: n, At: at}, Kind: kind, Data: map[string]string{}}
	for _, key := range dayKeys {
		if text := data[key]; text != "" {
			step.Data[key] = text
		}
	}
	if kind == "corrected" {
		step.Correction = correctionIn(data, step)
		step.Data = nil
	}
	e.Steps = append(e.Steps, step)
	e.Closed, e.LastDay, e.Blocks, e.Pauses = false, "", nil, nil
	for _, s := range history.Story(e.Steps, func(s *EnrolmentStep) *history.Correction[EnrolmentStep] { return s.Correction }) {
		e.follow(s)
	}
	return true
}

// LatestEvent returns the id of the event of the latest step.
func (e *Enrolment) LatestEvent() string { return e.ID + "/" + strconv.FormatInt(e.Step, 10) }

// NameInitiative notes the initiative of an enrolment that was stored without one. It reports
// whether that was so.
func (e *Enrolment) NameInitiative(id string) bool {
	if e.Initiative != "" {
		return false
	}
	e.Initiative, e.Writes = id, e.Writes+1
	return true
}

// correctionIn reads what a correction's event says: the data is that of the step that
// should have been, when it has a kind.
func correctionIn(data map[string]string, instead EnrolmentStep) *history.Correction[EnrolmentStep] {
	c := &history.Correction[EnrolmentStep]{}
	c.Of, _ = strconv.ParseInt(data["corrects"], 10, 64)
	for text := range strings.FieldsFuncSeq(data["voids"], func(r rune) bool { return r == ',' }) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			c.Voids = append(c.Voids, n)
		}
	}
	if instead.Kind = data["kind"]; instead.Kind != "" {
		instead.Entry = history.Entry{}
		c.With = &instead
	}
	return c
}

// follow applies one step of the story.
func (e *Enrolment) follow(s EnrolmentStep) {
	data, on := s.Data, civil.Date(s.Data["on"])
	switch {
	case s.Kind == "closed":
		e.Closed, e.LastDay = true, on
		if !IsDate(e.LastDay) {
			e.LastDay = civil.DateOf(s.At)
		}
	case data["number"] != "" && data["firstDay"] != "":
		e.followBlock(data)
	case data["decision"] == "pause":
		if n := len(e.Blocks); n > 0 {
			on = max(on, e.Blocks[n-1].Last.AddDays(1))
		}
		e.Pauses = append(e.Pauses, Pause{First: on})
	case s.Kind == "resumed" && len(e.Pauses) > 0:
		e.Pauses[len(e.Pauses)-1].Last = on.AddDays(-1)
	}
}

// followBlock applies that a block began, or was prolonged: then it ends as much later as
// was said, also when its first day has been corrected since.
func (e *Enrolment) followBlock(data map[string]string) {
	b := Block{First: civil.Date(data["firstDay"]), Last: civil.Date(data["lastDay"])}
	b.Number, _ = strconv.Atoi(data["number"])
	b.Content = strings.FieldsFunc(data["content"], func(r rune) bool { return r == ',' })
	if n := len(e.Blocks); n > 0 && e.Blocks[n-1].Number == b.Number {
		first := e.Blocks[n-1].First
		b.First, b.Last = first, first.AddDays(b.First.DaysUntil(b.Last))
		e.Blocks[n-1] = b
		return
	}
	e.Blocks = append(e.Blocks, b)
}

// CanBook returns what prevents a booking of an activity from a day on: the enrolment
// runs now, or is planned to begin by that day, and the activity belongs to the block of that day.
func (e *Enrolment) CanBook(a association.Activity, from, today civil.Date) error {
	switch {
	case e.Closed:
		return ErrEnrolmentClosed.AtField("/enrolment")
	case e.State == "planned" && e.isToBegin(today, from):
		return nil
	case e.State == "planned":
		return ErrNotBegun.AtField("/enrolment")
	case e.State == "paused":
		return ErrPaused.AtField("/enrolment")
	case e.isBefore(from):
		return ErrBeforeStart.AtField("/from")
	case !e.holds(a.Category, from):
		return ErrNotInBlock.AtField("/activity")
	}
	return nil
}

// CanAttend returns what prevents attendance of an activity on a day.
func (e *Enrolment) CanAttend(a association.Activity, on civil.Date) error {
	switch {
	case e.State == "planned":
		return ErrNotBegun.AtField("/date")
	case e.isBefore(on):
		return ErrBeforeStart.AtField("/date")
	case slices.ContainsFunc(e.Pauses, func(p Pause) bool { return p.First <= on && (p.Last == "" || on <= p.Last) }):
		return ErrPaused.AtField("/date")
	case !e.holds(a.Category, on):
		return ErrNotInBlock.AtField("/date")
	}
	return nil
}

// isToBegin reports whether the enrolment is planned to begin after a day, and by another.
func (e *Enrolment) isToBegin(after, by civil.Date) bool {
	for _, s := range slices.Backward(history.Story(e.Steps, func(s *EnrolmentStep) *history.Correction[EnrolmentStep] { return s.Correction })) {
		if s.Kind == "planned" {
			first := civil.Date(cmp.Or(s.Data["firstDay"], s.Data["on"]))
			return first > after && first <= by
		}
	}
	return false
}

func (e *Enrolment) isBefore(d civil.Date) bool { return len(e.Blocks) > 0 && d < e.Blocks[0].First }

// holds reports whether a category of activity belongs to the block of a day: the last
// one that has begun by then.
func (e *Enrolment) holds(category string, d civil.Date) bool {
	for _, b := range slices.Backward(e.Blocks) {
		if b.First <= d {
			return len(b.Content) == 0 || slices.Contains(b.Content, category)
		}
	}
	return true
}

// Resource is what access depends on.
func (e *Enrolment) Resource() access.Resource {
	return access.Resource{Association: e.Association, Participant: e.Participant, Relationships: []access.Relationship{{Municipality: e.Municipality}}}
}
