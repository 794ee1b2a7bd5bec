// Package participanttest sets up the participant service for tests: on a SQLite file,
// with the example association, a clock that the test moves, and a feed of the referral
// service that the test writes.
package participanttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/participant/service"
)

// Tenant is the association of the tests.
const Tenant = "insjoriket"

// The actors of the tests.
var (
	FK        = newActor("fk-system", "fk", actor.SocialInsurance, "", "", actor.Integration)
	FKUnit    = newActor("fk-9", "fk", actor.SocialInsurance, "fk-molndal", "", actor.Referrer)
	AF        = newActor("af-system", "af", actor.EmploymentService, "", "", actor.Integration)
	Coach     = newActor("coach-17", "molndal", actor.Municipality, "", "1481", actor.Coach)
	Intake    = newActor("intake-3", "molndal", actor.Municipality, "", "1481", actor.Intake)
	Elsewhere = newActor("coach-2", "partille", actor.Municipality, "", "1402", actor.Coach)
	Leader    = newActor("leader-4", "molndal", actor.Municipality, "", "1481", actor.Supervisor)
	Manager   = newActor("chef-5", "molndal", actor.Municipality, "", "1481", actor.Manager)
	Reviewer  = newActor("dso-1", "molndal", actor.Municipality, "", "", actor.Reviewer)
	Board     = newActor("board-1", "molndal", actor.Municipality, "", "", actor.Board)
)

func newActor(subject, authority string, kind actor.AuthorityKind, unit, municipality string, role actor.Role) actor.Actor {
	return actor.Actor{
		Subject: subject, Association: Tenant, Authority: authority, AuthorityKind: kind, Unit: unit, Municipality: municipality,
		Roles: []actor.Role{role},
	}
}

// Participant returns the actor that the person is.
func Participant(id string) actor.Actor {
	a := newActor("person", "self", actor.Self, "", "", actor.Participant)
	a.Participant = id
	return a
}

// Suite is the service with what surrounds it.
type Suite struct {
	*servicetest.World
	*service.Service
	t         testing.TB
	referrals servicetest.Peer
	events    int
}

// Noon is when every suite begins: a Sunday.
var Noon = time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC)

// Start sets up a suite whose service publishes, follows and takes the steps that time
// brings.
func Start(t testing.TB) *Suite {
	t.Helper()
	s := StartQuiet(t)
	servicetest.Run(t, s.Service.Run)
	return s
}

// StartQuiet is Start without the loops.
func StartQuiet(t testing.TB) *Suite { return On(t, nil) }

// On is StartQuiet on an engine of the caller's; nil: SQLite in a temporary folder.
func On(t testing.TB, e store.Engine) *Suite {
	t.Helper()
	w := servicetest.New(t, "participant", servicetest.Config{Engine: e, Now: Noon})
	s := &Suite{World: w, t: t}
	var err error
	w.Peers = map[string]feed.Reader{"referral": &s.referrals}
	s.Service, err = service.New(context.Background(), service.Config{Parts: w.Parts})
	servicetest.Must(t, err)
	return s
}

// Person invents a person that FK's unit in Mölndal refers to Mölndal.
func Person(seed uint64) service.PersonInput {
	p := persontest.New(rand.New(rand.NewPCG(seed, 17)), "2026-11-22")
	return service.PersonInput{
		Number: p.Number, GivenName: p.GivenName, FamilyName: p.FamilyName,
		Contact: participant.Contact{Email: p.Email, Phone: p.Phone},
		Consent: participant.Consent{
			Referral: uuid.NewString(), Authority: "fk", Unit: "fk-molndal", Municipality: "1481",
			Authorities: []string{"fk", "molndal"}, TextVersion: "2026-1", GivenOn: "2026-04-01",
		},
	}
}

// Store stores an invented person, as the system of the authority that refers, and
// returns the participant's id.
func (s *Suite) Store(in service.PersonInput) string {
	s.t.Helper()
	by := FK
	by.Authority = in.Consent.Authority
	filed, err := s.Put(servicetest.As(by), in)
	servicetest.Must(s.t, err)
	return filed.Participant
}

// Enrolled stores an invented person, lets the referral be accepted, with more as Accept has
// it, and returns the enrolment once it is planned and the person has the step of it.
func (s *Suite) Enrolled(seed uint64, start string, more ...string) (in service.PersonInput, person, enrolment string) {
	s.t.Helper()
	in = Person(seed)
	person = s.Store(in)
	s.Accept(in.Consent.Referral, person, start, more...)
	enrolment = participant.EnrolmentID(Tenant, in.Consent.Referral)
	servicetest.Eventually(s.t, "the enrolment is planned", func() bool {
		if _, err := s.Enrolment(servicetest.As(Coach), enrolment); err != nil {
			return false
		}
		v, err := s.Person(servicetest.As(Coach), person) // its step is the last that is taken
		return err == nil && slices.ContainsFunc(v.Steps, func(step participant.PersonStep) bool { return step.Enrolment == enrolment })
	})
	return in, person, enrolment
}

// Accept adds the event that a referral of FK's was accepted in Mölndal. more are keys
// and values of its data by turns.
func (s *Suite) Accept(referral, person, start string, more ...string) {
	data := map[string]string{
		"referral": referral, "participant": person, "initiative": "activera", "municipality": "1481",
		"startDate": start, "coach": "coach-17", "authority": "fk", "unit": "fk-molndal",
	}
	for i := 0; i+1 < len(more); i += 2 {
		data[more[i]] = more[i+1]
	}
	s.Emit("accepted", referral, data)
}

// Emit adds an event of a referral to what the suite follows.
func (s *Suite) Emit(kind, referral string, data map[string]string) {
	s.events++
	s.referrals.Add(feed.Event{
		ID: fmt.Sprintf("%s/%d", referral, s.events), Source: "/services/referral",
		Type: "se.finsam.referral." + kind, Subject: referral, Time: Noon, Association: Tenant, Data: data,
	})
}
