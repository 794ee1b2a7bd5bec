package placement

import "github.com/finsam/finsam/pkg/fault"

// The refusals of this room.
var (
	ErrSite = fault.New(fault.Unprocessable, "unknown-site",
		"Platsen finns inte eller tar inte emot för arbetsträning. Välj en av kommunens platser för arbetsträning.", "There is no such site, or it takes nobody for work training. Choose one of the municipality's sites of work training.")
	ErrElsewhere = fault.New(fault.Unprocessable, "site-elsewhere",
		"Platsen hör till en annan kommun. Välj en av din egen kommuns platser.", "The site belongs to another municipality. Choose one of your own municipality's sites.")
	ErrArea = fault.New(fault.Unprocessable, "unknown-area",
		"Platsen har inte det området. Välj ett av platsens områden.", "The site does not have that area. Choose one of the site's areas.")
	ErrFrom = fault.New(fault.Unprocessable, "placement-start",
		"Första dagen ska vara i dag eller senare, högst ett år bort.", "The first day must be today or later, at most a year away.")
	ErrUntil = fault.New(fault.Unprocessable, "placement-period",
		"Sista dagen ska vara första dagen eller senare, högst ett år efter den.", "The last day must be the first day or later, at most a year after it.")
	ErrAnswerBy = fault.New(fault.Unprocessable, "offer-period",
		"Erbjudandets sista svarsdag ska vara i dag eller senare, och senast placeringens första dag.", "The last day to answer the offer must be today or later, and the placement's first day at the latest.")
	ErrDays = fault.New(fault.Unprocessable, "site-not-open",
		"Ange varje veckodag en gång, bland de dagar då platsen har öppet.", "Give each day of the week once, among the days on which the site is open.")
	ErrHours = fault.New(fault.Unprocessable, "outside-opening-hours",
		"Tiden ska ligga inom platsens öppettider den dagen, och sluta efter att den börjar.", "The time must be within the site's opening hours on that day, and end after it begins.")
	ErrExtent = fault.New(fault.Unprocessable, "extent-beyond-days",
		"Omfattningen ska vara 1–100 procent av 40 timmar i veckan, och rymmas i dagarnas tider.", "The extent must be 1–100 percent of 40 hours a week, and fit into the times of the days.")
	ErrFollowUp = fault.New(fault.Unprocessable, "follow-up-outside",
		"Varje uppföljning ska ha en egen dag, från placeringens första dag till dess sista.", "Each follow-up must have a day of its own, from the placement's first day to its last.")
	ErrNotInBlock = fault.New(fault.Unprocessable, "work-training-not-in-block",
		"Arbetsträning ingår inte i deltagarens block de dagarna. Välj dagar i ett block med arbetsträning.", "Work training does not belong to the participant's block on those days. Choose days in a block with work training.")
	ErrFull = fault.New(fault.Conflict, "site-full",
		"Området har ingen plats kvar någon av dagarna. Välj andra dagar, ett annat område eller en annan plats.", "The area has no place left on one of the days. Choose other days, another area or another site.")
	ErrNoPlaces = fault.New(fault.Unprocessable, "site-takes-nobody",
		"Platsen tar inte emot någon i området någon av dagarna: antal platser saknas, eller överenskommelsen gäller inte då. Välj andra dagar, eller låt den som planerar ange antalet.",
		"The site takes nobody in the area on one of the days: the number of places is missing, or the agreement does not cover it. Choose other days, or let the planner set the number.")
	ErrTaken = fault.New(fault.Conflict, "already-placed",
		"Deltagaren har redan en placering de dagarna. Välj andra dagar, eller avsluta den andra först.", "The participant has a placement on those days already. Choose other days, or end the other one first.")
	ErrNotOffered = fault.New(fault.Conflict, "placement-not-offered",
		"Placeringen är inte längre ett erbjudande.", "The placement is not an offer any more.")
	ErrLapsed = fault.New(fault.Conflict, "offer-lapsed",
		"Erbjudandets sista svarsdag har passerat. Erbjud en ny placering.", "The last day to answer the offer has passed. Offer a new placement.")
	ErrStarted = fault.New(fault.Conflict, "placement-started",
		"Placeringen har redan startat eller är avslutad. En som pågår avslutas i stället.", "The placement has started or ended already. One that is running is ended instead.")
	ErrNotRunning = fault.New(fault.Conflict, "placement-not-running",
		"Placeringen pågår inte.", "The placement is not running.")
	ErrOutside = fault.New(fault.Unprocessable, "outside-placement",
		"Deltagaren är inte på platsen den dagen. Välj en dag som placeringen gäller.", "The participant is not at the site on that day. Choose a day that the placement covers.")
	ErrReason = fault.New(fault.Invalid, "unknown-placement-reason",
		"Orsaken är ingen av koderna i dokumentationen. Välj en av dem.", "The reason is not one of the codes in the documentation. Choose one of them.")
	ErrMinutes = fault.New(fault.Unprocessable, "late-minutes",
		"Ange hur många minuter sen den var som kom sent, 1–600, och bara då.", "Give how many minutes late somebody was who came late, 1–600, and only then.")
	ErrAbsence = fault.New(fault.Unprocessable, "absence-reason",
		"Ange orsaken till en frånvaro, en av koderna i dokumentationen, och bara då.", "Give the reason of an absence, one of the codes in the documentation, and only then.")
	ErrNoFollowUp = fault.New(fault.Unprocessable, "follow-up-not-planned",
		"Ingen uppföljning är planerad den dagen, eller den är redan gjord. Välj en planerad dag.", "No follow-up is planned for that day, or it has been held. Choose a planned day.")
	ErrSpan = fault.New(fault.Unprocessable, "too-many-days",
		"Ange en sista dag som är den första eller senare, högst 92 dagar efter den.", "Give a last day that is the first one or later, at most 92 days after it.")
)
