package storemongo

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/activity/service"
	"github.com/finsam/finsam/test/mongowire"
)

// TestAProgrammeIsLoadedOnce loads the files of two associations, with all that a file can
// say, from two replicas at once, and again: what was read back says the same.
func TestAProgrammeIsLoadedOnce(t *testing.T) {
	uri := mongowire.Start(t).URI
	w := servicetest.New(t, "activity", servicetest.Config{Engine: newEngine(t, connect(t, uri), uri)})
	files := map[string][]byte{}
	for _, name := range []string{"insjoriket-whole.yaml", "kalmar.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "services", "standalone", "example", name))
		servicetest.Must(t, err)
		files[name] = text
	}
	ctx := servicetest.As(actor.ForService("activity", ""))
	var replicas []*service.Service
	for range 2 {
		parts := w.Parts
		var err error
		parts.Associations, err = association.NewRegistry()
		servicetest.Must(t, err)
		parts.Associations.Now = w.Clock.Now
		s, err := service.New(ctx, service.Config{Parts: parts})
		servicetest.Must(t, err)
		replicas = append(replicas, s)
	}
	var loading sync.WaitGroup
	for _, s := range replicas {
		loading.Go(func() {
			if _, err := s.Programme.Load(ctx, files, false); err != nil {
				t.Error(err)
			}
		})
	}
	loading.Wait()
	if _, err := replicas[0].Programme.Load(ctx, files, false); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"insjoriket", "kalmar"} {
		all, err := replicas[1].Programme.Fetch(ctx, id, nil)
		servicetest.Must(t, err)
		writes := int64(0)
		for _, o := range all {
			if o.Association != id || o.Writes != int64(len(o.Versions)) {
				t.Errorf("%s of %s: %d writes of %d versions", o.ID, o.Association, o.Writes, len(o.Versions))
			}
			writes += o.Writes
		}
		text, err := programme.Export(all, "2026-03-02")
		servicetest.Must(t, err)
		_, err = replicas[1].Programme.Load(ctx, map[string][]byte{id + ".yaml": text}, false)
		servicetest.Must(t, err)
		all, err = replicas[1].Programme.Fetch(ctx, id, nil)
		servicetest.Must(t, err)
		for _, o := range all {
			writes -= o.Writes
		}
		if len(all) == 0 || writes != 0 {
			t.Errorf("%s: what was exported and loaded again made %d steps of %d objects", id, -writes, len(all))
		}
	}
}
