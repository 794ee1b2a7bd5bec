// Package consent is the one rule of what a person's consent (samtycke) shares with the
// authority that referred the person (OSL 10:1). The access table, the lists, the events
// and what is sent to authorities all ask it.
package consent

import "slices"

// The categories of data that are shared by consent.
const (
	Identity = "identity" // who the person is, which the sender wrote itself: every consent shares it
	Progress = "progress" // what was planned, and the way through the initiative
	Outcome  = "outcome"  // that it ended, and how
)

// Scope is what a consent comes to for the sender now. The zero Scope shares nothing.
type Scope struct {
	InForce  bool     // it names the sender, and is not withdrawn
	Withheld []string // categories that it leaves out
}

// Shares reports whether the sender may see data of a category now.
func (s Scope) Shares(category string) bool {
	return s.InForce && !slices.Contains(s.Withheld, category)
}
