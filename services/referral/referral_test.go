package referral

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/personnummer"
)

// noon is the time at which the noun's tests play.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// sample is a referral from Försäkringskassan to Mölndal about an invented person.
func sample() *Referral {
	return &Referral{
		Association: "insjoriket", ID: "r1", Participant: "p1",
		Authority: "fk", AuthorityKind: actor.SocialInsurance, Unit: "fk-molndal", Source: "social_insurance", WishedMunicipality: "1481",
		TargetGroup: TargetGroup{Reasons: []string{"long_absence"}, Concerned: []actor.AuthorityKind{actor.SocialInsurance, actor.Region}},
		Consent:     Consent{GivenOn: "2026-02-27", TextVersion: "2026-1", Authorities: []string{"fk", "molndal"}},
		Steps:       []Step{{Entry: history.Entry{N: 1, At: noon, By: "system", Authority: "fk", Unit: "fk-molndal"}, Kind: Submitted}},
	}
}

var activera = association.Initiative{ID: "activera", Ages: association.Ages{Lowest: 16, Highest: 64}}

func TestAcceptanceAsksForTheInitiativesAgesOnTheStartDate(t *testing.T) {
	for age, ok := range map[int]bool{15: false, 16: true, 40: true, 64: true, 65: false, 113: false} {
		r := sample()
		err := r.Accept(history.Author{}, noon, "1481", Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16", Coach: "c"}, activera, &age)
		if ok && (err != nil || r.Status().State != StateAccepted) || !ok && (!errors.Is(err, ErrAge) || r.Version() != 1) {
			t.Errorf("age %d: got %v in state %s", age, err, r.Status().State)
		}
	}
	r := sample()
	if err := r.Accept(history.Author{}, noon, "1481", Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-16", Coach: "c"}, activera, nil); err != nil {
		t.Errorf("an age that is unknown: %v", err)
	}
}

func TestTheStartDateLiesWithinAYearAndExists(t *testing.T) {
	for date, want := range map[string]*fault.Error{
		"2026-03-16": nil, "2027-03-02": nil, "2026-02-27": nil,
		"2026-02-26": ErrStartBeforeConsent, "2025-03-02": ErrStartBeforeConsent, "2025-08-04": ErrStartBeforeConsent,
		"2025-03-01": ErrStartDate, "2027-03-03": ErrStartDate, "0001-01-01": ErrStartDate,
		"2026-02-30": ErrDate, "2026-3-16": ErrDate, "": ErrDate,
	} {
		err := sample().CheckAcceptance(noon, "1481", Acceptance{Municipality: "1481", StartDate: date})
		if want == nil && err != nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: want %v, got %v", date, want, err)
		}
	}
}

func TestAMunicipalityReceivesOnlyIntoItsOwn(t *testing.T) {
	err := sample().CheckAcceptance(noon, "1481", Acceptance{Municipality: "1402", StartDate: "2026-03-16"})
	if !errors.Is(err, ErrOtherMunicipality) {
		t.Errorf("got %v", err)
	}
}

func TestOneWhoWithdrawsAReferralAboutOneselfDoesSoAsThePerson(t *testing.T) {
	if err := sample().Withdraw(history.Author{}, noon, "referrer", true, nil); !errors.Is(err, ErrWithdrawer) {
		t.Errorf("got %v", err)
	}
	r := sample()
	if err := r.Withdraw(history.Author{}, noon, "person", true, nil); err != nil || r.Status().State != StateWithdrawn {
		t.Errorf("got %v", err)
	}
}

func TestARefusedTextOfConsentNamesThoseThatHeld(t *testing.T) {
	in := &association.Association{ConsentPeriods: []association.ConsentPeriod{{Version: "2026-2"}, {Version: "2026-1"}, {Version: "2026-2"}}}
	s := submission()
	s.Consent.TextVersion = "1"
	f := fault.Of(s.Check(Origin{Authority: "fk"}, in, noon)).Fields[0]
	for _, text := range []string{f.Text.SV, f.Text.EN} {
		if !strings.Contains(text, "textVersion") || !strings.Contains(text, s.Consent.GivenOn) || !strings.Contains(text, ": 2026-1, 2026-2.") {
			t.Errorf("%s: %q", f.Pointer, text)
		}
	}
}

// submission is one without fault.
func submission() Submission {
	r := sample()
	return Submission{
		Person: Person{PersonalIdentityNumber: "191212121212", GivenName: "Tolvan", FamilyName: "Påhittad"},
		Unit:   "fk-molndal", TargetGroup: r.TargetGroup, Given: true, Consent: r.Consent,
		WishedMunicipality: "1481", Reason: "Påhittat.", ExternalReference: "FK-1",
	}
}

