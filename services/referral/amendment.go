package referral

import (
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/personnummer"
)

// Amendment is what a sender corrected after sending, old and new. The fields of
// the referral are those as corrected; the old values stand here, with the test
// of the target group when it was made anew, so that it stays explained which
// input led to what.
//
// The person, the unit and the wished municipality cannot be corrected. Another
// person is another referral; and a municipality that has received one hands it
// over itself, with the other one's consent and the person's.
type Amendment struct {
	TargetGroup       *Change[TargetGroup] `json:"targetGroup,omitempty"`
	Consent           *Change[Consent]     `json:"consent,omitempty"`
	Reason            *Change[[]byte]      `json:"reason,omitempty"` // sealed
	ExternalReference *Change[string]      `json:"externalReference,omitempty"`
	RightTime         bool                 `json:"rightTime,omitempty"`  // the answers to the checklist; they stand in the assessments
	Met               *Change[Verdict]     `json:"met,omitempty"`        // with Assessment
	Assessment        *Change[[]byte]      `json:"assessment,omitempty"` // sealed; nil: no input of it was corrected
}

// Change is one corrected field.
type Change[T any] struct {
	Old T `json:"old"`
	New T `json:"new"`
}

// Changes is what a sender wants corrected; nil leaves a field as it is.
type Changes struct {
	TargetGroup       *TargetGroup
	Consent           *Consent // extended: at least what it covered before
	Reason            *string  // in clear
	ExternalReference *string
	RightTime         *[]TimelyAnswer // all answers; what is left out is unknown
	Self              bool            // the person amends; said by the token
}

// Clear is what stands sealed in a referral, in clear.
type Clear struct {
	Reason   string
	Assessed *Assessment // nil: never tested
}

