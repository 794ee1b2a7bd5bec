package rest

import (
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral"
)

// duplicates writes the other referrals about the same person; nil for a caller
// to whom none are shown.
func duplicates(v *referral.View, from depth) *[]api.ReferralDuplicate {
	if v.Duplicates == nil {
		return nil
	}
	all := make([]api.ReferralDuplicate, 0, len(v.Duplicates))
	for _, d := range v.Duplicates {
		b := api.ReferralDuplicate{Municipality: d.Municipality}
		if d.ID != "" {
			received := d.ReceivedAt
			b.Id, b.State, b.ReceivedAt = &d.ID, optional[api.ReferralState](string(d.State)), &received
			links := api.Links{"self": {Href: string(from) + "referrals/" + d.ID}}
			if d.Enrolment != "" {
				links["enrolment"] = api.Link{Href: string(from) + "enrolments/" + d.Enrolment}
			}
			if d.Participant != "" {
				links["participant"] = api.Link{Href: string(from) + "participants/" + d.Participant}
			}
			b.UnderscoreLinks = &links
		}
		all = append(all, b)
	}
	return &all
}

func duplicateCount(v *referral.View) *int {
	if v.Duplicates == nil {
		return nil
	}
	n := len(v.Duplicates)
	return &n
}
