package service

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/figures"
	"github.com/finsam/finsam/services/referral/publication"
)

const (
	numberKey   = "number"
	periodKey   = "period"
	releasedKey = "released" // only when it is

	// maxMakers is how many others may make a publication while one is computed.
	maxMakers = 8
)

// publicationCollection declares how publications are stored. Their numbers are unique,
// so that of two that are made at once one is held against the other.
var publicationCollection = store.Schema[publication.Publication]{
	Name:    "publications",
	Unique:  []store.Index{{numberKey}, {periodKey}},
	Indexes: []store.Index{{numberKey}},
	Sparse:  []store.Index{{releasedKey, numberKey}},
	ID:      func(p *publication.Publication) (string, string) { return p.Association, p.ID },
	Version: func(p *publication.Publication) int64 { return p.Changes },
	Keys: func(p *publication.Publication) store.Keys {
		k := store.Keys{numberKey: p.Number, periodKey: fmt.Sprintf("%s/%d", p.Period, p.Plan)}
		if p.IsReleased() {
			k[releasedKey] = true
		}
		return k
	},
}

// publicationBinding and its id are what the encrypted contributors are bound to.
const publicationBinding = "publication/"

// openPublications opens the publications on the engine.
func (s *Service) openPublications(ctx context.Context) (err error) {
	if s.publications, err = store.Open(ctx, s.Engine, publicationCollection); err != nil {
		return err
	}
	s.publicationDocuments = &guard.Documents[publication.Publication]{
		Log: s.AccessLog, Store: s.publications, Kind: "publication",
		Resource: func(_ context.Context, a actor.Actor, _ string, p *publication.Publication) (access.Resource, error) {
			if !p.IsReleased() && !access.MayCall("releasePublication", a) {
				return access.Resource{}, nil // it does not exist yet
			}
			return access.Resource{Association: p.Association}, nil
		},
		Participants: func(*publication.Publication) []string { return nil },
	}
	return nil
}

// Publications returns the association's publications, the latest made first: all of
// them to who may release them, else those that are released.
func (s *Service) Publications(ctx context.Context, w store.Window) (*store.List[*publication.Publication], error) {
	const operation = "listPublications"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "publications")
	if err != nil {
		return nil, err
	}
	var where []store.Cond
	if !access.MayCall("releasePublication", a) {
		where = []store.Cond{store.Equals(releasedKey, true)}
	}
	page, total, err := s.publications.List(ctx, store.Query{
		Association: a.Association, Where: where, Sort: []store.Order{{Key: numberKey, Desc: true}},
	}, w)
	if err != nil {
		return nil, err
	}
	l := &store.List[*publication.Publication]{Next: page.Next.String(), Total: total}
	for _, p := range page.Items {
		l.Items = append(l.Items, p.Value)
	}
	entry := accesslog.Entry{Operation: operation, Thing: "publications", Why: string(access.Scope(operation, a))}
	return l, guard.Enter(ctx, s.AccessLog, entry, nil)
}

// Publication returns a publication that the caller may read.
func (s *Service) Publication(ctx context.Context, id string) (*publication.Publication, error) {
	p, err := s.publicationDocuments.Load(ctx, actor.From(ctx), guard.Call{Operation: "getPublication", ID: id})
	return p.Value, err
}

// ReleasePublication lets the board read the publication at ifVersion.
func (s *Service) ReleasePublication(ctx context.Context, id string, ifVersion int64) (*publication.Publication, error) {
	a := actor.From(ctx)
	saved, err := s.publicationDocuments.Change(ctx, a, guard.Call{Operation: "releasePublication", ID: id, IfVersion: ifVersion},
		func(p store.Versioned[publication.Publication]) error { return p.Value.Release(a.Subject, s.Now()) })
	return saved.Value, err
}

// MakePublication computes and keeps the tables of a period, by a plan or (0) the latest.
// The same key with the same period returns the same publication; see package idempotency.
//
// Errors: publication.ErrPlan, ErrNotOver, ErrMade, idempotency.ErrKeyReused.
func (s *Service) MakePublication(ctx context.Context, key string, period publication.Period, plan int) (*publication.Publication, error) {
	const operation = "makePublication"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "publications")
	if err != nil {
		return nil, err
	}
	entry := accesslog.Entry{Operation: operation, Thing: "publications", Why: string(access.Scope(operation, a))}
	made, err := s.makePublication(ctx, a, key, period, plan)
	if err == nil {
		entry.Thing = "publication/" + made.ID
	}
	return made, guard.Enter(ctx, s.AccessLog, entry, err)
}

