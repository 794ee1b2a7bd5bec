package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/participant"
)

// EnrolmentView is an enrolment as one caller may see it.
type EnrolmentView struct {
	*participant.Enrolment
	Version    int64
	Progress   participant.Progress
	Texts      map[int64]Texts           // by step; nil when the texts are not for the caller
	StoryTexts map[int64]Texts           // as Texts, of the steps as they should have been
	Operations []participant.Operation   // that the caller may call now
	Joined     []*participant.PersonStep // of other referrals that have joined it; for the municipality only
}

// Texts are the free texts of one step, in clear.
type Texts struct {
	Text      string
	Exception string
}

// Enrolment returns an enrolment with its texts.
func (s *Service) Enrolment(ctx context.Context, id string) (*EnrolmentView, error) {
	a := actor.From(ctx)
	var p *participant.PersonStatus
	v, err := s.enrolmentOf(&p).Load(ctx, a, guard.Call{Operation: "getEnrolment", ID: id})
	if err != nil {
		return nil, err
	}
	return s.viewEnrolment(a, v, p)
}

// enrolmentOf returns the enrolments behind the guard. Access depends on the person's
// consent and protection too: the person of the enrolment asked for is set in p.
func (s *Service) enrolmentOf(p **participant.PersonStatus) *guard.Documents[participant.Enrolment] {
	documents := s.enrolments
	documents.Resource = func(ctx context.Context, a actor.Actor, operation string, e *participant.Enrolment) (access.Resource, error) {
		person, err := s.people.Store.Get(ctx, a.Association, e.Participant)
		if err != nil {
			return access.Resource{}, fault.ErrInternal.Because(errors.New("an enrolment without its person"))
		}
		*p = person.Value.Status()
		return e.Resource(*p, a, operation), nil
	}
	return &documents
}

