package referraltest

import (
	"cmp"
	"context"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/outbound"
	"github.com/finsam/finsam/services/referral/service"
)

// The actors of the tests; none of them exists.
var (
	FK        = newActor("fk-system", "fk", actor.SocialInsurance, "fk-molndal", "", actor.Integration)
	Officer   = newActor("fk-1", "fk", actor.SocialInsurance, "fk-molndal", "", actor.Referrer)
	OtherUnit = newActor("fk-2", "fk", actor.SocialInsurance, "fk-lerum", "", actor.Referrer)
	AF        = newActor("af-1", "af", actor.EmploymentService, "af-molndal", "", actor.Referrer)
	Intake    = newActor("mottagare-1", "molndal", actor.Municipality, "", "1481", actor.Intake)
	Intake2   = newActor("mottagare-2", "molndal", actor.Municipality, "", "1481", actor.Intake)
	Coach     = newActor("coach-1", "molndal", actor.Municipality, "", "1481", actor.Coach)
	Partille  = newActor("mottagare-3", "partille", actor.Municipality, "", "1402", actor.Intake)
	Admin     = newActor("admin-1", "insjoriket", "", "", "", actor.AssociationAdmin)
	Board     = newActor("board-1", "insjoriket", "", "", "", actor.Board)
	Elsewhere = actor.Actor{Subject: "fk-9", Association: "elsewhere", Authority: "fk", AuthorityKind: actor.SocialInsurance,
		Unit: "fk-molndal", Roles: []actor.Role{actor.Integration}}
)

func newActor(subject, authority string, kind actor.AuthorityKind, unit, municipality string, role actor.Role) actor.Actor {
	return actor.Actor{
		Subject: subject, Association: "insjoriket", Authority: authority, AuthorityKind: kind,
		Unit: unit, Municipality: municipality, Roles: []actor.Role{role},
	}
}

// Person returns the participant as an actor.
func Person(participant string) actor.Actor {
	a := newActor("person-1", "self", actor.Self, "", "", actor.Participant)
	a.Participant = participant
	return a
}

// Canary is what must never be found unencrypted: an invented person and reason.
var Canary = []string{"191212121212", "19121212-1212", "Tolvan", "Kanariefågelsson", "kanarieorsak", "0709990000"}

// Submission is a correct one, of an invented person.
func Submission() referral.Submission {
	return referral.Submission{
		Person: referral.Person{PersonalIdentityNumber: "191212121212", GivenName: "Tolvan", FamilyName: "Kanariefågelsson", Phone: "0709990000"},
		Unit:   "fk-molndal",
		TargetGroup: referral.TargetGroup{
			Reasons: []string{"long_absence"}, Concerned: []actor.AuthorityKind{actor.SocialInsurance, actor.Region},
		},
		Given:              true,
		Consent:            referral.Consent{GivenOn: "2026-02-27", TextVersion: "2026-1", Authorities: []string{"fk", "molndal"}},
		WishedMunicipality: "1481",
		Reason:             "Påhittad kanarieorsak.",
	}
}

// ErrNumber is what the fake vault answers to BadNumber.
var ErrNumber = fault.New(fault.Unprocessable, "bad-personal-identity-number",
	"Personnumret finns inte.", "There is no such personal identity number.").AtField("/person/personalIdentityNumber")

// BadNumber has the form of a personal identity number, and a wrong check digit.
const BadNumber = "191212121213"

// People is a vault of invented people; the zero value is ready to use.
type People struct {
	mu   sync.Mutex
	Age  int   // of everybody; zero: 40
	Err  error // what every call answers, when set
	Puts int   // how many persons were filed

	Who   map[string]referral.Identity // of those who are not Tolvan, by participant
	Asked []int                        // how many identities were asked for at once
}

// Put implements service.People: the same number is the same participant.
func (p *People) Put(_ context.Context, in service.PersonInput) (service.Filed, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Puts++
	if in.Person.PersonalIdentityNumber == BadNumber {
		return service.Filed{}, ErrNumber
	}
	age := cmp.Or(p.Age, 40)
	return service.Filed{Participant: p.Of(in.Person.PersonalIdentityNumber), Age: &age}, p.Err
}

// Of returns the participant's id of a number, as Put does.
func (p *People) Of(number string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(number)).String()
}

// AgeOn implements service.People.
func (p *People) AgeOn(context.Context, string, string) (*int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := cmp.Or(p.Age, 40)
	return &age, p.Err
}

// Identities implements service.People: everybody is Tolvan, but for those whom
// Who names otherwise.
func (p *People) Identities(_ context.Context, participants []string) (map[string]referral.Identity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Asked = append(p.Asked, len(participants))
	all := map[string]referral.Identity{}
	for _, id := range participants {
		all[id] = referral.Identity{Name: "Tolvan Kanariefågelsson", Number: "19121212-****"}
		if who, ok := p.Who[id]; ok {
			all[id] = who
		}
	}
	return all, p.Err
}

// Receiver is the network and the receivers of webhooks.
type Receiver struct {
	mu     sync.Mutex
	Answer func(outbound.Message) outbound.Answer // nil: OK
	got    []outbound.Message
}

// Check implements outbound.Sender: names that begin with "closed." are closed.
func (r *Receiver) Check(_ context.Context, url string) error {
	if err := outbound.CheckURL(url, false); err != nil {
		return err
	}
	if strings.HasPrefix(url, "https://closed.") {
		return outbound.ErrAddressClosed.AtField("/url")
	}
	return nil
}

// Send implements outbound.Sender.
func (r *Receiver) Send(_ context.Context, m outbound.Message) outbound.Answer {
	r.mu.Lock()
	r.got = append(r.got, m)
	answer := r.Answer
	r.mu.Unlock()
	if answer == nil {
		return outbound.Answer{Outcome: outbound.OK, Status: 204}
	}
	return answer(m)
}

// Set changes how it answers from now on.
func (r *Receiver) Set(answer func(outbound.Message) outbound.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Answer = answer
}

// Got returns what has been received, in order.
func (r *Receiver) Got() []outbound.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]outbound.Message(nil), r.got...)
}
