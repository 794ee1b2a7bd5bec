package rest

import (
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral"
)

// depth is how far below the base path a request's own path lies. Links are
// relative to it, so that they are right behind any proxy or prefix.
type depth string

// The depths of this service's operations, as the way back to the base path.
const (
	fromList depth = ""       // /referrals
	fromItem depth = "../"    // /referrals/{id}
	fromAct  depth = "../../" // /referrals/{id}/acceptance
)

// actions names the link of each operation that changes a referral, and the end
// of its path.
var actions = map[string]struct{ link, path string }{
	"acceptReferral":      {"acceptance", "acceptance"},
	"rejectReferral":      {"rejection", "rejection"},
	"waitlistReferral":    {"waitlisting", "waitlisting"},
	"requestSupplement":   {"supplementRequests", "supplement-requests"},
	"sendSupplement":      {"supplements", "supplements"},
	"withdrawReferral":    {"withdrawal", "withdrawal"},
	"markReferralInError": {"errorMarking", "error-marking"},
	"amendReferral":       {"amendments", "amendments"},
	"assignReferral":      {"assignment", "assignment"},
	"requestTransfer":     {"transferRequests", "transfer-requests"},
	"acceptTransfer":      {"transferAcceptance", "transfer-acceptance"},
	"declineTransfer":     {"transferRefusal", "transfer-refusal"},
	"cancelTransfer":      {"transferCancellation", "transfer-cancellation"},
	"addAttachment":       {"attachments", "attachments"},
}

// links returns what the caller can do with a referral now.
func links(v *referral.View, from depth) api.Links {
	self := string(from) + "referrals/" + v.Referral.ID
	all := api.Links{"self": {Href: self}}
	if v.Person {
		all["participant"] = api.Link{Href: string(from) + "participants/" + v.Referral.Participant}
	}
	if v.Progress != nil {
		all["enrolment"] = api.Link{Href: string(from) + "enrolments/" + v.Progress.Enrolment}
	}
	for _, operation := range v.Acts {
		a := actions[operation]
		all[a.link] = api.Link{Href: self + "/" + a.path}
	}
	return all
}
