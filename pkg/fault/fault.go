// Package fault names the ways in which a request can fail.
//
// A fault has a public face, which is a stable code and a sentence in Swedish and in
// English that a case worker can read, and a private cause that only the log sees. An
// error that is not a fault is Internal, and its text is never shown.
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

// Field says what is wrong with one part of the input.
type Field struct {
	Pointer string // JSON pointer into the body, or the parameter's name
	Code    string // stable, lower-case words joined by "-"
	Text    Text   // what is wanted
}

// Error is a failure with a public face. It is a value: At, Because and After return
// copies, so that the variables that are declared with New never change.
type Error struct {
	Status     Status
	Code       string        // stable, lower-case words joined by "-"
	Text       Text          // a whole sentence, safe to show
	Fields     []Field       // the parts of the input at fault, if known
	RetryAfter time.Duration // zero: no advice
	Scope      string        // that the caller's token lacks (RFC 6750 section 3.1); empty: not the reason
	cause      error
}

// New creates a fault. It is declared once, beside the rule that it guards: the code
// identifies it for errors.Is and for callers.
func New(status Status, code, sv, en string) *Error {
	return &Error{Status: status, Code: code, Text: Text{SV: sv, EN: en}}
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

// Is reports whether two faults have the same code, so that a copy made by At or
// Because still matches the variable that it came from.
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

// WithText returns a copy with a more precise text, in whole sentences that are safe to show.
func (e *Error) WithText(sv, en string) *Error {
	c := *e
	c.Text = Text{SV: sv, EN: en}
	return &c
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

// Of returns the fault in err, and nil for nil. An error without one becomes
// ErrInternal with err as its cause.
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

// The failures that every package may meet; those of one noun are declared beside it.
var (
	ErrInternal = New(Internal, "internal",
		"Ett fel har uppstått i systemet, och det är loggat. Försök igen, och kontakta supporten om felet kommer tillbaka.", "An error occurred in the system and has been logged. Try again, and contact support if it happens again.")
	ErrNotFound = New(NotFound, "not-found",
		"Det du söker finns inte, eller så har du inte behörighet att se det. Kontrollera att du har rätt adress.", "What you are looking for does not exist, or you are not allowed to see it. Check that you have the right address.")
	ErrForbidden = New(Forbidden, "forbidden",
		"Din roll har inte behörighet att göra detta. Be någon som har behörighet att göra det.", "Your role is not allowed to do this. Ask somebody who is allowed to.")
	ErrStale = New(Stale, "stale-version",
		"Versionen i If-Match är inte den som gäller nu. Läs på nytt, se vad som har ändrats och försök igen.",
		"The version in If-Match is not the current one. Read it again, see what has changed and try again.")
	ErrConflict = New(Conflict, "already-exists",
		"Det som du vill skapa finns redan.", "What you want to create already exists.")
	ErrUnavailable = New(Unavailable, "unavailable",
		"Tjänsten kan inte svara just nu. Försök igen om en stund.", "The service cannot answer right now. Try again shortly.").After(time.Second)
)

// Status is the sort of a failure. Each has an HTTP status of its own (RFC 9110, RFC
// 6585).
type Status int

// The sorts of failure.
const (
	Internal             Status = iota // 500: ours; the text hides the cause
	Invalid                            // 400: the input's shape is wrong
	Unauthenticated                    // 401: no valid token
	Forbidden                          // 403: the role may not
	NotFound                           // 404: missing, or not for this caller
	MethodNotAllowed                   // 405
	NotAcceptable                      // 406
	Conflict                           // 409: the state of the resource forbids it
	Stale                              // 412: If-Match names an old version
	TooLarge                           // 413
	Unsupported                        // 415: media type
	Unprocessable                      // 422: well-formed, not allowed by a rule
	PreconditionRequired               // 428: If-Match is missing
	TooMany                            // 429: too many requests
	HeadersTooLarge                    // 431
	Unavailable                        // 503: try later
	Timeout                            // 504: another service did not answer in time
)

var statuses = map[Status]int{
	Internal: 500, Invalid: 400, Unauthenticated: 401, Forbidden: 403, NotFound: 404,
	MethodNotAllowed: 405, NotAcceptable: 406, Conflict: 409, Stale: 412, TooLarge: 413,
	Unsupported: 415, Unprocessable: 422, PreconditionRequired: 428, TooMany: 429, HeadersTooLarge: 431,
	Unavailable: 503, Timeout: 504,
}

// HTTP returns the HTTP status code.
func (s Status) HTTP() int { return statuses[s] }

// StatusOf returns the Status of an HTTP status; Internal for one that has none.
func StatusOf(http int) Status {
	for s, code := range statuses {
		if code == http {
			return s
		}
	}
	return Internal
}
