package programme

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/finsam/finsam/pkg/association"
)

// FuzzParseFile reads any text. What is a file is also one as objects, and once more when
// it has been exported.
func FuzzParseFile(f *testing.F) {
	for _, name := range []string{"insjoriket", "insjoriket-whole", "kalmar"} {
		text, err := os.ReadFile("../../services/standalone/example/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("association: &a { id: *a }"))
	f.Add([]byte("initiative: { ages: [1] }"))
	f.Add([]byte("weeks: [{ activities: [{ until: 1, changes: [{ on: x, is: { changes: [{}] } }, { off: true }] }] }]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := association.ParseFile(text)
		if err != nil {
			var p association.Problems
			if !errors.As(err, &p) || len(p) == 0 || file != nil {
				t.Fatalf("want problems with a place and no file, got %v", err)
			}
			return
		}
		if problems := file.Check(); len(problems) > 0 {
			t.Fatalf("read, and then checked: %v", problems)
		}
		wanted := Split(file)
		ids := map[string]bool{}
		for _, w := range wanted {
			if ids[w.ID] {
				t.Fatalf("two objects are called %s", w.ID)
			}
			ids[w.ID] = true
		}
		exported, err := Export(activated(wanted), today)
		if err != nil {
			t.Fatal(err)
		}
		again, err := association.ParseFile(exported)
		if err != nil {
			t.Fatalf("%v\n%s", err, exported)
		}
		again.Association.ID = file.Association.ID
		slices.SortFunc(wanted, byKindAndID)
		got := Split(again)
		slices.SortFunc(got, byKindAndID)
		since := func(w Wanted) bool { return w.Kind == Series || w.Kind == ClosedDays } // what has been long ago is not exported
		if diff := cmp.Diff(slices.DeleteFunc(wanted, since), slices.DeleteFunc(got, since), cmp.Comparer(Content.Equal)); diff != "" {
			t.Fatalf("%s\n%s", diff, exported)
		}
	})
}
