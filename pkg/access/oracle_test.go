package access

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/consent"
	"github.com/finsam/finsam/pkg/fault"
)

// scene is who asks about whom, in the words of the field: what the rules below are
// written in. None of it is computed by the code that decides.
type scene struct {
	role                    actor.Role
	from                    string // where the caller works: "the unit" that sent, its "authority", "elsewhere"
	municipality            string // of the caller: "has it", "decided" about it and has it no more, "receives" the person in its activity, "elsewhere"
	self, applied, handedIn bool   // the caller is the person; who applied; whom the municipality handed in
	shares                  string // what the consent shares with the sender beside the identity; "nothing": no consent
	protection              string // "none", "another's" or "one's own" to handle
	stranger                bool   // the caller is of another association
	leads                   string // who leads the activity: "nobody named", "the caller" or "another"
	supervises              bool   // the caller is a supervisor of the site that it is about
}

// Who somebody is in a scene, and what holds of the person.
func (s scene) sender() bool { return s.officer() || s.system() }
func (s scene) officer() bool {
	return s.role == actor.Referrer && s.from == "the unit"
}
func (s scene) system() bool {
	return s.role == actor.Integration && s.from != "elsewhere"
}
func (s scene) receiver() bool              { return s.role == actor.Intake && s.municipality == "has it" }
func (s scene) decider() bool               { return s.role == actor.Intake && s.municipality == "decided" }
func (s scene) receives() bool              { return s.municipality == "receives" }
func (s scene) handsIn() bool               { return s.receiver() && s.handedIn }
func (s scene) coach() bool                 { return s.role == actor.Coach && s.municipality == "has it" }
func (s scene) leader() bool                { return s.role == actor.Supervisor && s.municipality == "has it" }
func (s scene) own() bool                   { return s.leads != "another" }
func (s scene) ofSite() bool                { return s.leader() && s.supervises }
func (s scene) head() bool                  { return s.role == actor.Manager && s.municipality == "has it" }
func (s scene) person() bool                { return s.role == actor.Participant && s.self }
func (s scene) applicant() bool             { return s.person() && s.applied }
func (s scene) admin() bool                 { return s.role == actor.AssociationAdmin }
func (s scene) planner() bool               { return s.role == actor.Planner && s.municipality == "has it" }
func (s scene) board() bool                 { return s.role == actor.Board }
func (s scene) reviewer() bool              { return s.role == actor.Reviewer }
func (s scene) known() bool                 { return s.protection != "another's" }
func (s scene) consented() bool             { return s.shares != "nothing" }
func (s scene) progress() bool              { return strings.Contains(s.shares, "progress") }
func (s scene) outcome() bool               { return strings.Contains(s.shares, "outcome") }
func (s scene) is(roles ...actor.Role) bool { return slices.Contains(roles, s.role) }

// rule is a sentence of domain.md (§§ 6 and 7) or of the decisions that go with it, and
// the operations and parts of answers that follow from it.
type rule struct {
	sentence string
	allows   func(scene) bool
	to       string
}

