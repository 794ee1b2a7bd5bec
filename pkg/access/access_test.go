package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/fault"
)

// thing is a referral of Försäkringskassan's unit "molndal" to Mölndal, about p1.
var thing = Resource{Association: "insjoriket", Participant: "p1", Relationships: []Relationship{{
	Authority: "fk", Unit: "molndal", Municipality: "1481", Consent: consent.Scope{InForce: true},
}}}

func who(role actor.Role, change ...func(*actor.Actor)) actor.Actor {
	a := actor.Actor{Subject: "s1", Association: "insjoriket", Roles: []actor.Role{role}}
	for _, c := range change {
		c(&a)
	}
	return a
}

func at(authority, unit string) func(*actor.Actor) {
	return func(a *actor.Actor) { a.Authority, a.Unit = authority, unit }
}

func in(municipality string) func(*actor.Actor) {
	return func(a *actor.Actor) { a.Municipality = municipality }
}

func TestDecide(t *testing.T) {
	withdrawn := thing
	withdrawn.Relationships = []Relationship{{Authority: "fk", Unit: "molndal", Municipality: "1481"}}
	applied := Resource{Association: "insjoriket", Participant: "p1", Applied: true, Relationships: []Relationship{
		{Authority: "molndal", Unit: "intake", Municipality: "1481", HandedIn: true}, {Municipality: "1402"}, // which is asked to take over
	}}
	elsewhere := thing
	elsewhere.Association = "kalmar"
	for _, c := range []struct {
		sentence  string
		operation string
		actor     actor.Actor
		thing     Resource
		want      error
	}{
		{"the unit that sent a referral sees it", "getReferral", who(actor.Referrer, at("fk", "molndal")), thing, nil},
		{"another unit of the authority does not", "getReferral", who(actor.Referrer, at("fk", "lerum")), thing, fault.ErrNotFound},
		{"a referrer without unit sees nothing", "getReferral", who(actor.Referrer, at("fk", "")), thing, fault.ErrNotFound},
		{"another authority does not", "getReferral", who(actor.Referrer, at("af", "molndal")), thing, fault.ErrNotFound},
		{"the authority's system sees every unit's", "getReferral", who(actor.Integration, at("fk", "")), thing, nil},
		{"the receiving municipality sees it", "getReferral", who(actor.Intake, in("1481")), thing, nil},
		{"another municipality does not", "getReferral", who(actor.Intake, in("1402")), thing, fault.ErrNotFound},
		{"no municipality is no municipality", "getReferral", who(actor.Intake), Resource{Association: "insjoriket", Relationships: []Relationship{{}}}, fault.ErrNotFound},
		{"the person sees the own one", "getReferral", who(actor.Participant, func(a *actor.Actor) { a.Participant = "p1" }), thing, nil},
		{"another person does not", "getReferral", who(actor.Participant, func(a *actor.Actor) { a.Participant = "p2" }), thing, fault.ErrNotFound},
		{"who applied answers as the sender", "sendSupplement", who(actor.Participant, func(a *actor.Actor) { a.Participant = "p1" }), applied, nil},
		{"another person does not", "sendSupplement", who(actor.Participant, func(a *actor.Actor) { a.Participant = "p2" }), applied, fault.ErrNotFound},
		{"nobody is no applicant", "sendSupplement", who(actor.Participant), Resource{Association: "insjoriket", Applied: true}, fault.ErrNotFound},
		{"who was referred does not", "sendSupplement", who(actor.Participant, func(a *actor.Actor) { a.Participant = "p1" }), thing, fault.ErrNotFound},
		{"the municipality answers for what was handed in to it", "sendSupplement", who(actor.Intake, in("1481")), applied, nil},
		{"not for what others sent to it", "sendSupplement", who(actor.Intake, in("1481")), thing, fault.ErrNotFound},
		{"one that is asked to take over does not yet", "sendSupplement", who(actor.Intake, in("1402")), applied, fault.ErrNotFound},
		{"another association's thing does not exist", "getReferral", who(actor.Intake, in("1481")), elsewhere, fault.ErrNotFound},
		{"the association's staff never see persons", "getReferral", who(actor.AssociationAdmin), thing, fault.ErrForbidden},
		{"a sender with consent sees the course", "getEnrolment", who(actor.Referrer, at("fk", "molndal")), thing, nil},
		{"a sender without does not", "getEnrolment", who(actor.Referrer, at("fk", "molndal")), withdrawn, fault.ErrNotFound},
		{"nobody may nothing", "getReferral", actor.Actor{}, thing, fault.ErrForbidden},
		{"an unknown operation is nobody's", "dropEverything", who(actor.Coach, in("1481")), thing, fault.ErrForbidden},
		{"a calendar's secret is its own key", "readCalendar", actor.Actor{}, Resource{}, nil},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			if _, err := Decide(c.operation, c.actor, c.thing); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAConsentOpensOnlyTheReferralItWasGivenFor(t *testing.T) {
	two := Resource{Association: "insjoriket", Relationships: []Relationship{
		{Authority: "fk", Unit: "molndal"},
		{Authority: "af", Unit: "lerum", Consent: consent.Scope{InForce: true}},
	}}
	if Allows("getEnrolment", who(actor.Referrer, at("fk", "molndal")), two) {
		t.Error("consent given with another's referral opened this one")
	}
	if !Allows("getEnrolment", who(actor.Referrer, at("af", "lerum")), two) {
		t.Error("the sender with consent was shut out")
	}
}

func TestAProtectedPersonIsNamedOnlyToItsHandlers(t *testing.T) {
	protected := thing
	protected.Protected, protected.Handlers = true, []string{"s9"}
	coach := who(actor.Coach, in("1481"))
	if Allows("getParticipant#identity", coach, protected) {
		t.Error("a coach who is not named saw the identity")
	}
	if !Allows("getParticipant", coach, protected) {
		t.Error("the masked answer is for every coach of the municipality")
	}
	coach.Subject = "s9"
	if !Allows("getParticipant#identity", coach, protected) {
		t.Error("the named handler was shut out")
	}
}

// TestWhoMayWithAProtection is written from domain.md §§6 and 7: a handler of the performing
// municipality or its head changes a protection, the head by appointing only; who removes it
// does nothing else.
func TestWhoMayWithAProtection(t *testing.T) {
	protected := thing
	protected.Protected, protected.Handlers = true, []string{"s9"}
	handler := who(actor.Coach, in("1481"))
	handler.Subject = "s9"
	for _, c := range []struct {
		sentence string
		row      string
		actor    actor.Actor
		thing    Resource
		want     bool
	}{
		{"a coach protects a person of its municipality", "protectParticipant", who(actor.Coach, in("1481")), thing, true},
		{"so does the receiver", "protectParticipant", who(actor.Intake, in("1481")), thing, true},
		{"a coach elsewhere does not", "protectParticipant", who(actor.Coach, in("1402")), thing, false},
		{"one who is protected is changed by a handler", "protectParticipant", handler, protected, true},
		{"not by another coach", "protectParticipant", who(actor.Coach, in("1481")), protected, false},
		{"nor by another receiver", "protectParticipant", who(actor.Intake, in("1481")), protected, false},
		{"by the head of the municipality's unit", "protectParticipant", who(actor.Manager, in("1481")), protected, true},
		{"not by a head elsewhere", "protectParticipant", who(actor.Manager, in("1402")), protected, false},
		{"not by a reviewer", "protectParticipant", who(actor.Reviewer), protected, false},
		{"nor by a sender", "protectParticipant", who(actor.Integration, at("fk", "")), protected, false},
		{"the head reads the person masked", "getParticipant", who(actor.Manager, in("1481")), protected, true},
		{"and never who it is", "getParticipant#identity", who(actor.Manager, in("1481")), thing, false},
		{"only a reviewer removes", "unprotectParticipant", who(actor.Reviewer), protected, true},
		{"the head does not", "unprotectParticipant", who(actor.Manager, in("1481")), protected, false},
		{"a reviewer reads the protection", "getProtection", who(actor.Reviewer), protected, true},
		{"and no person", "getParticipant", who(actor.Reviewer), protected, false},
	} {
		if got := Allows(c.row, c.actor, c.thing); got != c.want {
			t.Errorf("%s: %v", c.sentence, got)
		}
	}
}

func TestWhoDecidedKnowsAboutWhomAndDoesNothing(t *testing.T) {
	decided := Resource{Association: "insjoriket", Participant: "p1", Relationships: []Relationship{{Authority: "fk", Unit: "molndal", Decider: "1481"}}}
	protected := decided
	protected.Protected = true
	for _, c := range []struct {
		sentence string
		row      string
		actor    actor.Actor
		thing    Resource
		want     bool
	}{
		{"the receivers of who rejected read the person", "getParticipant", who(actor.Intake, in("1481")), decided, true},
		{"by name and number", "getParticipant#identity", who(actor.Intake, in("1481")), decided, true},
		{"a protected one only masked", "getParticipant#identity", who(actor.Intake, in("1481")), protected, false},
		{"a coach does not, who decides nothing", "getParticipant", who(actor.Coach, in("1481")), decided, false},
		{"nor does another municipality", "getParticipant", who(actor.Intake, in("1402")), decided, false},
		{"nor one without a municipality", "getParticipant", who(actor.Intake), Resource{Association: "insjoriket", Relationships: []Relationship{{}}}, false},
		{"they withdraw no consent", "withdrawConsent", who(actor.Intake, in("1481")), decided, false},
		{"and protect nobody", "protectParticipant", who(actor.Intake, in("1481")), decided, false},
	} {
		if got := Allows(c.row, c.actor, c.thing); got != c.want {
			t.Errorf("%s: %v", c.sentence, got)
		}
	}
}

func TestAListIsReadInOneRelation(t *testing.T) {
	both := who(actor.Referrer, at("fk", "molndal"), in("1481"))
	both.Roles = append(both.Roles, actor.Intake)
	if r := Scope("listReferrals", both); r != OwnMunicipality {
		t.Errorf("got %v", r)
	}
	if Scope("listReferrals", who(actor.Board)) != "" {
		t.Error("the board has no list of persons")
	}
}

func TestTheAssociationsStaffBoardAndPlannersMeetNoPerson(t *testing.T) {
	for _, r := range []actor.Role{actor.AssociationAdmin, actor.Board, actor.Planner} {
		if SeesPersons(r) {
			t.Errorf("%s sees persons", r)
		}
	}
	for _, r := range []actor.Role{actor.Coach, actor.Intake, actor.Referrer, actor.Reviewer, actor.Participant, actor.Manager} {
		if !SeesPersons(r) {
			t.Errorf("%s sees no person, says the table", r)
		}
	}
}

func TestEveryViewBelongsToAnOperation(t *testing.T) {
	for name := range rows {
		if op, _, view := strings.Cut(name, "#"); view && len(Row(op)) == 0 {
			t.Errorf("%s has no operation", name)
		}
	}
}

func TestATableThatIsMisspeltIsRefused(t *testing.T) {
	for sentence, text := range map[string]string{
		"an unknown role":             "g: {op: [{role: couch, relation: own-unit}]}",
		"a role only services have":   "g: {op: [{role: system, relation: own-unit}]}",
		"an unknown relation":         "g: {op: [{role: coach, relation: own}]}",
		"an unknown condition":        "g: {op: [{role: coach, relation: own-unit, consents: progress}]}",
		"two rows of one operation":   "g: {op: [{relation: public}]}\nh: {op: [{relation: public}]}",
		"public with a role":          "g: {op: [{role: coach, relation: public}]}",
		"an unknown category of data": "g: {op: [{role: referrer, relation: own-unit, consent: health}]}",
		"consent where none is asked": "g: {op: [{role: coach, relation: own-municipality, consent: progress}]}",
	} {
		if _, err := parse(compile(t, []byte(text))); err == nil {
			t.Errorf("%s was taken", sentence)
		}
	}
}

func TestTheTableThatAProgramReadsIsCurrent(t *testing.T) {
	text, err := os.ReadFile("table.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(compile(t, text), tableJSON) {
		t.Error("table.json is not that of table.yaml: run make generate")
	}
}

// compile writes a table as compiletable does.
func compile(t *testing.T, text []byte) []byte {
	t.Helper()
	var groups map[string]map[string][]map[string]any
	if err := yaml.Unmarshal(text, &groups); err != nil {
		t.Fatal(err)
	}
	table, err := json.MarshalIndent(groups, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(table, '\n')
}

func TestDecideReturnsTheRelationThatOpened(t *testing.T) {
	both := who(actor.Integration, at("fk", "molndal"), in("1481"))
	both.Roles = append(both.Roles, actor.Intake)
	for _, c := range []struct {
		sentence  string
		operation string
		actor     actor.Actor
		want      Relation
	}{
		{"the sender's unit", "getReferral", who(actor.Referrer, at("fk", "molndal")), OwnUnit},
		{"the municipality", "getReferral", who(actor.Intake, in("1481")), OwnMunicipality},
		{"of two relations the first in the table", "getReferral", both, OwnMunicipality},
		{"none that the caller does not have", "getReferral", who(actor.Intake, in("1402")), ""},
		{"none without the role", "getReferral", who(actor.Board), ""},
	} {
		if got, _ := Decide(c.operation, c.actor, thing); got != c.want {
			t.Errorf("%s: got %q, want %q", c.sentence, got, c.want)
		}
	}
}
