package demo

import (
	"regexp"
	"strings"

	"github.com/finsam/finsam/pkg/actor"
)

// authority is one of the demo's members.
type authority struct {
	id           string
	name         string
	kind         actor.AuthorityKind
	unit         string // of its tokens without another one
	municipality string // its code, if it is one
	roles        []actor.Role
}

var (
	senders    = []actor.Role{actor.Integration, actor.Referrer}
	performers = []actor.Role{actor.Intake, actor.Coach, actor.Supervisor, actor.Referrer, actor.Manager, actor.Planner}
)

// authorities are the members of the association Insjöriket, a private care provider,
// the association's own staff, and the participants themselves.
var authorities = []authority{
	{"fk", "Försäkringskassan", actor.SocialInsurance, "fk-molndal", "", senders},
	{"af", "Arbetsförmedlingen", actor.EmploymentService, "af-molndal", "", senders},
	{"vgr", "Västra Götalandsregionen", actor.Region, "vgr-molndal", "", senders},
	{"molndal", "Mölndals stad", actor.Municipality, "molndal-1", "1481", performers},
	{"partille", "Partille kommun", actor.Municipality, "partille-1", "1402", performers},
	{"harryda", "Härryda kommun", actor.Municipality, "harryda-1", "1401", performers},
	{"lerum", "Lerums kommun", actor.Municipality, "lerum-1", "1441", performers},
	{"alingsas", "Alingsås kommun", actor.Municipality, "alingsas-1", "1489", performers},
	{"vardgivaren", "En privat vårdgivare", actor.PrivateCare, "vardgivaren-1", "", senders},
	{"forbundet", "Samordningsförbundets kansli", "", "", "", []actor.Role{actor.AssociationAdmin, actor.Board, actor.Reviewer}},
	{"self", "Personen själv", actor.Self, "", "", nil},
}

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Client is an invented OAuth client of the token endpoint.
type Client struct {
	ID     string
	Name   string // of its authority
	Claims Claims
}

// Secret is the secret of every invented client; it opens nothing real.
const Secret = "demo"

// names are of the invented staff, by role.
var names = map[actor.Role]string{
	actor.Referrer: "Robin Exempel", actor.Intake: "Kim Påhittad", actor.Coach: "Alex Påhittadsson",
	actor.Supervisor: "Sam Exempelsson", actor.Manager: "Charlie Påhittad", actor.Planner: "Mika Exempelsson",
}

// Clients returns the invented clients, one for each authority and each of its roles,
// such as fk-integration.
func Clients() []Client {
	var all []Client
	for _, a := range authorities {
		for _, r := range a.roles {
			id := a.id + "-" + strings.ReplaceAll(string(r), "_", "-")
			all = append(all, Client{id, a.name, Claims{Authority: a.id, Name: names[r], Roles: []actor.Role{r}}})
		}
	}
	return all
}
