package participant

import (
	"context"
	"net/http"
	"net/url"

	"github.com/finsam/finsam/pkg/web/client"
)

// Client is what the vault does for its neighbours. It asks with the token of
// the request that is being answered, so the vault decides for the same caller.
type Client struct{ Calls *client.Client }

// Put registers a referred person and returns the participant's id, the same for the
// same personal identity number, and the age on this day; safe to repeat for the
// same referral. Faults of the person's fields name them as "/person/<field>".
func (c *Client) Put(ctx context.Context, p PersonInput) (ref PersonRef, err error) {
	err = c.Calls.Call(ctx, http.MethodPost, "/internal/persons", p, &ref)
	return ref, err
}

// Identities returns who the participants are, 1 to 200 of them, as far as the caller
// may know it. Anyone who is not there, or not to be seen by the caller, is left out.
func (c *Client) Identities(ctx context.Context, participants []string) ([]Identity, error) {
	var all Identities
	err := c.Calls.Call(ctx, http.MethodPost, "/participants/identities", IdentitiesRequest{Participants: participants}, &all)
	return all.Items, err
}

// ListedIdentities is Identities for those on a list that the caller's own right has opened, of
// whichever municipality they are.
func (c *Client) ListedIdentities(ctx context.Context, participants []string) ([]Identity, error) {
	var all Identities
	err := c.Calls.Call(ctx, http.MethodPost, "/internal/identities", IdentitiesRequest{Participants: participants}, &all)
	return all.Items, err
}

// Genders returns the gender of 1 to 200 participants, for figures that the caller may read.
func (c *Client) Genders(ctx context.Context, participants []string) ([]ParticipantGender, error) {
	var all Genders
	err := c.Calls.Call(ctx, http.MethodPost, "/internal/genders", IdentitiesRequest{Participants: participants}, &all)
	return all.Items, err
}

// GenderReader is the operation behind Genders, of a service in the same process.
type GenderReader interface {
	ReadGenders(ctx context.Context, r ReadGendersRequestObject) (ReadGendersResponseObject, error)
}

// LocalGenders is Client.Genders for a service in the same process.
func LocalGenders(r GenderReader) func(ctx context.Context, participants []string) ([]ParticipantGender, error) {
	return func(ctx context.Context, participants []string) ([]ParticipantGender, error) {
		answer, err := r.ReadGenders(ctx, ReadGendersRequestObject{Body: &IdentitiesRequest{Participants: participants}})
		all, _ := answer.(ReadGenders200JSONResponse)
		return all.Items, err
	}
}

// IdentityReader is the operation behind Identities, of a service in the same process.
type IdentityReader interface {
	ReadIdentities(ctx context.Context, r ReadIdentitiesRequestObject) (ReadIdentitiesResponseObject, error)
}

// ListReader is the operation behind ListedIdentities, of a service in the same process.
type ListReader interface {
	ReadListedIdentities(ctx context.Context, r ReadListedIdentitiesRequestObject) (ReadListedIdentitiesResponseObject, error)
}

// LocalIdentities is Client.Identities for a service in the same process.
func LocalIdentities(r IdentityReader) func(ctx context.Context, participants []string) ([]Identity, error) {
	return func(ctx context.Context, participants []string) ([]Identity, error) {
		answer, err := r.ReadIdentities(ctx, ReadIdentitiesRequestObject{Body: &IdentitiesRequest{Participants: participants}})
		all, _ := answer.(ReadIdentities200JSONResponse)
		return all.Items, err
	}
}

// LocalListedIdentities is Client.ListedIdentities for a service in the same process.
func LocalListedIdentities(r ListReader) func(ctx context.Context, participants []string) ([]Identity, error) {
	return func(ctx context.Context, participants []string) ([]Identity, error) {
		answer, err := r.ReadListedIdentities(ctx, ReadListedIdentitiesRequestObject{Body: &IdentitiesRequest{Participants: participants}})
		all, _ := answer.(ReadListedIdentities200JSONResponse)
		return all.Items, err
	}
}

// AgeOn returns the participant's age in whole years on a date, nil where the number
// leaves it open; fault.ErrNotFound for one who is not there, or not to be seen by the
// caller.
func (c *Client) AgeOn(ctx context.Context, participant, date string) (years *int, err error) {
	var age Age
	path := "/internal/persons/" + url.PathEscape(participant) + "/age?on=" + url.QueryEscape(date)
	if err := c.Calls.Call(ctx, http.MethodGet, path, nil, &age); err != nil {
		return nil, err
	}
	return age.Years, nil
}
