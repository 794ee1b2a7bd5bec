package activity

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// Attendance says whether the participant came.
type Attendance string

// The values of attendance.
const (
	Present Attendance = "present"
	Late    Attendance = "late"
	Absent  Attendance = "absent"

	// AbsentNotified is how absence that was notified ahead was written before there were
	// reasons: it is read as Absent and Notified, in old documents and from old front ends.
	AbsentNotified Attendance = "absent_notified"
)

// AbsenceUnknown is the reason of an absence of which nobody knows it.
const AbsenceUnknown = "unknown"

// absenceReasons are the codes of why somebody does not come, as in the contract.
var absenceReasons = []string{"ill", "care", "health_care", "authority", "work", "studies", "other", AbsenceUnknown}

// Note is what somebody noted of a participant's day.
type Note struct {
	Date       civil.Date
	Attendance Attendance
	Minutes    int       // of who came late
	Reason     string    // of who did not come, a code
	Notified   bool      // who did not come said so beforehand
	Client     string    // the note's own id at the client, which knows it again by that; empty: it has none
	At         time.Time // when it was noted, by the client's clock where it has an id
	By         string    // the subject of who noted it, or decided on it by a correction
	Authority  string    // of By
	Step       int64     // number of the step that noted it
}

// Came reports whether the participant was there.
func (n Note) Came() bool { return n.Attendance == Present || n.Attendance == Late }

// plain returns the note in today's words: absence has a reason.
func (n Note) plain() Note {
	if n.Attendance == AbsentNotified {
		n.Attendance, n.Notified = Absent, true
	}
	if n.Attendance == Absent {
		n.Reason = cmp.Or(n.Reason, AbsenceUnknown)
	}
	return n
}

// agrees reports whether two notes say the same of the day.
func (n Note) agrees(other Note) bool {
	return n.Date == other.Date && n.Attendance == other.Attendance && n.Minutes == other.Minutes && n.Reason == other.Reason && n.Notified == other.Notified
}

// isAhead reports whether the note was made before its day: what became of it is noted once
// more then.
func (n Note) isAhead() bool { return n.Notified && civil.DateOf(n.At) < n.Date }

// check returns what is wrong with a note by itself.
func (n Note) check() error {
	switch {
	case !IsDate(n.Date):
		return ErrDate.AtField("/date")
	case n.Attendance != Absent && !n.Came():
		return ErrAttendance.AtField("/attendance")
	case (n.Attendance == Late) != (n.Minutes != 0), n.Minutes < 0, n.Minutes > 600:
		return ErrMinutes.AtField("/minutes")
	case n.Attendance == Absent && !slices.Contains(absenceReasons, n.Reason):
		return ErrAbsenceReason.AtField("/reason")
	case n.Came() && n.Reason != "":
		return ErrCame.AtField("/reason")
	case n.Came() && n.Notified:
		return ErrCame.AtField("/notified")
	}
	return nil
}

// noteOf returns what a step noted. corrected are the steps that correct others: what was
// decided by one counts as noted then, by who decided.
func noteOf(s Step, corrected map[int64]*Step) Note {
	n := Note{s.Date, s.Attendance, s.Minutes, s.Reason, s.Notified, s.Client, s.At, s.By, s.Authority, s.N}
	if !s.NotedAt.IsZero() {
		n.At = s.NotedAt
	}
	if by := corrected[s.N]; by != nil {
		n.At, n.By, n.Authority = by.At, by.By, by.Authority
	}
	return n.plain()
}

// weigh returns which of a day's notes counts, and those that contradict it, of which a
// person has to decide; ahead is what was notified before the day, which counts until something
// is noted on it. What somebody noted twice on one day is as it was noted last. Of others'
// notes the latest counts until somebody decides. The order in which the notes came does not
// matter.
func weigh(notes []Note) (counts Note, others []Note, ahead Note) {
	slices.SortFunc(notes, func(a, b Note) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Step, b.Step))
	})
	for _, n := range notes {
		if counts = n; n.isAhead() {
			ahead = n
		}
	}
	for i, n := range notes {
		isLater := func(m Note) bool {
			return m.By == n.By && m.Authority == n.Authority && civil.DateOf(m.At) == civil.DateOf(n.At)
		}
		if !n.isAhead() && !counts.isAhead() && !n.agrees(counts) && !slices.ContainsFunc(notes[i+1:], isLater) {
			others = append(others, n)
		}
	}
	return counts, others, ahead
}

