package outbound

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// What asking for events can answer instead.
var (
	ErrPosition = fault.New(fault.Invalid, "position-unknown",
		"Positionen i after är inte en som tjänsten har gett. Börja om utan after.",
		"The position in after is none that the service has given. Begin again without after.")
	ErrPositionTooOld = fault.New(fault.Conflict, "position-too-old",
		"Händelser efter positionen har gallrats; de sparas i 90 dagar. Läs remisserna på nytt och börja om utan after.",
		"Events behind the position have been disposed of; they are kept for 90 days. Read the referrals anew and begin again without after.")
	ErrTooManyWaiters = fault.New(fault.Unavailable, "too-many-wait",
		"För många väntar på händelser just nu. Fråga igen om en stund, utan att vänta.",
		"Too many wait for events just now. Ask again shortly, without waiting.").After(5 * time.Second)
)

// Events is a part of a recipient's events and the position behind it, which is
// always given: also when there was nothing.
type Events struct {
	Items []Notice
	After string
}

// MaxWait is the longest that Events waits.
const MaxWait = 25 * time.Second

// Ask is what is asked of Events.
type Ask struct {
	After  string          // position; empty: from the oldest that is kept
	Limit  int             // 1 to 200
	Wait   time.Duration   // for the first event; at most MaxWait
	Ending <-chan struct{} // closed when nobody may wait any longer; nil: never
}

// Events returns what the caller's authority, or municipality, has been told of
// behind a position, oldest first. When there is nothing it waits, and holds
// nothing of the database meanwhile.
func (s *Service) Events(ctx context.Context, q Ask) (*Events, error) {
	a := actor.From(ctx)
	if !access.MayCall("listEvents", a) {
		return nil, fault.ErrForbidden
	}
	from, err := parsePosition(q.After)
	if err != nil {
		return nil, err
	}
	who := addresses("listEvents", a)
	if err := s.known(ctx, a.Association, who, from); err != nil {
		return nil, err
	}
	all, err := s.await(ctx, a.Association, who, from, q)
	if err != nil {
		return nil, err
	}
	return all, s.AccessLog.Record(ctx, accesslog.Entry{Operation: "listEvents", Thing: "events", Participants: people(all.Items)})
}

// people returns the participants that notices are about, each once.
func people(all []Notice) []string {
	var ids []string
	for _, n := range all {
		if n.Participant != "" {
			ids = append(ids, n.Participant)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// await reads, and when there is nothing waits for the notices to grow.
func (s *Service) await(ctx context.Context, association string, who []Recipient, from int64, q Ask) (*Events, error) {
	all, err := s.read(ctx, association, who, from, q.Limit)
	if err != nil || len(all.Items) > 0 || q.Wait <= 0 || len(who) == 0 {
		return all, err
	}
	leave, ok := s.waiting.enter()
	if !ok {
		return nil, ErrTooManyWaiters
	}
	defer leave()
	deadline := time.NewTimer(min(q.Wait, MaxWait))
	defer deadline.Stop()
	for {
		grown := s.waiting.grown()
		// Once more, now that nothing can come unseen between this and the wait.
		if all, err = s.read(ctx, association, who, from, q.Limit); err != nil || len(all.Items) > 0 {
			return all, err
		}
		select {
		case <-grown:
		case <-deadline.C:
			return all, nil
		case <-q.Ending:
			return all, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// read returns the notices of all the recipients behind a position, merged in the
// order of the feed. It never goes beyond the follower's own position: up to that
// one everything is kept, for every recipient.
func (s *Service) read(ctx context.Context, association string, who []Recipient, from int64, limit int) (*Events, error) {
	horizon, err := s.follower.Position(ctx)
	if err != nil {
		return nil, err
	}
	horizon = max(horizon, from)
	var all []Notice
	for _, r := range who {
		found, more, err := s.blocksOf(ctx, association, r, from)
		if err != nil {
			return nil, err
		}
		for _, b := range found {
			all = append(all, b.Notices...)
		}
		if more {
			horizon = min(horizon, found[len(found)-1].Last)
		}
	}
	slices.SortFunc(all, func(a, b Notice) int { return int(a.Sequence - b.Sequence) })
	all = slices.CompactFunc(all, func(a, b Notice) bool { return a.Sequence == b.Sequence })
	all = slices.DeleteFunc(all, func(n Notice) bool { return n.Sequence <= from || n.Sequence > horizon })
	return s.tellable(ctx, association, who, all, limit, horizon)
}

// tellable returns the first of the notices up to the horizon that may be told now, as
// many as the limit lets.
func (s *Service) tellable(ctx context.Context, association string, who []Recipient, all []Notice, limit int, horizon int64) (*Events, error) {
	e := &Events{After: position(horizon)}
	for len(all) > 0 {
		part := all[:min(limit, len(all))]
		words := make([]word, len(part))
		for i, n := range part {
			words[i] = wordTo(who, n.Referral, n.ID, n.Data)
		}
		ids, err := s.ids(ctx, association, words)
		if err != nil {
			return nil, err
		}
		for i, n := range part {
			if n.ID = ids[i]; n.ID == "" {
				continue
			}
			if e.Items = append(e.Items, n); len(e.Items) == limit && n.Sequence < all[len(all)-1].Sequence {
				e.After = position(n.Sequence)
				return e, nil
			}
		}
		all = all[len(part):]
	}
	return e, nil
}

// known refuses a position that is behind the end of the feed, as after a restore,
// or before what is still kept for one of the recipients.
func (s *Service) known(ctx context.Context, association string, who []Recipient, from int64) error {
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
	for _, r := range who {
		v, err := s.swept.Get(ctx, association, string(r))
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

// positions begin with a letter of their form, so that another form can follow.
const positionForm = "a"

// position writes a place in the feed. To anyone who gets it, it is opaque.
func position(sequence int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(positionForm + strconv.FormatInt(sequence, 36)))
}

// parsePosition reads a position; none is the beginning.
func parsePosition(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	number, ok := strings.CutPrefix(string(raw), positionForm)
	n, numErr := strconv.ParseInt(number, 36, 64)
	if err != nil || !ok || numErr != nil || n < 0 || position(n) != text {
		return 0, ErrPosition.AtField("after")
	}
	return n, nil
}
