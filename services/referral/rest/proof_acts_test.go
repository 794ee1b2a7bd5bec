package rest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/waitlist"
)

// deed is something that can be done to a referral.
type deed struct {
	op, link, path string
	kind           referral.StepKind // of the step that it is
	body           func(choice int) map[string]any
}

func says(fields ...any) func(int) map[string]any {
	return func(int) map[string]any {
		b := map[string]any{}
		for i := 0; i < len(fields); i += 2 {
			b[fields[i].(string)] = fields[i+1]
		}
		return b
	}
}

// acts are all of them, with bodies of which some break a rule.
var acts = []deed{
	{"acceptReferral", "acceptance", "acceptance", referral.Accepted, func(choice int) map[string]any {
		b := map[string]any{"initiative": "activera", "startDate": "2026-03-16", "coach": "coach-1"}
		switch choice % 10 {
		case 8:
			b["municipality"] = "1441"
		case 9:
			b["initiative"] = "lugn"
		}
		return b
	}},
	{"rejectReferral", "rejection", "rejection", referral.Rejected, says("code", "other", "text", "Påhittat.")},
	{"waitlistReferral", "waitlisting", "waitlisting", referral.Waitlisted, func(choice int) map[string]any {
		return map[string]any{"priority": []string{"high", "normal", "low"}[choice%3]}
	}},
	{"waitlistReferral", "waitlisting", "waitlisting", referral.Waitlisted, says("priority", "normal")},
	{"requestSupplement", "supplementRequests", "supplement-requests", referral.SupplementRequested, says("text", "Påhittad fråga?")},
	{"sendSupplement", "supplements", "supplements", referral.Supplemented, says("text", "Påhittat svar.")},
	{"withdrawReferral", "withdrawal", "withdrawal", referral.Withdrawn, func(choice int) map[string]any {
		return map[string]any{"by": []string{"person", "person", "referrer"}[choice%3]}
	}},
	{"markReferralInError", "errorMarking", "error-marking", referral.MarkedInError, says("text", "Påhittat: fel person.")},
	{"amendReferral", "amendments", "amendments", referral.Amended, func(choice int) map[string]any {
		c := map[string]any{"reason": fmt.Sprint("Påhittad orsak ", choice)}
		switch choice % 5 {
		case 0:
			c = map[string]any{"externalReference": fmt.Sprint("case-", choice%3)}
		case 1:
			c = map[string]any{"rightTime": []any{map[string]any{"item": "wants_to", "answer": []string{"yes", "no", "unknown"}[choice%3]}}}
		case 2:
			c = map[string]any{"targetGroup": map[string]any{"reasons": []any{[]string{"young_adult", "long_absence"}[choice%2]}, "authoritiesConcerned": []any{"social_insurance", "region"}}}
		}
		return map[string]any{"reason": "Påhittat: rättat.", "changes": c}
	}},
	{"assignReferral", "assignment", "assignment", referral.Assigned, func(choice int) map[string]any {
		return map[string]any{"responsible": fmt.Sprint("mottagare-", choice%3)}
	}},
	{"requestTransfer", "transferRequests", "transfer-requests", referral.TransferRequested, func(choice int) map[string]any {
		return map[string]any{"municipality": []string{"1402", "1402", "1481", "1481", "1441"}[choice%5], "text": "Påhittat."}
	}},
	{"acceptTransfer", "transferAcceptance", "transfer-acceptance", referral.TransferAccepted, says()},
	{"declineTransfer", "transferRefusal", "transfer-refusal", referral.TransferDeclined, says("text", "Påhittat nej.")},
	{"cancelTransfer", "transferCancellation", "transfer-cancellation", referral.TransferCancelled, says()},
}

// ends are the kinds that end a referral.
var ends = map[referral.StepKind]bool{referral.Rejected: true, referral.Withdrawn: true, referral.MarkedInError: true}

// tell lets the participant service tell something, of which much cannot be at
// the time, and now and then the same again.
func (p *proof) tell(m move) {
	p.mu.Lock()
	if m.choice%8 == 0 && len(p.told) > 0 {
		again := p.told[m.target%len(p.told)].event
		p.mu.Unlock()
		p.Peer.Add(again)
		return
	}
	from := p.ids
	if m.linked && len(p.taken) > 0 {
		from = p.taken
	}
	id := from[len(from)-1-m.target%len(from)]
	e := feed.Event{ID: fmt.Sprintf("event/%d", len(p.told)+1), Association: "insjoriket", Time: p.Clock.Now(), Data: map[string]string{}}
	of := p.People.Of(numbers[m.target%(len(numbers)-1)])
	switch {
	case m.choice > 96:
		e.Type, e.Subject = "se.finsam.participant.consent_withdrawn", of
	case m.choice > 88:
		e.Type, e.Subject = "se.finsam.participant.protected", of
		e.Data["level"], e.Data["handlers"], e.Data["authority"] = "protected_registration", "mottagare-1", "molndal"
	case m.choice > 80:
		e.Type, e.Subject = "se.finsam.participant.unprotected", of
	default:
		e.Type = "se.finsam.enrolment." + []string{"planned", "planned", "started", "check_in_due", "answered", "closed", "planned"}[m.act%7]
		e.Subject, e.Data["referral"], e.Data["number"], e.Data["outcome"] = "enrolment-"+id, id, "1", "completed"
	}
	p.told = append(p.told, telling{e, slices.Clone(p.ids)})
	p.mu.Unlock()
	p.Peer.Add(e)
}

// recorder is an engine that notes what was written and read, and when: of two
// notes the one that ended before the other one began was certainly the earlier.
type recorder struct {
	store.Engine
	moment atomic.Int64
	mu     sync.Mutex
	wrote  []written
	looked []int64 // when the mover began to read the queue of Mölndal
}

// written is one write that was answered, or is not known to have failed.
type written struct {
	began, ended int64
	known        bool // it is stored for certain
	err          error
	referral     *referral.Referral
	places       *waitlist.Capacity
}

func (e *recorder) Insert(ctx context.Context, collection string, r store.Record) error {
	w := e.note(r)
	return e.done(w, e.Engine.Insert(ctx, collection, r))
}

func (e *recorder) Replace(ctx context.Context, collection string, r store.Record, from int64) error {
	w := e.note(r)
	return e.done(w, e.Engine.Replace(ctx, collection, r, from))
}

// note copies what is to be written: the caller may go on with it.
func (e *recorder) note(r store.Record) written {
	w := written{began: e.moment.Add(1)}
	switch v := r.Body.(type) {
	case *referral.Referral:
		c := *v
		c.Steps = slices.Clone(v.Steps)
		w.referral = &c
	case *waitlist.Capacity:
		c := *v
		c.Taken, c.Settings = slices.Clone(v.Taken), slices.Clone(v.Settings)
		w.places = &c
	}
	return w
}

func (e *recorder) done(w written, err error) error {
	w.ended, w.known, w.err = e.moment.Add(1), err == nil, err
	if w.referral == nil && w.places == nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wrote = append(e.wrote, w)
	return err
}

// Find notes when a queue is read by the mover: only it reads one in order, and
// from the beginning.
func (e *recorder) Find(ctx context.Context, collection string, q store.Query) ([]store.Document, error) {
	if collection == "referrals" && len(q.Sort) == 2 && len(q.Where) == 1 && q.Where[0].Key == "placeSet" && q.Where[0].Value == "queue/1481/activera" {
		now := e.moment.Add(1)
		e.mu.Lock()
		e.looked = append(e.looked, now)
		e.mu.Unlock()
	}
	return e.Engine.Find(ctx, collection, q)
}
