package participant

import (
	"slices"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/personnummer"
)

// What may be wrong with a day.
var (
	ErrFuture = fault.New(fault.Unprocessable, "date-in-future",
		"Dagen ligger i framtiden. Ange dagen då det hände.", "The day lies in the future. Give the day on which it happened.")
	ErrTooEarly = fault.New(fault.Unprocessable, "date-too-early",
		"Dagen ligger före det som måste ha hänt dessförinnan.", "The day lies before what must have happened first.")
)

// happened wants a day on which something can have happened: not after today
// and not before earliest.
func happened(d, earliest, today civil.Date, pointer string) error {
	switch {
	case d > today:
		return ErrFuture.AtField(pointer)
	case d < earliest:
		return ErrTooEarly.AtField(pointer)
	}
	return nil
}

// noNumber wants codes without a personal identity number in them: codes are
// kept and shown in clear.
func noNumber(pointer string, codes ...string) error {
	if slices.ContainsFunc(codes, personnummer.Contains) {
		return personnummer.ErrNumberHere.AtField(pointer)
	}
	return nil
}