// Attendances returns the note that counts for each day, in the order of the days.
func (s Status) Attendances() []Note {
	return slices.SortedFunc(maps.Values(s.Notes), func(a, b Note) int { return cmp.Compare(a.Date, b.Date) })
}

// IsNoted reports whether attendance of a day was noted, or the note corrected, at an
// instant or later.
func (b *Booking) IsNoted(on civil.Date, since time.Time) bool {
	return slices.ContainsFunc(b.Steps, func(s Step) bool {
		return (s.Kind == StepNoted || s.Kind == StepCorrected) && s.Date == on && !s.At.Before(since)
	})
}

// maxBookingSteps bounds a booking's document: a daily activity for years.
const maxBookingSteps = 4000

// clockTolerance is how much the clock of who notes may be ahead of ours.
const clockTolerance = 10 * time.Minute

// checkNote returns what prevents that a note is taken, whether or not the occurrence is
// called off: that the participant comes is noted on the day or later, and that somebody will
// be absent, and said so, also before it.
func (b *Booking) checkNote(a association.Activity, known bool, n Note, now time.Time) error {
	if err := n.check(); err != nil {
		return err
	}
	o, occurs := OccurrenceOn(a, n.Date, nil)
	switch {
	case !known || !occurs:
		return ErrNoOccurrence.AtField("/date")
	case !b.Status().Covers(n.Date):
		return ErrNotCovered.AtField("/date")
	case n.Date > civil.DateOf(n.At) && !n.Notified: // which is said beforehand
		return ErrFuture.AtField("/date")
	case n.Date > civil.DateOf(now).AddDays(366):
		return ErrTooFar.AtField("/date")
	case o.Closed:
		return ErrDayOff.AtField("/date")
	case len(b.Steps) >= maxBookingSteps:
		return ErrTooMany
	}
	return nil
}

// NoteAttendance notes attendance on a day that has been, or is, an occurrence
// within the booking; that somebody will be absent also before the day, and then what
// became of it is noted once more. The same attendance again changes nothing, and changed
// is false; another for the same day is a correction: ErrNoted.
func (b *Booking) NoteAttendance(a association.Activity, known bool, n Note, cancelled Cancellations, by history.Author, now time.Time) (changed bool, err error) {
	n = n.plain()
	n.At = now
	if err := b.checkNote(a, known, n, now); err != nil {
		return false, err
	}
	if cancelled[OccurrenceKey{b.Activity, n.Date}] != nil {
		return false, ErrDayOff.AtField("/date")
	}
	if before, noted := b.Status().Notes[n.Date]; noted {
		if before.agrees(n) {
			return false, nil
		}
		if !before.isAhead() {
			return false, ErrNoted
		}
	}
	b.note(n, by, now)
	return true, nil
}

func (b *Booking) note(n Note, by history.Author, now time.Time) {
	s := Step{Kind: StepNoted, Date: n.Date, Attendance: n.Attendance, Minutes: n.Minutes, Reason: n.Reason, Notified: n.Notified, Client: n.Client}
	if n.Client != "" {
		s.NotedAt = history.Stamp(n.At)
	}
	b.Steps = history.Append(b.Steps, s, by, now)
}

// Outcome is what became of a row of a list.
type Outcome string

// The outcomes of a row.
const (
	OutcomeNoted    Outcome = "noted"
	OutcomeAlready  Outcome = "already"  // it came before
	OutcomeConflict Outcome = "conflict" // it is kept beside what contradicts it
	OutcomeRefused  Outcome = "refused"
)

