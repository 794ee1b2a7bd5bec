package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
)

// What the types of the events begin with that this service publishes.
const (
	personEvents    = "se.finsam.participant."
	enrolmentEvents = "se.finsam.enrolment."
)

// personEvent returns the event of step n of a person: ids and codes, never who it is.
//
// No event names an authority, so none comes into an authority's own feed: what a
// sender may know of the progress depends on consent, and the referral service, which
// follows these events, passes it on as far as that goes.
func personEvent(p *participant.Person, n int64) feed.Event {
	s := p.Steps[n-1]
	e := feed.Event{
		Type: personEvents + string(s.Kind), Subject: p.ID, Time: s.At,
		Association: p.Association, TraceParent: s.TraceParent,
		Data: map[string]string{
			"participant": p.ID, "referral": s.Referral, "enrolment": s.Enrolment, "municipality": s.Municipality, "level": string(s.Level),
		},
	}
	if s.Kind == participant.Enrolled && s.Enrolment != participant.EnrolmentID(p.Association, s.Referral) {
		e.Data["joined"] = "true" // an enrolment that another referral led to
	}
	if s.Kind == participant.Protected {
		// Handlers are subjects at the authority that named them.
		e.Data["handlers"], e.Data["authority"] = strings.Join(s.Handlers, ","), s.Authority
	}
	maps.DeleteFunc(e.Data, func(_, value string) bool { return value == "" })
	return e
}

// enrolmentEvent returns the event of step n of an enrolment, with the state that it
// led to.
func enrolmentEvent(e *participant.Enrolment, n int64) feed.Event {
	taken := e.Steps[n-1]
	then := *e
	then.Steps = e.Steps[:n]
	p, s := then.Progress(), taken
	if c := taken.Correction; c != nil && c.With != nil {
		s = *c.With // the event says what should have been
	}
	first, last := p.Span(s)
	event := feed.Event{
		Type: enrolmentEvents + string(taken.Kind), Subject: e.ID, Time: taken.At,
		Association: e.Association, TraceParent: taken.TraceParent,
		Data: map[string]string{
			"enrolment": e.ID, "referral": e.Referral, "participant": e.Participant,
			"municipality": e.Municipality, "coach": e.Coach, "initiative": e.Initiative, "state": string(p.State),
			"on": string(s.On), "readiness": s.Readiness, "decision": string(s.Decision), "outcome": string(s.Outcome),
			"firstDay": string(first), "lastDay": string(last), "until": string(p.Until()),
		},
	}
	if s.Kind == participant.Answered {
		// It names whose answer this is, or whose correction of it; it is nobody's event.
		event.Data["answeredBy"] = taken.Authority
	}
	if s.Number > 0 {
		event.Data["number"] = strconv.Itoa(s.Number)
		if first != "" {
			event.Data["content"] = strings.Join(p.Blocks[s.Number-1].Content, ",")
		}
	}
	if c := taken.Correction; c != nil {
		event.Data["corrects"] = strconv.FormatInt(c.Of, 10)
		event.Data["voids"] = strings.Trim(strings.ReplaceAll(fmt.Sprint(c.Voids), " ", ","), "[]")
		if c.With != nil {
			event.Data["kind"] = string(s.Kind)
		}
	}
	maps.DeleteFunc(event.Data, func(_, value string) bool { return value == "" })
	return event
}

// What the events of the referral service begin with, which this service follows.
const referralEvents = "se.finsam.referral."

