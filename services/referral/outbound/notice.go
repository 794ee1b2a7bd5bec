package outbound

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
)

// prefix begins the types of the events that authorities are told of.
const prefix = "se.finsam.referral."

// Notice is one event as a recipient may be told of it.
type Notice struct {
	Sequence    int64             `json:"sequence"` // of the service's feed
	ID          string            `json:"id"`       // of the event: "<referral>/<step>"
	Type        string            `json:"type"`     // such as "se.finsam.referral.accepted"
	Referral    string            `json:"referral"`
	Time        time.Time         `json:"time"` // when the step was taken
	Data        map[string]string `json:"data"`
	Participant string            `json:"participant,omitempty"` // for the access log only; never told
}

// Kind is the last word of the type, such as "accepted".
func (n Notice) Kind() string { return strings.TrimPrefix(n.Type, prefix) }

// publicKeys are the parts of an event's data that leave the house. All else stays:
// what a new kind of step adds is told only when it is named here. The course's own
// dates, the coach and the outcome are not among them, for the referrer sees
// those only as far as the consent covers them.
var publicKeys = []string{"referral", "municipality", "from", "to", "unit", "party", "wait", "since", "due"}

// silent are the kinds that nobody is told of: whether a person is protected is
// for the named handlers, who see it in the referral.
var silent = []string{"protected", "unprotected"}

// Recipient is an address in the notices: an authority, or anyone who receives at a
// municipality.
type Recipient string

func ofAuthority(id string) Recipient      { return Recipient("authority/" + id) }
func ofMunicipality(code string) Recipient { return Recipient("municipality/" + code) }

// recipients returns who is told of an event. An event that the referrer may not
// see names no authority (see event in package referral).
func recipients(e feed.Event) []Recipient {
	var all []Recipient
	if kind, ok := strings.CutPrefix(e.Type, prefix); !ok || slices.Contains(silent, kind) {
		return nil
	}
	if e.Authority != "" {
		all = append(all, ofAuthority(e.Authority))
	}
	return append(all, places(e.Data)...)
}

// noticeOf creates a notice of an event.
func noticeOf(e feed.Event) Notice {
	n := Notice{
		Sequence: e.Sequence, ID: e.ID, Type: e.Type, Referral: e.Subject, Time: e.Time.UTC(),
		Participant: e.Data["participant"], Data: map[string]string{},
	}
	for _, key := range publicKeys {
		if v := e.Data[key]; v != "" {
			n.Data[key] = v
		}
	}
	return n
}

// addresses returns the recipients that the actor reads for, by the table's row.
func addresses(row string, a actor.Actor) []Recipient {
	var all []Recipient
	for _, c := range access.Row(row) {
		switch {
		case !a.Has(c.Role):
		case c.Relation == access.OwnAuthority && a.Authority != "":
			all = append(all, ofAuthority(a.Authority))
		case c.Relation == access.OwnMunicipality && a.Municipality != "":
			all = append(all, ofMunicipality(a.Municipality))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// block is what one page of the feed told one recipient. Its id is made of the
// recipient and the page, so a page that comes twice is kept once. Two pods may
// cut the feed into other pages and so keep an event in two blocks; anyone who reads
// goes by the sequence and meets it once.
type block struct {
	Association string    `json:"association"`
	Recipient   Recipient `json:"recipient"`
	First       int64     `json:"first"` // the page of the feed, from here
	Last        int64     `json:"last"`  // to here
	Notices     []Notice  `json:"notices"`
	At          time.Time `json:"at"` // when it was kept
}

func (b *block) id() string {
	return string(b.Recipient) + "/" + strconv.FormatInt(b.First, 10) + "-" + strconv.FormatInt(b.Last, 10)
}

// blocks returns what a page of the feed tells, in the order of association and
// recipient.
func blocks(events []feed.Event, now time.Time) []*block {
	var all []*block
	found := map[string]*block{}
	for _, e := range events {
		for _, r := range recipients(e) {
			key := e.Association + "\x00" + string(r)
			b := found[key]
			if b == nil {
				b = &block{
					Association: e.Association, Recipient: r, At: now.UTC().Truncate(time.Millisecond),
					First: events[0].Sequence, Last: events[len(events)-1].Sequence,
				}
				found[key], all = b, append(all, b)
			}
			b.Notices = append(b.Notices, noticeOf(e))
		}
	}
	return all
}