var oracle = []rule{
	{"a sender reads its own referrals and what it sent", scene.sender, "listReferrals exportReferrals listTasks getReferralFigures getReferral"},
	{"and their texts and files, of a protected person only as a handler", func(s scene) bool { return s.sender() && s.known() }, "getReferral#text getAttachment"},
	{"a sender refers, supplements, corrects and takes back", scene.sender, "createReferral createReferrals sendSupplement amendReferral withdrawReferral markReferralInError addAttachment removeAttachment"},
	{"a sender knows whom it sent while a consent holds", func(s scene) bool { return s.sender() && s.consented() }, "getParticipant readIdentities"},
	{"by name, of a protected person only as a handler", func(s scene) bool { return s.sender() && s.consented() && s.known() }, "getParticipant#identity readIdentities#name"},
	{"a sender follows the progress that the consent shares, and answers the check-ins", func(s scene) bool { return s.sender() && s.progress() }, "getReferral#progress getEnrolment answerCheckIn correctEnrolment"},
	{"and its texts, of a protected person only as a handler", func(s scene) bool { return s.sender() && s.progress() && s.known() }, "getEnrolment#text"},
	{"a sender knows the outcome that the consent shares", func(s scene) bool { return s.sender() && s.outcome() }, "getReferral#outcome getEnrolment#outcome"},

	{"a receiver reads and decides the referrals to its municipality", scene.receiver, "listReferrals exportReferrals listTasks getReferralFigures getReferral getReferral#progress getReferral#outcome acceptReferral joinReferral rejectReferral waitlistReferral requestSupplement assignReferral requestTransfer acceptTransfer declineTransfer cancelTransfer addAttachment removeAttachment listWaiting getPlaces getPlaces#use setPlaces"},
	{"and their texts and files, of a protected person only as a handler", func(s scene) bool { return s.receiver() && s.known() }, "getReferral#text getReferral#duplicates getAttachment"},
	{"a receiver receives who applies and whom private care sends", scene.receiver, "createReferral createReferrals"},
	{"and is the sender of what it handed in", scene.handsIn, "sendSupplement amendReferral withdrawReferral markReferralInError"},
	{"a receiver knows about whom it is to decide, or has decided", func(s scene) bool { return s.receiver() || s.decider() }, "getParticipant readIdentities"},
	{"by name and number, of a protected person only as a handler", func(s scene) bool { return (s.receiver() || s.decider()) && s.known() }, "getParticipant#identity readIdentities#name readIdentities#number"},
	{"and finds by number or name whom its municipality has to do with, a protected one only as a handler", func(s scene) bool { return (s.receiver() || s.coach()) && s.known() }, "searchParticipants"},
	{"a receiver follows who was accepted, and cancels who does not come", scene.receiver, "listEnrolments getEnrolment getEnrolment#outcome cancelEnrolment"},
	{"and the texts, of a protected person only as a handler", func(s scene) bool { return s.receiver() && s.known() }, "getEnrolment#text"},

	{"a coach reads what was referred to its municipality, from where its participants come", scene.coach, "listReferrals exportReferrals listTasks getReferral getReferral#progress getReferral#outcome joinReferral listWaiting getPlaces getPlaces#use"},
	{"and the texts and files, of a protected person only as a handler", func(s scene) bool { return s.coach() && s.known() }, "getReferral#text getAttachment"},
	{"a coach leads the participants of its municipality's initiatives", scene.coach, "getParticipant readIdentities listEnrolments getEnrolment getEnrolment#outcome startEnrolment startBlock recordNonAnswer decideCheckIn resumeEnrolment holdClosingConversation closeEnrolment cancelEnrolment moveEnrolmentPlan"},
	{"by name, number and texts, of a protected person only as a handler", func(s scene) bool { return s.coach() && s.known() }, "getParticipant#identity readIdentities#name readIdentities#number getEnrolment#text"},
	{"a coach fills their weeks", scene.coach, "createBooking listBookings getBooking acceptOffer declineOffer cancelBooking getParticipantWeek listCalendarFeeds getCalendarFeed createCalendarFeed revokeCalendarFeed cancelOccurrence restoreOccurrence"},
	{"and sees who is absent often, and whose week lacks what the programme wants", scene.coach, "listAbsenceSignals getAbsenceSignal followUpAbsence listWeeklyShortfalls"},
	{"receivers and coaches read the exact figures of their own municipality's activities", func(s scene) bool { return s.receiver() || s.coach() }, "getActivityFigures"},
	{"and reads why attendance was corrected, of a protected person only as a handler", func(s scene) bool { return s.coach() && s.known() }, "getBooking#text"},
	{"a coach and who leads an activity have the list of its day, and keep the attendance", func(s scene) bool { return s.coach() || s.leader() && s.own() }, "getActivityDay noteDayAttendances noteAttendance correctAttendance"},
	{"each has the own activities of a day, with all who come there", func(s scene) bool {
		return (s.coach() || s.leader() || s.receives() && s.is(actor.Coach, actor.Supervisor)) && s.own()
	}, "getDay"},
	{"by name, also another municipality's participant, and of a protected person by alias", func(s scene) bool {
		return (s.coach() || s.leader() || s.receives() && s.is(actor.Coach, actor.Supervisor)) && s.own() && s.known()
	}, "readIdentities#listed"},
	{"a coach places participants at the municipality's sites of work training, and follows them up", scene.coach, "createPlacement listPlacements agreePlacement declinePlacement endPlacement recordFollowUp"},
	{"a coach and who supervises a site know who is there, and keep the attendance", func(s scene) bool { return s.coach() || s.ofSite() }, "getSiteDay getPlacement notePlacementAttendance"},
	{"with the tasks, of a protected person only as a handler", func(s scene) bool { return (s.coach() || s.ofSite()) && s.known() }, "getPlacement#text"},
	{"a coach fills, starts and cancels the municipality's closed groups, and keeps the waiting list for them", scene.coach, "openGroup startGroup cancelGroup getGroup#members listGroupProposals createGroupWait listGroupWaits getGroupWait declineGroupOffer endGroupWait"},
	{"a closed group is planned by the municipality's coaches and planners", func(s scene) bool { return s.coach() || s.planner() }, "createGroup changeGroup"},
	{"a leader has the list of the own group, and no other, also with another municipality's participants in it", func(s scene) bool { return (s.leader() || s.receives() && s.is(actor.Supervisor)) && s.own() }, "getGroup#members"},
	{"which groups there are, without those in them, is known to all who plan, lead and fill them", func(s scene) bool { return s.is(actor.Coach, actor.Supervisor, actor.Planner) }, "listGroups getGroup"},
	{"a person sees the own groups, of those in them only the own place, and what the person waits for", scene.person, "listGroups getGroup getGroup#members listGroupWaits getGroupWait"},
	{"a coach and a leader of the municipality that receives another's participant have that booking and its attendance, and nothing more of the person",
		func(s scene) bool { return s.receives() && (s.is(actor.Coach) || s.is(actor.Supervisor) && s.own()) }, "getActivityDay noteDayAttendances noteAttendance correctAttendance"},
	{"the coach there reads it", func(s scene) bool { return s.receives() && s.is(actor.Coach) }, "listBookings getBooking"},
	{"who leads an activity notes who came without a booking, of the own participants", func(s scene) bool { return s.coach() || s.leader() }, "noteDropIn"},
	{"who books and who leads know how many places an occurrence has left, and no person", func(s scene) bool { return s.is(actor.Coach, actor.Supervisor) }, "getActivityPlaces"},

	{"a person reads the own path, whole, and refers and withdraws the own case", scene.person, "listReferrals listTasks getReferral getReferral#text getReferral#progress getReferral#outcome getAttachment createReferral createReferrals withdrawReferral getParticipant getParticipant#identity listEnrolments getEnrolment getEnrolment#text getEnrolment#outcome"},
	{"a person says when it cannot come, and a coach notes that", func(s scene) bool { return s.person() || s.coach() }, "reportAbsence listAbsences getAbsence correctAbsence withdrawAbsence"},
	{"a person and the coach say what the person manages, and see the week beside it", func(s scene) bool { return s.person() || s.coach() }, "getManageableLoad stateManageableLoad getWeekBalance"},
	{"a person reads the own week and has a calendar of it", scene.person, "listBookings getBooking getBooking#text listPlacements getPlacement getPlacement#text getParticipantWeek listCalendarFeeds getCalendarFeed createCalendarFeed revokeCalendarFeed"},
	{"who applied is the sender of the application", scene.applicant, "sendSupplement amendReferral markReferralInError addAttachment removeAttachment"},
	{"a person withdraws the consent at any time, also by those who meet it", func(s scene) bool { return s.person() || s.coach() || s.receiver() }, "withdrawConsent"},

	{"who receives or coaches settles who the person is, where sources differ", func(s scene) bool { return (s.coach() || s.receiver()) && s.known() }, "rectifyParticipant"},
	{"a protection is changed by handlers of the performing municipality and the head of its unit", func(s scene) bool { return (s.coach() || s.receiver()) && s.known() || s.head() }, "protectParticipant"},
	{"the head sees of a person what that needs, and never who it is", scene.head, "getParticipant"},
	{"who decided on a referral, or let it join, corrects that, and so does the head", func(s scene) bool { return s.receiver() || s.coach() || s.head() }, "correctReferral"},
	{"who led an enrolment corrects it, and so does the head", func(s scene) bool { return s.coach() || s.head() }, "correctEnrolment"},
	{"who works with people knows colleagues by name, and who of the other side works on a case that they share", func(s scene) bool {
		return s.officer() || s.receiver() || s.coach() || s.leader() || s.head()
	}, "listStaff"},
	{"the head approves exceptions, and sees what that and a correction need", scene.head, "approveException correctAttendance listBookings getBooking listPlacements getPlacement getReferral getReferral#progress getReferral#outcome listEnrolments getEnrolment getEnrolment#outcome"},
	{"with the texts and files, of a protected person only as a handler", func(s scene) bool { return s.head() && s.known() }, "getReferral#text getAttachment getEnrolment#text getBooking#text getPlacement#text"},
	{"only a reviewer removes it, having read its version, and no person", scene.reviewer, "getProtection unprotectParticipant"},
	{"a reviewer reads the access log", scene.reviewer, "listAccesses"},
	{"and a person who has read about them, and why", scene.person, "listOwnAccesses"},

	{"the board and the association's staff read publications and no other figures", func(s scene) bool { return s.board() || s.admin() }, "listPublications getPublication"},
	{"which the staff make and release", scene.admin, "makePublication releasePublication"},
	{"the staff keep the units, and how many places are financed, not how many are taken", scene.admin, "replaceUnits replaceUnit getPlaces setPlaces"},

	{"drafts are of front ends: of the unit, or of the municipality's receivers", func(s scene) bool { return s.officer() || s.receiver() }, "createDraft listDrafts getDraft replaceDraft deleteDraft sendDraft"},
	{"systems follow their authority's cases, receivers their municipality's", func(s scene) bool { return s.system() || s.receiver() }, "listEvents listWebhooks createWebhook getWebhook changeWebhook removeWebhook rotateWebhookSecret testWebhook listDeliveries resendDelivery resendDeadLetters"},
	{"a municipality's own system follows its cases too", func(s scene) bool { return s.role == actor.Integration && s.municipality == "has it" }, "listEvents"},
	{"who refers, receives, coaches or applies asks whether there is a place, and when the next is expected to be free", func(s scene) bool {
		return s.is(actor.Referrer, actor.Integration, actor.Intake, actor.Coach, actor.Participant)
	}, "getCapacity getForecast"},
	{"how many places a site has left is known, without a person, to who places, receives, leads, plans or heads", func(s scene) bool {
		return s.is(actor.Coach, actor.Intake, actor.Supervisor, actor.Manager, actor.Planner, actor.AssociationAdmin)
	}, "getSitePlaces"},
	{"the units are nobody's secret", func(s scene) bool { return true }, "listUnits"},
	{"nor is the programme of a week, for all but who only reviews and approves", func(s scene) bool { return !s.is(actor.Reviewer, actor.Manager) }, "getMunicipalityWeek listActivities"},
	{"nor what a form needs: initiatives, checklists, members and the words for codes", func(s scene) bool { return !s.is(actor.Reviewer, actor.Manager) }, "listInitiatives listPlans listConsentTexts listChecklists listMunicipalities listAuthorities listCodeLists"},
	{"nor the programme's objects, as they hold", func(s scene) bool { return !s.is(actor.Reviewer, actor.Manager) }, "listProgrammeObjects getProgrammeObject"},
	{"a planner drafts and activates the own municipality's, and the association's staff all of them", func(s scene) bool { return s.admin() || s.planner() }, "getProgrammeObject#draft createProgrammeObject replaceProgrammeDraft discardProgrammeDraft checkProgrammeDraft activateProgrammeDraft endProgrammeObject"},
	{"who leads, coaches or plans reads when a leader leads what, which is in the weeks too", func(s scene) bool {
		return s.is(actor.Supervisor, actor.Coach, actor.Planner, actor.AssociationAdmin)
	}, "getLeaderWeek"},
	{"and has it, or a municipality's week, as a calendar, by an own secret address that nobody else sees", func(s scene) bool {
		return s.is(actor.Supervisor, actor.Coach, actor.Planner, actor.AssociationAdmin)
	}, "listStaffCalendars getStaffCalendar createStaffCalendar revokeStaffCalendar"},
	{"those who go there read why it was called off", func(s scene) bool { return s.is(actor.Coach, actor.Intake, actor.Supervisor, actor.Participant) }, "getCancellation"},
}

