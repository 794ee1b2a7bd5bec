package participant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// Transfer notes what became of the question to a municipality to take a
// referral over: TransferAsked, TransferEnded or HandedOver. What is told twice,
// or of a referral that is not known, changes nothing; then it answers false.
func (p *Person) Transfer(kind PersonStepKind, referral, municipality, cause string, who Who, now time.Time) bool {
	if _, known := p.Consent(referral); !known || p.caused(cause) {
		return false
	}
	s := p.step(kind, who, now)
	s.Referral, s.Municipality, s.Cause = referral, municipality, cause
	return true
}

// places returns the municipality that has a referral, and the one that is asked to
// take it over; wished is where it went first. Each may be empty.
func (p *Person) places(referral, wished string) (has, asked string) {
	has = wished
	for _, s := range p.Steps {
		if s.Referral != referral {
			continue
		}
		switch s.Kind {
		case TransferAsked:
			asked = s.Municipality
		case TransferEnded:
			asked = ""
		case HandedOver:
			has, asked = s.Municipality, ""
		case Released, Mistaken:
			has, asked = "", ""
		case ConsentWithdrawn:
			asked = "" // the consent was what opened the person to it
		}
	}
	return has, asked
}

func (p *Person) caused(cause string) bool {
	return slices.ContainsFunc(p.Steps, func(s PersonStep) bool { return s.Cause == cause })
}

// transfers returns what each event of a transfer means to the person, and which
// of its data names the municipality.
var transfers = map[string]struct {
	kind PersonStepKind
	data string
}{
	"se.finsam.referral.transfer_requested": {TransferAsked, "to"},
	"se.finsam.referral.transfer_declined":  {TransferEnded, "to"},
	"se.finsam.referral.transfer_cancelled": {TransferEnded, "to"},
	"se.finsam.referral.transfer_accepted":  {HandedOver, "municipality"},
}

// transfer follows a referral from one municipality to another.
func (s *Service) transfer(ctx context.Context, e feed.Event) error {
	t := transfers[e.Type]
	return s.follow(ctx, e, func(p *Person, who Who) bool {
		return p.Transfer(t.kind, e.Subject, e.Data[t.data], e.ID, who, s.Now())
	})
}

// amend follows a consent that a sender has extended.
func (s *Service) amend(ctx context.Context, e feed.Event) error {
	if e.Data["authorities"] == "" {
		return nil // something else was amended
	}
	c := NewConsent{
		Referral: e.Subject, Authorities: strings.Split(e.Data["authorities"], ","),
		TextVersion: e.Data["textVersion"], GivenOn: civil.Date(e.Data["givenOn"]),
	}
	return s.follow(ctx, e, func(p *Person, who Who) bool { return p.ExtendConsent(c, e.ID, who, s.Now()) })
}

// follow lets an event about a referral change its person; false: nothing did.
func (s *Service) follow(ctx context.Context, e feed.Event, change func(*Person, Who) bool) error {
	who := clock
	who.TraceParent = e.TraceParent
	_, err := s.people.Update(ctx, e.Association, e.Data["participant"], 0, func(p *Person) error {
		if !change(p, who) {
			return store.Unchanged()
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // an event that names nobody ties nobody
	}
	s.wrote()
	return err
}
