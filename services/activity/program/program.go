// Package program is the activity service as a program: what its own binary and
// `finsam activity` run. What it reads from the environment is described in the
// service's README and checked by package launch.
package program

import (
	"context"
	"net/http"

	"github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/programme/replica"
	common "github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/activity/rest"
	"github.com/finsam/finsam/services/activity/service"
)

// Requirements are what Build needs.
var Requirements = launch.Requirements{
	Service: "activity", Store: true, Schema: service.Schema, Cipher: true, Associations: true, Peers: []string{"participant"},
}

// Run serves the service until ctx ends. Its error names the variable that is wrong.
func Run(ctx context.Context, environ map[string]string) error {
	return launch.Run(ctx, Requirements, environ, func(ctx context.Context, p *launch.App) (*service.Service, http.Handler, error) {
		vault := &participant.Client{Calls: p.Client("participant")}
		return Build(ctx, p, vault.Identities, vault.ListedIdentities, vault.Genders)
	})
}

// asksVault asks the vault who participants are.
type asksVault = func(context.Context, []string) ([]participant.Identity, error)

// asksGenders asks the vault for the gender of participants.
type asksGenders = func(context.Context, []string) ([]participant.ParticipantGender, error)

// Build puts the service together; identities asks the vault for what the caller may know of
// anybody, listed for the names on a list of the caller's, and genders for figures.
func Build(ctx context.Context, p *launch.App, identities, listed asksVault, genders asksGenders) (*service.Service, http.Handler, error) {
	as := func(ask asksVault) service.AskIdentities {
		return func(ctx context.Context, participants []string) ([]service.Identity, error) {
			all, err := ask(ctx, participants)
			return common.Map(all, func(i participant.Identity) service.Identity {
				return service.Identity{Participant: i.Participant, Name: i.DisplayName, Number: i.PersonalIdentityNumber, Protected: i.Protected}
			}), err
		}
	}
	s, err := service.New(ctx, service.Config{
		Parts: p.Parts, Folder: p.Config.AssociationsDir, Identities: as(identities), ListedIdentities: as(listed),
		Genders: func(ctx context.Context, participants []string) (map[string]string, error) {
			all, err := genders(ctx, participants)
			found := map[string]string{}
			for _, g := range all {
				found[g.Participant] = string(g.Gender)
			}
			return found, err
		},
	})
	if err != nil {
		return nil, nil, err
	}
	c := p.Web()
	c.Internal = map[string]http.Handler{replica.Path: replica.Handler(s.Associations, s.Programme.CatchUp, s.Programme.Fetch)}
	h, err := rest.New(s, c)
	return s, h, err
}