// open reports whether anybody may, without a token: the address itself is the secret.
func open(operation string) bool { return operation == "readCalendar" }

// scenes lists every scene: each role, relation, protection and consent.
func scenes() (all []scene) {
	no, yes := []bool{false}, []bool{false, true}
	for _, role := range actor.Roles {
		for _, from := range []string{"the unit", "authority", "elsewhere"} {
			for _, municipality := range []string{"has it", "decided", "receives", "elsewhere"} {
				handed := no
				if municipality == "has it" || municipality == "elsewhere" {
					handed = yes
				}
				for bits := range 8 {
					for _, handedIn := range handed {
						for _, shares := range []string{"nothing", "identity", "progress", "outcome", "progress and outcome"} {
							for _, protection := range []string{"none", "another's", "one's own"} {
								for _, leads := range []string{"nobody named", "the caller", "another"} {
									if leads == "nobody named" || role == actor.Supervisor || role == actor.Coach {
										all = append(all, scene{role, from, municipality, bits&1 > 0, bits&2 > 0, handedIn, shares, protection, bits&4 > 0, leads, false})
									}
									if leads == "nobody named" && (role == actor.Supervisor || role == actor.Planner) { // whom one has made a supervisor of what it plans
										all = append(all, scene{role, from, municipality, bits&1 > 0, bits&2 > 0, handedIn, shares, protection, bits&4 > 0, leads, true})
									}
								}
							}
						}
					}
				}
			}
		}
	}
	return all
}

