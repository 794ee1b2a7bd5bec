package referral

import (
	"fmt"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// What a referral can answer instead of what was asked for.
var (
	ErrWrongState = fault.New(fault.Conflict, "wrong-state",
		"Detta går inte att göra med remissen som den är nu.", "This cannot be done with the referral as it is now.")
	ErrTooManySteps = fault.New(fault.Conflict, "too-many-steps",
		"Det har hänt för mycket i remissen för att den ska kunna ändras mer. Besluta om den eller återta den och skicka en ny.",
		"Too much has happened in the referral for it to be changed further. Decide on it, or withdraw it and send a new one.")
	ErrUnit = fault.New(fault.Unprocessable, "unit-not-yours",
		"Enheten, kommunen eller personen är inte den som du är inloggad för.",
		"The unit, the municipality or the person is not the one that you are signed in for.")
	ErrConsentMissing = fault.New(fault.Unprocessable, "consent-missing",
		"Utan personens samtycke kan remissen inte skickas.", "Without the person's consent the referral cannot be sent.")
	ErrConsentDate = fault.New(fault.Unprocessable, "consent-in-future",
		"Samtycket kan inte vara lämnat efter i dag.", "The consent cannot be given later than today.")
	ErrConsentWithoutReferrer = fault.New(fault.Unprocessable, "consent-without-referrer",
		"Samtycket måste omfatta din egen myndighet.", "The consent must cover your own authority.")
	ErrDate = fault.New(fault.Unprocessable, "no-such-date",
		"Datumet finns inte.", "There is no such date.")
	ErrMunicipality = fault.New(fault.Unprocessable, "not-a-member-municipality",
		"Kommunen är inte medlem i samordningsförbundet.", "The municipality is not a member of the coordination association.")
	ErrOtherMunicipality = fault.New(fault.Unprocessable, "other-municipality",
		"En kommun kan bara ta emot till sig själv.", "A municipality can only receive into its own.")
	ErrInitiative = fault.New(fault.Unprocessable, "no-such-initiative",
		"Samordningsförbundet har ingen sådan insats.", "The coordination association has no such initiative.")
	ErrStartDate = fault.New(fault.Unprocessable, "start-date-out-of-range",
		"Startdagen får ligga högst ett år bakåt eller framåt.", "The start date may be at most a year back or ahead.")
	ErrAge = fault.New(fault.Unprocessable, "age-out-of-range",
		"Personen har inte rätt ålder för insatsen på startdagen.", "The person is not of the initiative's ages on the start date.")
	ErrWithdrawer = fault.New(fault.Unprocessable, "withdrawer-mismatch",
		"Den som återtar sin egen remiss gör det som personen själv.", "One who withdraws a referral about oneself does so as the person.")
	ErrExternalReference = fault.New(fault.Conflict, "external-reference-taken",
		"Er myndighet har redan skickat en remiss med samma externa referens.", "Your authority has already sent a referral with the same external reference.")
	ErrNothingAmended = fault.New(fault.Unprocessable, "nothing-amended",
		"Ändringen ändrar ingenting: det som står där är redan så.", "The amendment changes nothing: what it says stands there already.")
	ErrConsentWithdrawn = fault.New(fault.Conflict, "consent-withdrawn",
		"Personen har återkallat sitt samtycke, så remissen kan inte visas för fler.",
		"The person has withdrawn the consent, so the referral cannot be shown to anybody more.")
	ErrConsentNarrowed = fault.New(fault.Unprocessable, "consent-narrowed",
		"Ett nytt samtycke måste omfatta minst det som det förra gör. Att ta tillbaka samtycke gör personen.",
		"A new consent must cover at least what the former one does. To take consent back is for the person to do.")
	ErrConsentWithoutMunicipality = fault.New(fault.Unprocessable, "consent-without-municipality",
		"Samtycket omfattar inte den kommunen. Remittenten kan utvidga det med personens medgivande.",
		"The consent does not cover that municipality. The referrer can extend it if the person agrees.")
	ErrTransferToItself = fault.New(fault.Unprocessable, "already-there",
		"Remissen finns redan hos den kommunen.", "The referral is with that municipality already.")
	ErrNotAsked = fault.New(fault.Conflict, "not-asked",
		"Det är en annan kommun som har fått frågan om att ta över.", "It is another municipality that was asked to take over.")
	ErrAssignedAlready = fault.New(fault.Unprocessable, "assigned-already",
		"Det är redan så ansvaret är fördelat.", "That is how it is assigned already.")
	ErrHandedOver = fault.New(fault.NotFound, "handed-over",
		"Remissen har lämnats över till en annan kommun.", "The referral has been handed over to another municipality.")
	ErrNoPlace = fault.New(fault.Conflict, "no-place",
		"Alla platser i insatsen är upptagna. Sätt remissen på väntelista, så flyttas den upp av sig själv när en plats blir ledig.",
		"All places in the initiative are taken. Put the referral on the waiting list; it is moved up by itself when a place is free.")
	ErrWaitingListFull = fault.New(fault.Conflict, "waiting-list-full",
		"Väntelistan är full.", "The waiting list is full.")
	ErrOwnFilter = fault.New(fault.Unprocessable, "not-yours-to-filter-by",
		"Det urvalet kan bara göras av den kommun som har remisserna.", "Only the municipality that has the referrals can select by this.")
	ErrSortOfQueue = fault.New(fault.Unprocessable, "sort-of-waiting-list",
		"Efter angelägenhet sorteras bara väntelistan.", "Only the waiting list is sorted by priority.")
	ErrReferenceIsIdentity = fault.New(fault.Unprocessable, "reference-is-identity",
		"Den externa referensen ser ut som ett personnummer. Använd ärendets nummer i stället.",
		"The external reference looks like a personal identity number. Use the case number instead.")
)

// words name the states in the two languages, for sentences.
var words = map[State]fault.Text{
	StateSubmitted:      {SV: "inkommen och väntar på beslut", EN: "received and waits for a decision"},
	StateSupplement:     {SV: "i väntan på komplettering", EN: "waiting for a supplement"},
	StateTransfer:       {SV: "på väg till en annan kommun, som inte har svarat", EN: "on its way to another municipality, which has not answered"},
	StateWaitlisted:     {SV: "på väntelistan", EN: "on the waiting list"},
	StateAccepted:       {SV: "antagen", EN: "accepted"},
	StateRejected:       {SV: "avvisad", EN: "rejected"},
	StateEnrolled:       {SV: "inskriven i insatsen", EN: "enrolled in the initiative"},
	StateClosed:         {SV: "avslutad", EN: "closed"},
	StateWithdrawn:      {SV: "återtagen", EN: "withdrawn"},
	StateEnteredInError: {SV: "märkt som felskickad", EN: "marked as sent in error"},
}

// stateFault says in which state the referral is that forbids the step.
func stateFault(s State) error {
	f := *ErrWrongState
	w := words[s]
	f.Text = fault.Text{
		SV: fmt.Sprintf("Det går inte att göra nu: remissen är %s.", w.SV),
		EN: fmt.Sprintf("This cannot be done now: the referral is %s.", w.EN),
	}
	return &f
}

// ageFault says which ages the initiative is for, and never the person's.
func ageFault(in association.Initiative) error {
	f := *ErrAge
	f.Text = fault.Text{
		SV: fmt.Sprintf("Personen ska ha fyllt %d men inte %d år på startdagen.", in.MinAge, in.MaxAge+1),
		EN: fmt.Sprintf("The person must have turned %d but not %d on the start date.", in.MinAge, in.MaxAge+1),
	}
	return f.AtField("/startDate")
}

// handedOverFault says to a municipality which other one has the referral now.
func handedOverFault(to string, at time.Time) error {
	f := *ErrHandedOver
	day := civil.DateOf(at)
	f.Text = fault.Text{
		SV: fmt.Sprintf("Remissen lämnades över till %s %s.", to, day),
		EN: fmt.Sprintf("The referral was handed over to %s on %s.", to, day),
	}
	return &f
}
