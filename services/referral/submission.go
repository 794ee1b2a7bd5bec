package referral

import (
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Submission is a referral that somebody wants to send, with the person in plain text.
type Submission struct {
	Person             Person
	Unit               string
	TargetGroup        TargetGroup
	Given              bool // the person has consented
	Consent            Consent
	WishedMunicipality string
	Reason             string
	ExternalReference  string
	RightTime          []TimelyAnswer `json:",omitempty"`
	OnBehalf           Source         `json:",omitempty"` // for whom the municipality hands it in: SelfReferral, SourcePrivateCare; empty: nobody
	Self               bool           `json:",omitempty"` // the person sends it, as the token says
}

// Person is the person who is referred. It goes to the vault and nowhere else.
type Person struct {
	PersonalIdentityNumber string
	GivenName              string
	FamilyName             string
	Gender                 string
	Email                  string
	Phone                  string
	Protection             string `json:",omitempty"` // level of protected identity; empty: none that the sender knows of
}

// Identity is who a participant is, as far as the vault shows it to the caller.
type Identity struct {
	Name      string // or the alias of a protected person
	Number    string // as the vault masks it; empty for a protected person
	Protected bool
}

// Origin is where a referral comes from, as it is stored.
type Origin struct {
	Authority     string
	AuthorityKind actor.AuthorityKind
	Unit          string
	Source        Source
}

// Check holds a submission against the rules; the fault names every field that is
// wrong, under the first rule that was broken.
func (s Submission) Check(from Origin, in *association.Association, now time.Time) error {
	var wrong fieldErrors
	if !s.Given {
		wrong.add(ErrConsentMissing, "/consent/given")
	}
	wrong.consentDate(s.Consent.GivenOn, now, "/consent/givenOn")
	if !s.Self && !s.Consent.Names(from.Authority, from.AuthorityKind) {
		wrong.add(ErrConsentWithoutReferrer, "/consent/authorities")
	}
	wrong.between(s.Consent.Authorities, from.Authority, in, "/consent/authorities")
	to, member := in.Municipality(s.WishedMunicipality)
	if member && !s.Consent.Names(to.Authority, actor.Municipality) {
		wrong.add(ErrConsentWithoutReceiver, "/consent/authorities")
	}
	if initiative, ok := in.Choose(""); ok {
		wrong.checklist(initiative, s.RightTime, "/rightTime")
	}
	if !member {
		wrong.add(ErrMunicipality, "/wishedMunicipality")
	}
	if personnummer.Contains(s.ExternalReference) {
		wrong.add(ErrReferenceIsIdentity, "/externalReference")
	}
	return wrong.fault()
}
