package export

import (
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/services/referral"
)

// The headings, in the order of a row's cells.
var (
	headings = []string{
		"Diarienummer", "Läge", "Inkommen", "Källa", "Myndighet", "Enhet", "Kommun", "Insats", "Prioritet",
		"Ansvarig mottagare", "Väntar på", "Senast", "Försenad", "Beslutad", "Utfall",
	}
	identityHeadings = []string{"Namn", "Personnummer"}
)

// cells returns a referral as text, for people in Sweden: what the caller may not see
// and what does not exist are both empty.
func (x *export) cells(v *referral.View) []string {
	r, s := v.Referral, v.Status
	unit, municipality, initiative := r.Unit, s.Municipality, ""
	if u, _, ok := x.units.Find(unit); ok {
		unit = u.Name
	}
	if m, ok := x.association.Municipality(municipality); ok {
		municipality = m.Name
	}
	if s.Accepted != nil && v.Visibility.Progress {
		initiative = s.Accepted.Acceptance.Initiative
		if i, ok := x.association.Initiative(initiative); ok {
			initiative = i.Name
		}
	}
	var party, due, late, decided string
	if v.Turn != nil {
		party, due, late = nameOf(partyNames, string(v.Turn.Party)), string(civil.DateOf(v.Turn.Due)), "Nej"
	}
	if v.Overdue {
		late = "Ja"
	}
	if !s.DecidedAt.IsZero() {
		decided = minute(s.DecidedAt)
	}
	return []string{
		r.RegistryNumber, referral.StateTexts[v.State].SV, minute(r.ReceivedAt()), nameOf(sourceNames, string(r.Source)),
		r.Authority, unit, municipality, initiative, nameOf(priorityNames, s.Priority),
		v.Responsible, party, due, late, decided, nameOf(outcomeNames, v.Outcome),
	}
}

// minute writes an instant as a clock in Sweden shows it.
func minute(t time.Time) string { return t.In(civil.Zone).Format("2006-01-02 15:04") }

// nameOf returns the name of a code, or the code itself where it has none.
func nameOf(names map[string]string, code string) string {
	if name, ok := names[code]; ok {
		return name
	}
	return code
}

// The codes in Swedish, as the headings are.
var (
	sourceNames = map[string]string{
		"health_centre": "Vårdcentral", "psychiatry": "Psykiatri", "youth_clinic": "Ungdomsmottagning",
		"social_services": "Socialtjänst", "livelihood_support": "Ekonomiskt bistånd", "employment_office": "Arbetsförmedlingens kontor",
		"insurance_office": "Försäkringskassans kontor", "private_care": "Privat vårdgivare", "other": "Annan",
		"self_referral": "Egen ansökan", "employment_service": "Arbetsförmedlingen", "social_insurance": "Försäkringskassan",
		"region": "Regionen", "municipality": "Kommunen", "self": "Personen själv",
	}
	priorityNames = map[string]string{"high": "Hög", "normal": "Normal", "low": "Låg"}
	partyNames    = map[string]string{
		string(referral.PartyReceiver): "Mottagande kommun", string(referral.PartyAsked): "Tillfrågad kommun",
		string(referral.PartySender): "Avsändare", string(referral.PartyCoach): "Coach",
	}
	outcomeNames = map[string]string{"completed": "Genomförd", "interrupted": "Avbruten", "cancelled": "Inställd"}
)
