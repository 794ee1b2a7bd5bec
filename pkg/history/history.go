// Package history is the skeleton of a document whose state follows from its steps:
// who took a step, how a step is numbered and signed, and the table of what may
// happen when. It is pure: time and authors come in.
package history

import "time"

// Author is who takes a step, and in which request.
type Author struct {
	Subject     string // opaque id of the person or system at its authority
	Authority   string // the authority that it acts for
	Unit        string // empty: none named
	TraceParent string // W3C trace context of the request; empty: none
}

// System returns the author of what a service does by itself: on another service's
// event, or because time has passed.
func System(service string) Author {
	return Author{Subject: "service:" + service, Authority: "finsam"}
}

// Entry is what every step has: its number, when it was taken, by whom and why. A
// step embeds it.
type Entry struct {
	N           int64     `json:"n"`  // from 1, without gaps
	At          time.Time `json:"at"` // UTC, whole milliseconds
	By          string    `json:"by"` // the author's subject
	Authority   string    `json:"authority"`
	Unit        string    `json:"unit,omitempty"`
	Cause       string    `json:"cause,omitempty"` // id of the event that led to it
	TraceParent string    `json:"traceparent,omitempty"`
}

// entry lets Append reach the Entry that a step embeds.
func (e *Entry) entry() *Entry { return e }

// Stamp returns a time as steps keep it: UTC, whole milliseconds, which is what every
// database and JSON keep unchanged.
func Stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// Append returns the steps with one more, numbered behind the last, signed by the
// author and stamped with now. A Cause that the step has already is left.
func Append[S any, P interface {
	*S
	entry() *Entry
}](steps []S, step S, by Author, now time.Time) []S {
	e := P(&step).entry()
	e.N, e.At = int64(len(steps))+1, Stamp(now)
	e.By, e.Authority, e.Unit, e.TraceParent = by.Subject, by.Authority, by.Unit, by.TraceParent
	return append(steps, step)
}

// InForce returns the steps of the kind that begins something, since the last one of the
// kind that ends all of it.
func InForce[S any, Kind comparable](steps []S, kindOf func(*S) Kind, begins, ends Kind) (inForce []S) {
	for i := range steps {
		switch kindOf(&steps[i]) {
		case begins:
			inForce = append(inForce, steps[i])
		case ends:
			inForce = nil
		}
	}
	return inForce
}
