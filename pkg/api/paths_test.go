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
		contract []byte
		paths    rest.Paths
	}{
		"activity":    {activity.Contract, activity.Paths},
		"participant": {participant.Contract, participant.Paths},
		"referral":    {referral.Contract, referral.Paths},
	} {
		read, err := contract.Read(c.contract)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for _, o := range read.Operations {
			want[o.ID] = o.Path
		}
		if !maps.Equal(c.paths, rest.NewPaths(want)) {
			t.Errorf("%s: run make generate:\n%v\n%v", name, c.paths, want)
		}
	}
}
