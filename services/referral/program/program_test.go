package program_test

import (
	"testing"

	"github.com/finsam/finsam/pkg/launch/launchtest"
	"github.com/finsam/finsam/services/referral/program"
)

func TestTheProgramServesUntilItIsStopped(t *testing.T) {
	launchtest.Serves(t, program.Run, "/referrals")
}

func TestAWrongValueStopsTheStartAndNamesTheVariable(t *testing.T) {
	launchtest.RefusesEach(t, program.Run, map[string]string{
		"FINSAM_STORE": "", "FINSAM_PARTICIPANT_URL": "participant", "FINSAM_KEYS_DIR": "/nowhere", "FINSAM_ACTIVITY_URL": "", "FINSAM_ADDR": "8080", "FINSAM_BLOBS": "s3://bucket", "FINSAM_WEBHOOK_ALLOW": "10.0.0.1", "FINSAM_WEBHOOK_PROXY": "proxy:3128",
	})
}
