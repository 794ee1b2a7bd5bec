package standalone_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
)

// unpack returns a data folder of an earlier version: that of a demo, whose people are all
// invented and whose keys are its own.
func unpack(t *testing.T, file string) standalone.Layout {
	t.Helper()
	packed, err := os.Open(filepath.Join("testdata", file))
	servicetest.Must(t, err)
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	servicetest.Must(t, err)
	dir := t.TempDir()
	for files := tar.NewReader(plain); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return standalone.Layout(dir)
		}
		servicetest.Must(t, err)
		to := filepath.Join(dir, filepath.Clean("/"+h.Name))
		if h.FileInfo().IsDir() {
			servicetest.Must(t, os.MkdirAll(to, 0o700))
			continue
		}
		text, err := io.ReadAll(files)
		servicetest.Must(t, err)
		servicetest.Must(t, os.WriteFile(to, text, 0o600))
	}
}

// Before programmes were data, every service read the files; bookings point at the
// activities that they named.
func TestADataFolderFromBeforeTheProgrammesIsTakenOver(t *testing.T) {
	data := unpack(t, "demo-2026-11-30.tar.gz")
	const recovery = "60635701-a98c-5972-9934-fb94bc309192" // Wednesday 10:00, in Mölndal
	amended := 0
	for _, start := range []string{"first", "second"} {
		o := open(t, data)
		bookings := o.list(coach1, "/bookings")
		if len(bookings) != 2 {
			t.Fatalf("%s start: %d bookings", start, len(bookings))
		}
		for _, b := range bookings {
			if b["activity"] != recovery || b["state"] != "booked" {
				t.Errorf("%s start: a booking is another: %v", start, b)
			}
			e := o.do(coach1, 200, http.MethodGet, "/enrolments/"+b["enrolment"].(string), nil, nil)
			if e["planVersion"] != "174b15db8110" { // as it was planned
				t.Errorf("%s start: the plan's version is %v", start, e["planVersion"])
			}
			found := false
			for _, x := range o.list(coach1, "/participants/"+b["participant"].(string)+"/week?week=2026-W49") {
				x, _ := x["occurrence"].(map[string]any)
				found = found || x["activity"] == recovery && x["date"] == "2026-12-02"
			}
			if !found {
				t.Errorf("%s start: the participant's week does not have the activity", start)
			}
		}
		if week := o.list(coach1, "/municipalities/1481/week?week=2026-W49"); len(week) == 0 {
			t.Errorf("%s start: the week is empty", start)
		}
		o.stop()
	}
	o := open(t, data)
	for _, r := range o.list(receiver, "/referrals?state=submitted") { // what was sent before can name what has been thought of since
		at := "/referrals/" + r["id"].(string)
		officer := demo.Claims{Roles: []actor.Role{actor.Integration}, Authority: r["referrer"].(map[string]any)["authority"].(string), Lifetime: time.Hour}
		if w := o.call(officer, http.MethodGet, at, nil, nil); w.Code != 200 || strings.Contains(w.Body.String(), "wishedInitiative") {
			continue // a person's own
		}
		wished := o.change(200, officer, at, "amendments", map[string]any{"reason": "Påhittat exempel.", "changes": map[string]any{"wishedInitiative": "activera"}})
		if test, _ := wished["targetGroupTest"].(map[string]any); wished["wishedInitiative"] != "activera" || test["initiative"] != "activera" {
			t.Errorf("a referral from before wishes for %v, and is tested by %v", wished["wishedInitiative"], test)
		}
		amended++
	}
	for _, planned := range o.list(coach1, "/enrolments?state=planned") { // and who was planned before moves to the plan as an object
		at := "/enrolments/" + planned["id"].(string)
		moved := o.change(200, coach1, at, "plan", map[string]any{"planVersion": "1", "reason": "Påhittat exempel."})
		if moved["planVersion"] != "1" || moved["state"] != "planned" {
			t.Errorf("an enrolment from before: %v by version %v", moved["state"], moved["planVersion"])
		}
		amended += 100
	}
	if amended < 101 {
		t.Errorf("the fixture has no referral that is undecided, or no enrolment that is planned: %d", amended)
	}
	e := o.enrolled(1213, day(0))
	if got := o.do(coach1, 200, http.MethodGet, e, nil, nil)["planVersion"]; got != "1" {
		t.Errorf("who is enrolled now follows version %v of the plan", got)
	}
}

// The file that an earlier version served is what a new one changes, from today on, also when
// the suite has not been started since.
func TestAFileLoadedIntoAFolderFromBeforeTheProgrammesLeavesThePast(t *testing.T) {
	data := unpack(t, "demo-2026-11-30.tar.gz")
	was := string(get(t, filepath.Join(data.Associations(), "insjoriket.yaml")))
	now := strings.Replace(was, "maxWeeks: 24", "maxWeeks: 30", 1)
	if now == was {
		t.Fatal("the fixture has other weeks")
	}
	if _, err := standalone.Load(t.Context(), data, []byte(now), false); err != nil {
		t.Fatal(err)
	}
	for on, want := range map[string]string{"2026-11-01": "maxWeeks: 24", "": "maxWeeks: 30"} {
		if text, err := standalone.Export(t.Context(), data, "insjoriket", on); err != nil || !strings.Contains(text, want) {
			t.Errorf("on %q: want %s, %v", on, want, err)
		}
	}
}
