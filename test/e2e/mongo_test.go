package e2e

import (
	"testing"

	"github.com/finsam/finsam/test/mongowire"
	"github.com/finsam/finsam/test/suite"
)

// The services as operations run them: each its own database on one MongoDB
// server, the gateway's cache and limits on Redis.
func TestFromAPostedReferralToTheReferrersOutcomeOverMongoDBAndRedis(t *testing.T) {
	env := append(startRedis(t).env(), "FINSAM_STORE="+mongowire.Start(t).URI)
	fromReferralToOutcome(t, suite.FourProcesses(t, env...))
}
