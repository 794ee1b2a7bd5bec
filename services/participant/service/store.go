package service

import (
	"context"
	"errors"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/services/participant"
)

// The keys that documents are found by.
const (
	createdKey      = "created" // Unix milliseconds
	dueKey          = "dueOn"
	lookupKey       = "lookup"
	municipalityKey = "municipality"
	coachKey        = "coach"
	changedKey      = "changedAt" // Unix milliseconds
	participantKey  = "participant"
	seenKey         = "seenAt" // Unix milliseconds
	subjectKey      = "subject"
	runningKey      = "running" // the initiative of an enrolment that is not closed
	stateKey        = "state"
)

// municipalityKeys are the municipalities that have to do with a person: few have to do
// with more than one.
var municipalityKeys = [3]string{"municipality", "municipality2", "municipality3"}

// Schema declares what this version knows of the service's database. A release that
// declares other keys raises Version; see docs/operations/day-two.md, "Upgrade".
func Schema() migration.Schema {
	return migration.Schema{
		Service: "participant", Version: 4,
		Collections: []migration.Collection{personCollection, enrolmentCollection, staffCollection},
	}
}

// personCollection declares how persons are stored. The keyed look-up of the number is
// unique: of two who post the same new person, one creates and the other finds.
var personCollection = store.Schema[participant.Person]{
	Name:      "persons",
	Published: true,
	Unique:    []store.Index{{lookupKey}},
	Sparse:    []store.Index{{municipalityKeys[0], createdKey}, {municipalityKeys[1], createdKey}, {municipalityKeys[2], createdKey}},
	ID:        func(p *participant.Person) (string, string) { return p.Association, p.ID },
	Keys: func(p *participant.Person) store.Keys {
		k := store.Keys{lookupKey: p.Lookup, createdKey: p.Steps[0].At.UnixMilli()}
		for i, code := range p.Status().Municipalities() {
			k[municipalityKeys[i]] = code
		}
		return k
	},
	Version: func(p *participant.Person) int64 { return int64(len(p.Steps)) },
}

// enrolmentCollection declares how enrolments are stored: found by what lists filter
// on, and by the day on which a step is due. A person has one running enrolment in an
// initiative.
var enrolmentCollection = store.Schema[participant.Enrolment]{
	Name:      "enrolments",
	Published: true,
	Unique:    []store.Index{{participantKey, runningKey}},
	Indexes: []store.Index{
		{municipalityKey, createdKey}, {municipalityKey, stateKey, createdKey}, {participantKey, createdKey},
		{municipalityKey, coachKey, createdKey}, {municipalityKey, changedKey},
	},
	Sparse: []store.Index{{dueKey}},
	ID:     func(e *participant.Enrolment) (string, string) { return e.Association, e.ID },
	Keys: func(e *participant.Enrolment) store.Keys {
		p := e.Progress()
		k := store.Keys{
			municipalityKey: e.Municipality, participantKey: e.Participant,
			stateKey: string(p.State), createdKey: e.Steps[0].At.UnixMilli(),
			coachKey: e.Coach, changedKey: e.ChangedAt().UnixMilli(),
		}
		if p.State != participant.StateClosed {
			k[runningKey] = e.Initiative
		}
		if due := p.DueOn(); due != "" {
			k[dueKey] = string(due)
		}
		return k
	},
	Version: func(e *participant.Enrolment) int64 { return int64(len(e.Steps)) },
}

// staffCollection declares how names of staff are stored: found by the subject that steps
// have, and by when they were last seen.
var staffCollection = store.Schema[participant.Staff]{
	Name:    "staff",
	Indexes: []store.Index{{subjectKey}, {seenKey}},
	ID:      func(p *participant.Staff) (string, string) { return p.Association, staffID(p.Authority, p.Subject) },
	Keys: func(p *participant.Staff) store.Keys {
		return store.Keys{subjectKey: p.Subject, seenKey: p.SeenAt.UnixMilli()}
	},
}

// open prepares the collections and says what access to a person depends on; for an
// enrolment, enrolmentOf does.
func (s *Service) open(ctx context.Context) error {
	var people, enrolments, staff error
	s.people = guard.Documents[participant.Person]{
		Log: s.AccessLog, Kind: "participant",
		Resource: func(_ context.Context, a actor.Actor, _ string, p *participant.Person) (access.Resource, error) {
			return p.Status().Resource(a, ""), nil
		},
		Participants: func(p *participant.Person) []string { return []string{p.ID} },
		Identity: func(a actor.Actor, operation string, _ *participant.Person, r access.Resource) accesslog.Identity {
			if operation == staffOperation { // shows nothing of the person
				return ""
			}
			if access.Allows("getParticipant#identity", a, r) {
				return accesslog.Shown
			}
			return accesslog.Masked
		},
	}
	s.enrolments = guard.Documents[participant.Enrolment]{
		Log: s.AccessLog, Kind: "enrolment",
		Participants: func(e *participant.Enrolment) []string { return []string{e.Participant} },
	}
	s.people.Store, people = store.Open(ctx, s.Engine, personCollection)
	s.enrolments.Store, enrolments = store.Open(ctx, s.Engine, enrolmentCollection)
	s.staff, staff = store.Open(ctx, s.Engine, staffCollection)
	return errors.Join(people, enrolments, staff)
}

// personsByID finds persons by their ids; one that is not there is left out.
func (s *Service) personsByID(ctx context.Context, association string, ids []string) (map[string]*participant.Person, error) {
	page, err := s.people.Store.Find(ctx, store.Query{
		Association: association, Where: []store.Cond{store.IsAmong(store.ID, ids)}, Limit: max(len(ids), 1),
	})
	if err != nil {
		return nil, err
	}
	found := make(map[string]*participant.Person, len(page.Items))
	for _, v := range page.Items {
		found[v.Value.ID] = v.Value
	}
	return found, nil
}
