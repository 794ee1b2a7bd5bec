package service

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
)

// PersonView is what one caller may know of a person.
type PersonView struct {
	ID         string
	Version    int64
	Protection participant.ProtectionLevel
	Handlers   []string      // empty where they are not for the caller
	Identity   *IdentityView // nil: masked
	Consents   []participant.Consent
	Steps      []participant.PersonStep
	Operations []string // that the caller may call now
}

// Person returns what the caller may know of a person.
func (s *Service) Person(ctx context.Context, id string) (*PersonView, error) {
	a := actor.From(ctx)
	v, err := s.people.Load(ctx, a, guard.Call{Operation: "getParticipant", ID: id})
	if err != nil {
		return nil, err
	}
	return s.viewPerson(a, v)
}

// WithdrawConsent withdraws the consent of a referral. One that the caller has no
// relation to is as one that does not exist: ErrNoConsent.
func (s *Service) WithdrawConsent(ctx context.Context, id string, ifVersion int64, referral, text string) (*PersonView, error) {
	return s.changePerson(ctx, "withdrawConsent", id, ifVersion, text, func(p *participant.Person, text []byte) error {
		if a := actor.From(ctx); !access.Allows("withdrawConsent", a, p.Status().Resource(a, referral)) {
			return participant.ErrNoConsent.AtField("/referral")
		}
		return p.WithdrawConsent(referral, text, guard.Author(ctx), s.Now())
	})
}

// Protect hides the person's identity from all but the handlers, who are subjects at
// the caller's authority; nil leaves them as they are. See participant.Person.Protect.
func (s *Service) Protect(ctx context.Context, id string, ifVersion int64, level participant.ProtectionLevel, handlers []string) (*PersonView, error) {
	return s.changePerson(ctx, "protectParticipant", id, ifVersion, "", func(p *participant.Person, _ []byte) error {
		return p.Protect(level, handlers, actor.From(ctx).Has(actor.Manager), guard.Author(ctx), s.Now())
	})
}

// ProtectionView is what who may remove a protection reads of it, and nothing of the
// person.
type ProtectionView struct {
	ID         string
	Version    int64 // that a removal names; nobody can guess it
	Level      participant.ProtectionLevel
	Operations []string // that the caller may call now
}

// Protection returns how a person's identity is protected.
func (s *Service) Protection(ctx context.Context, id string) (*ProtectionView, error) {
	a := actor.From(ctx)
	v, err := s.people.Load(ctx, a, guard.Call{Operation: "getProtection", ID: id})
	if err != nil {
		return nil, err
	}
	version, err := s.protectionVersion(v)
	if err != nil {
		return nil, err
	}
	status := v.Value.Status()
	return &ProtectionView{
		ID: id, Version: version, Level: status.Protection.Level,
		Operations: access.Permitted(status.Operations(), a, status.Resource(a, "")),
	}, nil
}

// protectionVersion returns the version of a person as who removes a protection names it.
func (s *Service) protectionVersion(v store.Versioned[participant.Person]) (int64, error) {
	return s.keyedVersion(personContext(v.Value.ID, fmt.Sprintf("protection/%d", v.Version)))
}

// Unprotect shows the person's identity again; with a level it is only protected less.
// The version is that of Protection.
func (s *Service) Unprotect(ctx context.Context, id string, ifVersion int64, level participant.ProtectionLevel, text string) (*PersonView, error) {
	return s.changeVersioned(ctx, guard.Call{Operation: "unprotectParticipant", ID: id}, text, func(v store.Versioned[participant.Person], text []byte) error {
		current, err := s.protectionVersion(v)
		switch {
		case err != nil:
			return err
		case ifVersion != current:
			return store.ErrStale
		case level != participant.NoProtection:
			return v.Value.Lower(level, text, guard.Author(ctx), s.Now())
		}
		return v.Value.Unprotect(text, guard.Author(ctx), s.Now())
	})
}

// changePerson lets the noun change a person, with a text that is encrypted for its steps.
func (s *Service) changePerson(ctx context.Context, operation, id string, ifVersion int64, text string, change func(*participant.Person, []byte) error) (*PersonView, error) {
	return s.changeVersioned(ctx, guard.Call{Operation: operation, ID: id, IfVersion: ifVersion}, text, func(v store.Versioned[participant.Person], text []byte) error {
		return change(v.Value, text)
	})
}