// fields names the fields that were corrected, as the contract does.
func (a *Amendment) fields() []string {
	var names []string
	for name, set := range map[string]bool{
		"targetGroup": a.TargetGroup != nil, "consent": a.Consent != nil,
		"reason": a.Reason != nil, "externalReference": a.ExternalReference != nil,
		"rightTime": a.RightTime,
	} {
		if set {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Amend corrects the referral, and tests anew under the association's rules of
// now what an input was corrected of. was is in clear what stands sealed, and
// seal seals, bound to a context, what stands instead; text, sealed, tells why.
func (r *Referral) Amend(h Hand, now time.Time, in *association.Association, c Changes, was Clear, seal func(content []byte, context string) ([]byte, error), text []byte) error {
	if !r.May(Amended) {
		return stateFault(r.State())
	}
	initiative, tested := was.Assessed.initiative(in)
	if err := r.amendable(c, initiative, now); err != nil {
		return err
	}
	a := &Amendment{}
	if c.TargetGroup != nil && !c.TargetGroup.same(r.TargetGroup) {
		a.TargetGroup = &Change[TargetGroup]{r.TargetGroup, *c.TargetGroup}
	}
	if c.Consent != nil && !c.Consent.same(r.Consent) {
		a.Consent = &Change[Consent]{r.Consent, *c.Consent}
	}
	if c.ExternalReference != nil && *c.ExternalReference != r.ExternalReference {
		a.ExternalReference = &Change[string]{r.ExternalReference, *c.ExternalReference}
	}
	if c.Reason != nil && *c.Reason != was.Reason {
		sealed, err := seal([]byte(*c.Reason), sealContext(r.ID))
		if err != nil {
			return err
		}
		a.Reason = &Change[[]byte]{r.Reason, sealed}
	}
	if f, other := r.facts(c, was.Assessed); other && tested {
		a.RightTime = c.RightTime != nil && !sameAnswers(*c.RightTime, was.Assessed.answers())
		anew := Assess(initiative, in.Version, civil.DateOf(now), f)
		sealed, err := anew.sealed(r.ID, seal)
		if err != nil {
			return err
		}
		a.Met, a.Assessment = &Change[Verdict]{r.TargetGroupMet, anew.Met}, &Change[[]byte]{r.Assessment, sealed}
	}
	if len(a.fields()) == 0 {
		return ErrNothingAmended.AtField("/changes")
	}
	if err := r.take(h, now, Step{Kind: Amended, Amendment: a, Text: text}); err != nil {
		return err
	}
	a.apply(r)
	return nil
}

// facts returns what the target group is tested by once the changes are made, and
// whether that is other than what it was tested by. The age stays that of the day
// of receipt.
func (r *Referral) facts(c Changes, was *Assessment) (f Facts, other bool) {
	f = Facts{Age: was.age(), Group: r.TargetGroup, RightTime: was.answers()}
	if c.TargetGroup != nil {
		other = !c.TargetGroup.same(r.TargetGroup)
		f.Group = *c.TargetGroup
	}
	if c.RightTime != nil {
		other = other || !sameAnswers(*c.RightTime, f.RightTime)
		f.RightTime = *c.RightTime
	}
	return f, other
}

// amendable holds the changes against the rules of a submission; the fault names
// every field that is wrong.
func (r *Referral) amendable(c Changes, in association.Initiative, now time.Time) error {
	var wrong wrongs
	if c.RightTime != nil {
		checklist(in, *c.RightTime, "/changes/rightTime", &wrong)
	}
	if c.Consent != nil {
		wrong.date(c.Consent.GivenOn, now, "/changes/consent/givenOn")
		if personnummer.Contains(c.Consent.TextVersion) {
			wrong.add(personnummer.ErrNumberHere, "/changes/consent/textVersion")
		}
		if slices.ContainsFunc(c.Consent.Authorities, personnummer.Contains) {
			wrong.add(personnummer.ErrNumberHere, "/changes/consent/authorities")
		}
		if r.ConsentWithdrawnAt() != nil {
			wrong.add(ErrConsentWithdrawn, "/changes/consent")
		}
		if !c.Consent.extends(r.Consent) {
			wrong.add(ErrConsentNarrowed, "/changes/consent")
		}
	}
	if c.ExternalReference != nil && c.Self {
		wrong.add(ErrReferenceOfPerson, "/changes/externalReference")
	}
	if c.ExternalReference != nil && personnummer.Contains(*c.ExternalReference) {
		wrong.add(ErrReferenceIsIdentity, "/changes/externalReference")
	}
	return wrong.fault()
}

// apply creates the fields be as corrected, and undo as they were before.
func (a *Amendment) apply(r *Referral) {
	put(&r.TargetGroup, a.TargetGroup, false)
	put(&r.Consent, a.Consent, false)
	put(&r.Reason, a.Reason, false)
	put(&r.ExternalReference, a.ExternalReference, false)
	put(&r.TargetGroupMet, a.Met, false)
	put(&r.Assessment, a.Assessment, false)
}

func (a *Amendment) undo(r *Referral) {
	put(&r.TargetGroup, a.TargetGroup, true)
	put(&r.Consent, a.Consent, true)
	put(&r.Reason, a.Reason, true)
	put(&r.ExternalReference, a.ExternalReference, true)
	put(&r.TargetGroupMet, a.Met, true)
	put(&r.Assessment, a.Assessment, true)
}

func put[T any](field *T, c *Change[T], old bool) {
	switch {
	case c == nil:
	case old:
		*field = c.Old
	default:
		*field = c.New
	}
}

func (g TargetGroup) same(other TargetGroup) bool {
	return slices.Equal(g.Reasons, other.Reasons) && slices.Equal(g.Concerned, other.Concerned)
}

func (c Consent) same(other Consent) bool {
	return c.GivenOn == other.GivenOn && c.TextVersion == other.TextVersion &&
		slices.Equal(c.Authorities, other.Authorities) && slices.Equal(c.Categories, other.Categories)
}

// extends reports whether the consent covers all that the other one covers: to
// cover less is to withdraw, which is the person's to do.
func (c Consent) extends(other Consent) bool {
	for _, a := range other.Authorities {
		if !slices.Contains(c.Authorities, a) {
			return false
		}
	}
	if len(c.Categories) == 0 {
		return true
	}
	if len(other.Categories) == 0 {
		return false
	}
	for _, x := range other.Categories {
		if !slices.Contains(c.Categories, x) {
			return false
		}
	}
	return true
}

// coversMunicipality reports whether a municipality may be shown the referral: the
// consent names its authority, or municipalities as a kind.
func (r *Referral) coversMunicipality(authority string) bool {
	return r.Consent.names(authority, actor.Municipality)
}

// wrongs collects what is wrong in a body, under the first rule that was broken.
type wrongs struct{ first *fault.Error }

func (w *wrongs) add(f *fault.Error, pointer string) {
	if w.first == nil {
		w.first = f.AtField(pointer)
		return
	}
	w.first = w.first.At(fault.Field{Pointer: pointer, Code: f.Code, Text: f.Text})
}

// date wants the day of a consent: one that exists, today or earlier.
func (w *wrongs) date(day string, now time.Time, pointer string) {
	switch given, err := civil.Parse(day); {
	case err != nil:
		w.add(ErrDate, pointer)
	case given > civil.DateOf(now):
		w.add(ErrConsentDate, pointer)
	}
}

func (w *wrongs) fault() error {
	if w.first == nil {
		return nil
	}
	return w.first
}
