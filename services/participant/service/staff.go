package service

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/services/participant"
)

const (
	staffOperation = "listStaff"
	// maxStaffFound bounds how many of all authorities may have one of the ids.
	maxStaffFound  = 500
	staffInterval  = 24 * time.Hour
	maxStaffAtOnce = 500 // of one association, in one round of forgetting
)

// StaffName is a member of staff, as a colleague reads them.
type StaffName struct{ ID, Authority, Name string }

func staffID(authority, subject string) string { return authority + "/" + subject }

// staffContext is what the encryption of a name is bound to.
func staffContext(p *participant.Staff) string {
	return "staff/" + p.Association + "/" + staffID(p.Authority, p.Subject)
}

// NoteStaff notes the caller's name, which the gateway has read in the access token. Who
// takes no steps of a case is not noted.
func (s *Service) NoteStaff(ctx context.Context, name string) error {
	a, now := actor.From(ctx), s.Now()
	e := accesslog.Entry{Operation: "noteStaff", Thing: "staff"}
	if !access.MayCall(staffOperation, a) || a.Has(actor.Participant) || web.From(ctx).Issuer != internaltoken.Gateway {
		return guard.Enter(ctx, s.AccessLog, e, fault.ErrForbidden)
	}
	empty := func() *participant.Staff {
		return &participant.Staff{Association: a.Association, Authority: a.Authority, Subject: a.Subject}
	}
	err := s.staff.Upsert(ctx, a.Association, staffID(a.Authority, a.Subject), empty, func(p *participant.Staff) error {
		known, err := decryptJSON[string](s.Cipher, p.Name, staffContext(p))
		if err != nil {
			return err
		}
		if known == name && p.Municipality == a.Municipality && !p.IsSeenAgain(now) {
			return store.ErrUnchanged
		}
		p.Municipality, p.SeenAt = a.Municipality, now.UTC()
		p.Name, err = encryptJSON(s.Cipher, name, staffContext(p))
		return err
	})
	return guard.Enter(ctx, s.AccessLog, e, err)
}

// Staff returns the names of those of the ids that the caller may know: of the own
// authority or municipality, and with a participant also of the other side of those
// referrals of the person that the caller's side sent or has. A sender learns so of no other
// sender. Without ids the caller asks for the own
// name. Whom nobody knows is left out.
func (s *Service) Staff(ctx context.Context, ids []string, participantID string) ([]StaffName, error) {
	a := actor.From(ctx)
	sides := []access.Relationship{{Authority: a.Authority, Municipality: a.Municipality}}
	if len(ids) == 0 {
		ids = []string{a.Subject}
	}
	if participantID == "" {
		e := accesslog.Entry{Operation: staffOperation, Thing: "staff", Why: string(access.Scope(staffOperation, a))}
		if err := guard.Enter(ctx, s.AccessLog, e, access.Refusal(staffOperation, a)); err != nil {
			return nil, err
		}
	} else {
		p, err := s.people.Load(ctx, a, guard.Call{Operation: staffOperation, ID: participantID})
		if err != nil {
			return nil, err
		}
		r := p.Value.Status().Resource(a, "")
		all := r.Relationships
		for i := range all {
			if r.Relationships = all[i : i+1]; access.Allows(staffOperation, a, r) {
				sides = append(sides, all[i])
			}
		}
	}
	found, err := s.staff.Find(ctx, store.Query{Association: a.Association, Where: []store.Cond{store.IsAmong(subjectKey, ids)}, Limit: maxStaffFound})
	if err != nil {
		return nil, err
	}
	names := []StaffName{}
	for _, v := range found.Items {
		if p := v.Value; p.WorksFor(sides) {
			name, err := decryptJSON[string](s.Cipher, p.Name, staffContext(p))
			if err != nil {
				return nil, err
			}
			names = append(names, StaffName{ID: p.Subject, Authority: p.Authority, Name: name})
		}
	}
	slices.SortFunc(names, func(a, b StaffName) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Authority, b.Authority))
	})
	return names, nil
}

// ForgetStaff removes the names of those who have not been seen for 24 months.
func (s *Service) ForgetStaff(ctx context.Context) error { return s.staffJob.Do(ctx) }

// forgetStaff removes the names of those who have not been seen for long.
func (s *Service) forgetStaff(ctx context.Context, in *association.Association) error {
	for {
		gone, err := s.staff.Find(ctx, store.Query{
			Association: in.ID, Where: []store.Cond{{Key: seenKey, Op: store.Lt, Value: participant.ForgottenBefore(s.Now()).UnixMilli()}},
			Sort: []store.Order{{Key: seenKey}}, Limit: maxStaffAtOnce,
		})
		if err != nil {
			return err
		}
		for _, v := range gone.Items {
			err := s.staff.Delete(ctx, in.ID, staffID(v.Value.Authority, v.Value.Subject), v.Version)
			if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrStale) { // else seen again, or forgotten by another process
				return err
			}
		}
		if len(gone.Items) < maxStaffAtOnce {
			return nil
		}
	}
}
