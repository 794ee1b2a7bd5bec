package activity

import (
	"testing"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/readmetest"
)

func TestREADMEHasTheTablesOfTheCode(t *testing.T) {
	readmetest.Check(t, map[string]string{
		"booking":      bookingTable.Drawing(bookingStates),
		"cancellation": cancellationTable.Drawing(cancellationStates),
		"address":      addressTable.Drawing(addressStates),
		"access":       readmetest.Rights(api.Spec),
	})
}