func TestASubmissionIsHeldAgainstTheRulesAndEveryFieldIsNamed(t *testing.T) {
	in := &association.Association{ID: "insjoriket", Municipalities: []association.Municipality{{Code: "1481", Name: "Mölndal", Authority: "molndal"}}, Authorities: []association.Authority{{ID: "fk"}, {ID: "af"}},
		Initiatives:    []association.Initiative{checked, spared},
		ConsentPeriods: []association.ConsentPeriod{{Version: "2026-1", From: "2026-01-01", Until: "2026-02-28"}, {Version: "2026-2", From: "2026-02-01"}, {Version: "2026-1", From: "2026-03-02"}},
	}
	fk := Origin{Authority: "fk", AuthorityKind: actor.SocialInsurance}
	cases := map[string]struct {
		change func(*Submission)
		want   []string // pointer and code
	}{
		"one without fault is received":                     {func(*Submission) {}, nil},
		"consent between kinds of authority is as good":     {func(s *Submission) { s.Consent.Authorities = []string{"social_insurance", "municipality"} }, nil},
		"consent may be given today":                        {func(s *Submission) { s.Consent.GivenOn = "2026-03-02" }, nil},
		"consent must be given":                             {func(s *Submission) { s.Given = false }, []string{"/consent/given consent-missing"}},
		"consent cannot be given tomorrow":                  {func(s *Submission) { s.Consent.GivenOn = "2026-03-03" }, []string{"/consent/givenOn consent-in-future"}},
		"on its day the association had another text":       {func(s *Submission) { s.Consent.GivenOn, s.Consent.TextVersion = "2026-03-01", "2026-1" }, []string{"/consent/textVersion no-such-consent-text"}},
		"or not yet that one":                               {func(s *Submission) { s.Consent.GivenOn, s.Consent.TextVersion = "2026-01-31", "2026-2" }, []string{"/consent/textVersion no-such-consent-text"}},
		"or never such a one":                               {func(s *Submission) { s.Consent.GivenOn, s.Consent.TextVersion = "2026-02-01", "1" }, []string{"/consent/textVersion no-such-consent-text"}},
		"two texts may hold at once":                        {func(s *Submission) { s.Consent.GivenOn, s.Consent.TextVersion = "2026-02-28", "2026-2" }, nil},
		"before the first one, any is as good":              {func(s *Submission) { s.Consent.GivenOn, s.Consent.TextVersion = "2025-12-31", "1" }, nil},
		"the consent's day must exist":                      {func(s *Submission) { s.Consent.GivenOn = "2025-02-29" }, []string{"/consent/givenOn no-such-date"}},
		"consent must be about the referrer":                {func(s *Submission) { s.Consent.Authorities = []string{"af", "region", "molndal"} }, []string{"/consent/authorities consent-without-referrer"}},
		"and about the receiver":                            {func(s *Submission) { s.Consent.Authorities = []string{"fk", "region"} }, []string{"/consent/authorities consent-without-receiver"}},
		"of a person who applies as well":                   {func(s *Submission) { s.Self, s.Consent.Authorities = true, []string{"fk"} }, []string{"/consent/authorities consent-without-receiver"}},
		"and about nobody who does not exist":               {func(s *Submission) { s.Consent.Authorities = []string{"fk", "molndal", "molndahl"} }, []string{"/consent/authorities no-such-authority"}},
		"only members receive":                              {func(s *Submission) { s.WishedMunicipality = "0180" }, []string{"/wishedMunicipality not-a-member-municipality"}},
		"an initiative that is performed may be wished for": {func(s *Submission) { s.WishedInitiative = "activera" }, nil},
		"not one that there is not":                         {func(s *Submission) { s.WishedInitiative = "lugn" }, []string{"/wishedInitiative no-such-initiative"}},
		"nor one that others perform":                       {func(s *Submission) { s.WishedInitiative = "ungdomssparet" }, []string{"/wishedInitiative initiative-not-performed"}},
		"and its checklist is answered": {func(s *Submission) {
			s.WishedInitiative, s.RightTime = "activera", []TimelyAnswer{{"left_school", "no"}}
		}, []string{"/rightTime/0/item no-such-checklist-item"}},
		"a personal number is no reference":                 {func(s *Submission) { s.ExternalReference = "19121212-1212" }, []string{"/externalReference reference-is-identity"}},
		"nor is a coordination number without a month":      {func(s *Submission) { s.ExternalReference = "FK-191500882392" }, []string{"/externalReference reference-is-identity"}},
		"nor is a number with a prefix and a blank":         {func(s *Submission) { s.ExternalReference = "SE 19800101 2387" }, []string{"/externalReference reference-is-identity"}},
		"nor is it a phone number at work":                  {func(s *Submission) { s.Contact = &Contact{Name: "Påhittad", Phone: "19121212-1212"} }, []string{"/contact/phone personal-identity-number-here"}},
		"all that is wrong is said at once, in field order": {func(s *Submission) { s.Given = false; s.WishedMunicipality = "0180" }, []string{"/consent/given consent-missing", "/wishedMunicipality not-a-member-municipality"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := submission()
			c.change(&s)
			err := s.Check(fk, in, noon)
			var got []string
			if err != nil {
				for _, f := range fault.Of(err).Fields {
					got = append(got, f.Pointer+" "+f.Code)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("want %v, got %v", c.want, got)
			}
		})
	}
}

func TestACoachIsNamedByAnIDThatPointsOutNobody(t *testing.T) {
	a := Acceptance{Initiative: "activera", Municipality: "1481", StartDate: string(civil.DateOf(time.Now())), Coach: "coach-1"}
	if err := sample().CheckAcceptance(time.Now(), "1481", a); err != nil {
		t.Errorf("got %v", err)
	}
	for _, a.Coach = range []string{"coach-19121212-1212", "pnr-198001012387", "SE198001012387", "19800101 2387", "191500882392", "19800101-T238"} {
		if err := sample().CheckAcceptance(time.Now(), "1481", a); !errors.Is(err, personnummer.ErrNumberHere) {
			t.Errorf("%s: got %v", a.Coach, err)
		}
	}
}

func TestWhoMaySeeTheProgressFollowsTheConsent(t *testing.T) {
	referrer := actor.Actor{Association: "insjoriket", Authority: "fk", Unit: "fk-molndal", Roles: []actor.Role{actor.Referrer}}
	intake := actor.Actor{Association: "insjoriket", Authority: "molndal", Municipality: "1481", Roles: []actor.Role{actor.Intake}}
	cases := map[string]struct {
		change   func(*Referral)
		referrer bool
	}{
		"while the consent holds":              {func(*Referral) {}, true},
		"a consent between kinds counts":       {func(r *Referral) { r.Consent.Authorities = []string{"social_insurance"} }, true},
		"not when the consent is about others": {func(r *Referral) { r.Consent.Authorities = []string{"af"} }, false},
		"not when the consent leaves it out":   {func(r *Referral) { r.Consent.Categories = []string{"identity"} }, false},
		"not after the consent is withdrawn": {func(r *Referral) {
			r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 4, At: noon}, Kind: ConsentWithdrawn})
		}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := after(Submitted, Accepted, Enrolled)
			c.change(r)
			if got := r.Status().VisibilityFor(referrer).Progress; got != c.referrer {
				t.Errorf("the referrer sees it: %t", got)
			}
			if !r.Status().VisibilityFor(intake).Progress {
				t.Error("the municipality itself must see it")
			}
		})
	}
}

