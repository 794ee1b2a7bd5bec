package standalone_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/pkg/store/sqlite"
	activity "github.com/finsam/finsam/services/activity/service"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/participant"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/outbound/send"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
	"github.com/finsam/finsam/services/standalone/example"
)

// schemas are what the services of this version know of their databases.
var schemas = []migration.Schema{activity.Schema(), participant.Schema(), referral.Schema()}

// frozen returns a data folder as a release has left it: its databases as SQL text,
// with the keys that it was sealed with. All people in it are invented, and the
// keys are used nowhere else.
func frozen(t *testing.T, release string) standalone.Layout {
	t.Helper()
	data := standalone.Layout(filepath.Join(t.TempDir(), "data"))
	from := filepath.Join("testdata", release)
	if err := os.CopyFS(data.Keys(), os.DirFS(filepath.Join(from, "keys"))); err != nil {
		t.Fatal(err)
	}
	if err := launch.WriteKeys(data.Keys()); err != nil { // the signing keys are new in every run
		t.Fatal(err)
	}
	if _, err := association.Save(data.Associations(), example.Insjoriket); err != nil {
		t.Fatal(err)
	}
	for _, s := range schemas {
		load(t, data.Database(), filepath.Join(from, s.Service+".sql"))
	}
	return data
}

// load runs SQL text on a database file.
func load(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), string(get(t, text))); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestLookingAtTheFirstReleasesDataTellsWhatThereIsToDoAndDoesNothing(t *testing.T) {
	data := frozen(t, "release-0")
	for range 2 {
		plans, err := standalone.Migrate(t.Context(), data, true)
		if err != nil || len(plans) != 3 {
			t.Fatalf("%v, %v", plans, err)
		}
		for _, p := range plans {
			if p.Database != 0 || p.NothingToDo() || p.Refused != "" {
				t.Errorf("%v", p)
			}
		}
	}
}

func TestTheFirstReleasesDataIsBroughtUpAndEveryDocumentFits(t *testing.T) {
	data := frozen(t, "release-0")
	if _, err := standalone.Migrate(t.Context(), data, false); err != nil {
		t.Fatal(err)
	}
	plans, err := standalone.Migrate(t.Context(), data, true)
	for _, p := range plans {
		if p.Database != p.Program || p.Refused != "" {
			t.Errorf("once it is brought up: %v", p)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), data.Database())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	left := map[string]bool{"bookings": true, "calendar_addresses": true, "cancellations": true, "diaries": true, "enrolments": true, "persons": true, "referrals": true}
	for _, s := range schemas {
		m := migration.Migration{Schema: s, Engine: db.Engine(s.Service), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
		found, err := m.Inspect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(found)) {
			if f := found[name]; f.Seen == 0 && left[name] || f.Stale > 0 || f.Newer > 0 {
				t.Errorf("%s %s: %d documents, %d not found by their keys, %d with fields that are not known any more", s.Service, name, f.Seen, f.Stale, f.Newer)
			}
		}
	}
}

// office is the suite on a data folder, entered through its front door.
type office struct {
	t      *testing.T
	door   http.Handler
	issuer *demo.Issuer
	stop   func()
}

