package referral

import (
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
)

// sends is who sent the samples.
var sends = actor.Actor{Association: "insjoriket", Authority: "fk", AuthorityKind: actor.SocialInsurance, Roles: []actor.Role{actor.Integration}}

// course is a referral's whole way, and the end of the consent behind it.
func wholeCourse() []Step {
	all := enrolled(ProgressStep{Kind: "started", Block: 1}, ProgressStep{Kind: "check_in_due", Block: 1})
	return append(all, Step{Kind: Closed, Code: "completed", Progress: &ProgressStep{Kind: "closed", Enrolment: "e"}})
}

func TestTheSenderSeesTheReferralAsTheLastStepThatItIsShownLeftIt(t *testing.T) {
	course, startIsLate := wholeCourse(), Step{Kind: Overdue, Turn: &Turn{Wait: WaitStart, Party: PartyCoach}}
	gone := Step{Kind: ConsentWithdrawn}
	with := func(steps []Step, more ...Step) []Step { return append(append([]Step(nil), steps...), more...) }
	for _, c := range []struct {
		sentence   string
		categories []string // that the consent covers; nil: all
		steps      []Step
		state      State
		at         int64 // number of the step that is the last change
		version    int64
	}{
		{"before there is a course all is shown", []string{"identity"}, of(Submitted, SupplementRequested), StateSupplement, 2, 2},
		{"the municipality's answer is not of the course", []string{"identity"}, of(Submitted, Accepted), StateAccepted, 2, 2},
		{"a rejection neither", []string{"identity"}, of(Submitted, Rejected), StateRejected, 2, 2},
		{"that the person is enrolled is of the course", []string{"identity"}, course[:3], StateAccepted, 2, 2},
		{"and all that follows", []string{"identity"}, course, StateAccepted, 2, 2},
		{"with consent all is shown", nil, course, StateClosed, 6, 6},
		{"the course without the outcome shows that it ended", []string{"progress"}, course, StateClosed, 6, 6},
		{"the outcome alone shows when there is one", []string{"outcome"}, course, StateClosed, 6, 3},
		{"and nothing before", []string{"outcome"}, course[:5], StateAccepted, 2, 2},
		{"a start that is late is of the course", []string{"identity"}, with(of(Submitted, Accepted), startIsLate), StateAccepted, 2, 2},
		{"and is shown with consent", nil, with(of(Submitted, Accepted), startIsLate), StateAccepted, 3, 3},
		{"the end of a consent hides the course and is shown itself", nil, with(course[:4], gone), StateAccepted, 5, 5},
		{"what comes behind it is hidden", nil, with(course[:4], gone, course[4], course[5]), StateAccepted, 5, 5},
		{"what was never shown is not counted", []string{"identity"}, with(course, gone), StateAccepted, 7, 3},
		{"protection is counted for all, as it changes what they see", []string{"identity"}, with(course, Step{Kind: Protected}), StateAccepted, 7, 3},
		{"also behind the consent", nil, with(course[:3], gone, course[3], Step{Kind: Protected}), StateAccepted, 6, 5},
		{"an end before the course leaves no trace of it", nil, with(of(Submitted, Accepted), gone, course[2], course[5]), StateAccepted, 3, 3},
	} {
		r := happened(c.steps...)
		r.Consent.Categories = c.categories
		v := r.Status().Outline(sends, noon)
		if v.State != c.state || !v.ChangedAt.Equal(r.Steps[c.at-1].At) || r.Status().VisibleVersion(r.Status().VisibilityFor(sends)) != c.version {
			t.Errorf("%s: %s, changed %s, version %d", c.sentence, v.State, v.ChangedAt, r.Status().VisibleVersion(r.Status().VisibilityFor(sends)))
		}
		if state, _ := r.Status().Visible(r.Status().SenderVisibility()); state != c.state {
			t.Errorf("%s: found as %v", c.sentence, state)
		}
		own := actor.Actor{Association: "insjoriket", Authority: "molndal", Municipality: "1481", Roles: []actor.Role{actor.Intake}}
		if v := r.Status().Outline(own, noon); v.State != r.Status().State || r.Status().VisibleVersion(r.Status().VisibilityFor(own)) != r.Version() {
			t.Errorf("%s: the municipality itself sees %s at %d", c.sentence, v.State, r.Status().VisibleVersion(r.Status().VisibilityFor(own)))
		}
	}
}

// Whatever becomes of a referral, what the sender sees never changes without
// another version, nor comes to one that it has had.
func TestAVersionOfWhatTheSenderSeesNeverComesTwice(t *testing.T) {
	for _, categories := range [][]string{nil, {"identity"}, {"progress"}, {"outcome"}} {
		for gone := 2; gone <= 7; gone++ {
			steps := append([]Step(nil), wholeCourse()...)
			steps = append(steps[:gone-1:gone-1], append([]Step{{Kind: ConsentWithdrawn}}, steps[gone-1:]...)...)
			last, seen := int64(0), ""
			for n := 1; n <= len(steps); n++ {
				r := happened(steps[:n]...)
				r.Consent.Categories = categories
				to := r.Status().VisibilityFor(sends)
				now := ""
				for _, s := range r.Steps {
					if !s.IsHidden(to) {
						now += string(s.Kind) + " "
					}
				}
				switch version := r.Status().VisibleVersion(r.Status().VisibilityFor(sends)); {
				case version < last, version == last && now != seen, version > last && now == seen:
					t.Errorf("%v without consent from %d on, step %d: version %d behind %d, sees %q behind %q", categories, gone, n, version, last, now, seen)
				default:
					last, seen = version, now
				}
			}
		}
	}
}

func TestNoRefusalRevealsWhetherTheProgressHasBegun(t *testing.T) {
	for _, operation := range []string{"sendSupplement", "amendReferral", "addAttachment", "removeAttachment", "withdrawReferral", "markReferralInError"} {
		first := error(nil)
		for n := 2; n <= 6; n++ {
			r := happened(wholeCourse()[:n]...)
			r.Consent.Categories = []string{"identity"}
			status := r.Status()
			to := status.VisibilityFor(sends)
			err := status.Refuse(operation, to)
			if first == nil {
				first = err
			}
			if err == nil || fault.Of(err).Text != fault.Of(first).Text || len(status.Outline(sends, time.Now()).Operations) > 0 {
				t.Errorf("%s at step %d: %v, at the first %v", operation, n, err, first)
			}
		}
	}
	refuse := func(r *Referral) error { return r.Status().Refuse("withdrawReferral", r.Status().VisibilityFor(sends)) }
	with := happened(of(Submitted, Accepted)...)
	if err := refuse(with); err != nil {
		t.Errorf("with consent: %v", err)
	}
	if err := refuse(happened(wholeCourse()...)); fault.Of(err).Text != fault.Of(stateFault(StateClosed)).Text {
		t.Errorf("with consent, of one that is closed: %v", err)
	}
}