// handle does what a referral's event means here. Events may come twice; the ids that
// follow from the referral, and the causes in the steps, make the second time harmless.
func (s *Service) handle(ctx context.Context, e feed.Event) error {
	kind, _ := strings.CutPrefix(e.Type, referralEvents)
	by := history.System("participant")
	by.TraceParent = e.TraceParent
	release := func(p *participant.Person) bool {
		return p.Release(e.Subject, kind == "marked_in_error", kind == "rejected", e.ID, by, s.Now())
	}
	transfer := func(step participant.PersonStepKind, municipality string) func(*participant.Person) bool {
		return func(p *participant.Person) bool {
			return p.Transfer(step, e.Subject, municipality, e.ID, by, s.Now())
		}
	}
	switch kind {
	case "accepted":
		if e.Data["joins"] != "" {
			return s.join(ctx, e, e.Data["joins"], by)
		}
		return s.enrol(ctx, e, by)
	case "withdrawn":
		return errors.Join(s.cancelPlanned(ctx, e, by), s.follow(ctx, e, release))
	case "rejected", "marked_in_error":
		return s.follow(ctx, e, release)
	case "transfer_requested":
		return s.follow(ctx, e, transfer(participant.TransferAsked, e.Data["to"]))
	case "transfer_declined", "transfer_cancelled":
		return s.follow(ctx, e, transfer(participant.TransferEnded, e.Data["to"]))
	case "corrected":
		switch {
		case e.Data["corrected"] == "accepted" && e.Data["startDate"] != "":
			return s.enrol(ctx, e, by)
		case e.Data["corrected"] == "accepted":
			return errors.Join(s.cancelPlanned(ctx, e, by), s.follow(ctx, e, func(p *participant.Person) bool {
				return p.EndJoining(e.Subject, e.ID, by, s.Now())
			}))
		case e.Data["reopened"] != "":
			return s.follow(ctx, e, transfer(participant.Reopened, e.Data["municipality"]))
		}
	case "transfer_accepted":
		return s.follow(ctx, e, transfer(participant.HandedOver, e.Data["municipality"]))
	case "amended":
		if e.Data["authorities"] == "" {
			return nil // something else than the consent was amended
		}
		c := participant.Consent{
			Referral: e.Subject, Authorities: strings.Split(e.Data["authorities"], ","),
			TextVersion: e.Data["textVersion"], GivenOn: civil.Date(e.Data["givenOn"]),
		}
		return s.follow(ctx, e, func(p *participant.Person) bool { return p.ExtendConsent(c, e.ID, by, s.Now()) })
	}
	return nil
}

// follow lets an event about a referral change its person; change reports whether it
// did.
func (s *Service) follow(ctx context.Context, e feed.Event, change func(*participant.Person) bool) error {
	_, err := s.people.Store.Update(ctx, e.Association, e.Data["participant"], 0, func(p *participant.Person) error {
		return store.WriteIf(change(p))
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // an event that names no person known here ties nobody
	}
	s.publisher.Wake()
	return err
}

// planIn returns the plan by which a municipality runs an initiative today; ok is false for
// an initiative that is not there.
func planIn(in *association.Association, initiative, municipality string) (plan participant.Plan, ok bool) {
	i, ok := in.Initiative(initiative)
	planned := i.PlanIn(municipality)
	_, isMunicipal := i.Plans[municipality]
	plan = participant.Plan{
		Version: strconv.Itoa(planned.Version), IsMunicipal: isMunicipal, MaxWeeks: planned.MaxWeeks, MinAge: i.Ages.Lowest, MaxAge: i.Ages.Highest,
		CheckInDays: planned.DaysBeforeCheckIn(), CorrectionDays: in.DaysToCorrect(initiative, municipality), IgnoresWeeksBefore: planned.WeeksUsedBefore == association.WeeksIgnored,
	}
	for _, b := range planned.Blocks {
		plan.Blocks = append(plan.Blocks, participant.PlanBlock{Name: b.Name, Weeks: b.Weeks, CheckIn: b.CheckIn, Content: b.Content})
	}
	return plan, ok
}

// enrol plans the enrolment that an accepted referral leads to. An initiative that
// this service's configuration lacks is waited for, not skipped: the referral service
// has it, and a person waits.
func (s *Service) enrol(ctx context.Context, e feed.Event, by history.Author) error {
	in, err := s.Associations.Get(e.Association)
	if err != nil {
		return err
	}
	plan, ok := planIn(in, e.Data["initiative"], e.Data["municipality"])
	for _, on := range []civil.Date{civil.DateOf(e.Time), civil.DateOf(e.Time).AddDays(-1)} {
		if ok { // else it has ended since, from that day on or later
			break
		}
		if in, err = s.Associations.On(e.Association, on); err != nil {
			return err
		}
		plan, ok = planIn(in, e.Data["initiative"], e.Data["municipality"])
	}
	if !ok {
		return fmt.Errorf("no initiative %q in the configuration of %s", e.Data["initiative"], e.Association)
	}
	start, err := civil.Parse(e.Data["startDate"])
	if err != nil {
		return fmt.Errorf("%w: start date: %w", feed.ErrSkip, err)
	}
	enrolment := participant.NewEnrolment(participant.Enrolment{
		Association: e.Association, Referral: e.Data["referral"], Participant: e.Data["participant"],
		Referrer: e.Data["authority"], Unit: e.Data["unit"], Municipality: e.Data["municipality"],
		Initiative: e.Data["initiative"], Coach: e.Data["coach"], PlannedStart: start, Plan: plan,
		Unshared: strings.FieldsFunc(e.Data["unshared"], func(r rune) bool { return r == ',' }),
	}, e.ID, by, s.Now())
	_, err = s.people.Store.Get(ctx, e.Association, enrolment.Participant)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: no such participant: %w", feed.ErrSkip, err)
	}
	if err != nil {
		return err
	}
	running, err := s.lookBack(ctx, enrolment)
	if err != nil {
		return err
	}
	if running != "" {
		return s.join(ctx, e, running, by)
	}
	// The enrolment first: when another was planned in the same moment, the person has no
	// trace of this one. Its sender reads it once the person's step says what the consent
	// leaves out.
	_, err = s.enrolments.Store.Insert(ctx, enrolment)
	if errors.Is(err, store.ErrExists) {
		_, err = s.enrolments.Store.Update(ctx, e.Association, enrolment.ID, 0, func(known *participant.Enrolment) error {
			return store.WriteIf(known.Replan(enrolment, strings.HasSuffix(e.Type, ".corrected"), e.ID, by, s.Now()))
		})
	}
	if err == nil { // else store.ErrTaken: another was planned since, which the next try joins
		_, err = s.people.Store.Update(ctx, e.Association, enrolment.Participant, 0, func(p *participant.Person) error {
			return store.WriteIf(p.Enrol(enrolment, e.ID, by, s.Now()))
		})
	}
	s.wake()
	return err
}

