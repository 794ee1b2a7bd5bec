package referral

import (
	"testing"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/readmetest"
)

func TestREADMEHasTheTablesOfTheCode(t *testing.T) {
	readmetest.Check(t, map[string]string{
		"states": transitions.Drawing(States),
		"access": readmetest.Rights(api.Spec, "getReferral#progress", "getReferral#outcome", "getReferral#duplicates", "getReferral#text"),
	})
}
