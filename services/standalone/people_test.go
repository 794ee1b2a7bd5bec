package standalone_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/civil"
)

func TestTheDemosPeopleAreInEveryStateTheyCanBeInOnTheirFirstDay(t *testing.T) {
	o := open(t, newData(t))
	began := time.Now()
	if err := o.issuer.Fill(t.Context(), o.door, string(civil.DateOf(time.Now()))); err != nil {
		t.Fatal(err)
	}
	t.Logf("filled in %s", time.Since(began))
	want := map[string]int{
		"submitted": 6, "supplement_requested": 2, "waitlisted": 2, "transfer_requested": 1, "rejected": 2, "withdrawn": 1,
		"entered_in_error": 1, "enrolled": 5, "closed": 2,
	}
	got := map[string]int{}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end) && !maps.Equal(got, want); time.Sleep(50 * time.Millisecond) {
		clear(got)
		for _, r := range o.list(receiver, "/referrals?limit=200") {
			got[r["state"].(string)]++
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	started := 0
	for _, e := range o.list(coach1, "/enrolments?limit=200") {
		if e["state"] == "active" {
			started++
		}
	}
	if started != 3 {
		t.Errorf("%d have started", started)
	}
	if w := o.send(receiver, http.MethodGet, "/tasks", ""); w.Code != http.StatusOK {
		t.Error(w.Code, w.Body)
	}
}
