package rest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/waitlist"
)

// leads is the table of the noun once more, written by hand from the domain's
// words: where each kind of step leads from each state. What is not here is never.
var leads = map[string]string{
	"":                     "submitted=submitted",
	"submitted":            "supplement_requested=supplement_requested transfer_requested=transfer_requested waitlisted=waitlisted accepted=accepted rejected=rejected assigned withdrawn=withdrawn marked_in_error=entered_in_error amended attachment_added attachment_removed overdue",
	"supplement_requested": "supplemented=submitted rejected=rejected assigned withdrawn=withdrawn marked_in_error=entered_in_error amended attachment_added attachment_removed overdue",
	"transfer_requested":   "transfer_accepted=submitted transfer_declined=submitted transfer_cancelled=submitted withdrawn=withdrawn marked_in_error=entered_in_error amended attachment_added attachment_removed overdue",
	"waitlisted":           "waitlisted moved_up transfer_requested=transfer_requested accepted=accepted rejected=rejected assigned withdrawn=withdrawn marked_in_error=entered_in_error amended attachment_added attachment_removed overdue",
	"accepted":             "enrolled=enrolled assigned withdrawn=withdrawn overdue",
	"enrolled":             "progress_reported closed=closed overdue",
}

// led returns where a kind leads.
func led(state string, kind referral.StepKind) (string, bool) {
	if slices.Contains([]referral.StepKind{referral.ConsentWithdrawn, referral.Protected, referral.Unprotected}, kind) && state != "" {
		return state, true
	}
	for word := range strings.FieldsSeq(leads[state]) {
		k, to, moves := strings.Cut(word, "=")
		if k == string(kind) && moves {
			return to, true
		} else if k == string(kind) {
			return state, true
		}
	}
	return "", false
}

// stand is a referral as it is after some of its steps, followed here without
// the noun's own help.
type stand struct {
	state, municipality, asked, priority string
	up, putBack, noConsent               bool
	since                                time.Time // on the list of this municipality
}

func (s stand) waiting() bool { return s.state == "waitlisted" && !s.up }
func (s stand) placed() bool {
	return s.state == "accepted" || s.state == "enrolled" || s.state == "waitlisted" && s.up
}

// followed follows the steps; an error names the one that cannot be.
func followed(r *referral.Referral) ([]stand, error) {
	now := stand{municipality: r.WishedMunicipality}
	all := []stand{now}
	for i, s := range r.Steps {
		to, ok := led(now.state, s.Kind)
		switch {
		case !ok:
			return all, fmt.Errorf("step %d is %s in the state %q", i+1, s.Kind, now.state)
		case s.N != int64(i)+1:
			return all, fmt.Errorf("step %d has the number %d", i+1, s.N)
		case s.Kind == referral.MovedUp && now.up:
			return all, fmt.Errorf("step %d moves up who is moved up", i+1)
		}
		switch s.Kind {
		case referral.Waitlisted:
			now.putBack, now.up, now.priority = now.up, false, s.Code
			if now.since.IsZero() {
				now.since = s.At
			}
		case referral.MovedUp:
			now.up = true
		case referral.TransferRequested:
			now.asked = s.Municipality
		case referral.TransferAccepted:
			if s.Municipality != now.asked {
				return all, fmt.Errorf("step %d transfers it to %s, asked was %s", i+1, s.Municipality, now.asked)
			}
			now.municipality, now.since = s.Municipality, time.Time{}
		case referral.ConsentWithdrawn:
			now.noConsent = true
		}
		if now.state = to; to != "waitlisted" {
			now.up = false
		}
		if to != "transfer_requested" {
			now.asked = ""
		}
		all = append(all, now)
	}
	return all, nil
}

