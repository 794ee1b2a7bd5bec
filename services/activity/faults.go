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

	ErrFigureWeeks = fault.New(fault.Invalid, "figure-weeks",
		"Perioden ska sluta samma vecka som den börjar eller senare, och vara högst 53 veckor.", "The period must end in the week in which it begins or later, and be at most 53 weeks.")

	ErrFiguresTooLarge = fault.New(fault.Unprocessable, "figures-too-large",
		"Siffrorna får inte plats i en fil. Välj färre veckor.", "The figures do not fit into one file. Choose fewer weeks.")

	// Occurrences, and calling one off.
	ErrNoOccurrence = fault.New(fault.Unprocessable, "no-occurrence",
		"Aktiviteten har inget tillfälle den dagen. Välj en dag då den hålls.", "The activity has no occurrence on that day. Choose a day on which it takes place.")
	ErrPast = fault.New(fault.Unprocessable, "day-has-passed",
		"Dagen passerade för mer än två veckor sedan. Att tillfället blev av sägs senast två veckor efter dagen.", "The day was more than two weeks ago. That the occurrence took place is said two weeks after its day at the latest.")
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
	ErrCancelledSpan = fault.New(fault.Unprocessable, "cancelled-span",
		"Sista dagen ska vara första dagen eller senare, och högst 99 dagar efter den.", "The last day must be the first day or later, and at most 99 days after it.")
	ErrTookPlace = fault.New(fault.Conflict, "occurrence-attended",
		"Det finns noterad närvaro på tillfället, så det har ägt rum. Rätta närvaron först.", "Somebody is noted as present on that day, so the occurrence took place. Correct the attendance first.")
	ErrRestored = fault.New(fault.Conflict, "cancellation-already-lifted",
		"Inställelsen är redan upphävd.", "The cancellation has already been lifted.")

	// Booking.
	ErrActivity = fault.New(fault.Unprocessable, "unknown-activity",
		"Aktiviteten finns inte. Välj en av kommunens aktiviteter.", "There is no such activity. Choose one of the municipality's activities.")
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
	ErrFull = fault.New(fault.Conflict, "activity-full",
		"Det finns ingen plats kvar, eller så väntar andra på den. Välj ett annat tillfälle, eller ange wait för att ställa deltagaren i kö.",
		"There is no place left, or others wait for it. Choose another occurrence, or set wait to put the participant on the waiting list.")
	ErrGivenAway = fault.New(fault.Conflict, "place-given-away",
		"Platsen den dagen har gått till en annan sedan frånvaron anmäldes. Ställ deltagaren i kö till tillfället.", "The place on that day has gone to somebody else since the absence was notified. Put the participant on the waiting list for the occurrence.")
	ErrNotWaiting = fault.New(fault.Conflict, "booking-not-waiting",
		"Bokningen väntar inte på en plats.", "The booking does not wait for a place.")
	ErrNotOffered = fault.New(fault.Conflict, "no-place-offered",
		"Ingen plats är erbjuden för bokningen.", "No place is offered for the booking.")
	ErrOfferOver = fault.New(fault.Conflict, "offer-over",
		"Erbjudandets tid har gått ut, så platsen går till nästa. Deltagaren står kvar i kön.", "The time of the offer is over, so the place goes to the next. The participant stays on the waiting list.")
	ErrSlot = fault.New(fault.Unprocessable, "no-such-slot",
		"Aktiviteten bokas i tider, och detta är ingen av dem. Välj en av dagens tider.", "The activity is booked in slots, and none of them begins then. Choose one of the day's slots.")
	ErrNoSlots = fault.New(fault.Unprocessable, "activity-without-slots",
		"Aktiviteten bokas inte i tider. Utelämna slot.", "The activity is not booked in slots. Leave out slot.")
	ErrNoDropIn = fault.New(fault.Unprocessable, "no-drop-in",
		"Aktiviteten tar inte emot någon utan bokning. Låt coachen boka deltagaren.", "The activity receives nobody without a booking. Let the coach book the participant.")
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
	ErrTravel = fault.New(fault.Unprocessable, "too-little-time-to-travel",
		"Deltagaren hinner inte mellan två platser den dagen. Välj en annan aktivitet, eller skicka travelAccepted: true om resan går ändå.", "The participant has too little time between two places on that day. Choose another activity, or send travelAccepted: true if the way can be managed all the same.")
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
	ErrMinutes = fault.New(fault.Unprocessable, "minutes-of-who-is-late",
		"Ange minuter, 1 till 600, för den som kom sent, och bara då.", "Give minutes, 1 to 600, for who came late, and only then.")
	ErrAbsenceReason = fault.New(fault.Invalid, "unknown-absence-reason",
		"Orsaken till frånvaron är ingen av koderna i dokumentationen. Välj en av dem.", "The reason of the absence is not one of the codes in the documentation. Choose one of them.")
	ErrCame = fault.New(fault.Unprocessable, "reason-of-who-came",
		"Orsak och om det sades i förväg anges bara för den som är frånvarande. Utelämna dem.", "A reason, and whether it was notified ahead, are given only for who is absent. Leave them out.")
	ErrNotListed = fault.New(fault.Unprocessable, "not-on-the-list",
		"Bokningen finns inte på aktivitetens lista den dagen. Läs listan igen.", "The booking is not on the activity's list of that day. Read the list again.")
	ErrClientReused = fault.New(fault.Conflict, "client-id-reused",
		"Noteringens id har redan använts för en annan notering. Ge varje notering ett eget id.", "The note's id was used for another note already. Give each note an id of its own.")
	ErrClock = fault.New(fault.Unprocessable, "noted-in-future",
		"Tiden då det noterades ligger i framtiden. Ställ klockan rätt i telefonen eller datorn och ange tiden igen.", "The time at which it was noted is in the future. Set the clock of the phone or computer and give the time again.")
	ErrNotedLongAgo = fault.New(fault.Unprocessable, "noted-long-ago",
		"Tiden då det noterades ligger mer än ett år tillbaka. Ange en tid inom ett år.", "The time at which it was noted is more than a year ago. Give a time within a year.")
	ErrNotCovered = fault.New(fault.Unprocessable, "outside-booking",
		"Bokningen gäller inte den dagen. Välj en dag som den gäller.", "The booking does not cover that day. Choose a day that it covers.")
	ErrDayOff = fault.New(fault.Unprocessable, "occurrence-cancelled",
		"Tillfället var inställt, så det finns ingen närvaro att notera.", "The occurrence was called off, so there is no attendance to note.")
	ErrAttended = fault.New(fault.Unprocessable, "attendance-after-end",
		"Det finns noterad närvaro den dagen eller senare. Välj en senare dag.", "Attendance has been noted on that day or later. Choose a later day.")

	// Absence that is reported.
	ErrAbsenceFrom = fault.New(fault.Unprocessable, "absence-from",
		"Första dagen ska ligga från en vecka tillbaka till ett år framåt.", "The first day must be from a week ago to a year ahead.")
	ErrAbsenceUntil = fault.New(fault.Unprocessable, "absence-until",
		"Sista dagen ska vara första dagen eller senare, högst 92 dagar sammanlagt. Gör ett uppehåll i inskrivningen om det blir längre.", "The last day must be the first day or later, 92 days at most in all. Pause the enrolment if it will be longer.")
	ErrAbsenceGone = fault.New(fault.Conflict, "absence-withdrawn",
		"Anmälan är återtagen. Gör en ny om deltagaren ändå inte kommer.", "The report was withdrawn. Make a new one if the participant does not come after all.")
	ErrAbsenceFull = fault.New(fault.Conflict, "absence-full",
		"Anmälan har ändrats för många gånger. Återta den och gör en ny.", "The report has been changed too many times. Withdraw it and make a new one.")

	// Absence that the coach follows up.
	ErrSignalDone = fault.New(fault.Conflict, "signal-not-open",
		"Frånvaron är redan uppföljd, eller finns inte längre.", "The absence has been followed up already, or is not there any more.")
	ErrFollowUp = fault.New(fault.Invalid, "unknown-follow-up",
		"Åtgärden är ingen av koderna i dokumentationen. Välj en av dem.", "The action is not one of the codes in the documentation. Choose one of them.")

	// Calendars.
	ErrProtected = fault.New(fault.Conflict, "calendar-of-protected-person",
		"Deltagaren har skyddade personuppgifter. Då finns det inga kalenderadresser; visa veckan i stället.", "The participant's identity is protected. There are no calendar addresses then; show the week instead.")
	ErrAddresses = fault.New(fault.Conflict, "too-many-calendar-addresses",
		"Deltagaren har redan tio kalenderadresser. Återkalla en som inte används.", "The participant has ten calendar addresses already. Revoke one that is not in use.")
	ErrOwnAddresses = fault.New(fault.Conflict, "too-many-staff-calendars",
		"Du har redan tio kalenderadresser. Återkalla en som inte används.", "You have ten calendar addresses already. Revoke one that is not in use.")
)
