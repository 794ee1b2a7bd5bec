package outbound

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/store"
)

// The faults of the event feed.
var (
	ErrPosition = fault.New(fault.Invalid, "position-unknown",
		"Positionen i after gäller inte här, eller inte längre. Börja om utan after; en händelse har samma id som förut.", "The position in after is not valid here, or not any more. Start again without after; an event has the same id as before.")
	ErrPositionTooOld = fault.New(fault.Conflict, "position-too-old",
		"Händelser efter positionen har gallrats; de sparas i 90 dagar. Läs remisserna på nytt och börja om utan after.", "Events after the position have been deleted; they are kept for 90 days. Read the referrals again and start again without after.")
	ErrTooManyWaiters = fault.New(fault.Unavailable, "too-many-wait",
		"För många väntar på händelser just nu. Fråga igen om en stund, utan att vänta.", "Too many callers are waiting for events right now. Ask again shortly, without waiting.").After(5 * time.Second)
)

// EventPage is a part of the events, and the position behind it, which is always set.
type EventPage struct {
	Items []Notice
	After string // sealed; it differs each time

	after int64 // sequence number of the feed
}

// listEvents is the operation of Events in the access table.
const listEvents = "listEvents"

// MaxWait is the longest that Events waits.
const MaxWait = 25 * time.Second

// EventQuery is what Events is asked for.
type EventQuery struct {
	After  string          // a position; empty: from the oldest event
	Limit  int             // 1 to 200
	Wait   time.Duration   // for the first event; at most MaxWait
	Ending <-chan struct{} // closed when no caller may wait any longer; nil: never
}

// Events returns the events of the caller's authority or municipality behind a position,
// oldest first. When there are none it waits, using nothing of the database meanwhile.
// Errors: ErrPosition, ErrPositionTooOld, ErrTooManyWaiters, share.ErrShare.
func (s *Service) Events(ctx context.Context, q EventQuery) (*EventPage, error) {
	a, err := guard.Caller(ctx, s.AccessLog, listEvents, "events")
	if err != nil {
		return nil, err
	}
	from, err := s.openPosition(a, q.After)
	if err != nil {
		return nil, err
	}
	to := recipientsFor(a)
	if err := s.checkPosition(ctx, a.Association, to, from); err != nil {
		return nil, err
	}
	page, err := s.await(ctx, a.Association, to, from, q)
	if err != nil {
		return nil, err
	}
	if page.After, err = s.sealPosition(a, page.after); err != nil {
		return nil, err
	}
	return page, s.enterEvents(ctx, a, to, page.Items)
}

// enterEvents enters whom the events are about, once for each relation that opened some
// of them. A page without events is entered too.
func (s *Service) enterEvents(ctx context.Context, a actor.Actor, to []Recipient, events []Notice) error {
	participants := map[access.Relation][]string{}
	for _, n := range events {
		relation := access.OwnAuthority
		if n.namesMunicipality(to, holderKey, formerKey, askedKey) {
			relation = access.OwnMunicipality
		}
		participants[relation] = append(participants[relation], n.Participant)
	}
	if len(events) == 0 {
		relation, _ := access.Decide(listEvents, a, access.Resource{
			Association: a.Association, Relationships: []access.Relationship{{Authority: a.Authority, Municipality: a.Municipality}},
		})
		participants[relation] = nil
	}
	for _, relation := range slices.Sorted(maps.Keys(participants)) {
		about := slices.DeleteFunc(participants[relation], func(id string) bool { return id == "" })
		slices.Sort(about)
		e := accesslog.Entry{Operation: listEvents, Thing: "events", Participants: slices.Compact(about), Why: string(relation)}
		if err := guard.Enter(ctx, s.AccessLog, e, nil); err != nil {
			return err
		}
	}
	return nil
}

