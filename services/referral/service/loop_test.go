package service_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

// way is a person's whole course, as the enrolment's feed has it.
var way = []struct {
	kind string
	data map[string]string
}{
	{"planned", map[string]string{"firstDay": "2026-03-16", "lastDay": "2026-08-30"}},
	{"started", map[string]string{"on": "2026-03-16", "number": "1"}},
	{"check_in_due", map[string]string{"number": "1"}},
	{"answered", map[string]string{"number": "1", "readiness": "ready"}},
	{"decided", map[string]string{"number": "1", "decision": "continue"}},
	{"check_in_due", map[string]string{"number": "2"}},
	{"not_answered", map[string]string{"number": "2"}},
	{"decided", map[string]string{"number": "2", "decision": "end"}},
	{"closed", map[string]string{"outcome": "completed"}},
}

// shows returns what a caller sees of the course, the acceptance and the outcome.
func shows(v *referral.View) string {
	var all []string
	for _, s := range v.Steps {
		switch {
		case s.Acceptance != nil:
			all = append(all, "accepted")
		case s.Progress != nil:
			all = append(all, strings.TrimSpace(fmt.Sprint(s.Progress.Kind, " ", s.Progress.Code)))
		}
	}
	if v.Outcome != "" {
		all = append(all, "="+v.Outcome)
	}
	return strings.Join(all, ", ")
}

const (
	wholeWay   = "accepted, planned, started, check_in_due, answered ready, decided continue, check_in_due, not_answered, decided end, closed completed, =completed"
	wayNoEnd   = "accepted, planned, started, check_in_due, answered ready, decided continue, check_in_due, not_answered, decided end, closed"
	outcomeNow = "=completed"
)

