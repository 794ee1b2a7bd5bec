package referral

import (
	"fmt"
	"slices"
	"time"
)

// A registry number (diarienummer) is "2026-000123": the Swedish year in which a
// referral was received, and its place in the association's order of that year,
// six digits at least.
//
// Numbers are gapless: each from 1 up to the highest given stands on exactly one
// referral, but for those that are pending (reserved for a referral whose insert
// is under way, or whose program died in it) and free (reserved once, and not
// used). A free number is given before a new one is begun, a free one at the end
// is as if never begun, and a pending one is settled by anyone who reserves next
// once it is older than loanGrace. So a number that is missing from the referrals is
// in the counter's document, and is taken by the next to come that year.

// loanGrace is how long a pending number is left to anyone who reserved it: longer than
// any request may take.
const loanGrace = 2 * time.Minute

// maxReserved bounds the numbers that one counter lends out at a time.
const maxReserved = 4096

// Counter is what is given of the registry numbers of one association and year.
type Counter struct {
	Association string    `json:"association"`
	Year        int       `json:"year"`
	Last        int       `json:"last"` // the highest given
	Free        []int     `json:"free,omitempty"`
	Pending     []Pending `json:"pending,omitempty"`
}

// Pending is a number whose referral is not known to be stored.
type Pending struct {
	Number   int       `json:"number"`
	Referral string    `json:"referral"`
	Since    time.Time `json:"since"`
}

// registryNumber writes a number as it stands on paper.
func registryNumber(year, number int) string { return fmt.Sprintf("%d-%06d", year, number) }

// Reserve lends a number for each referral, the lowest free ones first.
func (c *Counter) Reserve(now time.Time, referrals []string) []int {
	slices.Sort(c.Free)
	numbers := make([]int, len(referrals))
	for i, id := range referrals {
		if len(c.Free) > 0 {
			numbers[i], c.Free = c.Free[0], c.Free[1:]
		} else {
			c.Last++
			numbers[i] = c.Last
		}
		c.Pending = append(c.Pending, Pending{Number: numbers[i], Referral: id, Since: now.UTC().Truncate(time.Millisecond)})
	}
	return numbers
}

// Settle ends a loan: the number is used, or given back. A loan that has been
// settled already is left as it is; somebody else may have the number now.
func (c *Counter) Settle(number int, referral string, used bool) {
	i := slices.IndexFunc(c.Pending, func(p Pending) bool { return p.Number == number && p.Referral == referral })
	if i < 0 {
		return
	}
	c.Pending = slices.Delete(c.Pending, i, i+1)
	if !used {
		c.Free = append(c.Free, number)
		c.trim()
	}
}

// trim forgets free numbers behind the last that is used or lent.
func (c *Counter) trim() {
	for {
		i := slices.Index(c.Free, c.Last)
		if i < 0 || c.Last == 0 {
			return
		}
		c.Free = slices.Delete(c.Free, i, i+1)
		c.Last--
	}
}

// Overdue returns the loans that are older than loanGrace.
func (c *Counter) Overdue(now time.Time) []Pending {
	var old []Pending
	for _, p := range c.Pending {
		if now.Sub(p.Since) > loanGrace {
			old = append(old, p)
		}
	}
	return old
}
