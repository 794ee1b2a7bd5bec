package launch_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
)

// note is the document of a small service.
type note struct {
	ID string `json:"id"`
}

func notes() migration.Schema {
	return migration.Schema{
		Service: "notes", Version: 1,
		Collections: []migration.Collection{store.Schema[note]{Name: "notes", ID: func(n *note) (string, string) { return "north", n.ID }}},
	}
}

func TestAServiceBringsItsDatabaseUpOrOnlyLooks(t *testing.T) {
	dir := t.TempDir()
	if err := launch.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	environ := map[string]string{
		"FINSAM_KEYS_DIR": dir, "FINSAM_STORE": "sqlite:" + filepath.Join(dir, "n.db"), "FINSAM_LOG_LEVEL": "error",
	}
	needs := launch.Requirements{Service: "referral", Store: true, Schema: notes}
	look := maps.Clone(environ)
	look["FINSAM_MIGRATE"] = "check"
	following := needs
	following.Programme = true                                  // a service of the version before has no address of the owner
	for _, n := range []launch.Requirements{needs, following} { // looking changes nothing
		if _, err := launch.Open(t.Context(), n, look); !errors.Is(err, launch.ErrChecked) || !errors.Is(err, context.Canceled) {
			t.Fatalf("looking: %v", err)
		}
	}
	p, err := launch.Open(t.Context(), needs, environ)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	plan, err := p.Migration().Check(t.Context())
	if err != nil || plan.Database != 1 || !strings.HasSuffix(plan.String(), "nothing to do") {
		t.Errorf("after the start: %v, %v", plan, err)
	}
}

func TestAnUnknownMigrationIsRefused(t *testing.T) {
	for variable, environ := range map[string]map[string]string{
		"FINSAM_MIGRATE": {"FINSAM_MIGRATE": "later"},
	} {
		if _, err := launch.ReadConfig(environ); err == nil || !strings.HasPrefix(err.Error(), variable+": ") {
			t.Errorf("%s: %v", variable, err)
		}
	}
}
