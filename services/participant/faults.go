package participant

import "github.com/finsam/finsam/pkg/fault"

// The refusals of this service.
var (
	// Days.
	ErrFuture = fault.New(fault.Unprocessable, "date-in-future",
		"Dagen ligger i framtiden. Ange dagen då det hände.", "The day lies in the future. Give the day on which it happened.")
	ErrTooEarly = fault.New(fault.Unprocessable, "date-too-early",
		"Dagen ligger före det som måste ha hänt dessförinnan.", "The day lies before what must have happened first.")

	// Persons.
	ErrNotYou = fault.New(fault.Unprocessable, "number-not-yours",
		"Personnumret är inte det som du är inloggad med.", "The personal identity number is not the one that you are signed in with.")
	ErrNoConsent = fault.New(fault.Unprocessable, "no-such-consent",
		"Det finns inget samtycke för den remissen.", "There is no consent for that referral.")
	ErrConsentGone = fault.New(fault.Conflict, "consent-already-withdrawn",
		"Samtycket är redan återkallat.", "The consent has been withdrawn already.")
	ErrNotProtected = fault.New(fault.Conflict, "not-protected",
		"Personens uppgifter är inte skyddade.", "The person's identity is not protected.")

	// Enrolments: blocks and check-ins.
	ErrState = fault.New(fault.Conflict, "wrong-state",
		"Det går inte att göra detta i inskrivningens nuvarande läge.", "This cannot be done in the enrolment's present state.")
	ErrBlockNumber = fault.New(fault.Conflict, "not-next-block",
		"Det blocket står inte i tur att starta.", "That block is not the next one to start.")
	ErrCheckInNumber = fault.New(fault.Conflict, "check-in-not-due",
		"Den avstämningen är inte aktuell nu.", "That check-in is not due now.")
	ErrAnswered = fault.New(fault.Conflict, "check-in-already-answered",
		"Avstämningen är redan besvarad.", "The check-in has been answered already.")
	ErrUnanswered = fault.New(fault.Conflict, "check-in-unanswered",
		"Remittentens svar saknas. Notera att inget svar kom om beslutet inte kan vänta.",
		"The referrer's answer is missing. Record that none came if the decision cannot wait.")
	ErrWeeks = fault.New(fault.Unprocessable, "weeks-with-prolong",
		"Antal veckor ska anges vid förlängning, och bara då.", "The number of weeks is wanted for a prolongation, and only then.")
	ErrException = fault.New(fault.Unprocessable, "exception-with-prolong",
		"Ett undantag kan bara ges vid förlängning.", "An exception can be made for a prolongation only.")
	ErrTooManyWeeks = fault.New(fault.Unprocessable, "more-weeks-than-planned",
		"Förlängningen ger fler veckor än planen medger. Ange undantag med skäl och beslutsfattare.",
		"With the prolongation there are more weeks than the plan allows. Add an exception with reason and approver.")

	// Enrolments: closing.
	ErrHeld = fault.New(fault.Conflict, "closing-conversation-already-held",
		"Avslutningssamtalet är redan noterat.", "The closing conversation has been noted already.")
	ErrNoConversation = fault.New(fault.Conflict, "closing-conversation-missing",
		"Avslutningssamtalet måste hållas innan inskrivningen avslutas enligt plan.",
		"The closing conversation must be held before the enrolment is closed according to plan.")
	ErrNotByPlan = fault.New(fault.Conflict, "not-according-to-plan",
		"Insatsen är inte genomförd. Ange varför den avbryts.",
		"The initiative has not been carried through. Say why it is interrupted.")
	ErrLivelihood = fault.New(fault.Unprocessable, "livelihood-none-alone",
		"Ingen försörjning kan inte anges tillsammans med någon annan.",
		"No livelihood cannot be combined with another one.")
	ErrExtent = fault.New(fault.Unprocessable, "extent-without-occupation",
		"Omfattning kan bara anges för arbete och studier.", "An extent can be stated for work and studies only.")
)
