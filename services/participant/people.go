package participant

import (
	"context"
	"errors"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

// PersonView is what one caller may know of a person.
type PersonView struct {
	ID         string
	Version    int64
	Protection ProtectionLevel
	Identity   *Identity // nil: masked for this caller
	Contact    Contact
	Handlers   []string // for the handlers themselves, and who may remove the protection
	Consents   []Consent
	Steps      []PersonStep
	May        map[string]bool // operations that the caller may call on the person now
}

// Person returns a person as the caller may see it.
func (s *Service) Person(ctx context.Context, id string) (*PersonView, error) {
	v, err := s.person(ctx, "getParticipant", id)
	if err != nil {
		return nil, err
	}
	return s.viewPerson(ctx, v)
}

// person loads a person for an operation that the caller may call on it.
func (s *Service) person(ctx context.Context, operation, id string) (store.Versioned[Person], error) {
	a := actor.From(ctx)
	if !access.MayCall(operation, a) {
		return store.Versioned[Person]{}, fault.ErrForbidden
	}
	v, err := s.people.Get(ctx, a.Association, id)
	if errors.Is(err, store.ErrNotFound) {
		// Missing and foreign take the same way, through the log as well.
		return v, errors.Join(s.touch(ctx, operation, "participant/"+id, err), err)
	}
	if err != nil {
		return v, err
	}
	return v, s.decide(ctx, operation, "participant/"+id, v.Value.Resource(a, ""))
}

// WithdrawConsent takes back the consent of a referral. One that the caller has
// no relation to is as one that does not exist: ErrNoConsent.
func (s *Service) WithdrawConsent(ctx context.Context, id string, version int64, referral, text string) (*PersonView, error) {
	v, err := s.person(ctx, "withdrawConsent", id)
	if err != nil {
		return nil, err
	}
	return s.changePerson(ctx, v, version, func(p *Person) error {
		if a := actor.From(ctx); !access.Allows("withdrawConsent", a, p.Resource(a, referral)) {
			return ErrNoConsent.AtField("/referral")
		}
		sealed, err := s.sealed(text, textOfPerson(p.ID))
		if err != nil {
			return err
		}
		return p.WithdrawConsent(referral, sealed, hand(ctx), s.Now())
	})
}

// Protect hides the person's identity from all but the handlers.
func (s *Service) Protect(ctx context.Context, id string, version int64, level ProtectionLevel, handlers []string) (*PersonView, error) {
	v, err := s.person(ctx, "protectParticipant", id)
	if err != nil {
		return nil, err
	}
	return s.changePerson(ctx, v, version, func(p *Person) error {
		return p.Protect(level, handlers, hand(ctx), s.Now())
	})
}

// Unprotect shows the person's identity again.
func (s *Service) Unprotect(ctx context.Context, id string, version int64, text string) (*PersonView, error) {
	v, err := s.person(ctx, "unprotectParticipant", id)
	if err != nil {
		return nil, err
	}
	return s.changePerson(ctx, v, version, func(p *Person) error {
		sealed, err := s.sealed(text, textOfPerson(p.ID))
		if err != nil {
			return err
		}
		return p.Unprotect(sealed, hand(ctx), s.Now())
	})
}

func (s *Service) changePerson(ctx context.Context, v store.Versioned[Person], version int64, change func(*Person) error) (*PersonView, error) {
	v, err := save(ctx, s, s.people, v, version, change)
	if err != nil {
		return nil, err
	}
	return s.viewPerson(ctx, v)
}

// viewPerson leaves out what the caller may not know: who a masked person is,
// and what concerns referrals that the caller has no relation to.
func (s *Service) viewPerson(ctx context.Context, v store.Versioned[Person]) (*PersonView, error) {
	a, p := actor.From(ctx), v.Value
	view := &PersonView{ID: p.ID, Version: v.Version, Protection: p.Protection(), May: map[string]bool{}}
	t := p.Resource(a, "")
	if access.Allows("getParticipant#identity", a, t) {
		identity, err := s.identityOf(p)
		if err != nil {
			return nil, err
		}
		if view.Contact, err = s.contactOf(p); err != nil {
			return nil, err
		}
		view.Identity = &identity
	}
	if view.Identity != nil || access.Allows("unprotectParticipant", a, t) {
		view.Handlers = p.protection().Handlers
	}
	for _, c := range p.Consents() {
		if access.Allows("getParticipant", a, p.Resource(a, c.Referral)) {
			view.Consents = append(view.Consents, c)
			view.May["withdrawConsent"] = view.May["withdrawConsent"] ||
				c.InForce() && access.Allows("withdrawConsent", a, p.Resource(a, c.Referral))
		}
	}
	view.Steps = p.stepsFor(a)
	view.May["getParticipant"] = access.Allows("getParticipant", a, t)
	view.May["protectParticipant"] = access.Allows("protectParticipant", a, t)
	view.May["unprotectParticipant"] = t.Protected && access.Allows("unprotectParticipant", a, t)
	return view, nil
}

// stepsFor returns the steps that the caller may know of: those of no referral,
// and those of referrals that the caller has a relation to.
func (p *Person) stepsFor(a actor.Actor) []PersonStep {
	known := map[string]bool{"": true}
	var steps []PersonStep
	for _, s := range p.Steps {
		if _, asked := known[s.Referral]; !asked {
			known[s.Referral] = access.Allows("getParticipant", a, p.Resource(a, s.Referral))
		}
		if known[s.Referral] && !p.hides(s, a) {
			steps = append(steps, s)
		}
	}
	return steps
}

// NamedPerson is one line of a batch of identities.
type NamedPerson struct {
	ID        string
	Name      string // or the alias, where the name is not for the caller
	Protected bool
	Number    string // last digits hidden; empty where it is not for the caller
}

// Identities returns who the participants are, as far as the caller may know it.
// Who is missing and who is not for the caller are left out alike, and one entry
// in the access log tells of all that were shown.
func (s *Service) Identities(ctx context.Context, ids []string) ([]NamedPerson, error) {
	a := actor.From(ctx)
	if !access.MayCall("readIdentities", a) {
		return nil, fault.ErrForbidden
	}
	found, err := s.personsByID(ctx, a.Association, ids)
	if err != nil {
		return nil, err
	}
	named := []NamedPerson{}
	var shown, hidden []string
	for i, id := range ids {
		p := found[id]
		switch {
		case slices.Contains(ids[:i], id): // an id named twice is answered once
		case p == nil || !access.Allows("readIdentities", a, p.Resource(a, "")):
			// Missing and foreign alike: somebody who tries out ids is noted.
			hidden = append(hidden, id)
		default:
			n, err := s.named(a, p)
			if err != nil {
				return nil, err
			}
			named, shown = append(named, n), append(shown, id)
		}
	}
	return named, s.touchBatch(ctx, shown, hidden)
}

// touchBatch notes one entry for what was shown, and another for what somebody
// asked for without being let see it.
func (s *Service) touchBatch(ctx context.Context, shown, hidden []string) error {
	if len(hidden) > 0 {
		e := accesslog.Entry{Operation: "readIdentities", Thing: "participants", Participants: hidden, Outcome: accesslog.Refused}
		if err := s.AccessLog.Record(ctx, e); err != nil {
			return err
		}
	}
	return s.touch(ctx, "readIdentities", "participants", nil, shown...)
}

func (s *Service) named(a actor.Actor, p *Person) (NamedPerson, error) {
	t := p.Resource(a, "")
	n := NamedPerson{ID: p.ID, Name: Alias(p.ID), Protected: t.Protected}
	if !access.Allows("readIdentities#name", a, t) {
		return n, nil
	}
	identity, err := s.identityOf(p)
	if err != nil {
		return n, err
	}
	n.Name = identity.Name()
	if access.Allows("readIdentities#number", a, t) {
		n.Number = identity.Number.Masked()
	}
	return n, nil
}
