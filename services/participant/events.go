package participant

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
)

// What the types of the events begin with that this service tells.
const (
	personEvents    = "se.finsam.participant."
	enrolmentEvents = "se.finsam.enrolment."
)

// personEvent tells step n of a person: ids and codes, never who it is.
//
// No event names an authority, so none comes into an authority's own feed: what
// a sender may know of the course depends on consent, and the referral service,
// which follows these events, tells it as far as that goes.
func personEvent(p *Person, n int64) feed.Event {
	s := p.Steps[n-1]
	e := feed.Event{
		Type: personEvents + string(s.Kind), Subject: p.ID, Time: s.At,
		Association: p.Association, TraceParent: s.TraceParent,
		Data: map[string]string{"participant": p.ID},
	}
	put(e.Data, "referral", s.Referral)
	put(e.Data, "enrolment", s.Enrolment)
	put(e.Data, "municipality", s.Municipality)
	put(e.Data, "level", string(s.Level))
	if s.Kind == Protected {
		// Handlers are subjects at the authority that named them.
		put(e.Data, "handlers", strings.Join(s.Handlers, ","))
		put(e.Data, "authority", s.Authority)
	}
	return e
}

// enrolmentEvent tells step n of an enrolment, and the state that it led to.
func enrolmentEvent(e *Enrolment, n int64) feed.Event {
	s := e.Steps[n-1]
	then := *e
	then.Steps = e.Steps[:n]
	c := then.Progress()
	ev := feed.Event{
		Type: enrolmentEvents + string(s.Kind), Subject: e.ID, Time: s.At,
		Association: e.Association, TraceParent: s.TraceParent,
		Data: map[string]string{
			"enrolment": e.ID, "referral": e.Referral, "participant": e.Participant,
			"municipality": e.Municipality, "coach": e.Coach, "initiative": e.Initiative, "state": string(c.State),
		},
	}
	put(ev.Data, "on", string(s.On))
	put(ev.Data, "readiness", s.Readiness)
	put(ev.Data, "decision", string(s.Decision))
	put(ev.Data, "outcome", string(s.Outcome))
	if s.Number > 0 {
		ev.Data["number"] = strconv.Itoa(s.Number)
	}
	if first, last := c.span(s); first != "" {
		ev.Data["firstDay"], ev.Data["lastDay"] = string(first), string(last)
	}
	return ev
}

// span returns the days that a step settles: the whole way when it is planned, the
// block's when one begins or is prolonged.
func (c *Progress) span(s EnrolmentStep) (first, last civil.Date) {
	switch {
	case s.Kind == Planned:
		return c.Blocks[0].PlannedFirst, c.Blocks[len(c.Blocks)-1].PlannedLast
	case s.Kind == Started, s.Kind == BlockStarted, s.Decision == Prolong:
		return c.current().First, c.current().runsTo()
	}
	return "", ""
}

func put(data map[string]string, key, value string) {
	if value != "" {
		data[key] = value
	}
}

// What this service follows in the referral service's feed.
const (
	referralAccepted  = "se.finsam.referral.accepted"
	referralRejected  = "se.finsam.referral.rejected"
	referralWithdrawn = "se.finsam.referral.withdrawn"
	referralMistaken  = "se.finsam.referral.marked_in_error"
	referralAmended   = "se.finsam.referral.amended"
)

// handle does what a referral's event means here. Events may come twice; the
// ids that follow from the referral, and the causes kept in the steps, make the
// second time harmless.
func (s *Service) handle(ctx context.Context, e feed.Event) error {
	switch e.Type {
	case referralAccepted:
		return s.enrol(ctx, e)
	case referralWithdrawn:
		return errors.Join(s.unplan(ctx, e), s.release(ctx, e))
	case referralRejected, referralMistaken:
		return s.release(ctx, e)
	case referralAmended:
		return s.amend(ctx, e)
	}
	if _, ok := transfers[e.Type]; ok {
		return s.transfer(ctx, e)
	}
	return nil
}

// enrol plans the enrolment that an accepted referral leads to.
func (s *Service) enrol(ctx context.Context, e feed.Event) error {
	plan, err := s.planOf(e)
	if err != nil {
		return err
	}
	start, err := civil.Parse(e.Data["startDate"])
	if err != nil {
		return fmt.Errorf("%w: start date: %w", feed.ErrSkip, err)
	}
	who := clock
	who.TraceParent = e.TraceParent
	enrolment := NewEnrolment(Enrolment{
		Association: e.Association, Referral: e.Data["referral"], Participant: e.Data["participant"],
		Referrer: e.Data["authority"], Unit: e.Data["unit"], Municipality: e.Data["municipality"],
		Initiative: e.Data["initiative"], Coach: e.Data["coach"], PlannedStart: start, Plan: plan,
		Unshared: strings.FieldsFunc(e.Data["unshared"], func(r rune) bool { return r == ',' }),
	}, e.ID, who, s.Now())
	// The person first: anyone who can find the enrolment can then find the person.
	_, err = s.people.Update(ctx, e.Association, enrolment.Participant, 0, func(p *Person) error {
		if !p.Enrol(enrolment, e.ID, who, s.Now()) {
			return store.Unchanged()
		}
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: no such participant: %w", feed.ErrSkip, err)
	}
	if err != nil {
		return err
	}
	if _, err = s.enrolments.Insert(ctx, enrolment); err != nil && !errors.Is(err, store.ErrExists) {
		return err
	}
	s.wrote()
	return nil
}

// release ends what a referral that came to nothing tied to the person.
func (s *Service) release(ctx context.Context, e feed.Event) error {
	return s.follow(ctx, e, func(p *Person, who Who) bool {
		return p.Release(e.Subject, e.Type == referralMistaken, e.ID, who, s.Now())
	})
}

// planOf returns the plan of the initiative that the event names. An initiative
// that this service's configuration lacks is waited for, not passed over: the
// referral service has it, and a person waits.
func (s *Service) planOf(e feed.Event) (Plan, error) {
	in, err := s.Associations.Get(e.Association)
	if err != nil {
		return Plan{}, err
	}
	initiative, ok := in.Initiative(e.Data["initiative"])
	if !ok {
		return Plan{}, fmt.Errorf("no initiative %q in the configuration of %s", e.Data["initiative"], e.Association)
	}
	return planOf(in.Version, initiative), nil
}

func planOf(version string, i association.Initiative) Plan {
	p := Plan{Version: version, MaxWeeks: i.MaxWeeks}
	for _, b := range i.Blocks {
		p.Blocks = append(p.Blocks, PlanBlock{Name: b.Name, Weeks: b.Weeks, CheckIn: b.CheckIn})
	}
	return p
}

// unplan cancels what was planned for a referral that was withdrawn while the
// plan was on its way. What has begun goes on: leaving it is the coach's to note.
func (s *Service) unplan(ctx context.Context, e feed.Event) error {
	who := clock
	who.TraceParent = e.TraceParent
	_, err := s.enrolments.Update(ctx, e.Association, EnrolmentID(e.Association, e.Subject), 0, func(n *Enrolment) error {
		if n.Progress().State != StatePlanned {
			return store.Unchanged()
		}
		if err := n.Cancel(nil, who, s.Now()); err != nil {
			return err
		}
		n.Steps[len(n.Steps)-1].Cause = e.ID
		return nil
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	s.wrote()
	return nil
}