// await reads the events, and when there are none waits for more notices.
func (s *Service) await(ctx context.Context, association string, to []Recipient, from int64, q EventQuery) (*EventPage, error) {
	page, err := s.readEvents(ctx, association, to, from, q.Limit)
	if err != nil || len(page.Items) > 0 || q.Wait <= 0 || len(to) == 0 {
		return page, err
	}
	who := actor.From(ctx).Owner()
	if _, err := s.waiters.places.Enter(ctx, who); errors.Is(err, share.ErrFull) {
		return nil, ErrTooManyWaiters
	} else if err != nil {
		return nil, err
	}
	defer s.waiters.places.Leave(who, 0)
	select {
	case s.waiters.entered <- struct{}{}:
	default: // the watch knows already
	}
	deadline := time.NewTimer(min(q.Wait, MaxWait))
	defer deadline.Stop()
	for {
		grown := s.waiters.grown()
		// Read again, now that nothing can be missed between reading and waiting.
		if page, err = s.readEvents(ctx, association, to, from, q.Limit); err != nil || len(page.Items) > 0 {
			return page, err
		}
		select {
		case <-grown:
		case <-deadline.C:
			return page, nil
		case <-q.Ending:
			return page, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// maxBlocks bounds how many blocks of a recipient one read returns.
const maxBlocks = 32

// readEvents returns the visible notices of all the recipients behind a position, merged
// in the order of the feed, at most limit. It never goes beyond the follower's own
// position: up to there everything is stored, for every recipient.
func (s *Service) readEvents(ctx context.Context, association string, to []Recipient, from int64, limit int) (*EventPage, error) {
	horizon, err := s.follower.Position(ctx)
	if err != nil {
		return nil, err
	}
	horizon = max(horizon, from)
	var all []Notice
	for _, r := range to {
		blocks, err := s.notices.Find(ctx, store.Query{
			Association: association,
			Where:       []store.Cond{store.Equals(recipientKey, string(r)), {Key: lastKey, Op: store.Gt, Value: from}},
			Sort:        []store.Order{{Key: lastKey}}, Limit: maxBlocks,
		})
		if err != nil {
			return nil, err
		}
		for _, b := range blocks.Items {
			all = append(all, b.Value.Notices...)
		}
		if blocks.Next.ID != "" {
			horizon = min(horizon, blocks.Items[len(blocks.Items)-1].Value.Last)
		}
	}
	slices.SortFunc(all, func(a, b Notice) int { return int(a.Sequence - b.Sequence) })
	all = slices.CompactFunc(all, func(a, b Notice) bool { return a.Sequence == b.Sequence })
	all = slices.DeleteFunc(all, func(n Notice) bool { return n.Sequence <= from || n.Sequence > horizon })
	page := &EventPage{after: horizon}
	for len(all) > 0 {
		part := all[:min(limit, len(all))]
		ids, err := s.visibleIDs(ctx, association, to, part)
		if err != nil {
			return nil, err
		}
		for i, n := range part {
			if n.ID = ids[i]; n.ID == "" {
				continue
			}
			if page.Items = append(page.Items, n); len(page.Items) == limit && n.Sequence < all[len(all)-1].Sequence {
				page.after = n.Sequence
				return page, nil
			}
		}
		all = all[len(part):]
	}
	return page, nil
}

// checkPosition refuses a position that is behind the end of the feed, as after a
// restore, and one before what is still stored for one of the recipients.
func (s *Service) checkPosition(ctx context.Context, association string, to []Recipient, from int64) error {
	if from == 0 {
		return nil
	}
	at, err := s.Feed.After(ctx, from-1, 1, 0)
	if err != nil {
		return err
	}
	if len(at) == 0 {
		return ErrPosition.AtField("after")
	}
	for _, r := range to {
		v, err := s.disposals.Get(ctx, association, string(r))
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case from < v.Value.Through:
			return ErrPositionTooOld.AtField("after")
		}
	}
	return nil
}

// positionOf begins what a sealed position is bound to; the actor's authority follows.
const positionOf = "events/"

// sealPosition writes a position in the feed for the authority of an actor. The feed is
// everybody's, so its numbers would count what others do: they are encrypted, in as many
// bytes whatever they are.
func (s *Service) sealPosition(a actor.Actor, sequence int64) (string, error) {
	sealed, err := s.Cipher.Encrypt(binary.BigEndian.AppendUint64(nil, uint64(sequence)), positionOf+a.Owner())
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openPosition reads a position; the empty text is the beginning. One in clear, as they once
// were, is refused: by trying numbers anybody could find the last one.
func (s *Service) openPosition(a actor.Actor, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return 0, ErrPosition.AtField("after")
	}
	b, err := s.Cipher.Decrypt(sealed, positionOf+a.Owner())
	if err != nil || len(b) != 8 {
		return 0, ErrPosition.AtField("after")
	}
	return int64(binary.BigEndian.Uint64(b)), nil
}

const (
	// maxWaiters is how many callers wait for events in one process, of whom one
	// authority has a quarter at most: its systems may reach different gateways.
	maxWaiters = 256
	// lookInterval is how often a process with waiters looks whether another one has
	// stored notices: one small query for all of them together.
	lookInterval = 500 * time.Millisecond
	lookTimeout  = 5 * time.Second
)

// waiters are the callers that wait for notices.
type waiters struct {
	places  *share.Places[string] // by authority
	entered chan struct{}         // has room for one: a caller waits

	mu   sync.Mutex
	grow chan struct{} // closed when there are more notices
}

// grown returns a channel that is closed when more notices are stored after this call.
func (w *waiters) grown() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.grow
}

func (w *waiters) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.grow)
	w.grow = make(chan struct{})
}

// watch wakes the waiters when the follower's position, moved here or in another
// process, has changed. Without waiters it reads nothing.
func (w *waiters) watch(ctx context.Context, position func(context.Context) (int64, error)) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for last := int64(-1); ; {
		select {
		case <-ctx.Done():
			return
		case <-w.entered:
		}
		for _, waiting, _ := w.places.State(); waiting > 0; _, waiting, _ = w.places.State() {
			limited, cancel := context.WithTimeout(ctx, lookTimeout)
			if n, err := position(limited); err == nil && n != last {
				last = n
				w.wake()
			}
			cancel()
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}
