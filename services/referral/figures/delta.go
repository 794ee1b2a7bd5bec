package figures

import (
	"slices"
	"strconv"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/services/referral"
)

// DeltasOf returns what step n of a referral counts for. A correction counts for what its
// story counts for, less what the story before it did, each in the months of its steps.
func DeltasOf(r *referral.Referral, n int64) (all []Delta) {
	story := r.AsOf(n)
	story.Steps = story.Story()
	if r.Steps[n-1].Kind != referral.Corrected {
		return []Delta{DeltaOf(story, int64(len(story.Steps)))}
	}
	before := r.AsOf(n - 1)
	before.Steps = before.Story()
	for i := range before.Steps {
		d := DeltaOf(before, int64(i+1))
		d.Less = true
		all = append(all, d)
	}
	for i := range story.Steps {
		all = append(all, DeltaOf(story, int64(i+1)))
	}
	return all
}

// DeltaOf returns what step n of a referral, which is its own story, counts for. The person
// of one that has joined an enrolment is counted by the referral that led to it: accepted,
// on the way and closed.
func DeltaOf(r *referral.Referral, n int64) Delta {
	step, then := &r.Steps[n-1], r.AsOf(n).Status()
	d := Delta{Month: step.At.In(civil.Zone).Format("2006-01")}
	cell := func(of *referral.Status, measure, detail string) Cell {
		return Cell{Measure: measure, Detail: detail, Source: string(r.Source), Gender: r.Gender, Municipality: of.Municipality}
	}
	up := func(measure, detail string) { d.Up = append(d.Up, cell(then, measure, detail)) }
	switch step.Kind {
	case referral.Submitted:
		up(Received, "")
	case referral.Accepted:
		if !then.IsJoined() {
			up(Accepted, "")
		}
	case referral.Rejected:
		up(Rejected, step.Code)
	case referral.Withdrawn:
		up(Withdrawn, "")
	case referral.MarkedInError:
		up(EnteredInError, "")
	case referral.Closed:
		if !then.IsJoined() {
			up(Closed, step.Code)
		}
	}
	span := func(name, detail, municipality string, since, until civil.Date) {
		d.Spans = append(d.Spans, Span{Step: name, Detail: detail, Municipality: municipality, Days: max(0, since.DaysUntil(until))})
	}
	if n > 1 {
		before := r.AsOf(n - 1).Status()
		was, is := before.State == referral.StateWaitlisted, then.State == referral.StateWaitlisted
		if is && !was {
			up(Waiting, "")
		}
		if was && !is {
			d.Down = append(d.Down, cell(before, Waiting, ""))
		}
		if t, ok := before.Turn(); ok {
			if next, still := then.Turn(); !still || next.Began != t.Began {
				span(OfTurn, string(t.Party), before.Municipality, civil.DateOf(t.Since), civil.DateOf(step.At))
			}
		}
	}
	earlier, here := r.Steps[:n-1], then.Municipality
	decides := func(s referral.Step) bool {
		return s.Kind == referral.Waitlisted || s.Kind == referral.Accepted || s.Kind == referral.Rejected
	}
	if decides(*step) && !slices.ContainsFunc(earlier, decides) {
		span(ToDecision, "", here, civil.DateOf(r.ReceivedAt()), civil.DateOf(step.At))
	}
	if step.Progress == nil || then.IsJoined() {
		return d
	}
	started := latestProgress(earlier, "started", anyBlock)
	switch {
	case step.Kind == referral.Closed:
		if started != nil {
			span(ToClose, "", here, started.Day(), step.Day())
		}
	case step.Kind == referral.ProgressReported && step.Progress.Kind == "started" && started == nil:
		if then.Accepted != nil {
			span(ToStart, "", here, civil.DateOf(then.Accepted.At), step.Day())
		}
	case step.Kind == referral.ProgressReported && step.Progress.Kind == "answered":
		if started != nil {
			span(ToCheckIn, strconv.Itoa(step.Progress.Block), here, started.Day(), step.Day())
		}
		if due := latestProgress(earlier, "check_in_due", step.Progress.Block); due != nil {
			span(ToCheckInAnswer, "", here, due.Day(), step.Day())
		}
	}
	return d
}

const anyBlock = -1

// latestProgress returns the latest step of the enrolment of a kind, of a block unless
// that is anyBlock; nil: none.
func latestProgress(steps []referral.Step, kind string, block int) *referral.Step {
	for i := len(steps) - 1; i >= 0; i-- {
		if s := &steps[i]; s.Kind == referral.ProgressReported && s.Progress.Kind == kind && (block == anyBlock || s.Progress.Block == block) {
			return s
		}
	}
	return nil
}
