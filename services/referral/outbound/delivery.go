package outbound

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
)

// Delivery is one event on its way to one webhook.
type Delivery struct {
	Association string            `json:"association"`
	ID          string            `json:"id"`
	Webhook     string            `json:"webhook"`
	Event       string            `json:"event"` // its id
	Type        string            `json:"type"`
	Referral    string            `json:"referral,omitempty"` // none: a test
	Sequence    int64             `json:"sequence"`           // of the feed; a test has none
	Time        time.Time         `json:"time"`               // when it happened
	Data        map[string]string `json:"data,omitempty"`
	State       DeliveryState     `json:"state"`
	Due         time.Time         `json:"due"`     // when it is tried next; while it is claimed, when that ends
	Claimed     bool              `json:"claimed"` // it is being tried
	Begun       int               `json:"begun"`   // tries begun since it began to wait
	Tries       []Try             `json:"tries"`   // the last ones, oldest first
	MadeAt      time.Time         `json:"madeAt"`  // when it began to wait at first
	Settled     *time.Time        `json:"settled"` // when it was delivered or given up
}

// DeliveryState is where a delivery stands.
type DeliveryState string

// The states of a delivery.
const (
	Waiting   DeliveryState = "waiting"
	Delivered DeliveryState = "delivered"
	Dead      DeliveryState = "dead" // given up: a dead letter
)

// Try is one attempt to deliver.
type Try struct {
	At      time.Time `json:"at"`
	Status  int       `json:"status,omitempty"` // HTTP; 0: there was no answer
	Outcome Outcome   `json:"outcome"`
	Millis  int64     `json:"millis"`
}

// Outcome says in a word how a try went.
type Outcome string

// The outcomes of a try.
const (
	OK             Outcome = "ok"             // 2xx
	Refused        Outcome = "refused"        // another status; a redirect is not followed
	OutcomeGone    Outcome = "gone"           // 410: the webhook is turned off
	TimedOut       Outcome = "timeout"        // no answer in time
	Unreachable    Outcome = "unreachable"    // no connection, no name
	Untrusted      Outcome = "untrusted"      // the certificate is not valid for the name
	AddressClosed  Outcome = "address_closed" // it led to a network that is not sent to
	Interrupted    Outcome = "interrupted"    // this process ended meanwhile
	maxTries               = len(waits) + 1   // before a delivery is given up
	maxKeptTries           = 20               // of one delivery
	mostRetryAfter         = 2 * time.Hour    // of what a receiver asks for
	lease                  = 45 * time.Second // longer than any try
	testType               = "se.finsam.test" // of a test delivery
	jitter                 = 5                // a wait is longer by at most one part in so many
)

// waits are the shortest pauses between tries: growing, and never less than 24
// hours in all, so that a receiver may be away for a day.
var waits = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 4 * time.Hour, 7 * time.Hour, 10*time.Hour + 30*time.Minute,
}

// deliveries are named by webhook and event, so that a page of the feed that comes
// twice makes each once.
var deliveries = uuid.MustParse("c1a2f0de-7d43-4b0c-9f56-0a6f3a4f7e21")

// newDelivery returns the delivery of a notice to a webhook.
func newDelivery(w *Webhook, n Notice, now time.Time) *Delivery {
	now = now.UTC().Truncate(time.Millisecond)
	return &Delivery{
		Association: w.Association, ID: uuid.NewSHA1(deliveries, []byte(w.ID+"/"+n.ID)).String(), Webhook: w.ID,
		Event: n.ID, Type: n.Type, Referral: n.Referral, Sequence: n.Sequence, Time: n.Time, Data: n.Data,
		State: Waiting, Due: now, MadeAt: now,
	}
}

// Test reports whether it is a test, which is tried once.
func (d *Delivery) Test() bool { return d.Type == testType }

// begin takes the delivery for one try: nobody else tries it before the lease ends.
func (d *Delivery) begin(now time.Time) {
	d.Due, d.Claimed = now.Add(lease), true
	d.Begun++
}

// later reports whether it is being tried, or waits after a try, at that time. One
// that only waits for another of its lane does not.
func (d *Delivery) later(now time.Time) bool {
	return (d.Claimed || d.Begun > 0) && d.Due.After(now)
}

// ended notes a try, and what follows from it. after is what the receiver asked
// to wait; spread is from 0 to 1 and places the next try within its bounds.
func (d *Delivery) ended(t Try, after time.Duration, now time.Time, spread float64) {
	d.Claimed = false
	if t.Outcome == Interrupted {
		d.Due, d.Begun = now, d.Begun-1
		return
	}
	if d.Tries = append(d.Tries, t); len(d.Tries) > maxKeptTries {
		d.Tries = d.Tries[len(d.Tries)-maxKeptTries:]
	}
	settled := func(s DeliveryState) { d.State, d.Settled = s, &now }
	switch {
	case t.Outcome == OK:
		settled(Delivered)
	case t.Outcome == OutcomeGone, d.Test(), d.Begun >= maxTries:
		settled(Dead)
	default:
		pause := waits[max(d.Begun-1, 0)]
		pause += time.Duration(spread * float64(pause/jitter))
		d.Due = now.Add(max(pause, min(after, mostRetryAfter)))
	}
}

// resend lets a settled delivery wait again, for all its tries.
func (d *Delivery) resend(now time.Time) error {
	if d.State == Waiting {
		return ErrDeliveryWaits
	}
	d.State, d.Settled, d.Begun, d.Due = Waiting, nil, 0, now
	return nil
}

// spread returns a place within the bounds of a wait.
func spread() float64 { return rand.Float64() }
