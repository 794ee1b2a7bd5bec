// Package fault names the ways in which a request can fail.
//
// A fault has a public face, a stable code and a sentence in Swedish and in
// English that a case worker may read as it is, and a private cause that only
// the log sees. Whatever is not a fault is Internal, and its text is never shown.
package fault

import (
	"errors"
	"time"
)

// Text is one sentence in the two languages of the interface.
type Text struct {
	SV string
	EN string
}

// Field returns what is wrong with one part of the input.
type Field struct {
	Pointer string // JSON pointer into the body, or the parameter's name
	Code    string // stable, lower-case words parted by "-"
	Text    Text   // what is wanted
}

// Error is a failure with a public face.
type Error struct {
	Status     Status
	Code       string        // stable, lower-case words parted by "-"
	Text       Text          // a whole sentence, safe to show
	Fields     []Field       // the parts of the input at fault, if known
	RetryAfter time.Duration // zero: no advice
	cause      error
}

// New creates a fault; declare it once, beside the rule that it guards.
func New(kind Status, code, sv, en string) *Error {
	return &Error{Status: kind, Code: code, Text: Text{SV: sv, EN: en}}
}

// Error returns the code and the cause, for logs; never for answers.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.cause }

// Is holds two faults for the same when their codes are the same, so that a
// copy made by At or Because still matches the sentinel that it came from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// At returns a copy that names the fields at fault.
func (e *Error) At(fields ...Field) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &c
}

// AtField returns a copy that names one field, with the fault's own code and text.
func (e *Error) AtField(pointer string) *Error {
	return e.At(Field{Pointer: pointer, Code: e.Code, Text: e.Text})
}

// Because returns a copy with a private cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// After returns a copy that advises when to try again.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// Of returns the fault in err. Any other error becomes ErrInternal with err as its cause;
// for nil it returns nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return ErrInternal.Because(err)
}

// The failures that any room may meet; those of one noun stand beside it.
var (
	ErrInternal = New(Internal, "internal",
		"Något gick fel hos oss. Felet är noterat.", "Something went wrong on our side. It has been noted.")
	ErrNotFound = New(NotFound, "not-found",
		"Det du söker finns inte, eller så får du inte se det.", "What you ask for does not exist, or you may not see it.")
	ErrForbidden = New(Forbidden, "forbidden",
		"Din roll får inte göra detta.", "Your role may not do this.")
	ErrStale = New(Stale, "stale-version",
		"Någon annan har ändrat detta sedan du läste det. Läs om och försök igen.",
		"Somebody else has changed this since you read it. Read it again and retry.")
	ErrConflict = New(Conflict, "already-exists",
		"Det finns redan.", "It exists already.")
	ErrUnavailable = New(Unavailable, "unavailable",
		"Tjänsten kan inte svara just nu. Försök igen om en stund.", "The service cannot answer right now. Try again shortly.")
)
