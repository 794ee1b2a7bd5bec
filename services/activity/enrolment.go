package activity

import (
	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
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
	Told         int64      `json:"told"`              // number of the latest step that it was told of
	Writes       int64      `json:"writes"`            // each write is a new version
}

// ErrEnrolmentClosed answers a booking for one who has left.
var ErrEnrolmentClosed = fault.New(fault.Unprocessable, "enrolment-closed",
	"Inskrivningen är avslutad, så det går inte att boka.", "The enrolment is closed, so nothing can be booked.")

// Resource is what access depends on.
func (e *Enrolment) Resource() access.Resource {
	return access.Resource{Association: e.Association, Participant: e.Participant, Relationships: []access.Relationship{{Municipality: e.Municipality}}}
}