func TestAHandlerIsASubjectAtTheAuthorityThatNamedIt(t *testing.T) {
	r := sample()
	r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 2}, Kind: Protected, Handlers: []string{"h1"}, HandledBy: "molndal"})
	for authority, want := range map[string]bool{"molndal": true, r.Authority: false, "": false} {
		a := actor.Actor{
			Subject: "h1", Association: r.Association, Authority: authority, Unit: r.Unit, Municipality: r.Status().Municipality,
			Roles: []actor.Role{actor.Intake, actor.Integration},
		}
		if got := access.Allows("getReferral#text", a, r.Status().ResourceFor(a)); got != want {
			t.Errorf("h1 at %q sees the texts: %t", authority, got)
		}
	}
}

func TestProtectionHoldsUntilItIsLifted(t *testing.T) {
	r := sample()
	r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 2}, Kind: Protected, Handlers: []string{"h1"}})
	if thing := r.Status().ResourceFor(actor.Actor{}); !thing.Protected || fmt.Sprint(thing.Handlers) != "[h1]" {
		t.Errorf("got %+v", thing)
	}
	r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 3}, Kind: Unprotected})
	if r.Status().ResourceFor(actor.Actor{}).Protected {
		t.Error("still protected")
	}
	r.Steps = append(r.Steps, Step{Entry: history.Entry{N: 4}, Kind: Protected})
	if !r.Status().ResourceFor(actor.Actor{}).Protected {
		t.Error("not protected again")
	}
}
