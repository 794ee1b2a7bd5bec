package participant

import (
	"time"

	"github.com/finsam/finsam/pkg/fault"
)

// The refusals of this service.
var (
	// Days.
	ErrFuture = fault.New(fault.Unprocessable, "date-in-future",
		"Dagen ligger i framtiden. Ange dagen då det hände.", "The day is in the future. Give the day on which it happened.")
	ErrTooEarly = fault.New(fault.Unprocessable, "date-too-early",
		"Dagen är för tidig: något som måste ha hänt före ligger senare. Ange en senare dag.", "The day is too early: something that must have happened before it is dated later. Give a later day.")

	// Persons.
	ErrNotYou = fault.New(fault.Unprocessable, "number-not-yours",
		"Personnumret är inte det som du är inloggad med. Ange ditt eget personnummer.", "The personal identity number is not the one that you are signed in with. Give your own number.")
	ErrBornTooEarly = fault.New(fault.Unprocessable, "born-too-early",
		"Enligt numret är personen född före 1890. Kontrollera siffrorna.", "By the number, the person was born before 1890. Check the digits.")
	ErrSearchBy = fault.New(fault.Unprocessable, "search-by-one",
		"Sök på personnummer eller på namn, inte på båda eller inget.", "Search by number or by name, not by both or neither.")
	ErrSearchName = fault.New(fault.Unprocessable, "search-name-short",
		"Varje ord i namnet ska ha minst två bokstäver.", "Each word of the name must have at least two letters.")
	ErrSearches = fault.New(fault.TooMany, "too-many-searches",
		"Du har sökt för många gånger på kort tid. Vänta en stund.", "You have searched too often in a short time. Wait a moment.").After(6 * time.Second)
	ErrNoConsent = fault.New(fault.Unprocessable, "no-such-consent",
		"Det finns inget samtycke för den remissen. Välj en remiss som personen har lämnat samtycke till.", "There is no consent for that referral. Choose a referral to which the person has consented.")
	ErrConsentGone = fault.New(fault.Conflict, "consent-already-withdrawn",
		"Samtycket är redan återkallat.", "The consent has been withdrawn already.")
	ErrNotProtected = fault.New(fault.Conflict, "not-protected",
		"Personens uppgifter är inte skyddade.", "The person's identity is not protected.")
	ErrLowered = fault.New(fault.Unprocessable, "protection-lowered",
		"Nivån är lägre än den som gäller. Bara en granskare kan sänka eller häva skyddet.", "The level is lower than the one in force. Only a reviewer can lower or remove the protection.")
	ErrNotLower = fault.New(fault.Unprocessable, "protection-not-lower",
		"Nivån är inte lägre än den som gäller. Ange en lägre nivå, eller ingen för att häva skyddet.", "The level is not lower than the one in force. Give a lower level, or none to remove the protection.")
	ErrAppoint = fault.New(fault.Forbidden, "handlers-by-manager",
		"Handläggare för en person med skyddade uppgifter utses av enhetens chef. Utelämna fältet för att behålla dem.", "Handlers of a person with protected identity are appointed by the head of the unit. Leave the field out to keep them.")
	ErrNothingRectified = fault.New(fault.Unprocessable, "nothing-rectified",
		"Inget fält är angivet. Skicka minst ett av givenName, familyName, gender, email och phone, med det som ska gälla.", "No field is given. Send at least one of givenName, familyName, gender, email and phone, with what is right.")
	ErrContactProtected = fault.New(fault.Unprocessable, "contact-of-protected-person",
		"Telefon och e-post lagras inte för den som har skyddade personuppgifter. Ta bort fältet.", "Phone and e-mail are not stored for a person with protected identity. Remove the field.")

	// The access log.
	ErrPeriod = fault.New(fault.Unprocessable, "period-empty",
		"Perioden slutar innan den börjar. Ange en to som är senare än from.", "The period ends before it begins. Give a to that is later than from.")
	ErrPeriodTooLong = fault.New(fault.Unprocessable, "period-too-long",
		"Perioden är längre än 400 dagar. Fråga om en kortare tid i taget.", "The period is longer than 400 days. Ask for a shorter one at a time.")

	// Enrolments: blocks and check-ins.
	ErrState = fault.New(fault.Conflict, "wrong-state",
		"Det går inte att göra detta i inskrivningens nuvarande läge. Läs inskrivningen igen.", "This cannot be done in the enrolment's present state. Read the enrolment again.")
	ErrBeforeConsent = fault.New(fault.Unprocessable, "start-before-consent",
		"Startdagen är före dagen då personen lämnade sitt samtycke till remissen. Ange en senare dag.", "The start date is before the day on which the person consented to the referral. Give a later day.")
	ErrHoliday = fault.New(fault.Unprocessable, "start-on-holiday",
		"Det är helgdag eller stängt den dagen, och då startar ingen. Välj en annan dag.", "That day is a public holiday or closed, and nobody begins. Choose another day.")
	ErrNotPerformed = fault.New(fault.Unprocessable, "not-performed-on-day",
		"Kommunen har inget avtal om att utföra insatsen den dagen, så ingen börjar eller återupptar den då. Ange en annan dag.", "The municipality has no agreement to perform the initiative on that day, so nobody begins or resumes it. Give another day.")
	ErrBeforeReceipt = fault.New(fault.Unprocessable, "start-before-receipt",
		"Startdagen är längre före dagen då remissen kom in än vad programmet tillåter. Ange en senare dag.", "The start date is longer before the day on which the referral was received than the programme allows. Give a later day.")
	ErrAge = fault.New(fault.Unprocessable, "age-out-of-range",
		"Personen har inte rätt ålder för insatsen på startdagen. Kontrollera startdagen och insatsen.", "The person is not within the initiative's age limits on the start date. Check the start date and the initiative.")
	ErrBlockNumber = fault.New(fault.Conflict, "not-next-block",
		"Det blocket är inte nästa block. Starta det block som kommer härnäst.", "That block is not the next one. Start the block that comes next.")
	ErrCheckInNumber = fault.New(fault.Conflict, "check-in-not-due",
		"Den avstämningen är inte aktuell nu. Välj den avstämning som är aktuell.", "That check-in is not due now. Choose the check-in that is due.")
	ErrCheckInEarly = fault.New(fault.Conflict, "check-in-too-early",
		"Avstämningen kan inte hållas så tidigt. Vänta till dagen i openFrom.", "The check-in cannot be held so early. Wait until the day in openFrom.")
	ErrAnswered = fault.New(fault.Conflict, "check-in-already-answered",
		"Avstämningen är redan besvarad.", "The check-in has been answered already.")
	ErrUnanswered = fault.New(fault.Conflict, "check-in-unanswered",
		"Remittentens svar saknas. Notera att inget svar kom om beslutet inte kan vänta.", "The referrer's answer is missing. Record that none came if the decision cannot wait.")
	ErrWeeks = fault.New(fault.Unprocessable, "weeks-with-prolong",
		"Antal veckor ska anges vid förlängning, och bara då.", "The number of weeks must be given for a prolongation, and only then.")
	ErrException = fault.New(fault.Unprocessable, "exception-with-prolong",
		"Ett undantag behövs bara vid en förlängning som ger fler veckor än planen medger. Ta bort det.", "An exception is needed only for a prolongation that adds more weeks than the plan allows. Remove it.")
	ErrNotAsked = fault.New(fault.Conflict, "no-exception-asked-for",
		"Det finns inget undantag som väntar på beslut.", "There is no exception waiting for a decision.")
	ErrOwnApproval = fault.New(fault.Forbidden, "approver-is-decider",
		"Ett undantag godkänns av någon annan än den som bad om det. Be en annan chef i kommunen.", "An exception is approved by somebody else than the one who asked for it. Ask another head of unit in the municipality.")
	ErrNoNeed = fault.New(fault.Unprocessable, "exception-not-needed",
		"Blocket ryms inom insatsens veckor. Ta bort undantaget.", "The block fits in the initiative's weeks. Leave the exception out.")
	ErrPlanVersion = fault.New(fault.Unprocessable, "unknown-plan-version",
		"Den versionen av planen gäller inte i kommunen i dag. Läs planen på nytt.", "That version of the plan does not hold in the municipality today. Read the plan again.")
	ErrSamePlan = fault.New(fault.Conflict, "plan-followed-already",
		"Inskrivningen följer redan den versionen av planen.", "The enrolment follows that version of the plan already.")
	ErrPlanTooShort = fault.New(fault.Unprocessable, "plan-too-short",
		"Inskrivningen har kommit längre än den versionen av planen räcker.", "The enrolment has come further than that version of the plan goes.")
	ErrPlanTooLong = fault.New(fault.Unprocessable, "plan-too-long",
		"Med veckorna som redan är använda blir det fler än den versionen av planen har.", "With the weeks used already it would be more than that version of the plan has.")
	ErrTooManyWeeks = fault.New(fault.Unprocessable, "more-weeks-than-planned",
		"Med förlängningen blir det fler veckor än planen medger. Ange skälet till ett undantag, så frågas enhetens chef.", "The prolongation adds more weeks than the plan allows. Give the reason for an exception; the head of the unit is then asked.")

	ErrEnrolledAgain = fault.New(fault.Conflict, "enrolled-again",
		"Personen är inskriven i insatsen på nytt, så den här avslutningen kan inte rättas bort.", "The person is enrolled in the initiative again, so this closing cannot be taken back.")

	// Enrolments: closing.
	ErrHeld = fault.New(fault.Conflict, "closing-conversation-already-held",
		"Avslutningssamtalet är redan noterat.", "The closing conversation has been noted already.")
	ErrNoConversation = fault.New(fault.Conflict, "closing-conversation-missing",
		"Avslutningssamtalet måste hållas innan inskrivningen avslutas enligt plan.", "The closing conversation must be held before the enrolment is closed according to plan.")
	ErrNotByPlan = fault.New(fault.Conflict, "not-according-to-plan",
		"Insatsen är inte genomförd. Ange varför den avbryts.", "The initiative has not been completed. Give the reason why it is interrupted.")
	ErrLivelihood = fault.New(fault.Unprocessable, "livelihood-none-alone",
		"Den som saknar försörjning kan inte samtidigt ha en försörjning. Ta bort none eller de andra värdena.", "A person without a livelihood cannot have one at the same time. Remove none or the other values.")
	ErrExtentMissing = fault.New(fault.Unprocessable, "extent-missing",
		"Omfattning saknas. Ange den i procent för arbete och studier.", "The extent is missing. Give it in percent for work and studies.")
	ErrExtent = fault.New(fault.Unprocessable, "extent-without-occupation",
		"Omfattning kan bara anges för arbete och studier. Ta bort den.", "An extent can be given for work and studies only. Remove it.")
)
