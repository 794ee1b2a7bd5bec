package referral

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
)

// walks calls each with every sequence of steps of some kinds that the domain allows, up
// to a length.
func walks(kinds []StepKind, length int, each func([]StepKind)) {
	var walk func([]StepKind, State)
	walk = func(taken []StepKind, state State) {
		each(taken)
		if len(taken) == length {
			return
		}
		for _, k := range kinds {
			if next, ok := leads[state][k]; ok {
				walk(append(slices.Clone(taken), k), next)
			}
		}
	}
	walk([]StepKind{Submitted}, StateSubmitted)
}

// TestACorrectedStoryIsThatOfAReferralWithoutTheMistake compares each correction of each
// walk with the domain's table of states: what follows without the mistaken step, and
// which later step prevents it.
func TestACorrectedStoryIsThatOfAReferralWithoutTheMistake(t *testing.T) {
	kinds := []StepKind{SupplementRequested, Supplemented, Assigned, TransferRequested, TransferAccepted, Waitlisted, MovedUp, Accepted, Rejected, Withdrawn, Enrolled, ProgressReported, Closed}
	intake := history.Author{Subject: "intake-7", Authority: "molndal"}
	corrected, refused := 0, 0
	walks(kinds, 6, func(walk []StepKind) {
		for i, k := range walk {
			if k != Accepted && k != Rejected && k != Waitlisted {
				continue
			}
			r := after(walk...)
			for j := range r.Steps {
				r.Steps[j].By, r.Steps[j].Authority = intake.Subject, intake.Authority
			}
			state, prevents := noState, StepKind("")
			for j, k := range walk {
				next, ok := leads[state][k]
				switch {
				case j == i:
				case ok:
					state = next
				case k == MovedUp || k == Enrolled: // a service's, which goes with what it follows
				default:
					prevents = k
				}
				if prevents != "" {
					break
				}
			}
			err := r.Correct(intake, noon, false, Correction{Step: int64(i + 1), Reason: []byte("x")})
			name := fmt.Sprintf("%v without step %d", walk, i+1)
			switch {
			case prevents != "":
				refused++
				if !errors.Is(err, history.ErrLaterStep) || len(r.Steps) != len(walk) {
					t.Fatalf("%s: %s prevents it, got %v", name, prevents, err)
				}
			case err != nil || r.Status().State != state || len(r.Steps) != len(walk)+1:
				t.Fatalf("%s: want %s, got %s, %v", name, state, r.Status().State, err)
			default:
				corrected++
				if again := (&Referral{WishedMunicipality: r.WishedMunicipality, Steps: r.Story()}).Status(); again.State != state {
					t.Fatalf("%s: the story of the story is %s", name, again.State)
				}
			}
		}
	})
	if corrected < 1000 || refused < 30 {
		t.Errorf("%d corrected and %d refused prove little", corrected, refused)
	}
}

func TestWhoDecidedCorrectsForATimeAndThenTheHead(t *testing.T) {
	mine := history.Author{Subject: "intake-7", Authority: "molndal"}
	for _, c := range []struct {
		sentence string
		by       history.Author
		manages  bool
		days     int
		want     error
	}{
		{"who took it, at once", mine, false, 0, nil},
		{"on the last day", mine, false, 14, nil},
		{"the day after", mine, false, 15, history.ErrOthersStep},
		{"a colleague", history.Author{Subject: "intake-8", Authority: "molndal"}, false, 0, history.ErrOthersStep},
		{"the same subject elsewhere", history.Author{Subject: "intake-7", Authority: "partille"}, false, 0, history.ErrOthersStep},
		{"the head, a year later", history.Author{Subject: "chef-1", Authority: "molndal"}, true, 365, nil},
		{"another authority's head", history.Author{Subject: "chef-1", Authority: "partille"}, true, 0, history.ErrOthersStep},
	} {
		r := after(Submitted)
		r.Steps = history.Append(r.Steps, Step{Kind: Rejected, Code: "other"}, mine, noon)
		err := r.Correct(c.by, noon.AddDate(0, 0, c.days), c.manages, Correction{Step: 2, Reason: []byte("x")})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.sentence, err)
		}
	}
}

func TestTheRefusalNamesTheLaterStep(t *testing.T) {
	r := after(Submitted, Waitlisted, Accepted, Enrolled, ProgressReported)
	err := r.correct(history.Author{}, noon, Step{Kind: Corrected, Code: string(Accepted), Correction: &history.Correction[Step]{Of: 3}})
	if err == nil || !strings.Contains(fmt.Sprint(fault.Of(err).Text), "step 5 (Step of the enrolment, "+noon.Format(time.DateOnly)+")") {
		t.Errorf("got %v", fault.Of(err).Text)
	}
}

// TestAStartThatCrossedACorrectionHolds is: a person who has begun is in the initiative,
// whatever was corrected on the way.
func TestAStartThatCrossedACorrectionHolds(t *testing.T) {
	r := after(Submitted, Accepted, Enrolled)
	r.Steps[2].Cause = "e/1"
	if err := r.correct(history.Author{}, noon, Step{Kind: Corrected, Code: string(Accepted), Correction: &history.Correction[Step]{Of: 2}}); err != nil || r.Status().State != StateSubmitted {
		t.Fatal(err, r.Status().State)
	}
	started := Step{Kind: ProgressReported, Progress: &ProgressStep{Kind: "started"}, Entry: history.Entry{Cause: "e/2"}}
	if taken, err := r.Follow(history.System("participant"), noon, started); !taken || err != nil || r.Status().State != StateEnrolled {
		t.Errorf("%t, %v, %s", taken, err, r.Status().State)
	}
}
