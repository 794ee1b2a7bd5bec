package activity

import (
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/civil"
)

// Enrolment is what this service knows of an enrolment: a projection of the
// participant service's feed, never written by a request.
type Enrolment struct {
	Association  string     `json:"association"`
	ID           string     `json:"id"`
	Participant  string     `json:"participant"`
	Municipality string     `json:"municipality"` // four-digit code
	Coach        string     `json:"coach"`        // subject
	Closed       bool       `json:"closed"`
	LastDay      civil.Date `json:"lastDay,omitempty"` // of a closed one
	Step         int64      `json:"told"`              // number of the latest step that it follows
	Writes       int64      `json:"writes"`            // each write is a new version
}

// Follow applies step n of the enrolment. It reports whether anything changed: a
// step that it has followed before, or an earlier one, changes nothing.
func (e *Enrolment) Follow(n int64, kind string, data map[string]string, at time.Time) bool {
	if n <= e.Step {
		return false
	}
	e.Step, e.Writes = n, e.Writes+1
	for key, field := range map[string]*string{"participant": &e.Participant, "municipality": &e.Municipality, "coach": &e.Coach} {
		if text := data[key]; text != "" {
			*field = text
		}
	}
	if kind == "closed" || kind == "cancelled" {
		e.Closed, e.LastDay = true, civil.Date(data["on"])
		if !IsDate(e.LastDay) {
			e.LastDay = civil.DateOf(at)
		}
	}
	return true
}

// Resource is what access depends on.
func (e *Enrolment) Resource() access.Resource {
	return access.Resource{Association: e.Association, Participant: e.Participant, Relationships: []access.Relationship{{Municipality: e.Municipality}}}
}
