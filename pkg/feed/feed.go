// Package feed carries what happened in one service to the services that follow it.
//
// The steps of the aggregates are the outbox: a Publisher copies the steps that are
// not published yet into the service's Log, in order, under gapless sequence
// numbers. A Follower reads another service's log from a position that it stores in
// its own database. A step that is saved is published sooner or later, however often
// processes die. After a crash an event can reach a follower twice; it then has the
// same ID.
//
// An event carries ids, kinds and dates, never personal data.
package feed

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/finsam/finsam/pkg/backoff"
)

// Event is one step of one aggregate, with the names of CloudEvents 1.0.
type Event struct {
	Sequence    int64     `json:"sequence"`              // gapless within one log, from 1
	ID          string    `json:"id"`                    // "<aggregate id>/<step number>"
	Source      string    `json:"source"`                // the service, such as "/services/referral"
	Type        string    `json:"type"`                  // such as "se.finsam.referral.accepted"
	Subject     string    `json:"subject"`               // the aggregate's id
	Time        time.Time `json:"time"`                  // when the step was taken
	Association string    `json:"association"`           // that the aggregate belongs to
	Authority   string    `json:"authority,omitempty"`   // the authority that it concerns, if one
	TraceParent string    `json:"traceparent,omitempty"` // the request that caused it, for one joined trace
	Data        Data      `json:"data,omitempty"`        // ids, codes of kind, dates
}

// Data is what an event says beside its head.
type Data map[string]string

// MarshalJSONTo implements json.MarshalerTo: in the order of the names, and without the
// copies that a map is otherwise written from.
func (d Data) MarshalJSONTo(e *jsontext.Encoder) error {
	var room [16]string
	names := slices.AppendSeq(room[:0], maps.Keys(d))
	slices.Sort(names)
	err := e.WriteToken(jsontext.BeginObject)
	for _, name := range names {
		err = errors.Join(err, e.WriteToken(jsontext.String(name)), e.WriteToken(jsontext.String(d[name])))
	}
	return errors.Join(err, e.WriteToken(jsontext.EndObject))
}

// Reader is a log as others read it: the Log itself in the same process, or the
// client of package feedhttp. It may be used at once by many.
type Reader interface {
	// After returns the events behind the sequence number seq, oldest first: at most
	// limit of them, and never more than MaxLimit. It may return fewer than there
	// are, but only none when there are none. Then it first waits for one, at most as
	// long as wait and never longer than MaxWait; having waited in vain is no error.
	// A log that cannot be read is an error, and nothing is returned beside it.
	After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]Event, error)
}

// The bounds of one call of Reader.After.
const (
	MaxLimit = 500
	MaxWait  = 25 * time.Second
)

// End returns the last sequence number of a feed, which is gapless from 1. It asks some
// forty short questions at most: in steps that double as long as there is an event, and
// are halved from then on.
func End(ctx context.Context, r Reader) (int64, error) {
	end := int64(0)
	for step, isGrowing := int64(1), true; step > 0; {
		events, err := r.After(ctx, end+step-1, 1, 0)
		if err != nil {
			return 0, err
		}
		if len(events) > 0 {
			end += step
		}
		if isGrowing = isGrowing && len(events) > 0; isGrowing {
			step *= 2
		} else {
			step /= 2
		}
	}
	return end, nil
}

// retry is how a publisher and a follower wait for a store or a peer that fails.
var retry = backoff.Backoff{First: 200 * time.Millisecond, Max: 5 * time.Second}
