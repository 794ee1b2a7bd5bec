package storemongo

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/activity/rest"
	"github.com/finsam/finsam/services/activity/service"
	"github.com/finsam/finsam/test/mongowire"
)

// TestOfTwoActivationsAtOnceTheSecondIsCheckedAgainstTheFirst lets a site end while an activity
// moves there, on two replicas: each by itself could be, and both together cannot. A file is
// loaded meanwhile.
func TestOfTwoActivationsAtOnceTheSecondIsCheckedAgainstTheFirst(t *testing.T) {
	engines := map[string]func(*testing.T) store.Engine{
		"SQLite": func(*testing.T) store.Engine { return nil },
		"MongoDB": func(t *testing.T) store.Engine {
			uri := mongowire.Start(t).URI
			return newEngine(t, connect(t, uri), uri)
		},
	}
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			w := servicetest.New(t, "activity", servicetest.Config{Engine: engine(t)})
			system := servicetest.As(actor.ForService("activity", ""))
			var replicas []*service.Service
			var faces []*servicetest.API
			for range 2 {
				parts := w.Parts
				var err error
				parts.Associations, err = association.NewRegistry()
				servicetest.Must(t, err)
				parts.Associations.Now = w.Clock.Now
				s, err := service.New(t.Context(), service.Config{Parts: parts})
				servicetest.Must(t, err)
				_, err = s.Programme.Load(system, map[string][]byte{"insjoriket.yaml": servicetest.Example(t)}, false)
				servicetest.Must(t, err)
				replicas = append(replicas, s)
				faces = append(faces, servicetest.NewAPI(t, w, api.Spec, func(c server.Config) (*echo.Echo, error) { return rest.New(s, c) }))
			}
			ask := func(replica int, subject, method, path string, body any, version string) *webtest.Response {
				who := actor.Actor{Subject: subject, Association: "insjoriket", Authority: "molndal", AuthorityKind: actor.Municipality, Municipality: "1481", Roles: []actor.Role{actor.Planner}}
				return faces[replica].Do(t, webtest.Request{Method: method, Path: path, As: who, Body: body, Header: map[string]string{"If-Match": version}})
			}
			must := func(r *webtest.Response) string {
				t.Helper()
				var o struct{ ID string }
				if r.Status/100 != 2 || json.Unmarshal(r.Body, &o) != nil {
					t.Fatalf("%d %s", r.Status, r.Body)
				}
				return "/programme-objects/" + o.ID
			}
			for n := range 8 {
				site := fmt.Sprint("sal-", n)
				walk := map[string]any{"name": site, "category": "health", "day": "friday", "from": "15:00", "to": "16:00"}
				there := must(ask(0, "planner-1", "POST", "/programme-objects", map[string]any{
					"kind": "site", "id": "site.1481." + site, "municipality": "1481", "validFrom": "2026-04-01", "site": map[string]any{"name": "Påhittad sal"}}, ""))
				must(ask(0, "planner-2", "POST", there+"/activation", nil, `"1"`))
				must(ask(0, "planner-1", "POST", there+"/ending", map[string]any{"from": "2026-05-01"}, `"2"`))
				walk["site"] = site
				moves := must(ask(1, "planner-1", "POST", "/programme-objects", map[string]any{"kind": "series", "municipality": "1481", "validFrom": "2026-04-20", "series": walk}, ""))
				var racing sync.WaitGroup
				var ended, moved *webtest.Response
				racing.Go(func() { ended = ask(0, "planner-2", "POST", there+"/activation", nil, `"3"`) })
				racing.Go(func() { moved = ask(1, "planner-2", "POST", moves+"/activation", nil, `"1"`) })
				racing.Go(func() {
					text := strings.Replace(string(servicetest.Example(t)), "maxWeeks: 24", fmt.Sprint("maxWeeks: ", 25+n), 1)
					if _, err := replicas[n%2].Programme.Load(system, map[string][]byte{"insjoriket.yaml": []byte(text)}, false); err != nil {
						t.Error(err)
					}
				})
				racing.Wait()
				if ended.Status+moved.Status != 200+422 {
					t.Errorf("the end is answered %d and the move %d: %s %s", ended.Status, moved.Status, ended.Body, moved.Body)
				}
			}
			text, err := replicas[0].Programme.Export(system, "insjoriket", "2026-05-01")
			servicetest.Must(t, err)
			if _, err := association.ParseFile(text); err != nil {
				t.Errorf("what holds in the end is wrong: %v", err)
			}
		})
	}
}

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
