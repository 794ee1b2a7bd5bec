// Package guard is what every verb does before it touches a person's data: may the
// caller's roles call the operation at all, does the document exist, has the caller
// the relation to it that the access table wants. Every answer is entered in the
// access log, refusals too, with the relation that opened.
//
// A document that the caller may not see answers as one that does not exist, in the
// same time and the same words.
package guard

import (
	"cmp"
	"context"
	"errors"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/tracecontext"
)

// What the log says of a refusal instead of a relation.
const (
	whyRole       = "role"        // none of the caller's roles may call the operation
	whyScope      = "scope"       // nor its token, whose scopes limit an integration
	whyNotRelated = "not-related" // no relation, no consent, or no such document
)

// Author returns the author of the steps that the caller of the context takes.
func Author(ctx context.Context) history.Author {
	a := actor.From(ctx)
	return history.Author{Subject: a.Subject, Authority: a.Authority, Unit: a.Unit, TraceParent: tracecontext.Header(ctx)}
}

// Admit returns a function that refuses an operation which none of the caller's roles
// may call, with fault.ErrForbidden, and enters the refusal. thing is what the path
// names, such as "referrals/<id>". It is called before a body is read.
func Admit(log *accesslog.Log) func(ctx context.Context, operation, thing string) error {
	return func(ctx context.Context, operation, thing string) error {
		_, err := Caller(ctx, log, operation, thing)
		return err
	}
}

// Caller returns the actor of the context, or fault.ErrForbidden when none of its
// roles may call the operation; the refusal is entered in the log.
func Caller(ctx context.Context, log *accesslog.Log, operation, thing string) (actor.Actor, error) {
	a := actor.From(ctx)
	if err := access.Refusal(operation, a); err != nil {
		return a, Enter(ctx, log, accesslog.Entry{Operation: operation, Thing: thing}, err)
	}
	return a, nil
}

// Decide asks the access table about a resource that needs no loading, and enters the
// answer. It returns nil, fault.ErrForbidden, fault.ErrNotFound, or
// accesslog.ErrNotLogged: then nothing may be shown.
func Decide(ctx context.Context, log *accesslog.Log, e accesslog.Entry, r access.Resource) error {
	relation, err := access.Decide(e.Operation, actor.From(ctx), r)
	e.Why = string(relation)
	return Enter(ctx, log, e, err)
}

// Enter puts an access into the log whose outcome follows from err: nil is done,
// forbidden and not found are refused, everything else has failed. It returns err, or
// accesslog.ErrNotLogged beside it when the entry could not be made durable: then
// nothing may be shown.
func Enter(ctx context.Context, log *accesslog.Log, e accesslog.Entry, err error) error {
	switch {
	case err == nil:
		e.Outcome = accesslog.Done
	case errors.Is(err, access.ErrScope):
		e.Outcome, e.Why, e.Code = accesslog.Refused, whyScope, access.ErrScope.Code
	case errors.Is(err, fault.ErrForbidden):
		e.Outcome, e.Why, e.Code = accesslog.Refused, whyRole, fault.ErrForbidden.Code
	case errors.Is(err, fault.ErrNotFound):
		e.Outcome, e.Why, e.Code = accesslog.Refused, whyNotRelated, fault.ErrNotFound.Code
	default:
		e.Outcome, e.Code = accesslog.Failed, fault.Of(err).Code
	}
	if logErr := log.Record(ctx, e); logErr != nil {
		return errors.Join(logErr, err)
	}
	return err
}