func open(t *testing.T, data standalone.Layout) *office {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	suite, err := standalone.Open(t.Context(), data, send.Config{}, log)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := demo.Open(demo.Options{Folder: data.Demo()})
	if err != nil {
		t.Fatal(err)
	}
	config, err := gateway.ReadConfig(map[string]string{"FINSAM_RATE_PER_SECOND": "0"})
	if err != nil {
		t.Fatal(err)
	}
	g, closeCache, err := suite.Gateway(launch.ReadKeys(data.Keys()), standalone.Door{TrustFile: issuer.TrustFile(), Demo: issuer, Config: config, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- suite.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = closeCache()
		if err := suite.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return &office{t, g, issuer, stop}
}

var (
	receiver = demo.Claims{Roles: []actor.Role{actor.Intake}, Authority: "molndal", Municipality: "1481", Subject: "intake-1", Lifetime: time.Hour}
	coach    = demo.Claims{Roles: []actor.Role{actor.Coach}, Authority: "molndal", Municipality: "1481", Subject: "coach-1", Lifetime: time.Hour}
)

// do asks and wants this status; it gives the body and the ETag.
func (o *office) do(who demo.Claims, want int, method, path, etag string, body any) (map[string]any, string) {
	o.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		o.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(o.t.Context(), method, gateway.BasePath+path, bytes.NewReader(text))
	if body == nil {
		r.Body = http.NoBody
	}
	token, err := o.issuer.Token(who)
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	if etag != "" {
		r.Header.Set("If-Match", etag)
	}
	w := httptest.NewRecorder()
	o.door.ServeHTTP(w, r)
	if w.Code != want {
		o.t.Fatalf("%s %s: %d, want %d\n%s", method, path, w.Code, want, w.Body)
	}
	var answer map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return answer, w.Header().Get("ETag")
}

func (o *office) list(who demo.Claims, path string) []map[string]any {
	o.t.Helper()
	answer, _ := o.do(who, 200, http.MethodGet, path, "", nil)
	var all []map[string]any
	items, _ := answer["items"].([]any)
	for _, i := range items {
		all = append(all, i.(map[string]any))
	}
	return all
}

func TestOnTheFirstReleasesDataWorkGoesOn(t *testing.T) {
	o := open(t, frozen(t, "release-0"))
	referrals := o.list(receiver, "/referrals")
	if len(referrals) != 7 {
		t.Fatalf("%d referrals, and the release left 7", len(referrals))
	}
	states := map[string]int{}
	accepted := ""
	for _, r := range referrals {
		path := "/referrals/" + r["id"].(string)
		whole, etag := o.do(receiver, 200, http.MethodGet, path, "", nil)
		states[fmt.Sprint(whole["state"])]++
		if whole["state"] == "submitted" && accepted == "" {
			o.do(receiver, 200, http.MethodPost, path+"/acceptance", etag,
				map[string]any{"initiative": "activera", "startDate": time.Now().UTC().Format(time.DateOnly), "coach": "coach-1"})
			accepted = path
		}
	}
	for _, want := range []string{"closed", "enrolled", "rejected", "waitlisted", "submitted"} {
		if states[want] == 0 {
			t.Errorf("no referral is %s: %v", want, states)
		}
	}
	for _, e := range o.list(coach, "/enrolments") {
		o.do(coach, 200, http.MethodGet, "/enrolments/"+e["id"].(string), "", nil)
		person, _ := o.do(coach, 200, http.MethodGet, "/participants/"+e["participant"].(string), "", nil)
		if person["givenName"] == nil && person["alias"] == nil {
			t.Errorf("nobody can be named: %v", person)
		}
	}
	for _, b := range o.list(coach, "/bookings") {
		o.do(coach, 200, http.MethodGet, "/bookings/"+b["id"].(string), "", nil)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		whole, _ := o.do(receiver, 200, http.MethodGet, accepted, "", nil)
		if whole["state"] == "enrolled" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("an accepted referral led to no enrolment: %v", whole)
		}
	}
}

var write = flag.Bool("write", false, "rewrite testdata/declared.json")

// TestOtherKeysNeedAHigherVersion compares what each service declares with what was
// declared at that version of its database.
func TestOtherKeysNeedAHigherVersion(t *testing.T) {
	type at struct {
		Version  int64                            `json:"version"`
		Declared map[string]migration.Declaration `json:"declared"`
	}
	now := map[string]at{}
	for _, s := range schemas {
		now[s.Service] = at{s.Version, s.Declared()}
	}
	file := filepath.Join("testdata", "declared.json")
	got, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *write {
		if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var noted map[string]at
	if err := json.Unmarshal(text, &noted); err != nil {
		t.Fatal(err)
	}
	for service, n := range now {
		was := noted[service]
		one, _ := json.Marshal(n.Declared)
		two, _ := json.Marshal(was.Declared)
		switch {
		case n.Version < was.Version:
			t.Errorf("%s: the version of the schema fell from %d to %d", service, was.Version, n.Version)
		case !bytes.Equal(one, two) && n.Version == was.Version:
			t.Errorf("%s declares other keys than at version %d: raise the Version of its Schema, then run go test -run OtherKeys -write", service, was.Version)
		case !bytes.Equal(one, two) || n.Version != was.Version:
			t.Errorf("%s: rewrite testdata/declared.json: go test -run OtherKeys -write", service)
		}
	}
}
