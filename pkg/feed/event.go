// Package feed carries what happened in one service to those that follow it.
//
// The steps of the aggregates are the outbox: a Publisher moves steps that have
// not been told yet into the service's Log, in order, under a gapless sequence.
// A Follower reads another service's log from its own stored position. Nothing
// can be saved and not told; what is told twice, after a death in the middle,
// bears the same id and is known by it.
//
// An event carries ids, kinds and dates, never personal data.
package feed

import (
	"context"
	"time"
)

// Event is one step of one aggregate, with the names of CloudEvents 1.0.
type Event struct {
	Sequence    int64             `json:"sequence"`              // gapless within one log, from 1
	ID          string            `json:"id"`                    // "<aggregate id>/<step number>"
	Source      string            `json:"source"`                // the service, such as "/services/referral"
	Type        string            `json:"type"`                  // such as "se.finsam.referral.accepted"
	Subject     string            `json:"subject"`               // the aggregate's id
	Time        time.Time         `json:"time"`                  // when the step was taken
	Association string            `json:"association"`           // whose it is
	Authority   string            `json:"authority,omitempty"`   // the authority that it concerns, if one
	TraceParent string            `json:"traceparent,omitempty"` // the request that caused it, for one joined trace
	Data        map[string]string `json:"data,omitempty"`        // ids, codes of kind, dates
}

// Reader returns the events of a log.
type Reader interface {
	// After returns at most limit events behind the sequence number seq, oldest
	// first. When there are none it waits, at most as long as wait, and then
	// answers with none.
	After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]Event, error)
}

// MaxLimit is the most events that one call of After gives.
const MaxLimit = 500

// MaxWait is the longest that one call of After waits.
const MaxWait = 25 * time.Second