// stage returns the scene as the product knows it. Another sender has the person's whole
// consent, and another municipality a referral of the person: nobody here is of them.
func (s scene) stage() (actor.Actor, Resource) {
	a := actor.Actor{
		Subject: "s1", Association: "insjoriket", Roles: []actor.Role{s.role}, Authority: "fk", Unit: "fk-molndal", Municipality: "1481", Participant: "p1",
	}
	tie := Relationship{Authority: "fk", Unit: "fk-molndal", Municipality: "1481", HandedIn: s.handedIn}
	tie.Consent = consent.Scope{InForce: s.consented()}
	if s.supervises {
		tie.Supervisors = []string{"s2", a.Subject}
	}
	for category, shared := range map[string]bool{consent.Progress: s.progress(), consent.Outcome: s.outcome()} {
		if !shared {
			tie.Consent.Withheld = append(tie.Consent.Withheld, category)
		}
	}
	tie.Leader = map[string]string{"the caller": a.Subject, "another": "s2"}[s.leads]
	switch s.from {
	case "authority":
		a.Unit = "fk-lerum"
	case "elsewhere":
		a.Authority = "region"
	}
	switch s.municipality {
	case "decided":
		tie.Municipality, tie.Decider = "", "1481"
	case "receives":
		tie.Municipality, tie.Host = "1402", "1481"
	case "elsewhere":
		a.Municipality = "1402"
	}
	if !s.self {
		a.Participant = "p2"
	}
	if s.stranger {
		a.Association = "kalmar"
	}
	r := Resource{Association: "insjoriket", Participant: "p1", Applied: s.applied, Relationships: []Relationship{tie, {
		Authority: "af", Unit: "af-molndal", Municipality: "1441", Consent: consent.Scope{InForce: true},
	}}}
	switch s.protection {
	case "another's":
		r.Protected, r.Handlers = true, []string{"s9"}
	case "one's own":
		r.Protected, r.Handlers = true, []string{"s9", "s1"}
	}
	return a, r
}

