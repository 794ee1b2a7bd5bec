package referral

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Consent (samtycke) is what the person has agreed to in writing (OSL 10:1).
type Consent struct {
	GivenOn     string   `json:"givenOn"` // date
	TextVersion string   `json:"textVersion"`
	Authorities []string `json:"authorities"`          // ids or kinds of those it is between
	Categories  []string `json:"categories,omitempty"` // the data it covers; empty: all
}

// Names reports whether the consent covers an authority, by its id or its kind.
func (c Consent) Names(authority string, kind actor.AuthorityKind) bool {
	return slices.Contains(c.Authorities, authority) || kind != "" && slices.Contains(c.Authorities, string(kind))
}

// kinds are the kinds of party that a consent may name instead of ids.
var kinds = []actor.AuthorityKind{actor.EmploymentService, actor.SocialInsurance, actor.Region, actor.Municipality, actor.PrivateCare}

// between wants a consent between authorities that exist: members, kinds of party, or
// the sender, who need not be a member.
func (w *fieldErrors) between(authorities []string, sender string, in *association.Association, pointer string) {
	for _, id := range authorities {
		if id != sender && !slices.Contains(kinds, actor.AuthorityKind(id)) && !in.HasAuthority(id) {
			w.add(ErrAuthority, pointer)
			return
		}
	}
}

// consentText wants the version of a text that the association has on the day of the
// consent, where it has any then.
func (w *fieldErrors) consentText(c Consent, in *association.Association, now time.Time, pointer string) {
	day := civil.Date(c.GivenOn)
	if !day.Valid() || day > civil.DateOf(now) {
		return // which is wrong already
	}
	held := in.ConsentVersions(day)
	if len(held) == 0 || slices.Contains(held, c.TextVersion) {
		return
	}
	w.add(ErrConsentText.WithText(
		fmt.Sprintf("Förbundet hade inte den samtyckestext som textVersion anger den dag då personen samtyckte. Den %s gällde: %s. Ange versionen som personen skrev under.", day, strings.Join(held, ", ")),
		fmt.Sprintf("The association did not have the text of consent that textVersion names on the day on which the person consented. On %s there was: %s. Give the version that the person signed.", day, strings.Join(held, ", "))), pointer)
}

func (c Consent) isSame(other Consent) bool {
	return c.GivenOn == other.GivenOn && c.TextVersion == other.TextVersion &&
		slices.Equal(c.Authorities, other.Authorities) && slices.Equal(c.Categories, other.Categories)
}

// extends reports whether the consent covers all that the other one covers: to cover
// less is to withdraw, which only the person can do.
func (c Consent) extends(other Consent) bool {
	isSubset := func(part, whole []string) bool {
		return !slices.ContainsFunc(part, func(x string) bool { return !slices.Contains(whole, x) })
	}
	return isSubset(other.Authorities, c.Authorities) &&
		(len(c.Categories) == 0 || len(other.Categories) > 0 && isSubset(other.Categories, c.Categories))
}
