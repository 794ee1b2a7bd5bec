//go:build cluster

package e2e

import (
	"os"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// The suite runs already, on a cluster or elsewhere.
func TestFromAPostedReferralToTheReferrersOutcomeWhereverItRuns(t *testing.T) {
	fromReferralToOutcome(t, suite.At(t, suite.Place{
		Base: os.Getenv("FINSAM_TEST_BASE"), Data: os.Getenv("FINSAM_TEST_DATA"),
		Address: os.Getenv("FINSAM_TEST_ADDRESS"), CA: os.Getenv("FINSAM_TEST_CA"),
	}))
}