// answers are what the oracle says of every scene, by row: nil, hidden or forbidden.
type answers map[string][]error

// ask asks the oracle for every row that a rule names.
func ask(all []scene) answers {
	says := answers{}
	for _, r := range oracle {
		for _, row := range strings.Fields(r.to) {
			says[row] = nil
		}
	}
	for row := range says {
		named := map[actor.Role]bool{}
		allowed := make([]bool, len(all))
		for _, r := range oracle {
			if !slices.Contains(strings.Fields(r.to), row) {
				continue
			}
			for i, s := range all {
				if r.allows(s) {
					named[s.role], allowed[i] = true, allowed[i] || !s.stranger
				}
			}
		}
		for i, s := range all {
			err := fault.ErrForbidden
			switch {
			case allowed[i]:
				says[row] = append(says[row], nil)
				continue
			case named[s.role]:
				err = fault.ErrNotFound
			}
			says[row] = append(says[row], err)
		}
	}
	return says
}

// differs returns the first scene of which the table says something else of a row than
// the oracle.
func differs(row string, all []scene, grounds []Grounds, want []error) (scene, error, bool) {
	for i, g := range grounds {
		if _, got := g.Decide(row); !errors.Is(got, want[i]) {
			return all[i], got, true
		}
	}
	return scene{}, nil, false
}

