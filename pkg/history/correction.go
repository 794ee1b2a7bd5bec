package history

import (
	"fmt"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// Correction says of an earlier step that it was taken by mistake. The step that has it
// says who corrects, when and why; the mistaken one stays where it is. A correction may
// itself be corrected: then what it corrected holds again.
type Correction[S any] struct {
	Of    int64   `json:"of"`              // number of the mistaken step
	With  *S      `json:"with,omitempty"`  // what should have been taken; nil: nothing
	Voids []int64 `json:"voids,omitempty"` // steps that a service took because of the mistaken one
}

// stepOf is a step that embeds Entry.
type stepOf[S any] interface {
	*S
	entry() *Entry
}

// Corrected returns the steps that correct others, by the number of what they correct or
// void: of several the latest. It is nil when nothing is corrected.
func Corrected[S any, P stepOf[S]](steps []S, correction func(*S) *Correction[S]) map[int64]*S {
	var by map[int64]*S
	for i := range slices.Backward(steps) {
		c := correction(&steps[i])
		if c == nil || by[P(&steps[i]).entry().N] != nil {
			continue
		}
		if by == nil {
			by = map[int64]*S{}
		}
		for _, n := range append([]int64{c.Of}, c.Voids...) {
			if by[n] == nil {
				by[n] = &steps[i]
			}
		}
	}
	return by
}

// Story returns the steps as they should have been: what should have been taken is in the
// place of the mistaken step, with that one's entry, and what should not have been is left
// out. A story without corrections is the steps themselves; the story of a story is the
// same.
func Story[S any, P stepOf[S]](steps []S, correction func(*S) *Correction[S]) []S {
	by := Corrected[S, P](steps, correction)
	if by == nil {
		return steps
	}
	story := make([]S, 0, len(steps))
	for i := range steps {
		step := steps[i]
		entry := *P(&step).entry()
		if correcting := by[entry.N]; correcting != nil {
			c := correction(correcting)
			if c.Of != entry.N || c.With == nil {
				continue
			}
			step = *c.With
			*P(&step).entry() = entry
		}
		story = append(story, step)
	}
	return story
}

// The refusals of corrections.
var (
	ErrNoStep = fault.New(fault.Unprocessable, "no-such-step",
		"Det finns inget sådant steg. Ange numret på ett steg i tidslinjen.", "There is no such step. Give the number of a step in the timeline.")
	ErrNotCorrectable = fault.New(fault.Unprocessable, "step-not-correctable",
		"Ett sådant steg kan inte rättas. Läs vilka steg som kan det i dokumentationen.", "Such a step cannot be corrected. Read in the documentation which steps can.")
	ErrCorrected = fault.New(fault.Conflict, "step-corrected-already",
		"Steget är redan rättat: det räknas inte längre.", "The step has been corrected already: it does not count any more.")
	ErrOthersStep = fault.New(fault.Forbidden, "correction-by-manager",
		"Steget rättas av den som tog det, inom den tid som programmet anger, och därefter av enhetens chef.", "The step is corrected by who took it, within the time that the programme sets, and after that by the head of the unit.")
	ErrLaterStep = fault.New(fault.Conflict, "correction-against-later-step",
		"Rättelsen går inte att förena med ett senare steg. Rätta det steget först.", "The correction contradicts a later step. Correct that step first.")
	ErrReplacement = fault.New(fault.Unprocessable, "replacement-of-another-kind",
		"Det rättade värdet hör inte till ett sådant steg. Ta bort det.", "The corrected value does not belong to such a step. Remove it.")
	ErrNothingCorrected = fault.New(fault.Unprocessable, "nothing-corrected",
		"Rättelsen ändrar ingenting: steget säger redan detta. Ändra minst ett värde, eller utelämna replacement om steget inte skulle ha tagits.",
		"The correction changes nothing: the step already says this. Change at least one value, or leave out replacement if the step should not have been taken.")
)

// Later returns ErrLaterStep with the step that the correction contradicts: what it is, in
// words of both languages, and its entry.
func Later(e Entry, what fault.Text) *fault.Error {
	day := civil.DateOf(e.At)
	return ErrLaterStep.WithText(
		fmt.Sprintf("Rättelsen går inte att förena med steg %d (%s, %s). Rätta det steget först.", e.N, what.SV, day),
		fmt.Sprintf("The correction contradicts step %d (%s, %s). Correct that step first.", e.N, what.EN, day))
}

// MayCorrect reports whether an author corrects an entry of their own: it is so many days
// old at most. A manager corrects any entry of their authority's.
func (e Entry) MayCorrect(by Author, manages bool, days int, now time.Time) bool {
	return e.Authority == by.Authority && (manages || e.By == by.Subject && now.Before(civil.EndAfter(e.At, days)))
}

// Correctable returns step n as the story has it, if it is of some kinds, for its author or
// a manager to correct: ErrNoStep, ErrCorrected, ErrNotCorrectable, ErrOthersStep.
func Correctable[S any, P stepOf[S]](steps, story []S, n int64, isKind func(*S) bool, by Author, manages bool, days int, now time.Time) (step S, err error) {
	if n < 1 || n > int64(len(steps)) {
		return step, ErrNoStep.AtField("/step")
	}
	i := slices.IndexFunc(story, func(s S) bool { return P(&s).entry().N == n })
	if i < 0 {
		return step, ErrCorrected.AtField("/step")
	}
	if !isKind(&story[i]) { // whose it is does not matter then
		return step, ErrNotCorrectable.AtField("/step")
	}
	if !P(&story[i]).entry().MayCorrect(by, manages, days, now) {
		return step, ErrOthersStep
	}
	return story[i], nil
}

// HasCorrectable reports whether an author or a manager could correct a step of a story
// that is of some kinds.
func HasCorrectable[S any, P stepOf[S]](story []S, isKind func(*S) bool, by Author, manages bool, days int, now time.Time) bool {
	for i := range story { // without a copy of each
		if isKind(&story[i]) && P(&story[i]).entry().MayCorrect(by, manages, days, now) {
			return true
		}
	}
	return false
}
