package rest

import (
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/rest"
)

// referralFields are the fields of a referral that are no question of a checklist, in the
// order in which a form shows them. A test holds them against the referral's contract.
var referralFields = []api.FormField{
	{Pointer: "/person/personalIdentityNumber", Label: api.Label{Sv: "Personnummer eller samordningsnummer", En: "Personal identity number or coordination number"}, Kind: api.FormFieldKindPersonalIdentityNumber, Required: true},
	{Pointer: "/person/givenName", Label: api.Label{Sv: "Förnamn", En: "Given name"}, Kind: api.FormFieldKindText, Required: true},
	{Pointer: "/person/familyName", Label: api.Label{Sv: "Efternamn", En: "Family name"}, Kind: api.FormFieldKindText, Required: true},
	{Pointer: "/person/gender", Label: api.Label{Sv: "Kön", En: "Gender"}, Kind: api.FormFieldKindCode, CodeList: rest.Optional("Gender")},
	{Pointer: "/person/email", Label: api.Label{Sv: "Personens e-postadress", En: "The person's e-mail address"}, Kind: api.FormFieldKindEmail},
	{Pointer: "/person/phone", Label: api.Label{Sv: "Personens telefonnummer", En: "The person's phone number"}, Kind: api.FormFieldKindPhone},
	{Pointer: "/person/protection", Label: api.Label{Sv: "Skyddade personuppgifter som du känner till", En: "Protected identity that you know of"}, Kind: api.FormFieldKindCode, CodeList: rest.Optional("ReferredProtection")},
	{Pointer: "/unit", Label: api.Label{Sv: "Enheten som remitterar", En: "The referring unit"}, Kind: api.FormFieldKindUnit},
	{Pointer: "/source", Label: api.Label{Sv: "För vem kommunen lämnar remissen", En: "On whose behalf the municipality hands in the referral"}, Kind: api.FormFieldKindCode, CodeList: rest.Optional("OnBehalf")},
	{Pointer: "/wishedMunicipality", Label: api.Label{Sv: "Kommunen där personen vill delta", En: "The municipality where the person wants to take part"}, Kind: api.FormFieldKindMunicipality, Required: true},
	{Pointer: "/wishedInitiative", Label: api.Label{Sv: "Insatsen som personen vill delta i", En: "The initiative that the person wants to take part in"}, Kind: api.FormFieldKindInitiative},
	{Pointer: "/reason", Label: api.Label{Sv: "Varför personen remitteras", En: "Why the person is referred"}, Kind: api.FormFieldKindLongText, Required: true},
	{Pointer: "/consent/given", Label: api.Label{Sv: "Personen har samtyckt skriftligt", En: "The person has consented in writing"}, Kind: api.FormFieldKindConfirmation, Required: true},
	{Pointer: "/consent/givenOn", Label: api.Label{Sv: "Dagen då personen samtyckte", En: "The day on which the person consented"}, Kind: api.FormFieldKindDate, Required: true},
	{Pointer: "/consent/textVersion", Label: api.Label{Sv: "Texten som personen skrev under", En: "The text that the person signed"}, Kind: api.FormFieldKindConsentText, Required: true},
	{Pointer: "/consent/authorities", Label: api.Label{Sv: "Myndigheter som får dela uppgifter", En: "Authorities that may share data"}, Kind: api.FormFieldKindAuthorities, Required: true},
	{Pointer: "/consent/dataCategories", Label: api.Label{Sv: "Uppgifter som samtycket omfattar", En: "Data that the consent covers"}, Kind: api.FormFieldKindCodes, CodeList: rest.Optional("ConsentDataCategory")},
	{Pointer: "/externalReference", Label: api.Label{Sv: "Ert eget nummer på ärendet", En: "Your own number of the case"}, Kind: api.FormFieldKindText},
	{Pointer: "/contact/name", Label: api.Label{Sv: "Vem som svarar på frågor", En: "Whom to ask"}, Kind: api.FormFieldKindText},
	{Pointer: "/contact/email", Label: api.Label{Sv: "E-postadress till den som svarar", En: "E-mail address of whom to ask"}, Kind: api.FormFieldKindEmail},
	{Pointer: "/contact/phone", Label: api.Label{Sv: "Telefonnummer till den som svarar", En: "Phone number of whom to ask"}, Kind: api.FormFieldKindPhone},
}
