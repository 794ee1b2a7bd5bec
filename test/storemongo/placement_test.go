package storemongo

import (
	"testing"

	"github.com/finsam/finsam/services/activity/placement/placementtest"
	"github.com/finsam/finsam/test/mongowire"
)

// TestAnAreaNeverTakesMoreThanItHas offers places from four replicas at once.
func TestAnAreaNeverTakesMoreThanItHas(t *testing.T) {
	uri := mongowire.Start(t).URI
	placementtest.Run(t, newEngine(t, connect(t, uri), uri))
}
