package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/waitlist"
)

// versioned is a referral as it is stored.
type versioned = store.Versioned[referral.Referral]

// Accept accepts the person into an initiative of the caller's municipality. The vault
// is asked for the age only when nothing else prevents it. The place is taken before the
// referral is saved, unless one is kept for the person. A person who is accepted into the
// initiative or enrolled in it already is refused: referral.ErrAlreadyEnrolled. Of two
// acceptances at once the store refuses the second.
func (s *Service) Accept(ctx context.Context, id string, ifVersion int64, acceptance referral.Acceptance) (*referral.View, error) {
	var place *waitlist.Reservation
	var participant string
	v, err := s.change(ctx, "acceptReferral", id, ifVersion, "", func(a actor.Actor, r versioned, by history.Author, _ []byte) error {
		had := r.Value.Status()
		participant = r.Value.Participant
		if acceptance.Municipality == "" {
			acceptance.Municipality = had.Municipality
		}
		if err := r.Value.CheckAcceptance(s.Now(), a.Municipality, acceptance); err != nil {
			return err
		}
		in, err := s.Associations.Get(r.Value.Association)
		if err != nil {
			return err
		}
		initiative, ok := in.Initiative(acceptance.Initiative)
		if !ok {
			return referral.ErrInitiative.AtField("/initiative")
		}
		if err := s.checkPath(ctx, a, id, participant, initiative.ID); err != nil {
			return err
		}
		if err := checkStart(in, acceptance, r.Value, civil.Date(acceptance.StartDate), "/startDate"); err != nil {
			return err
		}
		age, err := s.People.AgeOn(ctx, r.Value.Participant, acceptance.StartDate)
		if err != nil {
			return err
		}
		if err := r.Value.Accept(by, s.Now(), a.Municipality, acceptance, initiative, age); err != nil {
			return err
		}
		r.Value.CorrectWithin(in.DaysToCorrect(initiative.ID, acceptance.Municipality))
		if had.Place != nil && had.Place.Initiative == acceptance.Initiative {
			return nil
		}
		q := waitlist.Queue{Association: in.ID, Municipality: acceptance.Municipality, Initiative: initiative.ID}
		until := r.Value.Status().PlaceUntil(initiative.PlanIn(q.Municipality).MaxWeeks)
		place, err = s.Waitlist.Take(ctx, q, waitlist.Taken{Referral: id, Version: r.Version, Until: until})
		return err
	})
	place.Saved(ctx, err)
	if errors.Is(err, store.ErrTaken) { // another acceptance was saved since checkPath
		err = cmp.Or(s.checkPath(ctx, actor.From(ctx), id, participant, acceptance.Initiative), error(referral.ErrAlreadyEnrolled))
	}
	return v, err
}

// checkStart returns what the programme has against a start on a day of who is accepted into
// an initiative of a municipality.
func checkStart(in *association.Association, a referral.Acceptance, r *referral.Referral, start civil.Date, pointer string) error {
	if i, _ := in.Initiative(a.Initiative); !i.PerformedIn(a.Municipality, start) {
		return referral.ErrNotPerformed.AtField(pointer)
	}
	if p, closed := in.CalendarIn(a.Municipality).ClosedBy(start); closed {
		return referral.ErrHoliday.WithText(fmt.Sprintf("Det är stängt den dagen (%s), och då startar ingen. Välj en annan dag.", p.SV),
			fmt.Sprintf("That day is closed (%s), and nobody begins. Choose another day.", p.EN)).AtField(pointer)
	}
	if early := in.Calendar.DaysBeforeReceipt; early != nil && start < civil.DateOf(r.ReceivedAt()).AddDays(-*early) {
		return referral.ErrBeforeReceipt.AtField(pointer)
	}
	return nil
}

// path returns the referral that leads a person into an initiative now; nil: none.
func (s *Service) path(ctx context.Context, association, participant, initiative string) (*referral.Referral, error) {
	page, err := s.referrals.Find(ctx, store.Query{
		Association: association, Limit: 1,
		Where: []store.Cond{store.Equals(keyParticipant, participant), store.Equals(keyPath, initiative)},
	})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	return page.Items[0].Value, nil
}

// checkPath returns referral.ErrAlreadyEnrolled when another referral than the one with
// this id leads the person into an initiative. Only who may read that referral learns which
// it is. One that was itself accepted meanwhile is refused by its version.
func (s *Service) checkPath(ctx context.Context, a actor.Actor, id, participant, initiative string) error {
	path, err := s.path(ctx, a.Association, participant, initiative)
	if err != nil || path == nil || path.ID == id {
		return err
	}
	status := path.Status()
	if d, _ := status.Duplicate(a); d.ID == "" {
		return referral.ErrAlreadyEnrolled
	}
	if status.State != referral.StateEnrolled {
		return referral.ErrAlreadyEnrolled.WithText(
			fmt.Sprintf("Personen är redan antagen till insatsen genom remissen %s. Anslut den här remissen när inskrivningen är planerad.", path.ID),
			fmt.Sprintf("The person is accepted into the initiative already, by the referral %s. Let this one join once the enrolment is planned.", path.ID))
	}
	return referral.ErrAlreadyEnrolled.WithText(
		fmt.Sprintf("Personen är redan inskriven i insatsen genom remissen %s (inskrivning %s). Anslut den här remissen till inskrivningen.", path.ID, status.Enrolment),
		fmt.Sprintf("The person is enrolled in the initiative already, by the referral %s (enrolment %s). Let this one join the enrolment.", path.ID, status.Enrolment))
}

