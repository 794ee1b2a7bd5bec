package programme

import (
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// Finding is something that the check of a draft found.
type Finding struct {
	Object   string     // id of the object in which it is mended, such as "plan.activera.1441"
	Prevents bool       // activation; else it is only shown
	Text     fault.Text // what is found where, and what is wanted
}

// Simulate returns what an association would meet in the two years from a day on, when it is
// after instead of before: nil for no association. What is found in both prevents nothing:
// who changes one thing need not mend another first.
func Simulate(before, after *association.Association, first civil.Date) []Finding {
	return nil
}
