package referral

import (
	"slices"

	"github.com/finsam/finsam/pkg/actor"
)

// Consent (samtycke) is what the person has agreed to in writing (OSL 10:1).
type Consent struct {
	GivenOn     string   `json:"givenOn"` // date
	TextVersion string   `json:"textVersion"`
	Authorities []string `json:"authorities"`          // ids or kinds of those it is between
	Categories  []string `json:"categories,omitempty"` // the data it covers; empty: all
}

// The categories of data that a consent may leave out and that this service would show.
const (
	CategoryProgress = "progress"
	CategoryOutcome  = "outcome"
)

// Names reports whether the consent covers an authority, by its id or its kind.
func (c Consent) Names(authority string, kind actor.AuthorityKind) bool {
	return slices.Contains(c.Authorities, authority) || kind != "" && slices.Contains(c.Authorities, string(kind))
}

// Naming returns the consent with the authority named by its id, also where the person
// named its kind: the vault knows ids only.
func (c Consent) Naming(authority string, kind actor.AuthorityKind) Consent {
	if c.Names(authority, kind) && !slices.Contains(c.Authorities, authority) {
		c.Authorities = append(slices.Clone(c.Authorities), authority)
	}
	return c
}

// Covers reports whether the consent is about a category of data.
func (c Consent) Covers(category string) bool {
	return len(c.Categories) == 0 || slices.Contains(c.Categories, category)
}

func (c Consent) isSame(other Consent) bool {
	return c.GivenOn == other.GivenOn && c.TextVersion == other.TextVersion &&
		slices.Equal(c.Authorities, other.Authorities) && slices.Equal(c.Categories, other.Categories)
}

// extends reports whether the consent covers all that the other one covers: to cover
// less is to withdraw, which only the person can do.
func (c Consent) extends(other Consent) bool {
	return isSubset(other.Authorities, c.Authorities) &&
		(len(c.Categories) == 0 || len(other.Categories) > 0 && isSubset(other.Categories, c.Categories))
}

func isSubset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(x string) bool { return !slices.Contains(whole, x) })
}
