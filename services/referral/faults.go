package referral

import (
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// The refusals, in the order of the contract.
var (
	ErrWrongState = fault.New(fault.Conflict, "wrong-state",
		"Detta går inte att göra med remissen som den är nu. Läs remissen igen.", "This cannot be done with the referral as it is now. Read the referral again.")
	ErrTooManySteps = fault.New(fault.Conflict, "too-many-steps",
		"Det har hänt för mycket i remissen för att den ska kunna ändras mer. Besluta om den eller återta den och skicka en ny.", "Too much has happened in the referral for it to be changed further. Decide on it, or withdraw it and send a new one.")
	ErrUnit = fault.New(fault.Unprocessable, "unit-not-yours",
		"Enheten, kommunen eller personen är inte den som du är inloggad för. Ange den som du är inloggad för.", "The unit, municipality or person is not the one that you are signed in for. Give the one that you are signed in for.")
	ErrTokenWithoutUnit = fault.New(fault.Unprocessable, "token-without-unit",
		"Din inloggning anger ingen enhet, så du kan inte remittera för någon. Be din myndighet att lägga till enheten.", "Your sign-in names no unit, so you cannot refer for one. Ask your authority to add the unit.")
	ErrConsentMissing = fault.New(fault.Unprocessable, "consent-missing",
		"Remissen kan bara skickas med personens samtycke. Hämta in samtycket först.", "The referral can be sent only with the person's consent. Obtain the consent first.")
	ErrConsentDate = fault.New(fault.Unprocessable, "consent-in-future",
		"Samtycket kan inte vara lämnat efter i dag. Ange dagen då personen lämnade det.", "The consent cannot have been given later than today. Give the day on which the person gave it.")
	ErrConsentText = fault.New(fault.Unprocessable, "no-such-consent-text",
		"Förbundet hade ingen sådan samtyckestext den dag då personen samtyckte. Ange versionen som personen skrev under.", "The association had no such text of consent on the day on which the person consented. Give the version that the person signed.")
	ErrConsentWithoutReferrer = fault.New(fault.Unprocessable, "consent-without-referrer",
		"Samtycket måste omfatta din egen myndighet. Lägg till den om personen har samtyckt till det.", "The consent must cover your own authority. Add it if the person has agreed to that.")
	ErrConsentWithoutReceiver = fault.New(fault.Unprocessable, "consent-without-receiver",
		"Samtycket måste omfatta kommunen som ska ta emot remissen. Lägg till den om personen har samtyckt till det.", "The consent must cover the municipality that is to receive the referral. Add it if the person has agreed to that.")
	ErrAuthority = fault.New(fault.Unprocessable, "no-such-authority",
		"Samordningsförbundet har ingen sådan part. Ange en medlems id.", "The coordination association has no such member. Give a member's id.")
	ErrConsentEarlier = fault.New(fault.Unprocessable, "consent-before-former",
		"Ett nytt samtycke kan inte vara lämnat före det förra. Ange dagen då personen lämnade det nya.", "A new consent cannot have been given before the former one. Give the day on which the person gave the new one.")
	ErrDate = fault.New(fault.Unprocessable, "no-such-date",
		"Datumet finns inte. Ange ett datum som 2026-03-31.", "There is no such date. Give a date such as 2026-03-31.")
	ErrMunicipality = fault.New(fault.Unprocessable, "not-a-member-municipality",
		"Kommunen är inte medlem i samordningsförbundet. Välj en medlemskommun.", "The municipality is not a member of the coordination association. Choose a member municipality.")
	ErrMunicipalityMissing = fault.New(fault.Unprocessable, "municipality-required",
		"Ange kommun.", "Give the municipality.")
	ErrOtherMunicipality = fault.New(fault.Unprocessable, "other-municipality",
		"En kommun kan bara anta till sin egen verksamhet. Ange din egen kommun.", "A municipality can accept only into its own activities. Give your own municipality.")
	ErrInitiative = fault.New(fault.Unprocessable, "no-such-initiative",
		"Samordningsförbundet har ingen sådan insats. Välj en av förbundets insatser.", "The coordination association has no such initiative. Choose one of its initiatives.")
	ErrInitiativeMissing = fault.New(fault.Unprocessable, "initiative-required",
		"Ange insats: samordningsförbundet har flera.", "Give the initiative: the coordination association has several.")
	ErrNotPerformed = fault.New(fault.Unprocessable, "not-performed-here",
		"Kommunen har inget avtal om att utföra insatsen den dagen. Välj en annan startdag eller en annan insats.", "The municipality has no agreement to perform the initiative on that day. Choose another start date or another initiative.")
	ErrNotPerformedNow = fault.New(fault.Unprocessable, "initiative-not-performed",
		"Kommunen utför inte insatsen. Välj en insats som kommunen utför.", "The municipality does not perform the initiative. Choose an initiative that the municipality performs.")
	ErrStartDate = fault.New(fault.Unprocessable, "start-date-out-of-range",
		"Startdagen får ligga högst ett år bakåt eller framåt i tiden.", "The start date may be at most a year in the past or in the future.")
	ErrStartBeforeConsent = fault.New(fault.Unprocessable, "start-before-consent",
		"Startdagen är före dagen då personen lämnade sitt samtycke till remissen. Ange en senare dag.", "The start date is before the day on which the person consented to the referral. Give a later day.")
	ErrHoliday = fault.New(fault.Unprocessable, "start-on-holiday",
		"Det är helgdag eller stängt den dagen, och då startar ingen. Välj en annan dag.", "That day is a public holiday or closed, and nobody begins. Choose another day.")
	ErrBeforeReceipt = fault.New(fault.Unprocessable, "start-before-receipt",
		"Startdagen är längre före dagen då remissen kom in än vad programmet tillåter. Ange en senare dag.", "The start date is longer before the day on which the referral was received than the programme allows. Give a later day.")
	ErrAge = fault.New(fault.Unprocessable, "age-out-of-range",
		"Personen har inte rätt ålder för insatsen på startdagen. Kontrollera startdagen och insatsen.", "The person is not within the initiative's age limits on the start date. Check the start date and the initiative.")
	ErrAlreadyEnrolled = fault.New(fault.Conflict, "already-enrolled",
		"Personen är redan antagen till eller inskriven i insatsen och kan bara ha en inskrivning i den. Avvisa remissen, eller tala med personen om var inskrivningen finns.", "The person is accepted into or enrolled in the initiative already, and can have only one enrolment in it. Reject the referral, or talk to the person about where the enrolment is.")
	ErrNothingToJoin = fault.New(fault.Conflict, "nothing-to-join",
		"Personen har ingen pågående inskrivning i insatsen hos er. Fatta ett annat beslut om remissen.", "The person has no running enrolment in the initiative with you. Decide on the referral in another way.")
	ErrNotPlanned = fault.New(fault.Conflict, "enrolment-not-planned",
		"Personen är antagen till insatsen, men inskrivningen är inte planerad än. Försök igen om en stund.", "The person is accepted into the initiative, but the enrolment is not planned yet. Try again shortly.")
	ErrWithdrawer = fault.New(fault.Unprocessable, "withdrawer-mismatch",
		"Den som återtar en remiss om sig själv ska ange person i fältet by.", "A person who withdraws a referral about themselves must give person in the field by.")
	ErrExternalReference = fault.New(fault.Conflict, "external-reference-taken",
		"Er myndighet har redan skickat en remiss med samma externa referens. Använd en annan referens.", "Your authority has already sent a referral with the same external reference. Use another reference.")
	ErrNothingAmended = fault.New(fault.Unprocessable, "nothing-amended",
		"Rättelsen ändrar ingenting: remissen innehåller redan detta. Ändra minst en uppgift.", "The amendment changes nothing: the referral already contains this. Change at least one value.")
	ErrConsentWithdrawn = fault.New(fault.Conflict, "consent-withdrawn",
		"Personen har återkallat sitt samtycke, så remissen kan inte visas för fler.", "The person has withdrawn the consent, so the referral cannot be shown to anyone else.")
	ErrConsentNarrowed = fault.New(fault.Unprocessable, "consent-narrowed",
		"Ett nytt samtycke måste omfatta minst det som det förra gör. Bara personen själv kan återkalla ett samtycke.", "A new consent must cover at least what the former one does. Only the person can withdraw consent.")
	ErrConsentWithoutMunicipality = fault.New(fault.Unprocessable, "consent-without-municipality",
		"Samtycket omfattar inte den kommunen. Remittenten kan utvidga det med personens medgivande.", "The consent does not cover that municipality. The referrer can extend it if the person agrees.")
	ErrTransferToItself = fault.New(fault.Unprocessable, "already-there",
		"Remissen finns redan hos den kommunen. Välj en annan kommun.", "The referral is with that municipality already. Choose another municipality.")
	ErrNotAsked = fault.New(fault.Conflict, "not-asked",
		"En annan kommun har fått frågan om att ta över, och bara den kan svara.", "Another municipality was asked to take over, and only that municipality can answer.")
	ErrAssignedAlready = fault.New(fault.Unprocessable, "assigned-already",
		"Den personen är redan ansvarig för remissen. Välj någon annan.", "That person is already responsible for the referral. Choose somebody else.")
	ErrHandedOver = fault.New(fault.NotFound, "handed-over",
		"Remissen har lämnats över till en annan kommun.", "The referral has been handed over to another municipality.")
	ErrReferenceIsIdentity = fault.New(fault.Unprocessable, "reference-is-identity",
		"Den externa referensen ser ut som ett personnummer. Använd ärendets nummer i stället.", "The external reference looks like a personal identity number. Use the case number instead.")
	ErrRightTimeItem = fault.New(fault.Unprocessable, "no-such-checklist-item",
		"Frågan finns inte i insatsens checklista, eller så är den besvarad två gånger. Besvara varje fråga i checklistan högst en gång.", "The item is not in the initiative's checklist, or it is answered twice. Answer each item of the checklist at most once.")
	ErrTooManyAttachments = fault.New(fault.Conflict, "too-many-attachments",
		"Remissen har redan tio bilagor, och fler får den inte ha. Ta bort någon först.", "The referral has ten attachments already and may have no more. Remove one first.")
	ErrOthersAttachment = fault.New(fault.Conflict, "attachment-of-another",
		"Bilagan kommer från en annan myndighet, och bara den myndigheten kan ta bort bilagan.", "The attachment comes from another authority, and only that authority can remove it.")
	ErrUnitTwice = fault.New(fault.Unprocessable, "unit-twice",
		"Samma enhet finns två gånger i registret. Ta bort den ena.", "The register has the same unit twice. Remove one of them.")
	ErrUnitWithoutAuthority = fault.New(fault.Unprocessable, "unit-without-authority",
		"Enheten måste höra till en medlem. Bara privata vårdgivare anges utan myndighet.", "The unit must belong to a member. Only private care providers have no authority.")
	ErrTooManyUnits = fault.New(fault.Unprocessable, "too-many-units",
		"Registret får ha högst 1000 enheter. Ta bort några.", "The register may have at most 1000 units. Remove some.")
	ErrUnitMissing = fault.New(fault.Unprocessable, "unit-required",
		"Enheten saknas. Ange enheten som remitterar.", "The unit is missing. Give the referring unit.")
	ErrUnitUnknown = fault.New(fault.Unprocessable, "no-such-unit",
		"Enheten finns inte i samordningsförbundets register. Välj en enhet därifrån.", "The unit is not in the coordination association's register. Choose one from it.")
	ErrUnitInactive = fault.New(fault.Unprocessable, "unit-inactive",
		"Enheten remitterar inte längre. Välj en annan enhet.", "The unit no longer refers. Choose another unit.")
	ErrUnitElsewhere = fault.New(fault.Unprocessable, "unit-of-another-authority",
		"Enheten hör till en annan myndighet. Välj en av er egen.", "The unit belongs to another authority. Choose one of your own.")
	ErrSource = fault.New(fault.Unprocessable, "source-not-yours",
		"Bara kommunens mottagare kan lämna in en egen ansökan eller en privat vårdgivares remiss för någon annan. Ange då vilket av dem det är.",
		"Only the municipality's receivers can hand in a self-referral or a private care provider's referral for somebody else. They must say which of the two it is.")
	ErrReferenceOfPerson = fault.New(fault.Unprocessable, "reference-of-person",
		"En egen ansökan har ingen extern referens. Utelämna den.", "A self-referral has no external reference. Leave it out.")
	ErrContactRemoved = fault.New(fault.Unprocessable, "contact-removed-and-given",
		"Kontakten kan inte både tas bort och få nya uppgifter. Ange det ena.", "The contact cannot be removed and given new details at once. Give one of them.")
	ErrWishRemoved = fault.New(fault.Unprocessable, "wish-removed-and-given",
		"Önskemålet om insats kan inte både tas bort och få ett nytt värde. Ange det ena.", "The wish for an initiative cannot be removed and given a new value at once. Give one of them.")
	ErrContactOfPerson = fault.New(fault.Unprocessable, "contact-of-person",
		"En egen ansökan har ingen kontakt på ett arbete. Utelämna den och ange personens telefon och e-post i person.", "A self-referral has no contact at work. Leave it out, and give the person's phone and e-mail in person.")
)

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

// CheckPlace returns what is wrong with the parameters of a question about an initiative
// in a municipality.
func CheckPlace(in *association.Association, initiative, municipality string) error {
	var wrong fieldErrors
	if _, known := in.Choose(initiative); !known && initiative == "" {
		wrong.add(ErrInitiativeMissing, "initiative")
	} else if !known {
		wrong.add(ErrInitiative, "initiative")
	}
	if _, member := in.Municipality(municipality); !member && municipality == "" {
		wrong.add(ErrMunicipalityMissing, "municipality")
	} else if !member {
		wrong.add(ErrMunicipality, "municipality")
	}
	return wrong.fault()
}
