package referral

import (
	"context"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// firstInQueue is the order of a queue: priority, then time on the list.
var firstInQueue = []store.Order{{Key: keyRank}, {Key: keySince}}

// inQueue returns the conditions of a queue. Those put on the list before it named
// an initiative wait for the association's first.
func inQueue(in *association.Association, municipality, initiative string) []store.Cond {
	names := []any{queuedAt(municipality, initiative)}
	if len(in.Initiatives) > 0 && in.Initiatives[0].ID == initiative {
		names = append(names, queuedAt(municipality, ""))
	}
	return []store.Cond{{Key: keyStands, Op: store.In, Value: names}}
}

// waitsFor returns the initiative that a person is to wait for.
func (s *Service) waitsFor(r *Referral, wanted string) (string, error) {
	in, err := s.Associations.Get(r.Association)
	if err != nil {
		return "", err
	}
	if wanted == "" && r.State() == StateWaitlisted {
		wanted = r.queue()
	}
	if wanted == "" && len(in.Initiatives) == 1 {
		wanted = in.Initiatives[0].ID
	}
	if _, known := in.Initiative(wanted); !known {
		return "", ErrInitiative.AtField("/initiative")
	}
	return wanted, nil
}

// checkWaitlistLimit refuses one more where the waiting list has a bound. It is asked and
// not held: two who come at the same moment may both find the last room.
func (s *Service) checkWaitlistLimit(ctx context.Context, r *Referral, initiative string) error {
	if r.State() == StateWaitlisted {
		return nil
	}
	p, err := s.placesOf(ctx, r.Association, r.Municipality(), initiative)
	if err != nil || p == nil || p.Setting() == nil || p.Setting().MaxWaiting == nil {
		return err
	}
	in, err := s.Associations.Get(r.Association)
	if err != nil {
		return err
	}
	waiting, err := s.referrals.Count(ctx, r.Association, inQueue(in, r.Municipality(), initiative))
	if err == nil && waiting >= int64(*p.Setting().MaxWaiting) {
		return ErrWaitingListFull
	}
	return err
}

// fillQueuePositions fills in where those of the views that wait stand in their queue.
func (s *Service) fillQueuePositions(ctx context.Context, views ...*View) error {
	type queue struct{ association, municipality, initiative string }
	ranks := map[queue]map[int64]int64{} // how many wait, by rank
	for _, v := range views {
		r := v.Referral
		if !r.waiting() {
			continue
		}
		in, err := s.Associations.Get(r.Association)
		if err != nil {
			return err
		}
		initiative, err := s.waitsFor(r, "")
		if err != nil {
			continue // an initiative that the association has no more
		}
		where := inQueue(in, r.Municipality(), initiative)
		q := queue{r.Association, r.Municipality(), initiative}
		if ranks[q] == nil {
			if ranks[q], err = s.byRank(ctx, r.Association, where); err != nil {
				return err
			}
		}
		rank := int64(r.rank())
		sooner := append(where, store.Cond{Key: keyRank, Op: store.Eq, Value: rank},
			store.Cond{Key: keySince, Op: store.Lt, Value: r.waitingSince().UnixMilli()})
		ahead, err := s.referrals.Count(ctx, r.Association, sooner)
		if err != nil {
			return err
		}
		v.Queue = &InQueue{Place: ahead + 1}
		for k, n := range ranks[q] {
			v.Queue.Of += n
			if k < rank {
				v.Queue.Place += n
			}
		}
		v.Queue.Of = max(v.Queue.Of, v.Queue.Place) // counted one after the other, while others come and go
	}
	return nil
}

func (s *Service) byRank(ctx context.Context, in string, where []store.Cond) (map[int64]int64, error) {
	all := map[int64]int64{}
	for rank := range int64(len(priorities)) {
		n, err := s.referrals.Count(ctx, in, append(where[:len(where):len(where)], store.Cond{Key: keyRank, Op: store.Eq, Value: rank}))
		if err != nil {
			return nil, err
		}
		all[rank] = n
	}
	return all, nil
}

// WaitingList returns the queue to an initiative of the caller's municipality, the
// first one first; an association with one initiative need not be told which.
func (s *Service) WaitingList(ctx context.Context, initiative string, w Window) (*List, error) {
	const operation = "listWaiting"
	a := actor.From(ctx)
	relation, known := access.Scope(operation, a)
	if !known {
		return nil, fault.ErrForbidden
	}
	in, err := s.Associations.Get(a.Association)
	if err != nil {
		return nil, err
	}
	i, known := asked(in, initiative)
	if !known {
		return nil, ErrInitiative.AtField("initiative")
	}
	after, err := store.ParseCursor(w.Cursor, len(firstInQueue))
	if err != nil {
		return nil, err
	}
	found := relation == access.OwnMunicipality && a.Municipality != ""
	return s.read(ctx, operation, inQueue(in, a.Municipality, i.ID), found, firstInQueue, store.Cursor.String, after, w)
}

// asked returns the initiative of a question; left out it is the association's only one.
func asked(in *association.Association, initiative string) (association.Initiative, bool) {
	if initiative == "" && len(in.Initiatives) == 1 {
		return in.Initiatives[0], true
	}
	return in.Initiative(initiative)
}