// Ask asks the access table about something of which find returns what access depends
// on, and returns the caller and the entry that is to be made of the answer; nothing is
// entered. The error is fault.ErrForbidden, fault.ErrNotFound (without a cause, so that
// missing and hidden are answered alike) or another error of find.
func Ask(ctx context.Context, operation, thing string, find func(actor.Actor) (access.Resource, error)) (actor.Actor, accesslog.Entry, error) {
	a, e := actor.From(ctx), accesslog.Entry{Operation: operation, Thing: thing}
	if err := access.Refusal(operation, a); err != nil {
		return a, e, err
	}
	r, err := find(a)
	if errors.Is(err, fault.ErrNotFound) {
		err = fault.ErrNotFound
	}
	if err != nil {
		return a, e, err
	}
	if r.Participant != "" {
		e.Participants = []string{r.Participant}
	}
	relation, err := access.Decide(operation, a, r)
	e.Why = string(relation)
	return a, e, err
}

// Call is one operation on one document.
type Call struct {
	Operation string
	ID        string
	Parent    string // what the path says that the document belongs to; empty: nothing
	IfVersion int64  // that a change is based on, else store.ErrStale; 0: any
	Thing     string // a part of the document, as the log is to name it; empty: the document
}

// Documents are the documents of one collection behind the guard. It is safe for use
// by several goroutines.
type Documents[T any] struct {
	Log   *accesslog.Log
	Store *store.Collection[T]
	Kind  string // with the id the log's name of a document: "referral/<id>"

	// Resource describes the document as far as access to it depends on it.
	Resource func(ctx context.Context, a actor.Actor, operation string, doc *T) (access.Resource, error)

	// Parent returns the id of what the document belongs to. A document that belongs to
	// something else than Call.Parent is answered as one that does not exist.
	Parent func(doc *T) string

	// Participants names whose data the document is.
	Participants func(doc *T) []string

	// Identity says what the operation shows of who the person is; nil: nothing.
	Identity func(a actor.Actor, operation string, doc *T, r access.Resource) accesslog.Identity

	// Refusal returns what to answer instead of fault.ErrNotFound to a caller without
	// relation to a document that exists; nil: fault.ErrNotFound.
	Refusal func(a actor.Actor, operation string, doc *T) error
}

// Miss does for a document that is missing what is done before one is refused that is there:
// it decodes a document, any one, and decides on it. So the time of an answer does not say
// which of the two it was (docs/reliability.md).
func (d *Documents[T]) Miss(ctx context.Context, a actor.Actor, operation string) {
	doc := d.Store.Sample(ctx, a.Association)
	if doc == nil {
		return
	}
	d.Participants(doc)
	if r, err := d.Resource(ctx, a, operation, doc); err == nil {
		_, _ = access.Decide(operation, a, r)
	}
	if d.Refusal != nil {
		_ = d.Refusal(a, operation, doc)
	}
}

// Load returns a document that the caller may do the operation to, and enters the
// access. Errors: fault.ErrForbidden without a role; fault.ErrNotFound, beside an empty
// value, without the document or without the relation; accesslog.ErrNotLogged.
func (d *Documents[T]) Load(ctx context.Context, a actor.Actor, c Call) (store.Versioned[T], error) {
	v, e, err := d.find(ctx, a, c)
	if err = d.enter(ctx, e, a, v, err); err != nil {
		return store.Versioned[T]{}, err
	}
	return v, nil
}

// Change loads a document as Load does, lets change alter it, and writes it if it is
// still stored at the version that was loaded. The access is entered as done before
// the write, so that no write is without an entry; as failed when change refuses; and
// once more as failed when the write itself does not succeed. It returns the document
// as saved, or the error of Load, of change, or of store.Collection.Replace. When change
// returns store.ErrUnchanged, the document is returned and not written.
func (d *Documents[T]) Change(ctx context.Context, a actor.Actor, c Call, change func(v store.Versioned[T]) error) (store.Versioned[T], error) {
	v, e, err := d.find(ctx, a, c)
	if err != nil {
		return store.Versioned[T]{}, d.enter(ctx, e, a, v, err)
	}
	if err = store.ErrStale; c.IfVersion == 0 || c.IfVersion == v.Version {
		err = change(v)
	}
	unchanged := errors.Is(err, store.ErrUnchanged)
	if unchanged {
		err = nil
	}
	if err == nil && e.Identity != "" { // what the caller is shown is the document as changed
		if r, describeErr := d.Resource(ctx, a, c.Operation, v.Value); describeErr == nil {
			e.Identity = d.Identity(a, c.Operation, v.Value, r)
		}
	}
	if err = d.enterChange(ctx, e, err); err != nil {
		return store.Versioned[T]{}, err
	}
	if unchanged {
		return v, nil
	}
	saved, err := d.Store.Replace(ctx, v)
	if err != nil {
		return store.Versioned[T]{}, d.enterChange(ctx, e, err)
	}
	return saved, nil
}

