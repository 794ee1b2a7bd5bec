package standalone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/standalone/example"
)

// demonstrate loads the example association's invented register of units, as its
// own staff would, unless a register has been loaded before.
func (s *Suite) demonstrate(ctx context.Context) error {
	var units []referral.Unit
	if err := json.Unmarshal(example.Units, &units); err != nil {
		return fmt.Errorf("the example's units: %w", err)
	}
	ctx = actor.With(ctx, actor.Actor{
		Subject: "demo", Association: example.Association, Authority: "forbundet", Roles: []actor.Role{actor.AssociationAdmin},
	})
	_, _, err := s.referrals.LoadUnits(ctx, 0, units)
	if errors.Is(err, fault.ErrStale) || errors.Is(err, fault.ErrNotFound) {
		return nil // a register is there already, or the example is not served here
	}
	return err
}
