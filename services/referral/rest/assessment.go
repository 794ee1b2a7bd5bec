package rest

import (
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral"
)

func targetGroupMet(r *referral.Referral) *api.TargetGroupMet {
	if r.TargetGroupMet == "" {
		return nil
	}
	return &api.TargetGroupMet{Met: api.ReferralVerdict(r.TargetGroupMet)}
}

// targetGroupTest writes a test of the target group, rule by rule.
func targetGroupTest(a *referral.Assessment) *api.TargetGroupTest {
	if a == nil {
		return nil
	}
	b := &api.TargetGroupTest{Initiative: a.Initiative, Version: a.Version, TestedOn: string(a.On), Met: api.ReferralVerdict(a.Met)}
	for _, r := range a.Rules {
		text := r.Sentence()
		b.Rules = append(b.Rules, api.TargetGroupRule{
			Id: r.ID, Met: api.ReferralVerdict(r.Met), Sentence: api.TwoLanguages{Sv: text.SV, En: text.EN},
			Input: append([]string{}, r.Seen...),
		})
	}
	return b
}

// rightTime writes the checklist with the sender's answers.
func rightTime(a *referral.Assessment) *api.RightTime {
	if a == nil || len(a.Checklist) == 0 {
		return nil
	}
	b := &api.RightTime{Initiative: a.Initiative, Version: a.Version, Met: api.ReferralVerdict(a.Timely)}
	for _, q := range a.Checklist {
		b.Items = append(b.Items, api.RightTimeItem{
			Item: q.ID, Answer: api.RightTimeAnswer(q.Answer), Question: api.TwoLanguages{Sv: q.SV, En: q.EN},
		})
	}
	return b
}
