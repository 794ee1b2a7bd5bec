package balance

import "github.com/finsam/finsam/pkg/fault"

// The refusals of this room.
var (
	ErrKind = fault.New(fault.Unprocessable, "unknown-load-kind",
		"Slaget finns inte. Ange physical, social, cognitive, digital eller travel.", "There is no such kind. Give physical, social, cognitive, digital or travel.")
	ErrLimits = fault.New(fault.Unprocessable, "load-limits-contradict",
		"Veckan ska ha mer av slaget än vad sju dagar rymmer. Sänk least eller höj most.", "The week is to have more of the kind than seven days hold. Lower least or raise most.")
	ErrFull = fault.New(fault.Conflict, "load-limits-full",
		"Det som deltagaren orkar har ändrats för många gånger.", "What the participant manages has been changed too many times.")
)
