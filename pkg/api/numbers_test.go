package api_test

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/contract"
)

// opaque are the parameters whose values an earlier answer had: they are made at random or
// hold positions, and one of many looks like a number by chance.
var opaque = []string{"after", "cursor", "token"}

func TestNoAddressTakesAPersonalNumber(t *testing.T) {
	numbers := []string{"198001012387", "19800101-2387", "8001012387", "SE198001012387", "FK-191500882392", "１９８００１０１２３８７", "19800101-T238"}
	asked := 0
	for _, compiled := range [][]byte{activity.Contract, participant.Contract, referral.Contract} {
		read, err := contract.Read(compiled)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range read.Operations {
			op.Body, op.Form = nil, false // the address alone
			for _, p := range op.Parameters {
				if p.In == "header" || slices.Contains(opaque, p.Name) {
					continue
				}
				asked++
				for _, number := range numbers {
					for _, value := range []string{number, "a," + number} {
						if p.In == "path" && value != number {
							continue
						}
						query, inPath := url.Values{}, "1"
						if p.In == "query" {
							query.Set(p.Name, value)
						} else {
							inPath = value
						}
						r := httptest.NewRequest(op.Method, "/?"+query.Encode(), nil)
						_, err := op.Check(httptest.NewRecorder(), r, func(name string) string {
							if name == p.Name {
								return inPath
							}
							return "1"
						})
						var f *fault.Error
						if !errors.As(err, &f) || f.Status != fault.Invalid {
							t.Fatalf("%s takes %s as %s: %v", op.ID, value, p.Name, err)
						}
						i := slices.IndexFunc(f.Fields, func(f fault.Field) bool { return f.Pointer == p.Name })
						if i < 0 || strings.Contains(f.Fields[i].Text.SV+f.Fields[i].Text.EN, number) {
							t.Errorf("%s, %s as %s: %v", op.ID, value, p.Name, f.Fields)
						}
					}
				}
			}
		}
	}
	if asked < 150 {
		t.Errorf("%d parameters were asked", asked)
	}
}
