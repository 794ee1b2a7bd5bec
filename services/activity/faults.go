package activity

import "github.com/finsam/finsam/pkg/fault"

// The refusals of this service.
var (
	// Dates and weeks.
	ErrDate = fault.New(fault.Invalid, "bad-date",
		"Datumet finns inte eller är fel skrivet. Skriv det så här: 2026-11-24.", "The date does not exist or is not written correctly. Write it like this: 2026-11-24.")
	ErrNotPlanned = fault.New(fault.Unprocessable, "day-not-planned",
		"Programmet finns från och med 2000-01-01 och kan visas högst tio år framåt. Välj en dag däremellan.", "The programme is there from 2000-01-01 on and can be shown at most ten years ahead. Choose a day between them.")
	ErrNoSuchWeek = fault.New(fault.Invalid, "no-such-week",
		"Veckan finns inte eller är fel skriven. Skriv den så här: 2026-W48.", "The week does not exist or is not written correctly. Write it like this: 2026-W48.")

	// Occurrences, and calling one off.
	ErrNoOccurrence = fault.New(fault.Unprocessable, "no-occurrence",
		"Aktiviteten har inget tillfälle den dagen. Välj en dag då den hålls.", "The activity has no occurrence on that day. Choose a day on which it takes place.")
	ErrPast = fault.New(fault.Unprocessable, "day-has-passed",
		"Dagen har redan passerat. Det går bara att göra i dag och framåt.", "The day has already passed. This can be done for today and later only.")
	ErrFuture = fault.New(fault.Unprocessable, "day-in-future",
		"Dagen ligger i framtiden. Före dagen kan bara anmäld frånvaro noteras.", "The day is in the future. Before the day only absence that was notified can be noted.")
	ErrTooFar = fault.New(fault.Unprocessable, "day-too-far",
		"Dagen ligger mer än ett år bort. Välj en dag närmare i dag.", "The day is more than a year away. Choose a day closer to today.")
	ErrUnscheduled = fault.New(fault.Unprocessable, "activity-unscheduled",
		"Aktiviteten har ingen veckodag ännu och kan därför inte bokas eller ställas in.", "The activity has no weekday yet, so it can be neither booked nor called off.")
	ErrReason = fault.New(fault.Invalid, "unknown-reason",
		"Orsaken är ingen av koderna i dokumentationen. Välj en av dem.", "The reason is not one of the codes in the documentation. Choose one of them.")
	ErrCalledOff = fault.New(fault.Conflict, "occurrence-already-cancelled",
		"Tillfället är redan inställt.", "The occurrence is already called off.")
	ErrTookPlace = fault.New(fault.Conflict, "occurrence-attended",
		"Det finns noterad närvaro på tillfället, så det har ägt rum. Rätta närvaron först.", "Somebody is noted as present on that day, so the occurrence took place. Correct the attendance first.")
	ErrRestored = fault.New(fault.Conflict, "cancellation-already-lifted",
		"Inställelsen är redan upphävd.", "The cancellation has already been lifted.")

	// Booking.
	ErrActivity = fault.New(fault.Unprocessable, "unknown-activity",
		"Aktiviteten finns inte. Välj en av kommunens aktiviteter.", "There is no such activity. Choose one of the municipality's activities.")
	ErrElsewhere = fault.New(fault.Unprocessable, "activity-elsewhere",
		"Aktiviteten hör till en annan kommun. Du kan bara boka deltagare på din egen kommuns aktiviteter.", "The activity belongs to another municipality. You can book participants only into your own municipality's activities.")
	ErrEnrolmentClosed = fault.New(fault.Unprocessable, "enrolment-closed",
		"Inskrivningen är avslutad, så det går inte att boka.", "The enrolment is closed, so nothing can be booked.")
	ErrNotBegun = fault.New(fault.Conflict, "enrolment-not-begun",
		"Inskrivningen har inte startat. Starta den innan du bokar och noterar närvaro.", "The enrolment has not begun. Start it before you book and note attendance.")
	ErrPaused = fault.New(fault.Conflict, "enrolment-paused",
		"Inskrivningen har ett uppehåll då. Återuppta den, eller välj en dag utanför uppehållet.", "The enrolment is paused then. Resume it, or choose a day outside the pause.")
	ErrBeforeStart = fault.New(fault.Unprocessable, "before-enrolment",
		"Dagen är före inskrivningens första dag. Välj den dagen eller en senare.", "The day is before the enrolment's first day. Choose that day or a later one.")
	ErrNotInBlock = fault.New(fault.Unprocessable, "activity-not-in-block",
		"Aktivitetens kategori ingår inte i deltagarens block den dagen. Välj en aktivitet som ingår.", "The activity's category does not belong to the participant's block on that day. Choose an activity that does.")
	ErrGroupNotOpen = fault.New(fault.Unprocessable, "group-not-open",
		"Gruppen är sluten och har ingen startdag ännu. Kommunen anger startdagen innan någon bokas.", "The group is closed and has no start date yet. The municipality sets it before anybody is booked.")
	ErrGroupRunning = fault.New(fault.Unprocessable, "group-running",
		"Gruppen är sluten, så ingen börjar mitt i kursen. Välj första dagen så att deltagaren är med från en kursstart.",
		"The group is closed, so nobody joins in the middle of the course. Choose the first day so that the participant is there from a start of the course.")
	ErrGroupFull = fault.New(fault.Conflict, "group-full",
		"Gruppen har inga platser kvar. Välj en senare start, eller en annan grupp.", "The group has no places left. Choose a later start, or another group.")
	ErrOver = fault.New(fault.Unprocessable, "activity-over",
		"Aktiviteten hålls inte den dagen eller senare. Välj en annan aktivitet.", "The activity does not take place on that day or later. Choose another activity.")
	ErrFrom = fault.New(fault.Unprocessable, "start-too-far",
		"Första dagen ska ligga inom ett år från i dag.", "The first day must be within a year of today.")
	ErrPeriod = fault.New(fault.Unprocessable, "bad-period",
		"Sista dagen ska vara första dagen eller senare, högst två år bort.", "The last day must be the first day or later, at most two years away.")
	ErrBooked = fault.New(fault.Conflict, "already-booked",
		"Deltagaren är redan bokad på aktiviteten.", "The participant is already booked into the activity.")
	ErrCollision = fault.New(fault.Unprocessable, "booking-collides",
		"Deltagaren är redan bokad på en annan aktivitet den tiden. Välj en annan aktivitet.", "The participant is already booked into another activity at that time. Choose another activity.")
	ErrNotBooked = fault.New(fault.Conflict, "booking-ended",
		"Bokningen har redan upphört.", "The booking has already ended.")
	ErrTooMany = fault.New(fault.Conflict, "booking-full",
		"Bokningen har ändrats för många gånger. Avboka den och gör en ny.", "The booking has been changed too many times. Cancel it and make a new one.")

	// Attendance.
	ErrNoted = fault.New(fault.Conflict, "attendance-already-noted",
		"Närvaron är redan noterad för den dagen. Rätta noteringen, med ett skäl, om den är fel.", "Attendance has already been noted for that day. Correct the note, with a reason, if it is a mistake.")
	ErrNotNoted = fault.New(fault.Unprocessable, "attendance-not-noted",
		"Ingen närvaro är noterad för den dagen. Välj en dag som har en notering.", "No attendance has been noted for that day. Choose a day that has a note.")
	ErrAttendance = fault.New(fault.Invalid, "unknown-attendance",
		"Närvaron är ingen av koderna i dokumentationen. Välj en av dem.", "The attendance is not one of the codes in the documentation. Choose one of them.")
	ErrNotCovered = fault.New(fault.Unprocessable, "outside-booking",
		"Bokningen gäller inte den dagen. Välj en dag som den gäller.", "The booking does not cover that day. Choose a day that it covers.")
	ErrDayOff = fault.New(fault.Unprocessable, "occurrence-cancelled",
		"Tillfället var inställt, så det finns ingen närvaro att notera.", "The occurrence was called off, so there is no attendance to note.")
	ErrAttended = fault.New(fault.Unprocessable, "attendance-after-end",
		"Det finns noterad närvaro den dagen eller senare. Välj en senare dag.", "Attendance has been noted on that day or later. Choose a later day.")

	// Calendars.
	ErrProtected = fault.New(fault.Conflict, "calendar-of-protected-person",
		"Deltagaren har skyddade personuppgifter. Då finns det inga kalenderadresser; visa veckan i stället.", "The participant's identity is protected. There are no calendar addresses then; show the week instead.")
	ErrAddresses = fault.New(fault.Conflict, "too-many-calendar-addresses",
		"Deltagaren har redan tio kalenderadresser. Återkalla en som inte används.", "The participant has ten calendar addresses already. Revoke one that is not in use.")
)
