package api_test

import (
	"maps"
	"testing"

	"github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web/contract"
)

func TestThePathsAreThoseOfTheContract(t *testing.T) {
	for name, c := range map[string]struct {
		spec  []byte
		paths rest.Paths
	}{
		"activity":    {activity.Spec, activity.Paths},
		"participant": {participant.Spec, participant.Paths},
		"referral":    {referral.Spec, referral.Paths},
	} {
		operations, err := contract.Operations(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		want := rest.Paths{}
		for _, o := range operations {
			want[o.ID] = o.Path
		}
		if !maps.Equal(c.paths, want) {
			t.Errorf("%s: run make generate:\n%v\n%v", name, c.paths, want)
		}
	}
}
