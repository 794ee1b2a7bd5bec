package e2e

import (
	"math/rand/v2"

	"github.com/finsam/finsam/pkg/persontest"
)

// unlimited lets the tests call as often as they like; the limits have a test of
// their own.
var unlimited = []string{"FINSAM_RATE_PER_SECOND=0", "FINSAM_UNAUTHENTICATED_PER_SECOND=0"}

// limited returns each authority ten calls at once and then ten a second.
var limited = []string{"FINSAM_RATE_PER_SECOND=10", "FINSAM_RATE_BURST=10"}

// adult is the number of an invented person of forty.
var adult = persontest.NumberAged(rand.New(rand.NewPCG(40, 40)), day(0), 40, false)
