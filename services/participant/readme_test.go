package participant

import (
	"testing"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/readmetest"
)

func TestREADMEHasTheTablesOfTheCode(t *testing.T) {
	readmetest.Check(t, map[string]string{
		"person":    personTable.Drawing(personStates),
		"enrolment": enrolmentTable.Drawing([]State{StatePlanned, StateActive, StateCheckInDue, StateDecided, StatePaused, StateClosing, StateClosed}),
		"access":    readmetest.Rights(api.Spec, "getParticipant#identity", "readIdentities#name", "readIdentities#number", "getEnrolment#text", "getEnrolment#outcome"),
	})
}
