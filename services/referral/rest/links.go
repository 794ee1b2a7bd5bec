package rest

import (
	"slices"
	"strconv"

	participantapi "github.com/finsam/finsam/pkg/api/participant"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
)

// links returns what the caller can do with a referral now.
func links(v *referral.View, depth rest.Depth) api.Links {
	all := make(api.Links, len(v.Operations)+3)
	all["self"] = link(depth, "getReferral", v.Referral.ID)
	if v.Person {
		all["participant"] = participantapi.Paths.Link(depth, "getParticipant", v.Referral.Participant)
	}
	if v.Enrolment != "" {
		all["enrolment"] = participantapi.Paths.Link(depth, "getEnrolment", v.Enrolment)
	}
	all.AddActions(api.Paths, depth, v.Operations, v.Referral.ID)
	return all
}

// taskLinks returns the links of a task: the referral itself, and what ends the wait.
func taskLinks(v *referral.View) api.Links {
	depth := depthOf("listTasks")
	all := links(v, depth)
	var ending []string
	if v.Turn != nil {
		ending = referral.Waits[v.Turn.Wait].EndedBy
	}
	for _, operation := range v.Operations {
		if !slices.Contains(ending, operation) {
			delete(all, api.Paths.Name(operation))
		}
	}
	for _, operation := range ending {
		if _, ok := participantapi.Paths[operation]; !ok || v.Status.Enrolment == "" {
			continue
		}
		name, number := participantapi.Paths.Name(operation), v.Turn.Number
		if operation == "startBlock" { // the wait is about the block before
			name, number = "blockStart", number+1
		}
		all[name] = participantapi.Paths.Link(depth, operation, v.Status.Enrolment, strconv.Itoa(number))
	}
	return all
}