func groundsOf(all []scene) (g []Grounds) {
	for _, s := range all {
		g = append(g, GroundsOf(s.stage()))
	}
	return g
}

// TestTheTableIsWhatTheRulesSay compares the table with the oracle, cell by cell: every
// operation and view, role, relation, protection and consent. A difference is a fault of
// one of the two.
func TestTheTableIsWhatTheRulesSay(t *testing.T) {
	all := scenes()
	grounds, says := groundsOf(all), ask(all)
	for _, row := range slices.Sorted(maps.Keys(says)) {
		if s, got, different := differs(row, all, grounds, says[row]); different {
			i := slices.Index(all, s)
			t.Errorf("%s: the rules say %v, the table %v, of %+v", row, says[row][i], got, s)
		}
	}
	for row := range rows {
		if _, ruled := says[row]; !ruled && !open(row) {
			t.Errorf("%s is in the table and in no rule: write above who may, from domain.md", row)
		}
	}
}

// TestEveryOperationOfTheContractHasARule fails when an operation comes that nobody wrote
// a rule for, and when a rule is for one that there is not.
func TestEveryOperationOfTheContractHasARule(t *testing.T) {
	text, err := os.ReadFile("../../services/gateway/contract/operations.json")
	if err != nil {
		t.Fatal(err)
	}
	var contract struct {
		Operations []struct {
			OperationID, Service string
			Public               bool
		}
	}
	if err := json.Unmarshal(text, &contract); err != nil || len(contract.Operations) < 80 {
		t.Fatal(len(contract.Operations), err)
	}
	says, exists := ask(nil), map[string]bool{}
	for _, o := range contract.Operations {
		exists[o.OperationID] = true
		if o.Service == "gateway" {
			continue // its pages, and the caller's own token
		}
		if _, ruled := says[o.OperationID]; !ruled && !open(o.OperationID) {
			t.Errorf("%s is in the contract and in no rule: write above who may, from domain.md", o.OperationID)
		}
		if open(o.OperationID) != o.Public {
			t.Errorf("%s: public %v in the contract", o.OperationID, o.Public)
		}
	}
	for row := range says {
		operation, _, _ := strings.Cut(row, "#")
		if !exists[operation] {
			t.Errorf("a rule names %s, which is not in the contract", row)
		}
	}
}

