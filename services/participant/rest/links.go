package rest

import (
	"net/url"
	"strconv"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/services/participant"
)

// depth is how far below the base path a request's own path lies. Links are
// relative to it, so that they are right behind any proxy or prefix.
type depth string

// The depths of this service's operations, as the way back to the base path.
const (
	fromList depth = ""             // /enrolments
	fromItem depth = "../"          // /enrolments/{id}
	fromAct  depth = "../../"       // /enrolments/{id}/start
	fromPart depth = "../../../../" // /enrolments/{id}/blocks/{number}/start
)

// personLinks returns what the caller may do with a person now.
func personLinks(v *participant.PersonView, from depth) api.Links {
	self := string(from) + "participants/" + v.ID
	all := api.Links{"self": {Href: self}}
	for operation, link := range map[string]struct{ name, path string }{
		"withdrawConsent":      {"consentWithdrawals", "/consent-withdrawals"},
		"protectParticipant":   {"protection", "/protection"},
		"unprotectParticipant": {"protectionRemoval", "/protection-removal"},
	} {
		if v.May[operation] {
			all[link.name] = api.Link{Href: self + link.path}
		}
	}
	return all
}

// enrolmentLinks returns where the enrolment belongs, and what the caller may do
// with it now: what the state allows and the access table too.
func enrolmentLinks(v *participant.EnrolmentView, from depth) api.Links {
	self := string(from) + "enrolments/" + v.ID
	all := api.Links{
		"self":        {Href: self},
		"participant": {Href: string(from) + "participants/" + v.Participant},
		"referral":    {Href: string(from) + "referrals/" + v.Referral},
	}
	for _, a := range v.Progress.Actions() {
		if !v.May(a.Operation) {
			continue
		}
		number := strconv.Itoa(a.Number)
		switch a.Operation {
		case "startEnrolment":
			all["start"] = api.Link{Href: self + "/start"}
		case "startBlock":
			all["startBlock"] = api.Link{Href: self + "/blocks/" + number + "/start"}
		case "answerCheckIn":
			all["answer"] = api.Link{Href: self + "/check-ins/" + number + "/answer"}
		case "recordNonAnswer":
			all["nonAnswer"] = api.Link{Href: self + "/check-ins/" + number + "/non-answer"}
		case "decideCheckIn":
			all["decision"] = api.Link{Href: self + "/check-ins/" + number + "/decision"}
		case "resumeEnrolment":
			all["resumption"] = api.Link{Href: self + "/resumption"}
		case "holdClosingConversation":
			all["closingConversation"] = api.Link{Href: self + "/closing-conversation"}
		case "closeEnrolment":
			all["closingDocumentation"] = api.Link{Href: self + "/closing-documentation"}
		case "cancelEnrolment":
			all["cancellation"] = api.Link{Href: self + "/cancellation"}
		}
	}
	return all
}

// listLinks returns this page of the list and the next one.
func listLinks(f participant.EnrolmentFilter, next string) api.Links {
	q := url.Values{"limit": {strconv.Itoa(f.Limit)}}
	for name, text := range map[string]string{"state": f.State, "participant": f.Participant, "municipality": f.Municipality} {
		if text != "" {
			q.Set(name, text)
		}
	}
	all := api.Links{}
	if next != "" {
		q.Set("cursor", next)
		all["next"] = api.Link{Href: "enrolments?" + q.Encode()}
		q.Del("cursor")
	}
	if f.Cursor != "" {
		q.Set("cursor", f.Cursor)
	} else {
		q.Set("page", strconv.Itoa(f.Page))
	}
	all["self"] = api.Link{Href: "enrolments?" + q.Encode()}
	return all
}
