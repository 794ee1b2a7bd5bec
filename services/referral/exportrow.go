package referral

import (
	"time"

	"github.com/finsam/finsam/pkg/civil"
)

// The headings of an export, in the order of a row's cells.
var (
	exportHeadings = []string{
		"Diarienummer", "Läge", "Inkommen", "Källa", "Myndighet", "Enhet", "Kommun", "Insats", "Prioritet",
		"Ansvarig mottagare", "Väntar på", "Senast", "Försenad", "Beslutad", "Utfall",
	}
	identityHeadings = []string{"Namn", "Personnummer"}
)

// cells returns a referral as text, for people in Sweden: what the caller may not
// see, and what there is not, is empty alike.
func (x *export) cells(v *View) []string {
	r := v.Referral
	var initiative, party, due, late, decided string
	if accepted := r.last(Accepted); accepted != nil && v.sight.progress {
		initiative = x.initiative(accepted.Acceptance.Initiative)
	}
	if v.Turn != nil {
		party, due, late = orCode(partyNames, string(v.Turn.Party)), string(civil.DateOf(v.Turn.Due)), "Nej"
	}
	if v.Overdue {
		late = "Ja"
	}
	if at := r.decidedAt(); !at.IsZero() {
		decided = minute(at)
	}
	return []string{
		r.RegistryNumber, words[v.State].SV, minute(r.ReceivedAt()), orCode(sourceNames, string(r.SourceOf())),
		r.Authority, x.unit(r.Unit), x.municipality(r.Municipality()), initiative, orCode(priorityNames, r.Priority()),
		v.Responsible, party, due, late, decided, orCode(outcomeNames, v.Outcome),
	}
}

// decidedAt is when the referral was last accepted or rejected; zero before.
func (r *Referral) decidedAt() (at time.Time) {
	for i := range r.Steps {
		if k := r.Steps[i].Kind; k == Accepted || k == Rejected {
			at = r.Steps[i].At
		}
	}
	return at
}

func (x *export) unit(id string) string {
	if u, _, ok := x.units.find(id); ok {
		return u.Name
	}
	return id
}

func (x *export) municipality(code string) string {
	if m, ok := x.association.Municipality(code); ok {
		return m.Name
	}
	return code
}

func (x *export) initiative(id string) string {
	if i, ok := x.association.Initiative(id); ok {
		return i.Name
	}
	return id
}

// minute writes an instant as a clock in Sweden shows it.
func minute(t time.Time) string { return t.In(civil.Zone).Format("2006-01-02 15:04") }

// orCode returns the name of a code, or the code itself where it has none.
func orCode(names map[string]string, code string) string {
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
		string(PartyReceiver): "Mottagande kommun", string(PartyAsked): "Tillfrågad kommun",
		string(PartySender): "Avsändare", string(PartyCoach): "Coach",
	}
	outcomeNames = map[string]string{"completed": "Genomförd", "interrupted": "Avbruten", "cancelled": "Inställd"}
)
