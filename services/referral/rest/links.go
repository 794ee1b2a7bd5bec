package rest

import (
	"net/url"
	"slices"
	"strconv"

	participantapi "github.com/finsam/finsam/pkg/api/participant"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/services/referral"
)

// links returns the links to a referral, to what belongs to it, and to operations on it.
func (h handlers) links(v *referral.View, operations []string) api.Links {
	all := make(api.Links, 0, len(operations)+3)
	all = append(all, h.paths.Link("self", "getReferral", v.Referral.ID))
	if v.Person {
		all = append(all, h.paths.Link("participant", "getParticipant", v.Referral.Participant))
	}
	if v.Enrolment != "" {
		all = append(all, h.paths.Link("enrolment", "getEnrolment", v.Enrolment))
	}
	if wished := v.Referral.WishedInitiative; wished != "" && v.Grounds.Allows("getCapacity") {
		all = append(all, h.paths.Link("capacity", "getCapacity").With(url.Values{"initiative": {wished}, "municipality": {v.Status.Municipality}}))
	}
	return h.paths.AppendActions(all, operations, v.Referral.ID)
}

// taskLinks returns the links of a task: the referral itself, and what ends the wait.
func (h handlers) taskLinks(v *referral.View) api.Links {
	if v.Turn == nil {
		return h.links(v, nil)
	}
	ending := referral.Waits[v.Turn.Wait].EndedBy
	isOther := func(operation string) bool { return !slices.Contains(ending, operation) }
	all := h.links(v, slices.DeleteFunc(slices.Clone(v.Operations), isOther))
	for _, operation := range ending {
		if _, ok := participantapi.Paths[operation]; !ok || v.Status.Enrolment == "" {
			continue
		}
		name, number := participantapi.Paths.Name(operation), v.Turn.Number
		if operation == "startBlock" { // the wait is about the block before
			name, number = "blockStart", number+1
		}
		all = append(all, h.paths.Link(name, operation, v.Status.Enrolment, strconv.Itoa(number)))
	}
	return all
}