// TestNoCellOfTheTableIsChangedUnseen takes cells away, opens them wider and hands them
// to others, one at a time: the rules notice each.
func TestNoCellOfTheTableIsChangedUnseen(t *testing.T) {
	all := scenes()
	grounds, says := groundsOf(all), ask(all)
	seen := 0
	for row, cells := range maps.Clone(rows) {
		if open(row) {
			continue
		}
		scope := ScopeOf(row)
		for i, c := range cells {
			for what, changed := range map[string]Cell{
				"taken away":      {},
				"without consent": {Role: c.Role, Relation: c.Relation, Named: c.Named},
				"not named":       {Role: c.Role, Relation: c.Relation, Consent: c.Consent},
				"named":           {Role: c.Role, Relation: c.Relation, Consent: c.Consent, Named: true},
				"for everybody":   {Role: c.Role, Relation: Association, Named: c.Named},
				"the board's":     {Role: actor.Board, Relation: c.Relation, Consent: c.Consent, Named: c.Named},
				"public":          {Relation: Public},
			} {
				others := slices.Delete(slices.Clone(cells), i, i+1)
				if changed.Role != "" || changed.Relation == Public {
					changed.needs = needs(changed, scope)
					others = append(others, changed)
				}
				if slices.Contains(cells, changed) {
					continue
				}
				rows[row] = others
				if _, _, noticed := differs(row, all, grounds, says[row]); !noticed {
					t.Errorf("%s: the cell of %s, %s, is %s, and no rule says no", row, c.Role, c.Relation, what)
				}
				seen++
			}
		}
		rows[row] = cells
	}
	if seen < 1000 {
		t.Errorf("only %d changes were tried", seen)
	}
}

// TestAnIntegrationDoesNoMoreThanItsScopesSay: each operation of the role needs the one
// scope of its group, to read or to write, beside all that it needs without; nobody else
// needs any.
func TestAnIntegrationDoesNoMoreThanItsScopesSay(t *testing.T) {
	for operation, scope := range map[string]string{
		"listReferrals": "referrals:read", "exportReferrals": "referrals:read", "createReferral": "referrals:write", "withdrawReferral": "referrals:write",
		"listEvents": "events:read", "createWebhook": "events:write", "getParticipant": "participants:read", "readIdentities": "participants:read",
		"answerCheckIn": "enrolments:write", "getMunicipalityWeek": "activities:read", "listUnits": "units:read", "acceptReferral": "",
	} {
		if got := ScopeOf(operation); got != scope {
			t.Errorf("%s needs %q, want %q", operation, got, scope)
		}
	}
	for _, s := range scenes() {
		if s.from != "authority" || s.municipality != "has it" || s.protection != "none" {
			continue
		}
		a, r := s.stage()
		for row := range rows {
			_, want := Decide(row, a, r)
			scope := ScopeOf(row)
			limited := a
			for _, limited.Scopes = range [][]string{{}, {scope}, slices.DeleteFunc(slices.Clone(Scopes), func(other string) bool { return other == scope })} {
				has := slices.Contains(limited.Scopes, scope)
				_, got := Decide(row, limited, r)
				switch {
				case s.role != actor.Integration || scope == "" || has:
					if !errors.Is(got, want) {
						t.Fatalf("%s as %s with %v: %v, want %v", row, s.role, limited.Scopes, got, want)
					}
				case !errors.Is(got, ErrScope) || fault.Of(got).Scope != scope || MayCall(row, limited):
					t.Fatalf("%s without %s: %v", row, scope, got)
				}
			}
		}
	}
}