// Join lets the referral join the person's enrolment that runs in the same municipality;
// see referral.Referral.Join. An empty initiative is the association's only one.
func (s *Service) Join(ctx context.Context, id string, ifVersion int64, initiative string, answersCheckIns bool) (*referral.View, error) {
	return s.change(ctx, "joinReferral", id, ifVersion, "", func(_ actor.Actor, r versioned, by history.Author, _ []byte) error {
		in, err := s.Associations.Get(r.Value.Association)
		if err != nil {
			return err
		}
		chosen, ok := in.Choose(initiative)
		if !ok {
			return referral.ErrInitiative.AtField("/initiative")
		}
		path, err := s.path(ctx, in.ID, r.Value.Participant, chosen.ID)
		if err != nil {
			return err
		}
		r.Value.CorrectWithin(in.DaysToCorrect(chosen.ID, r.Value.Status().Municipality))
		return r.Value.Join(by, s.Now(), path, answersCheckIns)
	})
}

// Reject rejects the referral.
func (s *Service) Reject(ctx context.Context, id string, ifVersion int64, code, text string) (*referral.View, error) {
	return s.change(ctx, "rejectReferral", id, ifVersion, text, func(_ actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.Take(by, s.Now(), referral.Step{Kind: referral.Rejected, Code: code, Text: text})
	})
}

// PutOnWaitlist puts the person on the waiting list of an initiative, which the municipality
// performs today or later; empty: the one that the person waits for already or wishes for, or
// the association's only one.
func (s *Service) PutOnWaitlist(ctx context.Context, id string, ifVersion int64, priority, initiative string) (*referral.View, error) {
	return s.change(ctx, "waitlistReferral", id, ifVersion, "", func(_ actor.Actor, r versioned, by history.Author, _ []byte) error {
		had := r.Value.Status()
		if err := had.Check(referral.Waitlisted); err != nil {
			return err
		}
		in, err := s.Associations.Get(r.Value.Association)
		if err != nil {
			return err
		}
		if had.State == referral.StateWaitlisted {
			initiative = cmp.Or(initiative, had.Queue)
		}
		chosen, ok := in.Choose(cmp.Or(initiative, r.Value.WishedInitiative))
		switch {
		case !ok:
			return referral.ErrInitiative.AtField("/initiative")
		case (had.State != referral.StateWaitlisted || had.Queue != chosen.ID) && !chosen.PerformedFrom(had.Municipality, civil.DateOf(s.Now())):
			return referral.ErrNotPerformedNow.AtField("/initiative")
		}
		if had.State != referral.StateWaitlisted {
			q := waitlist.Queue{Association: in.ID, Municipality: had.Municipality, Initiative: chosen.ID}
			if err := s.Waitlist.CheckLimit(ctx, q); err != nil {
				return err
			}
		}
		r.Value.CorrectWithin(in.DaysToCorrect(chosen.ID, had.Municipality))
		return r.Value.Waitlist(by, s.Now(), priority, chosen.ID)
	})
}

// Correct marks a decision as taken by mistake; reason and text, of what a rejection
// should have said, are in clear. A corrected rejection holds the referral's external
// reference again, which another may have been given since.
func (s *Service) Correct(ctx context.Context, id string, ifVersion int64, c referral.Correction, reason, text string) (*referral.View, error) {
	return s.change(ctx, "correctReferral", id, ifVersion, reason, func(a actor.Actor, r versioned, by history.Author, reason []byte) (err error) {
		c.Reason = reason
		manages := a.Has(actor.Manager)
		if c.Instead != nil && text != "" {
			if c.Instead.Text, err = s.Cipher.EncryptText(text, referral.TextContext(id)); err != nil {
				return err
			}
		}
		was, instead, err := r.Value.CheckCorrection(by, s.Now(), manages, c)
		if err != nil {
			return err
		}
		if instead != nil && was.Kind == referral.Accepted && instead.Acceptance.StartDate != was.Acceptance.StartDate {
			in, err := s.Associations.Get(r.Value.Association)
			if err != nil {
				return err
			}
			const pointer = "/replacement/startDate"
			if err := checkStart(in, *was.Acceptance, r.Value, civil.Date(instead.Acceptance.StartDate), pointer); err != nil {
				return err
			}
			age, err := s.People.AgeOn(ctx, r.Value.Participant, instead.Acceptance.StartDate)
			if err != nil {
				return err
			}
			initiative, ok := in.Initiative(was.Acceptance.Initiative)
			if !ok {
				return referral.ErrInitiative.AtField("/step")
			}
			if err := referral.CheckAge(initiative, age, pointer); err != nil {
				return err
			}
		}
		if r.Value.ExternalReference != "" && was.Kind == referral.Rejected && instead == nil {
			if err := s.checkReference(ctx, r.Value.Association, r.Value.Authority, r.Value.ExternalReference, "/step"); err != nil {
				return err
			}
		}
		return r.Value.Correct(by, s.Now(), manages, c)
	})
}

