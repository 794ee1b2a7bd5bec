package referral

import (
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/association"
)

func TestARoundThatIsCutShortIsWhereTheNextOneGoesOn(t *testing.T) {
	all := []*association.Association{{ID: "a"}, {ID: "b"}, {ID: "c"}}
	var r rotation
	round := func(most int) (visited []string) {
		for in := range r.from(all) {
			if visited = append(visited, in.ID); len(visited) == most {
				break
			}
		}
		return visited
	}
	for n, want := range [][]string{{"a"}, {"b", "c"}, {"a", "b", "c"}, {"a"}} {
		if got := round(len(want)); !slices.Equal(got, want) {
			t.Errorf("round %d: want %v, got %v", n+1, want, got)
		}
	}
	all = all[:1] // the next one is configured no more
	if got := round(3); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %v", got)
	}
	for range r.from(nil) {
		t.Error("there is none")
	}
}