// change lets the noun change an enrolment, with a text that is encrypted for its steps,
// and take the step that is due: what is written down late may be overdue at once.
func (s *Service) change(ctx context.Context, operation, id string, ifVersion int64, text string, change func(*participant.Enrolment, []byte, history.Author) error) (*EnrolmentView, error) {
	a := actor.From(ctx)
	var p *participant.PersonStatus
	v, err := s.enrolmentOf(&p).Change(ctx, a, guard.Call{Operation: operation, ID: id, IfVersion: ifVersion}, func(v store.Versioned[participant.Enrolment]) error {
		encrypted, err := s.Cipher.EncryptText(text, enrolmentContext(id, "text"))
		if err != nil {
			return err
		}
		if err := change(v.Value, encrypted, guard.Author(ctx)); err != nil {
			return err
		}
		v.Value.MarkOverdue(s.Now())
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.wake()
	return s.viewEnrolment(a, v, p)
}

// viewEnrolment decrypts the texts where they are for the caller.
func (s *Service) viewEnrolment(a actor.Actor, v store.Versioned[participant.Enrolment], p *participant.PersonStatus) (*EnrolmentView, error) {
	view := s.summarize(a, v, p)
	if !access.Allows("getEnrolment#text", a, v.Value.Resource(p, a, "getEnrolment#text")) {
		return view, nil
	}
	var err error
	if view.Texts, err = s.texts(view.ID, view.Steps); err == nil {
		view.StoryTexts, err = s.texts(view.ID, view.Story())
	}
	return view, err
}

// texts decrypts the texts of an enrolment's steps.
func (s *Service) texts(id string, steps []participant.EnrolmentStep) (map[int64]Texts, error) {
	texts := map[int64]Texts{}
	for _, step := range steps {
		var t Texts
		var err error
		if t.Text, err = s.Cipher.DecryptText(step.Text, enrolmentContext(id, "text")); err != nil {
			return nil, err
		}
		if step.Exception != nil {
			if t.Exception, err = s.Cipher.DecryptText(step.Exception.Reason, enrolmentContext(id, "exception")); err != nil {
				return nil, err
			}
		}
		if t != (Texts{}) {
			texts[step.N] = t
		}
	}
	return texts, nil
}

// summarize returns the view of an enrolment without texts.
func (s *Service) summarize(a actor.Actor, v store.Versioned[participant.Enrolment], p *participant.PersonStatus) *EnrolmentView {
	redacted, progress := v.Value.Redact(p, a)
	view := &EnrolmentView{Enrolment: redacted, Version: v.Version, Progress: progress}
	for _, o := range progress.Operations(civil.DateOf(s.Now())) {
		if o.Name == "correctEnrolment" && !history.HasCorrectable(v.Value.Story(), func(step *participant.EnrolmentStep) bool { // an answer, until it is decided on
			return slices.Contains(participant.Correctable, step.Kind) && (step.Kind != participant.Answered || progress.State == participant.StateCheckInDue)
		},
			history.Author{Subject: a.Subject, Authority: a.Authority}, a.Has(actor.Manager), v.Value.PlanNow().CorrectionDays, s.Now()) {
			continue
		}
		if o.Name == "moveEnrolmentPlan" && !s.hasOtherPlan(v.Value) {
			continue
		}
		if access.Allows(o.Name, a, v.Value.Resource(p, a, o.Name)) {
			view.Operations = append(view.Operations, o)
		}
	}
	if relation, _ := access.Decide("getEnrolment", a, v.Value.Resource(p, a, "getEnrolment")); relation == access.OwnMunicipality {
		view.Joined = p.Joined(v.Value)
	}
	return view
}

// hasOtherPlan reports whether another version of the plan holds today than the one that an
// enrolment follows.
func (s *Service) hasOtherPlan(e *participant.Enrolment) bool {
	in, err := s.Associations.Get(e.Association)
	if err != nil {
		return false
	}
	plan, ok := planIn(in, e.Initiative, e.Municipality)
	return ok && !plan.Is(e.PlanNow())
}

// EnrolmentFilter narrows a list; empty fields do not.
type EnrolmentFilter struct {
	State        string
	Participant  string
	Municipality string
	Coach        string
	ChangedSince time.Time // at which or later the last step was taken
}

// Enrolments lists the enrolments of the caller's municipality, or the caller's own,
// the latest planned first; with ChangedSince, what changed first comes first. One entry of the access log names all persons shown.
func (s *Service) Enrolments(ctx context.Context, f EnrolmentFilter, w store.Window) (*store.List[*EnrolmentView], error) {
	e := accesslog.Entry{Operation: "listEnrolments", Thing: "enrolments"}
	a, err := guard.Caller(ctx, s.AccessLog, e.Operation, e.Thing)
	if err != nil {
		return nil, err
	}
	relation := access.Scope(e.Operation, a)
	e.Why = string(relation)
	page := &store.List[*EnrolmentView]{}
	own, narrowed := a.Municipality, &f.Municipality
	if relation == access.OwnParticipant {
		own, narrowed = a.Participant, &f.Participant
	}
	if own == "" || *narrowed != "" && *narrowed != own { // nothing is left
		if w.Cursor == "" {
			page.Total = &store.Total{}
		}
		return page, guard.Enter(ctx, s.AccessLog, e, nil)
	}
	*narrowed = own
	var where []store.Cond
	for _, c := range []store.Cond{
		store.Equals(municipalityKey, f.Municipality), store.Equals(participantKey, f.Participant), store.Equals(stateKey, f.State), store.Equals(coachKey, f.Coach),
	} {
		if c.Value != "" {
			where = append(where, c)
		}
	}
	q := store.Query{Association: a.Association, Sort: []store.Order{{Key: createdKey, Desc: true}}}
	if !f.ChangedSince.IsZero() {
		where, q.Sort, q.OrderName = append(where, store.AtLeast(changedKey, f.ChangedSince.UnixMilli())), []store.Order{{Key: changedKey}}, "ca-"
	}
	q.Where = where
	found, total, err := s.enrolments.Store.List(ctx, q, w)
	if err != nil {
		return nil, err
	}
	page.Next, page.Total = found.Next.String(), total
	for _, v := range found.Items {
		e.Participants = append(e.Participants, v.Value.Participant)
	}
	persons, err := s.personsByID(ctx, a.Association, e.Participants)
	if err != nil {
		return nil, err
	}
	for _, v := range found.Items {
		if p := persons[v.Value.Participant]; p != nil {
			page.Items = append(page.Items, s.summarize(a, v, p.Status()))
		}
	}
	return page, guard.Enter(ctx, s.AccessLog, e, nil)
}

// Start begins an enrolment and its first block, on a day on which the person had
// consented and is within the initiative's ages. The reason of an exception comes in clear
// beside it.
func (s *Service) Start(ctx context.Context, id string, version int64, on civil.Date, x *participant.Exception, reason string) (*EnrolmentView, error) {
	return s.change(ctx, "startEnrolment", id, version, "", func(e *participant.Enrolment, _ []byte, by history.Author) error {
		if err := s.encryptException(id, x, reason); err != nil {
			return err
		}
		if err := e.Start(on, x, by, s.Now()); err != nil {
			return err
		}
		return s.checkFirstDay(ctx, e, on)
	})
}

// checkFirstDay returns what prevents an enrolment from beginning on a day, by what is
// known of the person.
func (s *Service) checkFirstDay(ctx context.Context, e *participant.Enrolment, on civil.Date) error {
	person, err := s.people.Store.Get(ctx, e.Association, e.Participant)
	if err != nil {
		return err
	}
	identity, err := s.identityOf(person.Value)
	if err != nil {
		return err
	}
	in, err := s.Associations.Get(e.Association)
	if err != nil {
		return err
	}
	consented, received := person.Value.ConsentedOn(e.Referral)
	if p, closed := in.CalendarIn(e.Municipality).ClosedBy(on); closed {
		return participant.ErrHoliday.WithText(fmt.Sprintf("Det är stängt den dagen (%s), och då startar ingen. Välj en annan dag.", p.SV),
			fmt.Sprintf("That day is closed (%s), and nobody begins. Choose another day.", p.EN)).AtField("/startedOn")
	}
	if early := in.Calendar.DaysBeforeReceipt; early != nil && on < received.AddDays(-*early) {
		return participant.ErrBeforeReceipt.AtField("/startedOn")
	}
	if err := s.checkPerformed(e, on, "/startedOn"); err != nil {
		return err
	}
	return e.CheckFirstDay(on, consented, ageOn(identity.Number, on))
}

// checkPerformed returns ErrNotPerformed when the municipality does not perform the
// enrolment's initiative on a day on which the person begins, or begins again.
func (s *Service) checkPerformed(e *participant.Enrolment, on civil.Date, pointer string) error {
	performed, err := s.Associations.Performed(e.Association, e.Initiative, e.Municipality, on)
	if err == nil && !performed {
		return participant.ErrNotPerformed.AtField(pointer)
	}
	return err
}

// Correct marks a step as taken by mistake; reason and text, of what it should have been,
// are in clear.
func (s *Service) Correct(ctx context.Context, id string, version int64, c participant.Correction, reason, text string) (*EnrolmentView, error) {
	manages := actor.From(ctx).Has(actor.Manager)
	view, err := s.change(ctx, "correctEnrolment", id, version, reason, func(e *participant.Enrolment, reason []byte, by history.Author) (err error) {
		c.Reason = reason
		if c.Instead != nil && text != "" {
			if c.Instead.Text, err = s.Cipher.EncryptText(text, enrolmentContext(id, "text")); err != nil {
				return err
			}
		}
		instead, err := e.Correct(by, s.Now(), manages, c)
		switch {
		case err != nil || instead == nil:
			return err
		case instead.Kind == participant.Started:
			return participant.InReplacement(s.checkFirstDay(ctx, e, instead.On))
		case instead.Kind == participant.Resumed:
			return participant.InReplacement(s.checkPerformed(e, instead.On, "/resumedOn"))
		}
		return nil
	})
	if errors.Is(err, store.ErrTaken) { // a person has one running enrolment in an initiative
		return nil, participant.ErrEnrolledAgain
	}
	return view, err
}

// Approve decides on the exception that is asked for.
func (s *Service) Approve(ctx context.Context, id string, version int64, approved bool, text string) (*EnrolmentView, error) {
	return s.change(ctx, "approveException", id, version, text, func(e *participant.Enrolment, text []byte, by history.Author) error {
		return e.Approve(approved, text, by, s.Now())
	})
}

// MovePlan lets an enrolment follow the version of the plan that holds in its municipality
// today; the reason is in clear.
func (s *Service) MovePlan(ctx context.Context, id string, version int64, planVersion, reason string) (*EnrolmentView, error) {
	return s.change(ctx, "moveEnrolmentPlan", id, version, reason, func(e *participant.Enrolment, reason []byte, by history.Author) error {
		in, err := s.Associations.Get(e.Association)
		if err != nil {
			return err
		}
		plan, ok := planIn(in, e.Initiative, e.Municipality)
		if !ok || plan.Version != planVersion {
			return participant.ErrPlanVersion.AtField("/planVersion")
		}
		return e.MovePlan(plan, reason, by, s.Now())
	})
}

// StartBlock begins the next block. The reason of an exception comes in clear beside it.
func (s *Service) StartBlock(ctx context.Context, id string, version int64, number int, on civil.Date, x *participant.Exception, reason string) (*EnrolmentView, error) {
	return s.change(ctx, "startBlock", id, version, "", func(e *participant.Enrolment, _ []byte, by history.Author) error {
		if err := s.encryptException(id, x, reason); err != nil {
			return err
		}
		return e.StartBlock(number, on, x, by, s.Now())
	})
}

// encryptException sets the reason of an exception of an enrolment, unless that is nil.
func (s *Service) encryptException(id string, x *participant.Exception, reason string) (err error) {
	if x != nil {
		x.Reason, err = s.Cipher.EncryptText(reason, enrolmentContext(id, "exception"))
	}
	return err
}

// AnswerCheckIn notes the referrer's answer; only for the sender of the referral,
// while the person's consent holds.
func (s *Service) AnswerCheckIn(ctx context.Context, id string, version int64, number int, readiness string, held civil.Date, text string) (*EnrolmentView, error) {
	return s.change(ctx, "answerCheckIn", id, version, text, func(e *participant.Enrolment, text []byte, by history.Author) error {
		return e.Answer(number, readiness, held, text, by, s.Now())
	})
}

// RecordNonAnswer notes that no answer came.
func (s *Service) RecordNonAnswer(ctx context.Context, id string, version int64, number int, held civil.Date, text string) (*EnrolmentView, error) {
	return s.change(ctx, "recordNonAnswer", id, version, text, func(e *participant.Enrolment, text []byte, by history.Author) error {
		return e.RecordNonAnswer(number, held, text, by, s.Now())
	})
}

// DecideCheckIn decides at the check-in that waits; d comes with its reason, and that of
// its exception, in clear beside it.
func (s *Service) DecideCheckIn(ctx context.Context, id string, version int64, number int, d participant.CheckInDecision, reason, exceptionReason string) (*EnrolmentView, error) {
	return s.change(ctx, "decideCheckIn", id, version, reason, func(e *participant.Enrolment, reason []byte, by history.Author) error {
		d.Reason = reason
		if err := s.encryptException(id, d.Exception, exceptionReason); err != nil {
			return err
		}
		return e.Decide(number, d, by, s.Now())
	})
}

// Resume ends a pause, on a day on which the municipality performs the initiative.
func (s *Service) Resume(ctx context.Context, id string, version int64, on civil.Date) (*EnrolmentView, error) {
	return s.change(ctx, "resumeEnrolment", id, version, "", func(e *participant.Enrolment, _ []byte, by history.Author) error {
		if err := e.Resume(on, by, s.Now()); err != nil {
			return err
		}
		return s.checkPerformed(e, on, "/resumedOn")
	})
}

// HoldConversation notes the closing conversation.
func (s *Service) HoldConversation(ctx context.Context, id string, version int64, on civil.Date, text string) (*EnrolmentView, error) {
	return s.change(ctx, "holdClosingConversation", id, version, text, func(e *participant.Enrolment, text []byte, by history.Author) error {
		return e.HoldConversation(on, text, by, s.Now())
	})
}

// Close ends an enrolment; d comes with the summary in clear beside it.
func (s *Service) Close(ctx context.Context, id string, version int64, d participant.Documentation, summary string) (*EnrolmentView, error) {
	return s.change(ctx, "closeEnrolment", id, version, summary, func(e *participant.Enrolment, summary []byte, by history.Author) error {
		d.Summary = summary
		return e.Close(d, by, s.Now())
	})
}

// Cancel ends an enrolment that never began.
func (s *Service) Cancel(ctx context.Context, id string, version int64, text string) (*EnrolmentView, error) {
	return s.change(ctx, "cancelEnrolment", id, version, text, func(e *participant.Enrolment, text []byte, by history.Author) error {
		return e.Cancel(text, "", by, s.Now())
	})
}