// rest lets everything come to its end: what was published is followed, what was lent
// is given back, who may be moved up is, each step is in the feed.
func (p *proof) rest(t *testing.T) {
	t.Helper()
	end := feed.Event{ID: "event/end", Type: "se.finsam.participant.consent_withdrawn", Association: "insjoriket", Subject: p.People.Of(numbers[len(numbers)-1]), Time: p.Clock.Now()}
	p.Peer.Add(end)
	p.until(t, "the followed feed", func() bool {
		return slices.ContainsFunc(p.stored(t), func(r *referral.Referral) bool { return r.ID == p.first && r.Status().ConsentWithdrawnAt != nil })
	})
	p.quiet(t)
	p.Clock.Advance(26 * time.Hour)
	if err := p.Service.Waitlist.Job.Do(context.Background()); err != nil {
		t.Error(err)
	}
	p.Service.Attachments.Job.Do(context.Background())
	p.quiet(t)
	// The next to come take the numbers of those that came to nothing.
	for round := 0; ; round++ {
		missing := gaps(p.stored(t))
		if missing == 0 && round > 0 {
			break
		}
		if round == 10 {
			t.Fatalf("%d registry numbers are missing for ever", missing)
		}
		for range max(missing, 1) {
			p.create(t, referraltest.FK, move{choice: 2}, 0)
		}
	}
	p.quiet(t)
	p.until(t, "the feed", func() bool {
		steps := 0
		for _, r := range p.stored(t) {
			steps += len(r.Steps)
		}
		return len(p.events(t)) >= steps
	})
}

func (p *proof) until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come to its end", what)
		}
	}
}

// gaps returns how many registry numbers are missing below the highest.
func gaps(all []*referral.Referral) int {
	last := 0
	for _, r := range all {
		n := 0
		_, _ = fmt.Sscanf(r.RegistryNumber, "2026-%d", &n) // left 0, it is seen as a number twice
		last = max(last, n)
	}
	return last - len(all)
}