// changeVersioned is changePerson for a change that asks for the version too.
func (s *Service) changeVersioned(ctx context.Context, c guard.Call, text string, change func(store.Versioned[participant.Person], []byte) error) (*PersonView, error) {
	a := actor.From(ctx)
	v, err := s.people.Change(ctx, a, c, func(v store.Versioned[participant.Person]) error {
		encrypted, err := s.Cipher.EncryptText(text, personContext(c.ID, "text"))
		if err != nil {
			return err
		}
		return change(v, encrypted)
	})
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return s.viewPerson(a, v)
}

// viewPerson leaves out what the caller may not know: who a masked person is, and
// what concerns referrals that the caller has no relation to.
func (s *Service) viewPerson(a actor.Actor, v store.Versioned[participant.Person]) (*PersonView, error) {
	p := v.Value
	status := p.Status()
	r := status.Resource(a, "")
	view := &PersonView{ID: p.ID, Version: v.Version, Protection: status.Protection.Level, Steps: status.Steps(a)}
	relation, _ := access.Decide("getParticipant", a, r)
	if access.Allows("getParticipant#identity", a, r) {
		var err error
		if view.Identity, err = s.identityFor(a, status, "getParticipant", relation); err != nil {
			return nil, err
		}
		if relation == access.OwnDecision { // which is about the case, not for a call
			view.Identity.Contact = participant.Contact{}
		}
	}
	if view.Identity != nil || access.Allows("protectParticipant", a, r) {
		view.Handlers = status.Protection.Handlers[a.Authority]
	}
	canWithdraw := false
	for _, tie := range status.Referrals {
		r := status.Resource(a, tie.Consent.Referral)
		if access.Allows("getParticipant", a, r) {
			view.Consents = append(view.Consents, tie.Consent)
			canWithdraw = canWithdraw || tie.Consent.InForce() && access.Allows("withdrawConsent", a, r)
		}
	}
	view.Operations = slices.DeleteFunc(access.Permitted(status.Operations(), a, r), func(operation string) bool {
		return operation == "withdrawConsent" && !canWithdraw
	})
	if participant.OnlySent(relation) {
		view.Version = 0 // the person's own would say what others have sent: it follows from what is shown
		text, err := json.Marshal(view)
		if err != nil {
			return nil, fmt.Errorf("version of what is shown: %w", err)
		}
		if view.Version, err = s.keyedVersion(personContext(p.ID, "shown/") + string(text)); err != nil {
			return nil, err
		}
	}
	return view, nil
}

// NamedPerson is one line of a batch of identities.
type NamedPerson struct {
	ID        string
	Name      string // or the alias, where the name is not for the caller
	Protected bool
	Number    string // last digits hidden; empty where it is not for the caller
}

// IdentitiesIn returns who the persons of a part of a list are, by their ids; see Identities.
func (s *Service) IdentitiesIn(ctx context.Context, page *store.List[*EnrolmentView]) (map[string]NamedPerson, error) {
	ids := make([]string, len(page.Items))
	for i, v := range page.Items {
		ids[i] = v.Participant
	}
	named, err := s.Identities(ctx, ids)
	who := make(map[string]NamedPerson, len(named))
	for _, n := range named {
		who[n.ID] = n
	}
	return who, err
}

// Identities returns who the participants are, as far as the caller may know it. One
// that is missing and one that is not for the caller are left out alike. The access
// log has one entry for those whose identity was shown, one for those who were masked
// and one for those who were left out.
func (s *Service) Identities(ctx context.Context, ids []string) ([]NamedPerson, error) {
	const operation = "readIdentities"
	a, err := guard.Caller(ctx, s.AccessLog, operation, "participants")
	if err != nil {
		return nil, err
	}
	return s.identities(ctx, a, operation, ids, func(status *participant.PersonStatus) (access.Relation, shows, error) {
		r := status.Resource(a, "")
		relation, err := access.Decide(operation, a, r)
		return relation, shows{access.Allows("readIdentities#name", a, r), access.Allows("readIdentities#number", a, r)}, err
	})
}

