package service

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"golang.org/x/time/rate"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/personnummer"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
)

// Search is a question who is meant, by exactly one of number and name.
type Search struct {
	Number  string // as typed
	Name    string
	Purpose string // a code of the contract
}

// The bounds of a search.
const (
	maxSearchHits     = 20
	maxSearchCompared = 3000 // persons of a municipality whose names are compared, the latest known first
	searchPage        = 500
)

// SearchHits are the persons found, in the order of their names.
type SearchHits struct {
	Persons []NamedPerson
	More    bool // there are more, or not all could be compared
}

// Search returns the persons of the caller's municipality with a number or a name. A
// protected one is found by its handlers only. One entry of the access log says which kind
// of search it was, for what purpose, and who was shown. Names are compared in clear one by
// one: an index over them would lay open which names are common, and to whom they belong.
func (s *Service) Search(ctx context.Context, in Search) (*SearchHits, error) {
	e := accesslog.Entry{Operation: searchOperation, Thing: "participants/searches/name", Purpose: in.Purpose, Why: string(access.OwnMunicipality)}
	if in.Number != "" {
		e.Thing = "participants/searches/number"
	}
	a, err := guard.Caller(ctx, s.AccessLog, e.Operation, e.Thing)
	if err != nil {
		return nil, err
	}
	hits := &SearchHits{Persons: []NamedPerson{}}
	words := participant.NameWords(in.Name)
	switch {
	case (in.Number == "") == (in.Name == ""):
		err = participant.ErrSearchBy.AtField("/name")
	case !s.searches.allow(a):
		err = participant.ErrSearches
	case in.Number != "":
		err = s.searchNumber(ctx, a, in.Number, hits)
	case len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return len(w) < 2 }):
		err = participant.ErrSearchName.AtField("/name")
	default:
		err = s.searchName(ctx, a, words, hits)
	}
	if err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, e, err)
	}
	slices.SortFunc(hits.Persons, func(a, b NamedPerson) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	if len(hits.Persons) > maxSearchHits {
		hits.Persons, hits.More = hits.Persons[:maxSearchHits], true
	}
	for _, p := range hits.Persons {
		e.Participants, e.Identity = append(e.Participants, p.ID), accesslog.Shown
	}
	if err := guard.Enter(ctx, s.AccessLog, e, nil); err != nil {
		return nil, err
	}
	return hits, nil
}

const searchOperation = "searchParticipants"

// searchNumber finds by the keyed look-up of the number.
func (s *Service) searchNumber(ctx context.Context, a actor.Actor, text string, hits *SearchHits) error {
	number, err := personnummer.Parse(text, civil.DateOf(s.Now()))
	if err != nil {
		return fault.Of(err).AtField("/personalIdentityNumber")
	}
	found, err := s.people.Store.Find(ctx, store.Query{
		Association: a.Association, Where: []store.Cond{store.IsAmong(lookupKey, s.Cipher.Lookups(string(number)))}, Limit: 1,
	})
	if err == nil && len(found.Items) == 0 {
		s.people.Miss(ctx, a, searchOperation) // as long as for one who is hidden
	}
	for _, v := range found.Items {
		err = s.addHit(a, v.Value, nil, hits)
	}
	return err
}

// searchName compares the names of the persons of the caller's municipality.
func (s *Service) searchName(ctx context.Context, a actor.Actor, words []string, hits *SearchHits) error {
	if a.Municipality == "" {
		return nil
	}
	compared := 0
	for _, key := range municipalityKeys {
		q := store.Query{
			Association: a.Association, Where: []store.Cond{store.Equals(key, a.Municipality)},
			Sort: []store.Order{{Key: createdKey, Desc: true}}, Limit: searchPage,
		}
		for more := true; more; more = q.After.ID != "" {
			if compared >= maxSearchCompared {
				hits.More = true
				return nil
			}
			page, err := s.people.Store.Find(ctx, q)
			if err != nil {
				return err
			}
			for _, v := range page.Items {
				if err := s.addHit(a, v.Value, words, hits); err != nil {
					return err
				}
			}
			compared += len(page.Items)
			q.After = page.Next
		}
	}
	return nil
}

// addHit adds a person whom the caller may find, if the name has the words.
func (s *Service) addHit(a actor.Actor, p *participant.Person, words []string, hits *SearchHits) error {
	status := p.Status()
	r := status.Resource(a, "")
	relation, err := access.Decide(searchOperation, a, r)
	if err != nil {
		return nil // as one who is not there
	}
	who, err := s.nameFor(a, status, searchOperation, relation)
	if err != nil || words != nil && !who.MatchesName(words) {
		return err
	}
	hits.Persons = append(hits.Persons, NamedPerson{ID: p.ID, Name: who.Name(), Protected: r.Protected, Number: who.Number.Masked()})
	return nil
}

// searchLimit bounds how often one person may search, so that nobody reads a register by
// it. Each process counts for itself.
type searchLimit struct {
	mu      sync.Mutex
	callers map[actorKey]*rate.Limiter
}

type actorKey struct{ association, authority, subject string }

// The searches of one caller: some at once, then ten a minute.
const (
	searchBurst     = 20
	searchPerSecond = rate.Limit(10.0 / 60)
	maxSearchers    = 10_000
)

func (l *searchLimit) allow(a actor.Actor) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := actorKey{a.Association, a.Authority, a.Subject}
	bucket := l.callers[key]
	if bucket == nil {
		if len(l.callers) >= maxSearchers || l.callers == nil { // so many do not search at once: the counts begin again
			l.callers = map[actorKey]*rate.Limiter{}
		}
		bucket = rate.NewLimiter(searchPerSecond, searchBurst)
		l.callers[key] = bucket
	}
	return bucket.Allow()
}
