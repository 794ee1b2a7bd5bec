// Package vault is how the referral service asks the participant service, which
// alone knows who a person is: its client, in the referral's own words.
//
// In one process the client calls the handlers that serve the operations over the network.
// The rules are theirs in both ways; the caller, the trace and what the answer waits for in
// the access logs are those of the caller's context. What the network would check again is
// the referral's to have checked: its contract is at least as strict (see the test).
package vault

import (
	"context"
	"fmt"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
)

// client is the part of api.Client that is asked.
type client interface {
	Put(ctx context.Context, p api.PersonInput) (api.PersonRef, error)
	AgeOn(ctx context.Context, participant, date string) (*int, error)
	Identities(ctx context.Context, participants []string) ([]api.Identity, error)
}

// Handlers are the operations of the participant service that are called in its process.
type Handlers interface {
	PutPerson(ctx context.Context, r api.PutPersonRequestObject) (api.PutPersonResponseObject, error)
	ReadAge(ctx context.Context, r api.ReadAgeRequestObject) (api.ReadAgeResponseObject, error)
	api.IdentityReader
}

// local calls handlers of the same process.
type local struct{ handlers Handlers }

func (l local) Put(ctx context.Context, p api.PersonInput) (api.PersonRef, error) {
	answer, err := l.handlers.PutPerson(ctx, api.PutPersonRequestObject{Body: &p})
	ref, _ := answer.(api.PutPerson200JSONResponse)
	return api.PersonRef(ref), err
}

func (l local) AgeOn(ctx context.Context, participant, date string) (*int, error) {
	answer, err := l.handlers.ReadAge(ctx, api.ReadAgeRequestObject{Id: participant, Params: api.ReadAgeParams{On: date}})
	age, _ := answer.(api.ReadAge200JSONResponse)
	return age.Years, err
}

func (l local) Identities(ctx context.Context, participants []string) ([]api.Identity, error) {
	return api.LocalIdentities(l.handlers)(ctx, participants)
}

type people struct{ client client }

// Local returns the people whom the vault of this process knows.
func Local(h Handlers) service.People { return people{local{h}} }

// New returns the people whom the vault at the other end of c knows.
func New(c *api.Client) service.People { return people{c} }

func (p people) Put(ctx context.Context, in service.PersonInput) (service.Filed, error) {
	ref, err := p.client.Put(ctx, api.PersonInput{
		Referral: in.Referral, Authority: in.Authority, Unit: in.Unit, Municipality: &in.Municipality,
		Person: api.Person{
			PersonalIdentityNumber: in.Person.PersonalIdentityNumber,
			GivenName:              in.Person.GivenName, FamilyName: in.Person.FamilyName,
			Gender: rest.Optional(api.Gender(in.Person.Gender)),
			Email:  rest.Optional(in.Person.Email), Phone: rest.Optional(in.Person.Phone),
			Protection: rest.Optional(api.ProtectionLevel(in.Person.Protection)),
		},
		Consent: api.ConsentInput{
			GivenOn: in.Consent.GivenOn, TextVersion: in.Consent.TextVersion, Authorities: in.Consent.Authorities,
		},
	})
	if err != nil {
		return service.Filed{}, passable(err)
	}
	return service.Filed{Participant: ref.Participant, Age: ref.Age, Protections: rest.Map(rest.Value(ref.Protections), func(p api.ProtectionInForce) service.Protection {
		return service.Protection{Event: p.Event, Level: string(p.Level), Authority: p.Authority, Handlers: rest.Value(p.Handlers)}
	})}, nil
}

func (p people) AgeOn(ctx context.Context, participant, date string) (*int, error) {
	years, err := p.client.AgeOn(ctx, participant, date)
	if err != nil {
		return nil, passable(err)
	}
	return years, nil
}

func (p people) Identities(ctx context.Context, participants []string) (map[string]referral.Identity, error) {
	shown, err := p.client.Identities(ctx, participants)
	if err != nil {
		return nil, passable(err)
	}
	all := make(map[string]referral.Identity, len(shown))
	for _, i := range shown {
		all[i.Participant] = referral.Identity{Name: i.DisplayName, Protected: i.Protected, Number: rest.Value(i.PersonalIdentityNumber)}
	}
	return all, nil
}

// passable returns what of a vault's refusal may go on to the caller: what the
// caller can mend, or wait for. That the vault knows nobody of that id, or does
// not trust this service, is no news about the referral.
func passable(err error) error {
	switch f := fault.Of(err); f.Status {
	case fault.Invalid, fault.Unprocessable, fault.Conflict, fault.TooMany, fault.Unavailable, fault.Timeout:
		return f
	default:
		return fault.ErrUnavailable.Because(fmt.Errorf("vault: %w", err))
	}
}
