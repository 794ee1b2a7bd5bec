package outbound

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
)

// typePrefix begins the types of the events that authorities may see.
const typePrefix = "se.finsam.referral."

// Notice is one event as a recipient may see it.
type Notice struct {
	Sequence    int64     `json:"sequence"`           // of the service's feed; 0: a test
	ID          string    `json:"id"`                 // of the event: "<referral>/<step>"
	Type        string    `json:"type"`               // such as "se.finsam.referral.accepted"
	Referral    string    `json:"referral,omitempty"` // empty: a test
	Time        time.Time `json:"time"`               // of the step
	Data        feed.Data `json:"data"`
	Participant string    `json:"participant,omitempty"` // for the access log only; never leaves
}

// Kind is the last word of the type, such as "accepted".
func (n Notice) Kind() string { return strings.TrimPrefix(n.Type, typePrefix) }

// namesMunicipality reports whether a municipality that the notice names by one of the
// keys is among the recipients.
func (n Notice) namesMunicipality(to []Recipient, keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return slices.Contains(to, Recipient("municipality/"+n.Data[key])) })
}

// The keys by which an event's data names municipalities: those that had the referral
// then, and one that was asked to take it over.
const (
	holderKey = "municipality"
	formerKey = "from"
	askedKey  = "to"
)

// publicKeys are the parts of an event's data that leave the house. All else stays: what
// a new kind of step adds leaves only when it is named here. The dates of the progress,
// the coach and the outcome are not among them, because the sender sees those only as
// far as the consent covers them.
var publicKeys = []string{"referral", "municipality", "from", "to", "unit", "party", "wait", "since", "due", "corrected"}

// withheldKinds leave for no recipient: whether a person is protected is for the named
// handlers, who see it in the referral.
var withheldKinds = []string{"protected", "unprotected"}

// Recipient is whom a notice is for: an authority ("authority/fk"), or those who receive
// at a municipality ("municipality/1481").
type Recipient string

// recipientsOf returns who may see an event, each once. An event that the sender may not
// see names no authority: the referral decides that when it makes the event.
func recipientsOf(e feed.Event) (all []Recipient) {
	kind, ok := strings.CutPrefix(e.Type, typePrefix)
	if !ok || slices.Contains(withheldKinds, kind) {
		return nil
	}
	if e.Authority != "" {
		all = append(all, Recipient("authority/"+e.Authority))
	}
	for _, key := range []string{holderKey, formerKey, askedKey} {
		if r := Recipient("municipality/" + e.Data[key]); e.Data[key] != "" && !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// recipientsFor returns the recipients whose notices the actor may read, as the access
// table has it for listEvents.
func recipientsFor(a actor.Actor) (all []Recipient) {
	for _, c := range access.Row(listEvents) {
		switch {
		case !a.Has(c.Role):
		case c.Relation == access.OwnAuthority && a.Authority != "":
			all = append(all, Recipient("authority/"+a.Authority))
		case c.Relation == access.OwnMunicipality && a.Municipality != "":
			all = append(all, Recipient("municipality/"+a.Municipality))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// noticeBlock is the notices of one recipient from one page of the feed. Its id is made
// of recipient and page, so a page that comes twice is stored once. Two pods may cut
// the feed into other pages and so store an event in two blocks; readers go by the
// sequence and meet it once.
type noticeBlock struct {
	Association string    `json:"association"`
	Recipient   Recipient `json:"recipient"`
	First       int64     `json:"first"` // sequence number of the page's first event
	Last        int64     `json:"last"`
	Notices     []Notice  `json:"notices"`
	At          time.Time `json:"at"` // when it was stored
}

func (b *noticeBlock) id() string {
	return string(b.Recipient) + "/" + strconv.FormatInt(b.First, 10) + "-" + strconv.FormatInt(b.Last, 10)
}

func blocksOf(events []feed.Event, now time.Time) (all []*noticeBlock) {
	byRecipient := map[string]*noticeBlock{}
	for _, e := range events {
		n := Notice{
			Sequence: e.Sequence, ID: e.ID, Type: e.Type, Referral: e.Subject, Time: e.Time.UTC(),
			Participant: e.Data["participant"], Data: map[string]string{},
		}
		for _, key := range publicKeys {
			if v := e.Data[key]; v != "" {
				n.Data[key] = v
			}
		}
		for _, r := range recipientsOf(e) {
			key := e.Association + "\x00" + string(r)
			b := byRecipient[key]
			if b == nil {
				b = &noticeBlock{Association: e.Association, Recipient: r, At: now, First: events[0].Sequence, Last: events[len(events)-1].Sequence}
				byRecipient[key], all = b, append(all, b)
			}
			b.Notices = append(b.Notices, n)
		}
	}
	return all
}

// maxReferrals bounds how many referrals are read at once to decide what is visible.
const maxReferrals = 16

// visibleIDs returns, for each notice, the event id by which the recipients may see it
// now; empty: they may not. Each referral is read once.
//
// A consent can be withdrawn after a notice was stored, so this is called each time:
// before events are listed, and before a delivery is sent, resent or listed. A
// municipality that had the referral then needs no consent, and a test is about no
// referral.
func (s *Service) visibleIDs(ctx context.Context, association string, to []Recipient, notices []Notice) ([]string, error) {
	ids := make([]string, len(notices))
	numbers := map[string]func(step int64, asked string) int64{}
	for i, n := range notices {
		if n.Referral == "" || n.namesMunicipality(to, holderKey, formerKey) {
			ids[i] = n.ID
		} else {
			numbers[n.Referral] = nil
		}
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxReferrals)
	for _, referral := range slices.Collect(maps.Keys(numbers)) {
		g.Go(func() error {
			number, err := s.VisibleStepNumber(ctx, association, referral)
			mu.Lock()
			defer mu.Unlock()
			numbers[referral] = number
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, n := range notices {
		if ids[i] != "" {
			continue
		}
		_, text, _ := strings.Cut(n.ID, "/")
		step, _ := strconv.ParseInt(text, 10, 64)
		asked := ""
		if n.namesMunicipality(to, askedKey) {
			asked = n.Data[askedKey]
		}
		if visible := numbers[n.Referral](step, asked); visible > 0 {
			ids[i] = n.Referral + "/" + strconv.FormatInt(visible, 10)
		}
	}
	return ids, nil
}
