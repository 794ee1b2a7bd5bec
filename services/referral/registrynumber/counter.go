// Package registrynumber allocates registry numbers (diarienummer): "2026-000123", the
// Swedish year in which a referral was received, and its place in the association's
// order of that year, with six digits at least.
//
// Numbers are gapless: each from 1 up to the highest allocated is on exactly one
// referral, except those that are pending (reserved for a referral whose insert is under
// way, or whose process crashed in it) and free (reserved once, and not used). A free
// number is allocated before a new one, a free one at the end is as if it had never been
// allocated, and a pending one older than reservationGrace is settled with the next
// write. So a number that is missing from the referrals is in the counter's document,
// and is used by the next referral of that year.
package registrynumber

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
)

// reservationGrace is how long a pending number is left to the request that reserved
// it: longer than any request may take.
const reservationGrace = 2 * time.Minute

// maxPending bounds the pending numbers of one counter.
const maxPending = 4096

// Counter is the document of one association and year.
type Counter struct {
	Association string    `json:"association"`
	Year        int       `json:"year"`
	Last        int       `json:"last"` // the highest allocated
	Free        []int     `json:"free,omitempty"`
	Pending     []Pending `json:"pending,omitempty"`
}

// Pending is a number whose referral is not known to be stored.
type Pending struct {
	Number   int       `json:"number"`
	Referral string    `json:"referral"`
	Since    time.Time `json:"since"`
}

// Collection declares how counters are stored.
var Collection = store.Schema[Counter]{
	Name: "registry_counters",
	ID:   func(c *Counter) (string, string) { return c.Association, strconv.Itoa(c.Year) },
}

// Format writes a number as people read it.
func Format(year, number int) string { return fmt.Sprintf("%d-%06d", year, number) }

// Reserve reserves a number for each referral, the lowest free ones first.
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
		c.Pending = append(c.Pending, Pending{Number: numbers[i], Referral: id, Since: history.Stamp(now)})
	}
	return numbers
}

// Settle ends a reservation: the number is used, or free again. One that is settled
// already is left as it is, because another referral may have the number now.
func (c *Counter) Settle(number int, referral string, used bool) {
	i := slices.IndexFunc(c.Pending, func(p Pending) bool { return p.Number == number && p.Referral == referral })
	if i < 0 {
		return
	}
	c.Pending = slices.Delete(c.Pending, i, i+1)
	if used {
		return
	}
	c.Free = append(c.Free, number)
	for i := slices.Index(c.Free, c.Last); i >= 0; i = slices.Index(c.Free, c.Last) {
		c.Free = slices.Delete(c.Free, i, i+1)
		c.Last--
	}
}

// Expired returns the reservations that are older than reservationGrace.
func (c *Counter) Expired(now time.Time) []Pending {
	return slices.DeleteFunc(slices.Clone(c.Pending), func(p Pending) bool { return now.Sub(p.Since) <= reservationGrace })
}
