package program_test

import (
	"testing"

	"github.com/finsam/finsam/pkg/launch/launchtest"
	"github.com/finsam/finsam/services/participant/program"
)

func TestTheProgramServesUntilItIsStopped(t *testing.T) {
	launchtest.Serves(t, program.Run, "/participants/00000000-0000-4000-8000-000000000000")
}

func TestAWrongValueStopsTheStartAndNamesTheVariable(t *testing.T) {
	launchtest.RefusesEach(t, program.Run, map[string]string{
		"FINSAM_STORE": "", "FINSAM_REFERRAL_URL": "", "FINSAM_KEYS_DIR": "", "FINSAM_ACTIVITY_URL": "", "FINSAM_ADDR": "8080",
	})
}