// lookBack sets the weeks that the person has used in the initiative in earlier
// enrolments, and returns the id of another that runs; empty: none. The referral service
// accepts nobody whose enrolment runs, but knows of none whose referral was withdrawn while
// it began.
func (s *Service) lookBack(ctx context.Context, planned *participant.Enrolment) (running string, err error) {
	found, err := s.enrolments.Store.Find(ctx, store.Query{
		Association: planned.Association, Where: []store.Cond{store.Equals(participantKey, planned.Participant)},
		Sort: []store.Order{{Key: createdKey, Desc: true}}, Limit: maxEnrolments,
	})
	for _, v := range found.Items {
		switch p := v.Value.Progress(); {
		case v.Value.ID == planned.ID && p.Outcome != participant.Cancelled:
			return "", err // planned before, and so looked back; one that was cancelled is planned again
		case v.Value.Initiative != planned.Initiative:
		case p.State != participant.StateClosed:
			running = v.Value.ID
		default:
			planned.WeeksBefore += v.Value.WeeksUsed()
		}
	}
	return running, err
}

// maxEnrolments bounds how many enrolments of one person are looked at.
const maxEnrolments = 100

// join lets an accepted referral join an enrolment of the same person. Whether that has
// ended meanwhile is no matter here: the referral service closes what has joined.
func (s *Service) join(ctx context.Context, e feed.Event, enrolment string, by history.Author) error {
	v, err := s.enrolments.Store.Get(ctx, e.Association, enrolment)
	if errors.Is(err, store.ErrNotFound) || err == nil && v.Value.Participant != e.Data["participant"] {
		return fmt.Errorf("%w: no enrolment %s of the person", feed.ErrSkip, enrolment)
	}
	if err != nil {
		return err
	}
	unshared := strings.FieldsFunc(e.Data["unshared"], func(r rune) bool { return r == ',' })
	return s.follow(ctx, e, func(p *participant.Person) bool {
		return p.Join(v.Value, e.Subject, unshared, e.Data["answersCheckIns"] != "", e.ID, by, s.Now())
	})
}

// cancelPlanned cancels what was planned for a referral that was withdrawn while the
// plan was on its way. What has begun goes on: leaving it is the coach's to note.
func (s *Service) cancelPlanned(ctx context.Context, e feed.Event, by history.Author) error {
	_, err := s.enrolments.Store.Update(ctx, e.Association, participant.EnrolmentID(e.Association, e.Subject), 0, func(n *participant.Enrolment) error {
		return store.WriteIf(n.Cancel(nil, e.ID, by, s.Now()) == nil)
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	s.wake()
	return nil
}