// stored reads all referrals past the service.
func (p *proof) stored(t *testing.T) (all []*referral.Referral) {
	t.Helper()
	c, err := store.Open(context.Background(), p.engine.Engine, store.Schema[referral.Referral]{
		Name: "referrals", ID: func(r *referral.Referral) (string, string) { return r.Association, r.ID },
	})
	if err != nil {
		t.Fatal(err)
	}
	for q := (store.Query{Association: "insjoriket", Limit: 500}); ; {
		page, err := c.Find(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Items {
			if v.Version != int64(len(v.Value.Steps)) {
				t.Errorf("%s: version %d of %d steps", v.Value.ID, v.Version, len(v.Value.Steps))
			}
			all = append(all, v.Value)
		}
		if q.After = page.Next; q.After.ID == "" {
			return all
		}
	}
}

// events returns the feed's events about referrals.
func (p *proof) events(t *testing.T) (all []feed.Event) {
	t.Helper()
	for after := int64(0); ; {
		some, err := p.Feed.After(context.Background(), after, 500, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			return all
		}
		for _, e := range some {
			if after++; e.Sequence != after {
				t.Fatalf("event %d of the feed has the number %d", after, e.Sequence)
			}
			if strings.HasPrefix(e.Type, "se.finsam.referral.") {
				all = append(all, e)
			}
		}
	}
}

// check asks what must hold.
func (p *proof) check(t *testing.T) {
	t.Helper()
	byID, stands, numbersSeen := map[string]*referral.Referral{}, map[string][]stand{}, map[string]bool{}
	for _, r := range p.stored(t) {
		s, err := followed(r)
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		byID[r.ID], stands[r.ID] = r, s
		if numbersSeen[r.RegistryNumber] {
			t.Errorf("%s is on two referrals", r.RegistryNumber)
		}
		numbersSeen[r.RegistryNumber] = true
	}
	p.checkFeed(t, byID)
	p.checkAnswers(t, byID, stands)
	p.checkPublished(t, byID)
	p.checkPlaces(t, byID, stands)
	p.checkQueue(t)
	p.checkBlobs(t, byID)
}

// checkFeed: the feed has each step once, in order.
func (p *proof) checkFeed(t *testing.T, byID map[string]*referral.Referral) {
	t.Helper()
	told := map[string]int{}
	for _, e := range p.events(t) {
		r := byID[e.Subject]
		told[e.Subject]++
		n := told[e.Subject]
		if r == nil || n > len(r.Steps) || e.ID != fmt.Sprintf("%s/%d", e.Subject, n) || e.Type != "se.finsam.referral."+string(r.Steps[n-1].Kind) || !e.Time.Equal(r.Steps[n-1].At) {
			t.Errorf("the feed has %s %s as number %d of it", e.Type, e.ID, n)
		}
	}
	for id, r := range byID {
		if told[id] != len(r.Steps) {
			t.Errorf("%s: %d of %d steps are in the feed", id, told[id], len(r.Steps))
		}
	}
}

// stepKey names a step.
type stepKey struct {
	id string
	n  int64
}

// checkAnswers: each step that an answer showed is there, once, and no other;
// and every refusal is the right one.
func (p *proof) checkAnswers(t *testing.T, byID map[string]*referral.Referral, stands map[string][]stand) {
	t.Helper()
	claimed, perhaps, byKey := map[stepKey]bool{}, map[string]bool{}, map[string]string{}
	accepted, path := map[string]map[string]bool{}, map[string]string{} // of each person: the referrals, and the one that leads into the initiative
	for id, r := range byID {
		if slices.ContainsFunc(r.Steps, func(s referral.Step) bool { return s.Kind == referral.Accepted }) {
			if accepted[r.Participant] == nil {
				accepted[r.Participant] = map[string]bool{}
			}
			accepted[r.Participant][id] = true
		}
		if r.Status().Path() != "" {
			if other := path[r.Participant]; other != "" {
				t.Errorf("%s and %s both lead the same person into the initiative", id, other)
			}
			path[r.Participant] = id
		}
	}
	isAnotherAccepted := func(r *referral.Referral) bool {
		all := accepted[r.Participant]
		return len(all) > 1 || len(all) == 1 && !all[r.ID]
	}
	for _, a := range p.acts {
		r := byID[a.id]
		switch {
		case a.op == "createReferral" && a.status == 201:
			if was := byKey[a.key]; r == nil || was != "" && was != a.id {
				t.Errorf("the key %s gave %s, and before %q", a.key, a.id, was)
			}
			byKey[a.key], claimed[stepKey{a.id, 1}] = a.id, true
		case a.op == "createReferral":
			if a.code != "external-reference-taken" && !a.cut {
				t.Errorf("a creation as %s was answered %d: %s", a.who.Subject, a.status, a.body)
			}
		case a.cut && a.op == "addAttachment":
			perhaps[fmt.Sprint(a.id, kindOf(a.op), a.who.Subject)] = true
		case a.op == "addAttachment":
			if n := p.checkAttached(t, a, r, stands[a.id]); n > 0 {
				if was := byKey[a.key]; was != "" && was != a.made {
					t.Errorf("the key %s gave the file %s, and before %s", a.key, a.made, was)
				}
				byKey[a.key], claimed[stepKey{a.id, n}] = a.made, true
			}
		case a.status/100 == 2:
			key := stepKey{a.id, a.version + 1}
			if claimed[key] || r == nil || int(a.version) >= len(r.Steps) {
				t.Errorf("%s of %s at %d as %s was answered %d: it is not there, or another's", a.op, a.id, a.version, a.who.Subject, a.status)
				continue
			}
			claimed[key] = true
			if s := r.Steps[a.version]; s.By != a.who.Subject || s.Kind != kindOf(a.op) {
				t.Errorf("%s of %s at %d as %s became %s by %s", a.op, a.id, a.version, a.who.Subject, s.Kind, s.By)
			}
			if !related(a, r, stands[a.id][a.version]) {
				t.Errorf("%s of %s at %d was not %s's to do", a.op, a.id, a.version, a.who.Subject)
			}
		case a.cut:
			perhaps[fmt.Sprint(a.id, a.version+1, kindOf(a.op), a.who.Subject)] = true
		default:
			if why := wrong(a, r, stands[a.id], isAnotherAccepted(r)); why != "" {
				t.Errorf("%s of %s at %d as %s (%s) was answered %d %s: %s", a.op, a.id, a.version, a.who.Subject, a.who.Authority, a.status, a.code, why)
			}
		}
	}
	for id, r := range byID {
		for _, s := range r.Steps {
			ofService := strings.HasPrefix(s.By, "service:")
			if !ofService && !claimed[stepKey{id, s.N}] && !perhaps[fmt.Sprint(id, s.N, s.Kind, s.By)] && !perhaps[fmt.Sprint(id, s.Kind, s.By)] {
				t.Errorf("%s: nobody was notified of step %d, %s by %s", id, s.N, s.Kind, s.By)
			}
		}
	}
}

func kindOf(op string) referral.StepKind {
	switch op {
	case "addAttachment":
		return referral.AttachmentAdded
	case "removeAttachment":
		return referral.AttachmentRemoved
	}
	return acts[slices.IndexFunc(acts, func(a deed) bool { return a.op == op })].kind
}

// related reports whether the act is the caller's to do, in the referral's state.
func related(a answered, r *referral.Referral, s stand) bool {
	switch {
	case a.who.Association != r.Association || !may(a):
		return false
	case a.who.Participant != "":
		return a.who.Participant == r.Participant && (a.op == "withdrawReferral" || r.Source == referral.SelfReferral)
	case a.who.Has(actor.Integration):
		return a.who.Authority == r.Authority
	case a.who.Has(actor.Referrer):
		return a.who.Authority == r.Authority && a.who.Unit == r.Unit
	case (a.op == "acceptTransfer" || a.op == "declineTransfer") && s.asked != "" && !s.noConsent:
		return a.who.Municipality == s.asked
	case ofSender[a.op] && (r.Authority == "self" || r.Source != referral.SelfReferral): // the others are handed in
		return false
	}
	return a.who.Municipality == s.municipality
}

// may reports whether the caller's role has the act at all.
func may(a answered) bool {
	if (ofSender[a.op] || strings.HasSuffix(a.op, "Attachment")) && (a.who.Has(actor.Integration) || a.who.Has(actor.Referrer) || a.who.Has(actor.Participant)) {
		return true
	}
	return a.who.Has(actor.Intake)
}

// ofSender are the sender's acts: of who applied, too, and of who handed in.
var ofSender = map[string]bool{"sendSupplement": true, "markReferralInError": true, "amendReferral": true, "withdrawReferral": true}

// wrong returns what is wrong with a refusal; empty when it is right. isAnotherAccepted:
// another referral of the person was accepted at any time.
func wrong(a answered, r *referral.Referral, stands []stand, isAnotherAccepted bool) string {
	last := int64(len(stands)) - 1
	here := a.version >= 1 && a.version <= last
	_, leads := led(stands[max(min(a.version, last), 1)].state, kindOf(a.op))
	strangerAt := func(s stand) bool { return !related(a, r, s) }
	switch {
	case a.status == 428:
		return unless(a.version == 0, "there was a version")
	case !may(a) || a.status == 403:
		return unless(!may(a) && a.status == 403, "the role is not in the row, or it is")
	case a.status == 404 && a.op == "removeAttachment":
		return "" // somebody else has removed it, perhaps
	case a.status == 404:
		return unless(slices.ContainsFunc(stands[1:], strangerAt), "it is the caller's at any time")
	case a.status == 412:
		return unless(a.version != last || slices.ContainsFunc(stands[1:], strangerAt), "that is the version")
	case !here || strangerAt(stands[a.version]):
		return "it was not the caller's, or never at that version"
	case a.links && a.code == "wrong-state":
		return "it was among the links at that version"
	case a.status == 409 && a.code == "wrong-state" && a.op == "withdrawReferral" && (a.who.Has(actor.Integration) || a.who.Has(actor.Referrer)) && stands[a.version].noConsent:
		// No refusal lets such a sender know whether the course has begun (ADR 32).
		return unless(!leads || stands[a.version].state == "accepted", "the table allows it, and the course is not begun")
	case a.status == 409 && a.code == "wrong-state":
		return unless(!leads, "the table allows it")
	case a.status == 409 && a.code == "consent-withdrawn":
		return unless(stands[a.version].noConsent, "consent was not withdrawn")
	case a.status == 409 && a.code == "not-asked": // whom consent does not open it to any more
		return unless(stands[a.version].state == "transfer_requested" && stands[a.version].noConsent, "it was asked, or nobody is")
	case a.status == 409 && a.code == "already-enrolled":
		return unless(a.op == "acceptReferral" && leads && isAnotherAccepted, "no other referral of the person was accepted")
	case a.status == 409 && a.code == "no-place":
		return unless(a.op == "acceptReferral" && leads && stands[a.version].municipality == "1481", "places are bounded in Mölndal")
	case a.status == 409 && a.code == "waiting-list-full":
		return unless(a.op == "waitlistReferral" && leads && stands[a.version].state != "waitlisted", "it is on the list")
	case a.status == 409 && a.op == "removeAttachment":
		return unless(a.code == "attachment-of-another", "no such refusal")
	case a.status == 409:
		return unless(a.op == "amendReferral" && a.code == "external-reference-taken", "no such refusal")
	case a.status == 422:
		return unless(strings.Contains(unprocessable[a.op], a.code), "no such refusal")
	}
	return "no such answer"
}

func unless(right bool, why string) string {
	if right {
		return ""
	}
	return why
}

// unprocessable are the broken rules of bodies.
var unprocessable = map[string]string{
	"acceptReferral": "other-municipality no-such-initiative", "requestTransfer": "already-there consent-without-municipality",
	"assignReferral": "assigned-already", "withdrawReferral": "withdrawer-mismatch", "amendReferral": "nothing-amended reference-of-person",
}

// checkPublished: each event about a person is a step of each referral that was there,
// and no event is a step twice.
func (p *proof) checkPublished(t *testing.T, byID map[string]*referral.Referral) {
	t.Helper()
	for id, r := range byID {
		causes := map[string]bool{}
		for _, s := range r.Steps {
			if s.Cause != "" && causes[s.Cause] {
				t.Errorf("%s: %s is there twice", id, s.Cause)
			}
			causes[s.Cause] = true
		}
	}
	for _, told := range p.told {
		if !strings.HasPrefix(told.event.Type, "se.finsam.participant.") {
			continue
		}
		for _, id := range told.known {
			r := byID[id]
			if r != nil && r.Participant == told.event.Subject && !slices.ContainsFunc(r.Steps, func(s referral.Step) bool { return s.Cause == told.event.ID }) {
				t.Errorf("%s was not notified of %s %s", id, told.event.Type, told.event.ID)
			}
		}
	}
}

// checkPlaces: never, at any write, were more places taken than there are, unless
// their number was lowered; and at rest they are those that the referrals have.
func (p *proof) checkPlaces(t *testing.T, byID map[string]*referral.Referral, stands map[string][]stand) {
	t.Helper()
	last := map[string]*waitlist.Capacity{}
	var history []written
	for _, w := range p.engine.wrote {
		if w.places != nil && w.known {
			history = append(history, w)
		}
	}
	slices.SortStableFunc(history, func(a, b written) int { return int(a.places.Writes - b.places.Writes) })
	for _, w := range history {
		now, before := w.places, last[w.places.Municipality]
		if before != nil && before.Writes == now.Writes {
			t.Errorf("write %d of the places was done twice", now.Writes)
		}
		if n := len(now.Taken); len(now.Settings) > 0 && n > now.Settings[len(now.Settings)-1].Number && before != nil && n > len(before.Taken) {
			t.Errorf("write %d: %d taken, %d before, of %d", now.Writes, n, len(before.Taken), now.Settings[len(now.Settings)-1].Number)
		}
		last[now.Municipality] = now
	}
	for _, places := range last {
		var have, want []string
		for _, taken := range places.Taken {
			have = append(have, taken.Referral)
		}
		waiting := 0
		for id := range byID {
			s := stands[id][len(stands[id])-1]
			if s.municipality == places.Municipality && s.placed() {
				want = append(want, id)
			}
			if s.municipality == places.Municipality && s.waiting() {
				waiting++
			}
		}
		slices.Sort(have)
		if len(places.Settings) == 0 { // nobody is turned away there, and no account kept
			shown, err := p.Service.Waitlist.Places(referraltest.As(referraltest.Admin), places.Municipality, places.Initiative)
			if err != nil || len(have) > 0 || shown.Taken != len(want) {
				t.Errorf("%s: places of %v are kept account of, %+v is shown, and have one %v, %v", places.Municipality, have, shown, want, err)
			}
			continue
		}
		if slices.Sort(want); !slices.Equal(have, want) {
			t.Errorf("%s: places of %v, and have one %v", places.Municipality, have, want)
		}
		if len(places.Settings) > 0 && waiting > 0 && len(have) < places.Settings[len(places.Settings)-1].Number {
			t.Errorf("%s: %d wait, while %d places of %d are taken", places.Municipality, waiting, len(have), places.Settings[len(places.Settings)-1].Number)
		}
	}
}

// ranks are the priorities, the most urgent first.
var ranks = map[string]int{"high": 0, "normal": 1, "low": 2}

// checkQueue: nobody was moved up past somebody who stood in the queue before it
// was read, and still did when it was over, more urgent or as urgent and longer.
func (p *proof) checkQueue(t *testing.T) {
	t.Helper()
	of := map[string][]written{}
	for _, w := range p.engine.wrote {
		if w.referral != nil && w.referral.Association == "insjoriket" {
			of[w.referral.ID] = append(of[w.referral.ID], w)
		}
	}
	for id, writes := range of {
		for _, w := range writes {
			if w.referral.Steps[len(w.referral.Steps)-1].Kind != referral.MovedUp || !w.known {
				continue
			}
			up, err := followed(w.referral)
			if err != nil {
				t.Fatal(err)
			}
			x, read := up[len(up)-1], int64(0)
			for _, moment := range p.engine.looked {
				if moment < w.began {
					read = max(read, moment)
				}
			}
			for other, theirs := range of {
				if y, stood := stoodFrom(theirs, read, w.ended); other != id && stood && y.municipality == x.municipality && !y.putBack &&
					(ranks[y.priority] < ranks[x.priority] || ranks[y.priority] == ranks[x.priority] && y.since.Before(x.since)) {
					t.Errorf("%s was moved up before %s, which waited since %s as %s", id, other, y.since, y.priority)
				}
			}
		}
	}
}

// stoodFrom returns how a referral stood in the queue from one moment until
// another; false when it did not, or that is not certain.
func stoodFrom(writes []written, from, until int64) (stand, bool) {
	var at *referral.Referral
	for _, w := range writes {
		switch {
		case w.known && w.ended < from && (at == nil || len(w.referral.Steps) > len(at.Steps)):
			at = w.referral
		case w.ended > from && w.began < until, !w.known && w.began < until && !errors.Is(w.err, store.ErrStale):
			return stand{}, false
		}
	}
	if at == nil {
		return stand{}, false
	}
	stands, err := followed(at)
	s := stands[len(stands)-1]
	return s, err == nil && s.waiting()
}
