package rest

import (
	"slices"
	"strconv"

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

// enrolmentActions are the operations of the participant service that end a wait. n is
// the number of the check-in, or of the block before.
var enrolmentActions = map[string]struct {
	link string
	path func(n int) string
}{
	"startEnrolment":          {"start", func(int) string { return "start" }},
	"answerCheckIn":           {"answer", func(n int) string { return "check-ins/" + strconv.Itoa(n) + "/answer" }},
	"decideCheckIn":           {"decision", func(n int) string { return "check-ins/" + strconv.Itoa(n) + "/decision" }},
	"startBlock":              {"blockStart", func(n int) string { return "blocks/" + strconv.Itoa(n+1) + "/start" }},
	"holdClosingConversation": {"closingConversation", func(int) string { return "closing-conversation" }},
	"closeEnrolment":          {"closingDocumentation", func(int) string { return "closing-documentation" }},
}

// links returns what the caller can do with a referral now.
func links(v *referral.View, from depth) api.Links {
	self := string(from) + "referrals/" + v.Referral.ID
	all := api.Links{"self": {Href: self}}
	if v.Person {
		all["participant"] = api.Link{Href: string(from) + "participants/" + v.Referral.Participant}
	}
	if v.Enrolment != "" {
		all["enrolment"] = api.Link{Href: string(from) + "enrolments/" + v.Enrolment}
	}
	for _, operation := range v.Operations {
		a := actions[operation]
		all[a.link] = api.Link{Href: self + "/" + a.path}
	}
	return all
}

// taskLinks returns the links of a task: the referral itself, and what ends the wait.
func taskLinks(v *referral.View) api.Links {
	all := links(v, fromList)
	var ending []string
	if v.Turn != nil {
		ending = v.Turn.Wait.EndedBy()
	}
	for _, operation := range v.Operations {
		if !slices.Contains(ending, operation) {
			delete(all, actions[operation].link)
		}
	}
	for _, operation := range ending {
		if a, ok := enrolmentActions[operation]; ok && v.Status.Enrolment != "" {
			all[a.link] = api.Link{Href: "enrolments/" + v.Status.Enrolment + "/" + a.path(v.Turn.Number)}
		}
	}
	return all
}
