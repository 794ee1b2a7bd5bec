package figures

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/services/referral"
)

// TestACorrectionCountsAsIfTheMistakeHadNotBeen compares the months that were counted step
// by step, with a correction among them, with those of a referral without the mistake.
func TestACorrectionCountsAsIfTheMistakeHadNotBeen(t *testing.T) {
	intake := history.Author{Subject: "intake-7", Authority: "molndal"}
	at := func(month, day int) time.Time { return time.Date(2026, time.Month(month), day, 9, 0, 0, 0, time.UTC) }
	accepted := referral.Step{Kind: referral.Accepted, Acceptance: &referral.Acceptance{Initiative: "activera", Municipality: "1481", StartDate: "2026-03-02"}}
	progress := func(kind, on string) referral.Step {
		return referral.Step{Kind: referral.ProgressReported, Code: kind, Progress: &referral.ProgressStep{Kind: kind, On: on}}
	}
	for sentence, c := range map[string]struct {
		steps   []referral.Step
		mistake int // index
		with    *referral.Step
	}{
		"a rejection that was none":            {[]referral.Step{{Kind: referral.Rejected, Code: "other"}}, 0, nil},
		"a rejection for another reason":       {[]referral.Step{{Kind: referral.Rejected, Code: "other"}}, 0, &referral.Step{Kind: referral.Rejected, Code: "no_capacity"}},
		"a place on the list before an answer": {[]referral.Step{{Kind: referral.Waitlisted, Code: "high"}, accepted}, 0, nil},
		"an acceptance that was none":          {[]referral.Step{{Kind: referral.Waitlisted, Code: "high"}, accepted}, 1, nil},
		"a start on another day": {[]referral.Step{accepted, {Kind: referral.Enrolled, Progress: &referral.ProgressStep{Kind: "planned"}}, progress("started", "2026-03-02"),
			progress("check_in_due", "2026-04-13")}, 2, func() *referral.Step { s := progress("started", "2026-03-30"); return &s }()},
		"a closing that was none": {[]referral.Step{accepted, {Kind: referral.Enrolled, Progress: &referral.ProgressStep{Kind: "planned"}}, progress("started", "2026-03-02"),
			{Kind: referral.Closed, Code: "interrupted", Progress: &referral.ProgressStep{Kind: "closed", On: "2026-06-01"}}}, 3, nil},
	} {
		of := func(steps []referral.Step, days []int) *referral.Referral {
			r := &referral.Referral{WishedMunicipality: "1481", Source: "fk", Gender: "woman"}
			r.Steps = history.Append(nil, referral.Step{Kind: referral.Submitted}, intake, at(1, 5))
			for i, s := range steps {
				r.Steps = history.Append(r.Steps, s, intake, at(2+days[i], 10))
			}
			return r
		}
		days := make([]int, len(c.steps))
		for i := range days {
			days[i] = i
		}
		mistaken := of(c.steps, days)
		correction := referral.Step{Kind: referral.Corrected, Code: string(c.steps[c.mistake].Kind), Correction: &history.Correction[referral.Step]{Of: int64(c.mistake) + 2, With: c.with}}
		mistaken.Steps = history.Append(mistaken.Steps, correction, intake, at(9, 1))

		right, rightDays := append([]referral.Step{}, c.steps...), append([]int{}, days...)
		if c.with != nil {
			right[c.mistake] = *c.with
		} else {
			right = append(right[:c.mistake], right[c.mistake+1:]...)
			rightDays = append(rightDays[:c.mistake], rightDays[c.mistake+1:]...)
		}
		if got, want := counts(mistaken), counts(of(right, rightDays)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", sentence, got, want)
		}
	}
}

// counts returns what the steps of a referral come to, month by month.
func counts(r *referral.Referral) string {
	months := map[string]*Month{}
	for n := range r.Steps {
		for _, d := range DeltasOf(r, int64(n+1)) {
			if months[d.Month] == nil {
				months[d.Month] = &Month{}
			}
			months[d.Month].Apply(d)
		}
	}
	for month, m := range months {
		if len(m.Cells)+len(m.Spans) == 0 {
			delete(months, month)
		}
	}
	text, _ := json.Marshal(months)
	return string(text)
}
