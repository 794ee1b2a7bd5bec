package activity

import (
	"testing"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/readmetest"
)

func TestREADMEHasTheTablesOfTheCode(t *testing.T) {
	readmetest.Check(t, map[string]string{
		"booking":      bookingTable.Drawing(bookingStates),
		"cancellation": cancellationTable.Drawing([]CancellationState{Cancelled, Restored}),
		"address":      addressTable.Drawing([]AddressState{AddressOpened, AddressRevoked}),
		"absence":      absenceTable.Drawing([]AbsenceState{AbsenceHolds, AbsenceGone}),
		"signal":       signalTable.Drawing(signalStates),
		"access":       readmetest.Rights(api.Spec, "getBooking#text", "getPlacement#text", "getGroup#members"),
	})
}
