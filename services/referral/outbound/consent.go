package outbound

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// What was kept to be told while a consent held is not told any more once it is
// withdrawn. So the referral is asked each time: before an event is given, and before
// a delivery is sent, sent again or listed.

// word is an event on its way to recipients.
type word struct {
	referral, event string
	asks            bool // whether the referral is asked: the recipients are told as its sender
}

// wordTo returns the word that tells recipients of an event. Those of a municipality
// that has to do with the referral need no consent, and a test is about none.
func wordTo(who []Recipient, referral, event string, data map[string]string) word {
	own := slices.ContainsFunc(places(data), func(r Recipient) bool { return slices.Contains(who, r) })
	return word{referral, event, referral != "" && !own}
}

// step is the number of the step that the event is about.
func (w word) step() int64 {
	_, number, _ := strings.Cut(w.event, "/")
	n, _ := strconv.ParseInt(number, 10, 64)
	return n
}

// asksAtOnce bounds how many referrals are asked at the same time.
const asksAtOnce = 16

// ids returns the id by which each of the events is told now; empty: it may not be.
// Each referral is asked once.
func (s *Service) ids(ctx context.Context, association string, words []word) ([]string, error) {
	told := map[string]func(step int64) int64{}
	for _, w := range words {
		if w.asks {
			told[w.referral] = nil
		}
	}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(asksAtOnce)
	for _, referral := range slices.Collect(maps.Keys(told)) {
		g.Go(func() error {
			number, err := s.VisibleStepNumber(ctx, association, referral)
			mu.Lock()
			defer mu.Unlock()
			told[referral] = number
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := make([]string, len(words))
	for i, w := range words {
		if !w.asks {
			all[i] = w.event
		} else if n := told[w.referral](w.step()); n > 0 {
			all[i] = w.referral + "/" + strconv.FormatInt(n, 10)
		}
	}
	return all, nil
}

// deliveryIDs is ids for deliveries to a webhook.
func (s *Service) deliveryIDs(ctx context.Context, w *Webhook, all ...*Delivery) ([]string, error) {
	words := make([]word, len(all))
	for i, d := range all {
		words[i] = wordTo(w.Recipients, d.Referral, d.Event, d.Data)
	}
	return s.ids(ctx, w.Association, words)
}

// places returns the municipalities that an event's data names.
func places(data map[string]string) []Recipient {
	var all []Recipient
	for _, key := range []string{"municipality", "from", "to"} {
		if code := data[key]; code != "" && !slices.Contains(all, ofMunicipality(code)) {
			all = append(all, ofMunicipality(code))
		}
	}
	return all
}
