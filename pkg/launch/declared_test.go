package launch_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// noting notes what is declared to the engine.
type noting struct {
	store.Engine
	declared map[string]store.Spec
}

func (n noting) Prepare(ctx context.Context, s store.Spec) error {
	n.declared[s.Name] = s
	return n.Engine.Prepare(ctx, s)
}

// TestWhatIsInNoSchemaDeclaresWhatItAlwaysDid freezes the collections that every service
// has beside those of its Schema. Nothing recomputes their keys: a change here needs code
// that migrates the existing documents.
func TestWhatIsInNoSchemaDeclaresWhatItAlwaysDid(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := noting{db.Engine("referral"), map[string]store.Spec{}}
	p := &launch.App{Service: "referral", Parts: parts.Parts{Log: slog.New(slog.DiscardHandler), Now: time.Now}}
	if err := p.UseEngine(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string]store.Spec{
		"access_log": {Name: "access_log", Keys: []string{"chain", "n"}, Indexes: []store.Index{{"chain", "n"}}},
		"events":     {Name: "events", Keys: []string{"last"}, Indexes: []store.Index{{"last"}}},
	}
	if diff := cmp.Diff(want, n.declared); diff != "" {
		t.Errorf("these collections are in no Schema, so no step would follow (docs/operations/day-two.md, Upgrade):\n%s", diff)
	}
}