// Fail enters that an operation which Load had permitted did not succeed, and returns
// err, or accesslog.ErrNotLogged beside it.
func (d *Documents[T]) Fail(ctx context.Context, a actor.Actor, c Call, doc *T, err error) error {
	e := accesslog.Entry{Operation: c.Operation, Thing: cmp.Or(c.Thing, d.Kind+"/"+c.ID), Participants: d.Participants(doc)}
	if r, describeErr := d.Resource(ctx, a, c.Operation, doc); describeErr == nil {
		relation, _ := access.Decide(c.Operation, a, r)
		e.Why = string(relation)
	}
	return d.enterChange(ctx, e, err)
}

// find returns the document and the entry to be made of the access.
func (d *Documents[T]) find(ctx context.Context, a actor.Actor, c Call) (store.Versioned[T], accesslog.Entry, error) {
	e := accesslog.Entry{Operation: c.Operation, Thing: cmp.Or(c.Thing, d.Kind+"/"+c.ID)}
	if err := access.Refusal(c.Operation, a); err != nil {
		return store.Versioned[T]{}, e, err
	}
	v, err := d.Store.Get(ctx, a.Association, c.ID)
	if err == nil && c.Parent != "" && d.Parent(v.Value) != c.Parent {
		return store.Versioned[T]{}, e, fault.ErrNotFound
	}
	if errors.Is(err, fault.ErrNotFound) {
		d.Miss(ctx, a, c.Operation)
	}
	if err != nil {
		return v, e, err
	}
	e.Participants = d.Participants(v.Value)
	r, err := d.Resource(ctx, a, c.Operation, v.Value)
	if err != nil {
		return v, e, err
	}
	relation, err := access.Decide(c.Operation, a, r)
	e.Why = string(relation)
	if err == nil && d.Identity != nil {
		e.Identity = d.Identity(a, c.Operation, v.Value, r)
	}
	return v, e, err
}

// enter enters what find has answered. Whatever the cause, a document that is missing
// and one that is hidden are answered alike. When the store did not answer, nothing was
// decided, and nothing is entered.
func (d *Documents[T]) enter(ctx context.Context, e accesslog.Entry, a actor.Actor, v store.Versioned[T], err error) error {
	if err != nil && !errors.Is(err, fault.ErrNotFound) && !errors.Is(err, fault.ErrForbidden) && !errors.Is(err, access.ErrScope) {
		return err
	}
	err = Enter(ctx, d.Log, e, err)
	switch {
	case errors.Is(err, accesslog.ErrNotLogged) || !errors.Is(err, fault.ErrNotFound):
		return err
	case v.Value != nil && d.Refusal != nil:
		return d.Refusal(a, e.Operation, v.Value)
	}
	return fault.ErrNotFound
}

// enterChange enters how a change of a document ended whose access was permitted: not
// found is then a part that is missing, or somebody's removal in between, and no
// refusal.
func (d *Documents[T]) enterChange(ctx context.Context, e accesslog.Entry, err error) error {
	if err != nil {
		e.Outcome, e.Code = accesslog.Failed, fault.Of(err).Code
	}
	if logErr := d.Log.Record(ctx, e); logErr != nil {
		return errors.Join(logErr, err)
	}
	return err
}
