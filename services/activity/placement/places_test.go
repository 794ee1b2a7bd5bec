package placement_test

import (
	"testing"

	"github.com/finsam/finsam/services/activity/placement/placementtest"
)

// TestAnAreaNeverTakesMoreThanItHas is on SQLite; test/storemongo has it on MongoDB's wire.
func TestAnAreaNeverTakesMoreThanItHas(t *testing.T) { placementtest.Run(t, nil) }
