// Package accesslog keeps who has seen or changed what of whom.
//
// No entry, no read: a verb calls Record as soon as it knows whose data it is,
// and the answer waits until the entry is durable. Entries that come while a
// block is being written share the next one, so that many callers cost one write.
//
// A block is one document of the collection "access_log", chained by hashes to
// the one before; each entry within is chained as well. Verify finds an entry or
// block that was altered, removed or added. The log holds ids, never names,
// numbers or free text about a person.
package accesslog

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// Outcome is how an access ended.
type Outcome string

// The outcomes. Refused and failed tries are entered as well.
const (
	Done    Outcome = "done"    // read, or written
	Refused Outcome = "refused" // the caller lacks the role or the relation
	Failed  Outcome = "failed"  // permitted, and stopped by a rule, a stale version or a breakdown
)

// Identity says whether an access showed who a person is.
type Identity string

// What a reader of a person's data was shown of the identity.
const (
	Shown  Identity = "shown"
	Masked Identity = "masked" // a protected person, to one who is not a named handler
)

// Entry is one access. Record fills in who asked, and when.
type Entry struct {
	At           time.Time `json:"at"`                     // UTC, whole milliseconds
	Subject      string    `json:"subject,omitempty"`      // the asker's opaque id at its authority
	Association  string    `json:"association,omitempty"`  // whose data
	Authority    string    `json:"authority,omitempty"`    // the asker's authority
	Unit         string    `json:"unit,omitempty"`         // the asker's unit there
	Roles        []string  `json:"roles,omitempty"`        // the roles the asker came with
	Operation    string    `json:"operation,omitempty"`    // what was done: an operationId or a verb
	Thing        string    `json:"thing,omitempty"`        // to what: "referral/<id>"
	Participants []string  `json:"participants,omitempty"` // whose data: ids of participants
	Outcome      Outcome   `json:"outcome,omitempty"`      // empty: done
	Why          string    `json:"why,omitempty"`          // the relation that opened; of a refusal "role" or "not-related"
	Purpose      string    `json:"purpose,omitempty"`      // for which the asker says to ask: a code
	Code         string    `json:"code,omitempty"`         // of a refusal or failure: the fault's code
	Identity     Identity  `json:"identity,omitempty"`     // empty: the operation shows no identity
	TraceID      string    `json:"traceId,omitempty"`      // the request, as in the traces
	Hash         string    `json:"hash,omitempty"`         // chains it to the entry before; set by the log
}

// ErrNotLogged answers when an access could not be logged in time: then nothing
// is shown.
var ErrNotLogged = fault.New(fault.Unavailable, "access-not-logged",
	"Åtkomsten kunde inte loggas, och därför visas inget. Försök igen om en stund.",
	"The access could not be logged, so nothing is shown. Try again shortly.").After(2 * time.Second)

// limits of one entry, so that no caller can make a block of any size.
const (
	maxParticipants = 1000
	maxText         = 300
)

// fill completes e with the actor and the trace of the context.
func (e *Entry) fill(ctx context.Context, now time.Time) {
	e.At = now.UTC().Truncate(time.Millisecond)
	if a := actor.From(ctx); a.Subject != "" {
		e.Subject, e.Association, e.Authority, e.Unit = a.Subject, a.Association, a.Authority, a.Unit
		e.Roles = make([]string, len(a.Roles))
		for i, r := range a.Roles {
			e.Roles[i] = string(r)
		}
	}
	e.Outcome = cmp.Or(e.Outcome, Done)
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		e.TraceID = sc.TraceID().String()
	}
	for _, text := range []*string{&e.Subject, &e.Unit, &e.Operation, &e.Thing, &e.Why, &e.Purpose, &e.Code} {
		// An id of ours is never that long. Bytes that are not UTF-8 are replaced, as no store
		// returns them as they were: the hash would not be that of what is stored.
		*text = strings.ToValidUTF8((*text)[:min(len(*text), maxText)], "?")
	}
	e.Hash = ""
}

// Block is what one write makes durable: the entries that had queued.
type Block struct {
	Chain   string    `json:"chain"`           // one start of one process
	N       int64     `json:"n"`               // place in the chain, from 1
	At      time.Time `json:"at"`              // when it was written
	Follows string    `json:"follows"`         // id of the block before, "" for the very first
	Prev    string    `json:"prev"`            // hash of the block before
	Final   bool      `json:"final,omitempty"` // the chain was ended in order
	Entries []Entry   `json:"entries,omitempty"`
	Hash    string    `json:"hash"` // over all of the above
}

var blockSchema = store.Schema[Block]{
	Name:    "access_log",
	Indexes: []store.Index{{"chain", "n"}},
	ID:      func(b *Block) (string, string) { return store.NoAssociation, b.id() },
	Keys:    func(b *Block) store.Keys { return store.Keys{"chain": b.Chain, "n": b.N} },
}

func (b *Block) id() string { return b.Chain + "/" + strconv.FormatInt(b.N, 10) }

// hashes returns the hash of each entry, chained to the block before and to one
// another, and that of the block, which is over its head and, by their last link, its
// entries. Two blocks of the same content have the same hash.
func (b *Block) hashes() (entries []string, own string, err error) {
	text := &bytes.Buffer{}
	link, d := b.Prev, digester{json.NewEncoder(text), text}
	entries = make([]string, 0, len(b.Entries))
	var e Entry
	for _, e = range b.Entries {
		e.Hash = ""
		if link, err = d.digest(link, "", &e); err != nil {
			return nil, "", err
		}
		entries = append(entries, link)
	}
	head := *b
	head.Entries, head.Hash = nil, ""
	own, err = d.digest(link, strconv.Itoa(len(b.Entries)), &head)
	return entries, own, err
}

// digest hashes a value's canonical form: the JSON of a struct, whose fields
// stand in a fixed order and leave no room for a second spelling.
func (d *digester) digest(link, count string, v any) (string, error) {
	d.text.Reset()
	d.text.WriteString(link + "\n" + count + "\n")
	if err := d.Encode(v); err != nil {
		return "", fmt.Errorf("access log: canonical form: %w", err)
	}
	sum := sha256.Sum256(bytes.TrimSuffix(d.text.Bytes(), []byte{'\n'})) // the encoder ends a line
	var hash [43]byte
	base64.RawURLEncoding.Encode(hash[:], sum[:])
	return string(hash[:]), nil
}

// digester computes one hash after another in the same memory.
type digester struct {
	*json.Encoder
	text *bytes.Buffer
}
