// Package activity fills the weeks: what the municipalities offer, who is booked
// into what and came, and the calendars that show it.
//
// What is offered is configuration (package association); an occurrence follows
// from it, an ISO week and what has been called off, by pure functions. Two nouns
// are kept: a Cancellation, one day on which an activity does not take place, and
// a Booking, one participant's place in one activity with attendance. Each is one
// document whose state follows from its steps. The service holds no names: a
// participant is the id that the vault gave.
package activity

import (
	"time"

	"github.com/finsam/finsam/pkg/fault"
)

// Hand is whose step something is.
type Hand struct {
	Subject     string // opaque id at the authority
	Authority   string
	TraceParent string // the request that led to the step (W3C Trace Context)
	Cause       string // id of the event that led to it, where no request did
}

// Answers of the nouns that several verbs share.
var (
	ErrDate = fault.New(fault.Invalid, "bad-date",
		"Ange ett datum som finns, skrivet som 2026-11-24.", "Give a date that exists, written as 2026-11-24.")
	ErrNoOccurrence = fault.New(fault.Unprocessable, "no-occurrence",
		"Aktiviteten har inget tillfälle den dagen.", "The activity has no occurrence on that day.")
	ErrPast = fault.New(fault.Unprocessable, "day-has-passed",
		"Dagen har redan varit.", "The day has already been.")
	ErrFuture = fault.New(fault.Unprocessable, "day-in-future",
		"Dagen har inte varit ännu.", "The day has not been yet.")
	ErrUnscheduled = fault.New(fault.Unprocessable, "activity-unscheduled",
		"Aktiviteten har ingen veckodag ännu och kan därför inte bokas eller ställas in.",
		"The activity has no weekday yet, so it can be neither booked nor called off.")
)

// instant returns a time as documents keep it: UTC, whole milliseconds.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