// ListedIdentities is Identities for those on a list of the activity service, which has decided
// that it is the caller's own: of whichever municipality they are, without numbers.
func (s *Service) ListedIdentities(ctx context.Context, ids []string) ([]NamedPerson, error) {
	const operation, part = "readListedIdentities", "readIdentities#listed"
	a := actor.From(ctx)
	own := access.Resource{Association: a.Association, Relationships: []access.Relationship{{Municipality: a.Municipality}}}
	if _, err := access.Decide(part, a, own); err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, accesslog.Entry{Operation: operation, Thing: "participants"}, err)
	}
	return s.identities(ctx, a, operation, ids, func(status *participant.PersonStatus) (access.Relation, shows, error) {
		r := status.Resource(a, "")
		r.Relationships = own.Relationships
		return access.OwnList, shows{name: access.Allows(part, a, r)}, nil
	})
}

// Genders returns the gender of participants as it was given, for figures that the caller may
// read; of protected persons too, which the field counts so. Who is not there is left out. One
// entry of the access log names them all: no identity was shown.
func (s *Service) Genders(ctx context.Context, ids []string) (map[string]string, error) {
	const operation, figures = "readGenders", "getActivityFigures"
	a := actor.From(ctx)
	e := accesslog.Entry{Operation: operation, Thing: "participants", Why: string(access.Scope(figures, a))}
	if err := access.Refusal(figures, a); err != nil {
		return nil, guard.Enter(ctx, s.AccessLog, e, err)
	}
	found, err := s.personsByID(ctx, a.Association, ids)
	if err != nil {
		return nil, err
	}
	genders := map[string]string{}
	for _, id := range ids {
		p := found[id]
		if p == nil || genders[id] != "" {
			continue
		}
		who, err := s.nameFor(a, p.Status(), operation, access.OwnList)
		if err != nil {
			return nil, err
		}
		genders[id] = cmp.Or(who.Gender, "unknown")
		e.Participants = append(e.Participants, id)
	}
	return genders, guard.Enter(ctx, s.AccessLog, e, nil)
}

// shows is what is shown of who a person is, beside the alias.
type shows struct{ name, number bool }

// identities is Identities by what decide allows of each person.
func (s *Service) identities(ctx context.Context, a actor.Actor, operation string, ids []string, decide func(*participant.PersonStatus) (access.Relation, shows, error)) ([]NamedPerson, error) {
	found, err := s.personsByID(ctx, a.Association, ids)
	if err != nil {
		return nil, err
	}
	named := []NamedPerson{}
	var entries []accesslog.Entry
	enter := func(e accesslog.Entry, id string) {
		i := slices.IndexFunc(entries, func(x accesslog.Entry) bool { return x.Identity == e.Identity && x.Why == e.Why })
		if i < 0 {
			i, entries = len(entries), append(entries, e)
		}
		entries[i].Participants = append(entries[i].Participants, id)
	}
	var hidden []string
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue // an id named twice is answered once
		}
		p := found[id]
		if p == nil {
			s.people.Miss(ctx, a, operation)
			hidden = append(hidden, id)
			continue
		}
		status := p.Status()
		relation, may, err := decide(status)
		if err != nil {
			hidden = append(hidden, id)
			continue
		}
		n, identity := NamedPerson{ID: id, Name: participant.Alias(id), Protected: status.Resource(a, "").Protected}, accesslog.Masked
		if may.name {
			identity = accesslog.Shown
			who, err := s.nameFor(a, status, operation, relation)
			if err != nil {
				return nil, err
			}
			n.Name = cmp.Or(who.Name(), n.Name)
			if may.number {
				n.Number = who.Number.Masked()
			}
		}
		named = append(named, n)
		enter(accesslog.Entry{Operation: operation, Thing: "participants", Why: string(relation), Identity: identity}, id)
	}
	if len(hidden) > 0 {
		e := accesslog.Entry{Operation: operation, Thing: "participants", Participants: hidden}
		if err := guard.Enter(ctx, s.AccessLog, e, fault.ErrNotFound); errors.Is(err, accesslog.ErrNotLogged) {
			return nil, err
		}
	}
	for _, e := range entries {
		if err := guard.Enter(ctx, s.AccessLog, e, nil); err != nil {
			return nil, err
		}
	}
	return named, nil
}