// RequestSupplement asks the sender for more.
func (s *Service) RequestSupplement(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "requestSupplement", id, ifVersion, text, func(_ actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.Take(by, s.Now(), referral.Step{Kind: referral.SupplementRequested, Text: text})
	})
}

// SendSupplement answers the municipality.
func (s *Service) SendSupplement(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "sendSupplement", id, ifVersion, text, func(_ actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.Take(by, s.Now(), referral.Step{Kind: referral.Supplemented, Text: text})
	})
}

// Withdraw takes the referral back; will is "referrer" or "person".
func (s *Service) Withdraw(ctx context.Context, id string, ifVersion int64, will, text string) (*referral.View, error) {
	return s.change(ctx, "withdrawReferral", id, ifVersion, text, func(a actor.Actor, r versioned, by history.Author, text []byte) error {
		isSelf := a.Participant != "" && a.Participant == r.Value.Participant
		return r.Value.Withdraw(by, s.Now(), will, isSelf, text)
	})
}

// MarkInError says that the referral should never have been sent.
func (s *Service) MarkInError(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "markReferralInError", id, ifVersion, text, func(_ actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.Take(by, s.Now(), referral.Step{Kind: referral.MarkedInError, Text: text})
	})
}

// Assign makes somebody at the caller's municipality responsible; empty: nobody.
func (s *Service) Assign(ctx context.Context, id string, ifVersion int64, responsible string) (*referral.View, error) {
	return s.change(ctx, "assignReferral", id, ifVersion, "", func(_ actor.Actor, r versioned, by history.Author, _ []byte) error {
		return r.Value.Assign(by, s.Now(), responsible)
	})
}

// RequestTransfer asks another municipality, by its code, to take over.
func (s *Service) RequestTransfer(ctx context.Context, id string, ifVersion int64, municipality, text string) (*referral.View, error) {
	return s.change(ctx, "requestTransfer", id, ifVersion, text, func(_ actor.Actor, r versioned, by history.Author, text []byte) error {
		in, err := s.Associations.Get(r.Value.Association)
		if err != nil {
			return err
		}
		to, member := in.Municipality(municipality)
		if !member {
			return referral.ErrMunicipality.AtField("/municipality")
		}
		return r.Value.RequestTransfer(by, s.Now(), to, text)
	})
}

// AcceptTransfer takes the referral over to the caller's municipality.
func (s *Service) AcceptTransfer(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "acceptTransfer", id, ifVersion, text, func(a actor.Actor, r versioned, by history.Author, text []byte) error {
		in, err := s.Associations.Get(a.Association)
		if err != nil {
			return err
		}
		r.Value.CorrectWithin(in.DaysToCorrect("", a.Municipality)) // here another plan may hold
		return r.Value.AcceptTransfer(by, s.Now(), a.Municipality, text)
	})
}

// DeclineTransfer leaves the referral with the municipality that asked. The answer is
// the last that the caller sees of it.
func (s *Service) DeclineTransfer(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "declineTransfer", id, ifVersion, text, func(a actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.DeclineTransfer(by, s.Now(), a.Municipality, text)
	})
}

// CancelTransfer takes the request back.
func (s *Service) CancelTransfer(ctx context.Context, id string, ifVersion int64, text string) (*referral.View, error) {
	return s.change(ctx, "cancelTransfer", id, ifVersion, text, func(_ actor.Actor, r versioned, by history.Author, text []byte) error {
		return r.Value.CancelTransfer(by, s.Now(), text)
	})
}

// handedOver returns the answer to a caller without relation to a referral: a
// municipality that handed it over learns to whom and when, and nothing of the person
// any more; for everybody else the referral does not exist.
func (s *Service) handedOver(a actor.Actor, operation string, r *referral.Referral) error {
	step := r.Status().HandedOverBy(a.Municipality)
	own := access.Resource{Association: r.Association, Relationships: []access.Relationship{{Municipality: a.Municipality}}}
	if step == nil || !access.Allows(operation, a, own) {
		return fault.ErrNotFound
	}
	name := step.Municipality
	if in, err := s.Associations.Get(r.Association); err == nil {
		if m, ok := in.Municipality(name); ok {
			name = m.Name
		}
	}
	day := civil.DateOf(step.At)
	return referral.ErrHandedOver.WithText(
		fmt.Sprintf("Remissen lämnades över till %s %s.", name, day), fmt.Sprintf("The referral was handed over to %s on %s.", name, day))
}
