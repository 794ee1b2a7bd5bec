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
	ErrReferenceIsIdentity = fault.New(fault.Unprocessable, "reference-is-identity",
		"Den externa referensen ser ut som ett personnummer. Använd ärendets nummer i stället.",
		"The external reference looks like a personal identity number. Use the case number instead.")
	ErrRightTimeItem = fault.New(fault.Unprocessable, "no-such-checklist-item",
		"Frågan finns inte i insatsens checklista, eller står två gånger.", "The item is not in the initiative's checklist, or stands twice.")
	ErrTooManyAttachments = fault.New(fault.Conflict, "too-many-attachments",
		"Remissen har redan tio bilagor, och fler får den inte ha. Ta bort någon först.",
		"The referral has ten attachments already and may have no more. Remove one first.")
	ErrOthersAttachment = fault.New(fault.Conflict, "attachment-of-another",
		"Bilagan kommer från en annan myndighet, och bara den kan ta bort den.",
		"The attachment comes from another authority, and only that one can remove it.")
	ErrUnitTwice = fault.New(fault.Unprocessable, "unit-twice",
		"Samma enhet står två gånger i registret.", "The same unit stands twice in the register.")
	ErrUnitWithoutAuthority = fault.New(fault.Unprocessable, "unit-without-authority",
		"Enheten måste höra till en medlem; bara privata vårdgivare gör det inte.",
		"The unit must belong to a member; only private care givers do not.")
	ErrTooManyUnits = fault.New(fault.Unprocessable, "too-many-units",
		"Ett register har högst 1000 enheter.", "A register has at most 1000 units.")
	ErrUnitMissing = fault.New(fault.Unprocessable, "unit-required",
		"Ange enheten som remitterar.", "Name the referring unit.")
	ErrUnitUnknown = fault.New(fault.Unprocessable, "no-such-unit",
		"Enheten finns inte i samordningsförbundets register.", "The unit is not in the coordination association's register.")
	ErrUnitInactive = fault.New(fault.Unprocessable, "unit-inactive",
		"Enheten remitterar inte längre. Välj en annan enhet.", "The unit does not refer any more. Choose another unit.")
	ErrUnitElsewhere = fault.New(fault.Unprocessable, "unit-of-another-authority",
		"Enheten hör till en annan myndighet.", "The unit belongs to another authority.")
	ErrSource = fault.New(fault.Unprocessable, "source-not-yours",
		"Bara kommunen lämnar en egen ansökan eller en privat vårdgivares remiss för någon annan, och anger då vilket.",
		"Only the municipality receives a person's own application or a private care giver's referral on behalf of another, and then says which.")
	ErrReferenceOfPerson = fault.New(fault.Unprocessable, "reference-of-person",
		"En egen ansökan har ingen extern referens.", "A person's own application has no external reference.")
)

// ageFault is ErrAge with the ages that the initiative is for, and never the person's.
func ageFault(in association.Initiative) error {
	f := *ErrAge
	f.Text = fault.Text{
		SV: fmt.Sprintf("Personen ska ha fyllt %d men inte %d år på startdagen.", in.MinAge, in.MaxAge+1),
		EN: fmt.Sprintf("The person must have turned %d but not %d on the start date.", in.MinAge, in.MaxAge+1),
	}
	return f.AtField("/startDate")
}

// HandedOverFault is ErrHandedOver with the municipality that has the referral now.
func HandedOverFault(to string, at time.Time) error {
	f := *ErrHandedOver
	day := civil.DateOf(at)
	f.Text = fault.Text{
		SV: fmt.Sprintf("Remissen lämnades över till %s %s.", to, day),
		EN: fmt.Sprintf("The referral was handed over to %s on %s.", to, day),
	}
	return &f
}

// fieldErrors collects what is wrong in a body, under the first rule that was broken.
type fieldErrors struct{ first *fault.Error }

func (w *fieldErrors) add(f *fault.Error, pointer string) {
	if w.first == nil {
		w.first = f.AtField(pointer)
		return
	}
	w.first = w.first.At(fault.Field{Pointer: pointer, Code: f.Code, Text: f.Text})
}

// consentDate wants the day of a consent: one that exists, today or earlier.
func (w *fieldErrors) consentDate(day string, now time.Time, pointer string) {
	switch given, err := civil.Parse(day); {
	case err != nil:
		w.add(ErrDate, pointer)
	case given > civil.DateOf(now):
		w.add(ErrConsentDate, pointer)
	}
}

func (w *fieldErrors) fault() error {
	if w.first == nil {
		return nil
	}
	return w.first
}

// CheckPlace returns ErrInitiative, ErrMunicipality or both, at the parameters of a
// question about an initiative in a municipality.
func CheckPlace(initiative, municipality bool) error {
	var wrong fieldErrors
	if !initiative {
		wrong.add(ErrInitiative, "initiative")
	}
	if !municipality {
		wrong.add(ErrMunicipality, "municipality")
	}
	return wrong.fault()
}
