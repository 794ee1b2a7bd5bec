package participant

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/retention"
)

// Staff is somebody who works at an authority, as the authority's access tokens name them.
type Staff struct {
	Association  string    `json:"association"`
	Authority    string    `json:"authority"`
	Subject      string    `json:"subject"`
	Municipality string    `json:"municipality,omitempty"`
	Name         []byte    `json:"name"` // encrypted
	SeenAt       time.Time `json:"seenAt"`
}

// seenAgain is after what time it is worth a write that somebody is still there.
const seenAgain = 24 * time.Hour

// IsSeenAgain reports whether now is long enough after the last time to be noted.
func (s *Staff) IsSeenAgain(now time.Time) bool { return now.Sub(s.SeenAt) >= seenAgain }

// ForgottenBefore returns the time before which those who were last seen are forgotten.
func ForgottenBefore(now time.Time) time.Time { return now.AddDate(0, -retention.StaffNameMonths, 0) }

// WorksFor reports whether somebody is of an authority or a municipality of these.
func (s *Staff) WorksFor(sides []access.Relationship) bool {
	return slices.ContainsFunc(sides, func(r access.Relationship) bool {
		return r.Authority == s.Authority || r.Municipality != "" && r.Municipality == s.Municipality
	})
}