func (s *Service) makePublication(ctx context.Context, a actor.Actor, key string, period publication.Period, version int) (*publication.Publication, error) {
	if version == 0 {
		version = publication.Latest
	}
	plan, known := publication.Plans[version]
	if !known {
		return nil, publication.ErrPlan.AtField("/plan")
	}
	if err := period.Check(civil.DateOf(s.Now())); err != nil {
		return nil, err
	}
	r := idempotency.Request{
		Actor: a, Operation: "makePublication", Key: key, Now: s.Now(), NewID: s.NewID,
		Fingerprint: s.Cipher.Fingerprint(fmt.Appendf(nil, "%s/%d", period, version)),
	}
	for range maxMakers {
		made, _, err := idempotency.Create(ctx, s.publications, r,
			func(p *publication.Publication) idempotency.Receipt { return p.Receipt },
			func(id string) (*publication.Publication, error) {
				p := &publication.Publication{
					Association: a.Association, ID: id, Period: period, Plan: version, MadeBy: a.Subject, MadeAt: history.Stamp(r.Now), Changes: 1,
					Receipt: idempotency.Receipt{Fingerprint: r.Fingerprint, At: r.Now},
				}
				return p, s.compute(ctx, plan, p)
			})
		if errors.Is(err, store.ErrTaken) { // another was made at the same moment: this one is held against it
			continue
		}
		return made.Value, err
	}
	return nil, fault.ErrUnavailable.Because(fmt.Errorf("publications: %d others were made meanwhile", maxMakers))
}

// compute fills in number, tables and contributors.
func (s *Service) compute(ctx context.Context, plan *publication.Plan, p *publication.Publication) error {
	in, err := s.Associations.Get(p.Association)
	if err != nil {
		return err
	}
	var former []*publication.Contributors
	err = s.publications.Each(ctx, store.Query{Association: p.Association, Sort: []store.Order{{Key: numberKey}}, Limit: 20},
		func(old store.Versioned[publication.Publication]) error {
			if old.Value.Period == p.Period && old.Value.Plan == p.Plan {
				return publication.ErrMade.AtField("/period")
			}
			plain, err := s.Cipher.Decrypt(old.Value.Contributors, publicationBinding+old.Value.ID)
			if err != nil {
				return fmt.Errorf("publication %s: %w", old.Value.ID, err)
			}
			c := &publication.Contributors{}
			former, p.Number = append(former, c), old.Value.Number
			return json.Unmarshal(plain, c)
		})
	if err != nil {
		return err
	}
	p.Number++
	facts, err := s.facts(ctx, p.Association, p.Period)
	if err != nil {
		return err
	}
	codes := make([]string, len(in.Municipalities))
	for i, m := range in.Municipalities {
		codes[i] = m.Code
	}
	year := p.Period.Year()
	tables, contributors := plan.Make(year, codes, facts, former, func(person string) uint32 {
		return recordKey(s.Cipher, year, person)
	})
	plain, err := json.Marshal(contributors)
	if err != nil {
		return fmt.Errorf("publication %s: %w", p.ID, err)
	}
	p.Tables = tables
	if p.Contributors, err = s.Cipher.Encrypt(plain, publicationBinding+p.ID); err != nil {
		return fmt.Errorf("publication %s: %w", p.ID, err)
	}
	return nil
}

// recordKey returns a person's key of a year for the Cell Key Method: uniform over all
// 32-bit numbers, always the same, and unknown without the look-up keys.
func recordKey(c *encryption.Cipher, year, person string) uint32 {
	random, err := base64.RawURLEncoding.DecodeString(c.Fingerprint([]byte("publications/" + year + "/" + person)))
	if err != nil || len(random) < 4 {
		panic("publications: a fingerprint is 32 bytes in base64url") // as package encryption says
	}
	return binary.BigEndian.Uint32(random)
}

// facts returns what people count for in a period. What was sent in error counts for
// nothing; of a protected person only the gender is counted by.
func (s *Service) facts(ctx context.Context, association string, period publication.Period) ([]publication.Fact, error) {
	from, until, _ := period.Span()
	var facts []publication.Fact
	q := store.Query{Association: association, Sort: []store.Order{{Key: keyNumber}}, Limit: 200}
	err := s.referrals.Each(ctx, q, func(v store.Versioned[referral.Referral]) error {
		r := *v.Value
		r.Steps = r.Story()
		status := r.Status()
		if status.State == referral.StateEnteredInError {
			return nil
		}
		for i := range r.Steps {
			if day := civil.DateOf(r.Steps[i].At); day < from || until <= day {
				continue
			}
			d := figures.DeltaOf(&r, int64(i+1))
			for _, c := range d.Up {
				f := publication.Fact{
					Person: r.Participant, Measure: c.Measure, Detail: c.Detail, Source: c.Source, Municipality: c.Municipality, Gender: c.Gender,
				}
				if status.Protection != nil {
					f.Detail, f.Source, f.Municipality = "", "", ""
				}
				facts = append(facts, f)
			}
			for _, span := range d.Spans {
				facts = append(facts, publication.Fact{Person: r.Participant, Measure: span.Step, Detail: span.Detail, IsSpan: true, Days: span.Days})
			}
		}
		return nil
	})
	return facts, err
}
