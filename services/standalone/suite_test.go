package standalone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store/migration"
	activityservice "github.com/finsam/finsam/services/activity/service"
	"github.com/finsam/finsam/services/gateway"
	participantservice "github.com/finsam/finsam/services/participant/service"
	"github.com/finsam/finsam/services/referral/outbound/send"
	referralservice "github.com/finsam/finsam/services/referral/service"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
	"github.com/finsam/finsam/services/standalone/example"
)

// newData returns a data folder with keys and the example association.
func newData(t testing.TB) standalone.Layout {
	t.Helper()
	return newDataOf(t, example.Insjoriket)
}

// newDataOf returns a data folder with keys and the association of a file.
func newDataOf(t testing.TB, file []byte) standalone.Layout {
	t.Helper()
	data := standalone.Layout(filepath.Join(t.TempDir(), "data"))
	if err := launch.WriteKeys(data.Keys()); err != nil {
		t.Fatal(err)
	}
	if _, err := association.Save(data.Associations(), file); err != nil {
		t.Fatal(err)
	}
	return data
}

// storedReferrals is how many referrals are in the data of a stopped suite.
const storedReferrals = 3

// newStoppedSuite returns the data folder of a suite that was used and stopped.
func newStoppedSuite(t *testing.T) standalone.Layout {
	t.Helper()
	data := newData(t)
	o := open(t, data)
	for n := range storedReferrals {
		p := persontest.New(rand.New(rand.NewPCG(1, uint64(n))), "2026-01-01")
		o.do(sender, 201, http.MethodPost, "/referrals", map[string]string{"Idempotency-Key": fmt.Sprint("stored-", n)},
			json.RawMessage(strings.Replace(aReferral, "198001012387", p.Number, 1)))
	}
	o.stop()
	return data
}

// office is a running suite on a data folder, reached through its gateway.
type office struct {
	t      testing.TB
	door   http.Handler
	issuer *demo.Issuer
	stop   func()
}

func open(t testing.TB, data standalone.Layout) *office {
	t.Helper()
	return openAt(t, data, "")
}

// openAt is open with a public address.
func openAt(t testing.TB, data standalone.Layout, publicURL string) *office {
	t.Helper()
	return openIn(t.Context(), t, data, publicURL)
}

// openIn is openAt in a context, which may have a clock.
func openIn(ctx context.Context, t testing.TB, data standalone.Layout, publicURL string) *office {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	suite, err := standalone.Open(ctx, data, publicURL, send.Config{}, log)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := demo.Open(data.Demo(), "")
	if err != nil {
		t.Fatal(err)
	}
	environment, err := gateway.ReadEnvironment(map[string]string{"FINSAM_RATE_PER_SECOND": "0", "FINSAM_PUBLIC_URL": publicURL})
	if err != nil {
		t.Fatal(err)
	}
	g, closeCache, err := suite.Gateway(launch.Keys{Dir: data.Keys()}, standalone.Door{TrustFile: issuer.TrustFile(), Demo: issuer, Environment: environment, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
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
	sender   = demo.Claims{Roles: []actor.Role{actor.Integration}, Authority: "fk", Lifetime: time.Hour}
	receiver = demo.Claims{Roles: []actor.Role{actor.Intake}, Authority: "molndal", Municipality: "1481", Subject: "intake-1", Lifetime: time.Hour}
)

// do sends a request, wants this status and returns the body.
func (o *office) do(who demo.Claims, want int, method, path string, header map[string]string, body any) map[string]any {
	o.t.Helper()
	w := o.call(who, method, path, header, body)
	if w.Code != want {
		o.t.Fatalf("%s %s: %d, want %d\n%s", method, path, w.Code, want, w.Body)
	}
	var answer map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return answer
}

// call sends a request; a body of bytes is sent as it is.
func (o *office) call(who demo.Claims, method, path string, header map[string]string, body any) *httptest.ResponseRecorder {
	o.t.Helper()
	text, asItIs := body.([]byte)
	if !asItIs {
		var err error
		if text, err = json.Marshal(body); err != nil {
			o.t.Fatal(err)
		}
	}
	r := httptest.NewRequestWithContext(o.t.Context(), method, gateway.BasePath+path, bytes.NewReader(text))
	if body == nil {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	token, err := o.issuer.Token(who)
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	o.door.ServeHTTP(w, r)
	servicetest.VersionIsTag(o.t, method+" "+path, w.Header(), w.Body.Bytes())
	return w
}

func (o *office) list(who demo.Claims, path string) []map[string]any {
	o.t.Helper()
	answer := o.do(who, 200, http.MethodGet, path, nil, nil)
	var all []map[string]any
	items, _ := answer["items"].([]any)
	for _, i := range items {
		all = append(all, i.(map[string]any))
	}
	return all
}

var write = flag.Bool("write", false, "rewrite testdata/declared.json")

// TestOtherKeysNeedAHigherVersion compares what each service declares with what
// was declared at that version of its database.
func TestOtherKeysNeedAHigherVersion(t *testing.T) {
	type declaration struct {
		Version  int64                            `json:"version"`
		Declared map[string]migration.Declaration `json:"declared"`
	}
	declared := map[string]declaration{}
	for _, s := range []migration.Schema{activityservice.Schema(), participantservice.Schema(), referralservice.Schema()} {
		declared[s.Service] = declaration{s.Version, s.Declared()}
	}
	file := filepath.Join("testdata", "declared.json")
	text, err := json.MarshalIndent(declared, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if *write {
		if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	recorded := map[string]declaration{}
	if err := json.Unmarshal(get(t, file), &recorded); err != nil {
		t.Fatal(err)
	}
	for service, now := range declared {
		before := recorded[service]
		same := reflect.DeepEqual(now.Declared, before.Declared)
		switch {
		case now.Version < before.Version:
			t.Errorf("%s: the version of the schema fell from %d to %d", service, before.Version, now.Version)
		case !same && now.Version == before.Version:
			t.Errorf("%s declares other keys than at version %d: raise the Version of its Schema, then run go test -run OtherKeys -write", service, before.Version)
		case !same || now.Version != before.Version:
			t.Errorf("%s: rewrite testdata/declared.json: go test -run OtherKeys -write", service)
		}
	}
}

func TestTheDatabaseOfThisVersionNeedsNoMigration(t *testing.T) {
	plans, err := standalone.Migrate(t.Context(), newStoppedSuite(t), true)
	if err != nil || len(plans) != 3 {
		t.Fatalf("%v, %v", plans, err)
	}
	for _, p := range plans {
		if !p.NothingToDo() || p.Database != p.Program || p.Refused != "" {
			t.Errorf("%v", p)
		}
	}
	if _, err := standalone.Migrate(t.Context(), newData(t), true); err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Errorf("without a database: %v", err)
	}
}
