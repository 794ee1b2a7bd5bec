package program_test

import (
	"testing"

	"github.com/finsam/finsam/pkg/launch/launchtest"
	"github.com/finsam/finsam/services/activity/program"
)

func TestTheProgramServesUntilItIsStopped(t *testing.T) {
	launchtest.Serves(t, program.Run, "/bookings")
}

func TestAWrongValueStopsTheStartAndNamesTheVariable(t *testing.T) {
	launchtest.RefusesEach(t, program.Run, map[string]string{
		"FINSAM_STORE": "", "FINSAM_PARTICIPANT_URL": "participant", "FINSAM_KEYS_DIR": "/nowhere", "FINSAM_ASSOCIATIONS_DIR": "/nowhere", "FINSAM_ADDR": "8080",
	})
}