func TestTheSenderSeesTheWayToItsEndAndNoMoreThanTheConsentCovers(t *testing.T) {
	for sentence, c := range map[string]struct {
		given    []string // the sorts of data that the consent is given for; nil: all
		extended []string // by an amendment before the acceptance; nil: not
		want     string
		state    referral.State
	}{
		"all of it, where the consent is about all":    {nil, nil, wholeWay, referral.StateClosed},
		"no outcome where it is left out":              {[]string{"progress"}, nil, wayNoEnd, referral.StateClosed},
		"the outcome alone":                            {[]string{"outcome"}, nil, outcomeNow, referral.StateClosed},
		"nothing where both are left out":              {[]string{"identity"}, nil, "", referral.StateAccepted},
		"more, since the consent was extended":         {[]string{"outcome"}, []string{"outcome", "progress"}, wholeWay, referral.StateClosed},
		"not more, where something else was added":     {[]string{"outcome"}, []string{"outcome", "health"}, outcomeNow, referral.StateClosed},
		"the course too, where nothing else was there": {[]string{"identity"}, []string{"identity", "progress"}, wayNoEnd, referral.StateClosed},
	} {
		t.Run(sentence, func(t *testing.T) {
			w := referraltest.New(t)
			w.Run(t)
			sub := referraltest.Submission()
			sub.Consent.Categories = c.given
			v, err := w.Service.Create(referraltest.As(referraltest.FK), "", sub)
			if err != nil {
				t.Fatal(err)
			}
			r := v.Referral
			if c.extended != nil {
				wider := r.Consent
				wider.Categories = c.extended
				if v, err = w.Service.Amend(referraltest.As(referraltest.FK), r.ID, 1, referral.Changes{Consent: &wider}, "Påhittat."); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.Service.Accept(referraltest.As(referraltest.Intake), r.ID, v.Referral.Version(), acceptance()); err != nil {
				t.Fatal(err)
			}
			for i, e := range way {
				w.Peer.Add(ofEnrolment(r, fmt.Sprint("e/", i+1), e.kind, e.data))
			}
			if got := shows(until(t, w, referraltest.Coach, r.ID, inState(referral.StateClosed))); got != wholeWay {
				t.Errorf("the municipality itself sees %s", got)
			}
			seen := until(t, w, referraltest.Officer, r.ID, inState(c.state))
			if got := shows(seen); got != c.want {
				t.Errorf("the sender sees  %s\nwant             %s", got, c.want)
			}
			found, err := w.Service.List(referraltest.As(referraltest.Officer), service.Filter{States: []referral.State{referral.StateClosed}}, store.Window{Limit: 20, Page: 1})
			if err != nil || (len(found.Items) == 1) != (c.state == referral.StateClosed) {
				t.Errorf("among those that are closed the sender finds %d, %v", len(found.Items), err)
			}
			w.Peer.Add(ofPerson(r, "p/9", "consent_withdrawn", map[string]string{"referral": r.ID}))
			gone := until(t, w, referraltest.Officer, r.ID, func(v *referral.View) bool { return v.Referral.Status().ConsentWithdrawnAt != nil })
			if got := shows(gone); got != "" || reasonOf(gone) == "" || gone.State != referral.StateAccepted {
				t.Errorf("after the withdrawal the sender sees %q, %s, and its own words %q", got, gone.State, reasonOf(gone))
			}
		})
	}
}

func TestASupplementIsAskedForAndSentAsOftenAsNeeded(t *testing.T) {
	w := referraltest.New(t)
	r := created(t, w)
	version := int64(1)
	for n := range 5 {
		_, err := w.Service.RequestSupplement(referraltest.As(referraltest.Intake), r.ID, version, fmt.Sprint("Fråga ", n))
		wants(t, "asked", err, nil)
		_, err = w.Service.RequestSupplement(referraltest.As(referraltest.Intake), r.ID, version+1, "Ännu en.")
		wants(t, "asked twice at once", err, referral.ErrWrongState)
		v, err := w.Service.SendSupplement(referraltest.As(referraltest.Officer), r.ID, version+1, fmt.Sprint("Svar ", n))
		if err != nil || v.Referral.Status().State != referral.StateSubmitted || v.Texts.Steps[version+2] != fmt.Sprint("Svar ", n) {
			t.Fatalf("answer %d: %v", n, err)
		}
		version += 2
	}
}

// leading brings a new referral into a state by the acts of people.
func leading(t *testing.T, w *referraltest.World, to referral.State) *referral.Referral {
	t.Helper()
	r := created(t, w)
	intake, id := referraltest.As(referraltest.Intake), r.ID
	var err error
	var v *referral.View
	switch to {
	case referral.StateSubmitted:
		return r
	case referral.StateSupplement:
		v, err = w.Service.RequestSupplement(intake, id, 1, "Påhittat?")
	case referral.StateTransfer:
		if _, err = w.Service.Amend(referraltest.As(referraltest.FK), id, 1, extended(r), "Påhittat."); err == nil {
			v, err = w.Service.RequestTransfer(intake, id, 2, "1402", "Påhittat.")
		}
	case referral.StateWaitlisted:
		v, err = w.Service.PutOnWaitlist(intake, id, 1, "low", "")
	case referral.StateAccepted:
		v, err = w.Service.Accept(intake, id, 1, acceptance())
	case referral.StateEnrolled:
		return until(t, w, referraltest.Intake, enrolled(t, w).ID, inState(to)).Referral
	default:
		t.Fatalf("nobody leads to %s", to)
	}
	if err != nil || v.Referral.Status().State != to {
		t.Fatalf("to %s: %v", to, err)
	}
	return v.Referral
}

func TestWhoSentItOrWhomItIsAboutWithdrawsUntilThePersonIsEnrolled(t *testing.T) {
	for _, from := range []referral.State{
		referral.StateSubmitted, referral.StateSupplement, referral.StateTransfer, referral.StateWaitlisted, referral.StateAccepted, referral.StateEnrolled,
	} {
		before := slices.Index(referral.States, from) < slices.Index(referral.States, referral.StateAccepted)
		for by, who := range map[string]func(*referral.Referral) actor.Actor{
			"the sender": func(*referral.Referral) actor.Actor { return referraltest.Officer },
			"the person": func(r *referral.Referral) actor.Actor { return referraltest.Person(r.Participant) },
		} {
			w := referraltest.New(t)
			w.Run(t)
			r := leading(t, w, from)
			v, err := w.Service.Withdraw(referraltest.As(who(r)), r.ID, r.Version(), "person", "")
			if from == referral.StateEnrolled {
				wants(t, "one who is enrolled, by "+by, err, referral.ErrWrongState)
			} else if err != nil || v.Referral.Status().State != referral.StateWithdrawn {
				t.Errorf("from %s by %s: %v", from, by, err)
			}
		}
		w := referraltest.New(t)
		w.Run(t)
		r := leading(t, w, from)
		_, err := w.Service.MarkInError(referraltest.As(referraltest.Officer), r.ID, r.Version(), "Påhittat: fel person.")
		var want *fault.Error
		if !before {
			want = referral.ErrWrongState
		}
		wants(t, "entered in error, from "+string(from), err, want)
	}
}
