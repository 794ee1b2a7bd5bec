package group

import "github.com/finsam/finsam/pkg/fault"

// ErrState refuses what the state of a group does not allow, by the state.
var ErrState = map[State]*fault.Error{
	StatePlanned: fault.New(fault.Conflict, "group-planned",
		"Gruppen är inte öppen ännu. Öppna den först.", "The group is not open yet. Open it first."),
	StateOpen: fault.New(fault.Conflict, "group-open",
		"Gruppen är redan öppen.", "The group is open already."),
	StateRunning: fault.New(fault.Conflict, "group-started",
		"Gruppen har redan startat.", "The group has already started."),
	StateEnded: fault.New(fault.Conflict, "group-ended",
		"Gruppen är avslutad.", "The group has ended."),
	StateCancelled: fault.New(fault.Conflict, "group-cancelled",
		"Gruppen är inställd. Välj en annan grupp.", "The group is cancelled. Choose another group."),
}

// The refusals of this package.
var (
	// Planning a group.
	ErrNoCourse = fault.New(fault.Unprocessable, "activity-no-course",
		"Aktiviteten är ingen sluten grupp den dagen. Välj en kurs.", "The activity is no closed group on that day. Choose a course.")
	ErrOfFile = fault.New(fault.Conflict, "group-of-programme",
		"Programmet har redan en kursstart den dagen, som deltagare bokas till. Välj en annan dag, eller ta bort starten ur programmet.",
		"The programme has a start of the course on that day already, which participants are booked into. Choose another day, or remove the start from the programme.")
	ErrThere = fault.New(fault.Conflict, "group-already-planned",
		"Det finns redan en grupp i kursen med samma första dag. Välj en annan dag, eller ställ in den gruppen.",
		"There is a group of the course with the same first day already. Choose another day, or cancel that group.")
	ErrAsProgramme = fault.New(fault.Unprocessable, "group-as-programme",
		"Programmet anger ett annat antal. Ange programmets, eller utelämna uppgiften.", "The programme says another number. Give the programme's, or leave it out.")
	ErrSessions = fault.New(fault.Unprocessable, "group-without-sessions",
		"Programmet anger inte hur många tillfällen kursen har. Ange det här.", "The programme does not say how many sessions the course has. Give it here.")
	ErrSize = fault.New(fault.Unprocessable, "group-size",
		"Det minsta antalet deltagare är större än det största. Ange ett mindre.", "The least number of participants is above the most. Give a lower one.")
	ErrContents = fault.New(fault.Unprocessable, "group-contents",
		"Det finns fler innehåll än tillfällen. Ange högst ett för varje tillfälle.", "There are more contents than sessions. Give at most one for each session.")
	ErrSkip = fault.New(fault.Unprocessable, "group-skips-no-session",
		"Den dagen skulle gruppen ändå inte ha något tillfälle. Ange bara dagar då aktiviteten hålls mellan första och sista tillfället.",
		"The group would have no session on that day anyway. Give only days on which the activity takes place between the first and the last session.")
	ErrShort = fault.New(fault.Unprocessable, "course-too-short",
		"Aktiviteten hålls för få gånger från den dagen. Välj en tidigare dag.", "The activity takes place too few times from that day on. Choose an earlier day.")
	ErrFarAhead = fault.New(fault.Unprocessable, "group-too-far-ahead",
		"Dagen ligger mer än två år bort. Välj en dag närmare i dag.", "The day is more than two years away. Choose a day closer to today.")
	ErrPast = fault.New(fault.Unprocessable, "group-in-past",
		"Gruppens första dag har redan passerat. Välj i dag eller en senare dag.", "The group's first day has already passed. Choose today or a later day.")
	ErrDaysFixed = fault.New(fault.Conflict, "group-days-fixed",
		"Dagarna kan bara ändras innan gruppen öppnas. Ställ in den och planera en ny, eller ställ in tillfället.",
		"The days can only be changed before the group is opened. Cancel it and plan another one, or call off the occurrence.")
	ErrMoreTaken = fault.New(fault.Conflict, "group-has-more-participants",
		"Fler än så har redan plats eller erbjudande om plats. Ange ett större antal.", "More than that have a place or an offer already. Give a higher number.")
	ErrTooMany = fault.New(fault.Conflict, "group-changed-too-often",
		"Gruppen har ändrats för många gånger. Ställ in den och planera en ny.", "The group has been changed too many times. Cancel it and plan another one.")

	// What becomes of it.
	ErrBegun = fault.New(fault.Conflict, "group-first-day-passed",
		"Gruppens första dag har passerat. Ställ in den och planera en ny.", "The group's first day has passed. Cancel it and plan another one.")
	ErrEarly = fault.New(fault.Conflict, "group-not-begun",
		"Gruppen har inte haft sitt första tillfälle än. Starta den på första dagen eller senare.", "The group has not come to its first session. Start it on its first day or later.")
	ErrTooFew = fault.New(fault.Conflict, "group-too-small",
		"Gruppen har för få deltagare. Fyll platserna, eller ställ in gruppen.", "The group has too few participants. Fill the places, or cancel the group.")

	// The waiting list.
	ErrWaits = fault.New(fault.Conflict, "already-waiting",
		"Deltagaren väntar redan på en grupp av det slaget.", "The participant waits for a group of that kind already.")
	ErrMunicipality = fault.New(fault.Unprocessable, "no-member-municipality",
		"Kommunen är inte medlem i förbundet. Välj en medlemskommun.", "The municipality is no member of the association. Choose a member municipality.")
	ErrNoOffer = fault.New(fault.Conflict, "no-group-offer",
		"Deltagaren har inget erbjudande om plats nu.", "The participant has no offer of a place now.")
	ErrNotWaiting = fault.New(fault.Conflict, "not-waiting",
		"Deltagaren väntar inte längre.", "The participant does not wait any more.")
)
