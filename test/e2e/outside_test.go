//go:build cluster

package e2e

import (
	"testing"

	"github.com/finsam/finsam/test/suite"
)

func TestFromAPostedReferralToTheReferrersOutcomeWhereverItRuns(t *testing.T) {
	fromReferralToOutcome(t, suite.Outside(t))
}
