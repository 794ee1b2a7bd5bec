package referral

import (
	"context"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
)

// BatchItem is one referral of a batch.
type BatchItem struct {
	Key        string // its own Idempotency-Key; empty: follows from the batch's and the place
	Submission Submission
	Err        error // why it cannot be tried at all
}

// BatchAnswer is what came of one item: a referral, or why there is none.
type BatchAnswer struct {
	View *View
	Err  error
}

// atOnce is how many items of one batch are created at a time: enough for the
// store to write them together, and few beside everybody else's requests.
const atOnce = 32

// CreateBatch receives several referrals, each for itself and by the rules of
// Create; the answers stand in the order of the items. A batch that is repeated
// under the same key gives the referrals that it made before.
func (s *Service) CreateBatch(ctx context.Context, key string, items []BatchItem) ([]BatchAnswer, error) {
	if !access.MayCall("createReferrals", actor.From(ctx)) {
		return nil, fault.ErrForbidden
	}
	answers := make([]BatchAnswer, len(items))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, item := range items {
		if item.Err != nil {
			answers[i].Err = item.Err
			continue
		}
		if item.Key == "" && key != "" {
			item.Key = key + "/" + strconv.Itoa(i) // no key of a caller has a "/"
		}
		g.Go(func() error {
			answers[i].View, answers[i].Err = s.Create(ctx, item.Key, item.Submission)
			if f := fault.Of(answers[i].Err); f != nil && f.Status.Status() >= 500 {
				s.Log.ErrorContext(ctx, "an item of a batch failed", "index", i, "code", f.Code, "cause", f.Error())
			}
			return nil
		})
	}
	return answers, g.Wait()
}