// NoteRow notes a row of a list, which its client knows again by its own id: what comes once
// more is already there, however late, and changes nothing. A note that contradicts another
// one, or that the occurrence is off, is kept beside it. The outcome is
// OutcomeRefused beside an error.
func (b *Booking) NoteRow(e *Enrolment, a association.Activity, n Note, isOff bool, by history.Author, now time.Time) (Outcome, error) {
	n = n.plain()
	outcome := OutcomeNoted
	if i := slices.IndexFunc(b.Steps, func(s Step) bool { return s.Client == n.Client }); i >= 0 {
		if !noteOf(b.Steps[i], nil).agrees(n) {
			return OutcomeRefused, ErrClientReused.AtField("/clientId")
		}
		outcome = OutcomeAlready
	} else {
		err := b.checkNote(a, true, n, now)
		switch {
		case err != nil:
		case n.At.After(now.Add(clockTolerance)):
			err = ErrClock.AtField("/notedAt")
		case n.At.Before(now.AddDate(-1, 0, 0)):
			err = ErrNotedLongAgo.AtField("/notedAt")
		default:
			err = e.CanAttend(a.At(n.Date), n.Date)
		}
		if err != nil {
			return OutcomeRefused, err
		}
		b.note(n, by, now)
	}
	st := b.Status()
	if len(st.Others[n.Date]) > 0 || isOff {
		return OutcomeConflict, nil
	}
	return outcome, nil
}

// CorrectAttendance marks the note of a day as a mistake: the attendance was another, which
// could have been noted, or (empty) there is nothing to note. Where notes contradict one
// another it decides among them, and who made one of them may. reason is encrypted.
func (b *Booking) CorrectAttendance(n Note, reason []byte, cancelled Cancellations, manages bool, days int, by history.Author, now time.Time) error {
	st := b.Status()
	note, noted := st.Notes[n.Date]
	others := st.Others[n.Date]
	if n.Attendance != "" {
		n = n.plain()
	}
	switch err := n.check(); {
	case !IsDate(n.Date) || n.Attendance != "" && err != nil:
		return err
	case !noted:
		return ErrNotNoted.AtField("/date")
	case n.agrees(note) && len(others) == 0:
		return history.ErrNothingCorrected.WithText(
			"Rättelsen ändrar ingenting: detta är redan noterat. Ange en annan närvaro, eller utelämna attendance om inget skulle ha noterats.",
			"The correction changes nothing: this is noted already. Give another attendance, or leave out attendance if nothing should have been noted.").AtField("/attendance")
	case n.Date > civil.DateOf(now) && n.Attendance != "" && !n.Notified:
		return ErrFuture.AtField("/date")
	case n.Attendance != "" && cancelled[OccurrenceKey{b.Activity, n.Date}] != nil:
		return ErrDayOff.AtField("/date")
	case len(b.Steps) >= maxBookingSteps:
		return ErrTooMany
	}
	isNote := func(s *Step) bool { return s.Kind == StepNoted }
	story, corrected := history.Story(b.Steps, CorrectionOf), history.Corrected(b.Steps, CorrectionOf)
	_, err := history.Correctable(b.Steps, story, note.Step, isNote, by, manages, days, now)
	for _, other := range others {
		if err == nil {
			break
		}
		note = other
		_, err = history.Correctable(b.Steps, story, note.Step, isNote, by, manages, days, now)
	}
	if err != nil {
		return err
	}
	c := &history.Correction[Step]{Of: note.Step}
	for _, s := range story { // all that was noted of the day by now is decided
		if s.Kind == StepNoted && s.Date == n.Date && s.N != note.Step && noteOf(s, corrected).isAhead() == note.isAhead() {
			c.Voids = append(c.Voids, s.N)
		}
	}
	if n.Attendance != "" {
		c.With = &Step{Kind: StepNoted, Date: n.Date, Attendance: n.Attendance, Minutes: n.Minutes, Reason: n.Reason, Notified: n.Notified}
	}
	b.Steps = history.Append(b.Steps, Step{
		Kind: StepCorrected, Date: n.Date, Attendance: n.Attendance, Minutes: n.Minutes, Reason: n.Reason, Notified: n.Notified, Text: reason, Correction: c,
	}, by, now)
	return nil
}
