// Package activitytest sets up the activity service for tests: on a SQLite file, with
// the example association, a clock that the test moves, and a feed of the participant
// service that the test writes.
package activitytest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/activity/service"
)

// Ids of Mölndal's and others' activities in the example configuration.
const (
	Walk      = "fb5fa133-7031-548c-88db-384e1fc1f78d" // Tuesday 13:00–14:00, Mölndal
	Tenant    = "insjoriket"
	Molndal   = "1481"
	Alingsas  = "1489"
	Enrolment = "11111111-1111-4111-8111-111111111111" // Person's, in Mölndal
	Person    = "22222222-2222-4222-8222-222222222222"
)

// Suite is the service with what surrounds it.
type Suite struct {
	*servicetest.World
	Service *service.Service
	peer    servicetest.Peer
}

// Start sets up a suite at 10:00 on Friday 20 November 2026, with one enrolment. changes
// are pieces of the configuration and their replacements by turns. Nothing is published or
// followed before servicetest.Run.
func Start(t testing.TB, changes ...string) *Suite {
	t.Helper()
	return StartOn(t, nil, changes...)
}

// Workshop is a site of work training in Mölndal: carpentry takes two on Mondays, Wednesdays
// and Fridays, textile one; supervisor-1 and supervisor-2 have its list.
const Workshop = "site.1481.pahittad-verkstad"

// OpensWorkshop are the changes of the example by which there is the Workshop.
var OpensWorkshop = []string{"    workTraining:\n", `    sites:
      - { id: pahittad-verkstad, name: Påhittade verkstaden, workTraining: true, areas: [carpentry, textile], supervisors: [supervisor-1, supervisor-2],
          open: [{ day: monday, from: "08:00", to: "16:00" }, { day: wednesday, from: "08:00", to: "16:00" }, { day: friday, from: "08:00", to: "12:00" }],
          places: [{ area: carpentry, places: 2 }, { area: textile, places: 1 }], agreement: { from: 2026-01-01, until: 2027-12-31 } }
    workTraining:
`}

// StartOn is Start on an engine, SQLite for none.
func StartOn(t testing.TB, engine store.Engine, changes ...string) *Suite {
	t.Helper()
	s, example := &Suite{}, strings.NewReplacer(changes...).Replace(string(servicetest.Example(t)))
	w := servicetest.New(t, "activity", servicetest.Config{Engine: engine, Now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Associations: [][]byte{[]byte(example)}})
	w.Peers = map[string]feed.Reader{"participant": &s.peer}
	s.World = w
	var err error
	s.Service, err = service.New(context.Background(), service.Config{Parts: w.Parts})
	servicetest.Must(t, err)
	s.Emit("planned", Enrolment, Person, Molndal, 1, "")
	return s
}

// Activity returns the id of the n-th activity of a municipality, from 0.
func (s *Suite) Activity(t testing.TB, municipality string, n int) string {
	t.Helper()
	in, err := s.Associations.Get(Tenant)
	servicetest.Must(t, err)
	return in.Week(municipality).Activities[n].ID
}

// Enrolled waits until the service knows an enrolment: until a coach may ask for
// the participant's week.
func (s *Suite) Enrolled(t testing.TB, participant, municipality string) {
	t.Helper()
	servicetest.Eventually(t, "the enrolment is known", func() bool {
		_, err := s.Service.ParticipantWeek(servicetest.As(Coach(municipality)), participant, "")
		return err == nil
	})
}

// Emit adds an event of the participant service to what the suite follows; more are keys and
// values of its data by turns.
func (s *Suite) Emit(kind, enrolment, participant, municipality string, n int, on string, more ...string) {
	data := map[string]string{"enrolment": enrolment, "participant": participant, "municipality": municipality, "coach": "coach-1", "initiative": "activera", "on": on}
	for i := 0; i+1 < len(more); i += 2 {
		data[more[i]] = more[i+1]
	}
	s.peer.Add(feed.Event{
		ID: fmt.Sprintf("%s/%d", enrolment, n), Type: "se.finsam.enrolment." + kind, Subject: enrolment, Time: s.Clock.Now(), Association: Tenant, Data: data,
	})
}

// EmitBlock is Emit of the event that the first block began, on its days.
func (s *Suite) EmitBlock(enrolment, participant, municipality string, n int, firstDay, lastDay string) {
	s.peer.Add(feed.Event{
		ID: fmt.Sprintf("%s/%d", enrolment, n), Type: "se.finsam.enrolment.started", Subject: enrolment, Time: s.Clock.Now(), Association: Tenant,
		Data: map[string]string{"participant": participant, "municipality": municipality, "state": "active", "number": "1", "firstDay": firstDay, "lastDay": lastDay},
	})
}

// Protect adds an event that step n of a person protected the identity.
func (s *Suite) Protect(participant string, n int) {
	s.peer.Add(feed.Event{
		ID: fmt.Sprintf("%s/%d", participant, n), Type: "se.finsam.participant.protected", Subject: participant, Time: s.Clock.Now(), Association: Tenant,
		Data: map[string]string{"authority": "molndal", "handlers": "coach-1"},
	})
}

// Coach is a coach of a municipality.
func Coach(municipality string) actor.Actor {
	return actor.Actor{
		Subject: "coach-1", Association: Tenant, Authority: "molndal", AuthorityKind: actor.Municipality,
		Municipality: municipality, Roles: []actor.Role{actor.Coach},
	}
}

// Participant is the participant as an actor.
func Participant(id string) actor.Actor {
	return actor.Actor{Subject: "person-1", Association: Tenant, Participant: id, Roles: []actor.Role{actor.Participant}}
}
