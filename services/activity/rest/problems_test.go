package rest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/web/problem"
	. "github.com/finsam/finsam/services/activity/activitytest"
)

var update = flag.Bool("update", false, "write the golden files")

// bad is one bad input to an operation.
type bad struct {
	sentence string
	who      actor.Actor // the coach, when nobody is named
	method   string
	path     string
	body     any
	header   []string
}

// Ids that are well-formed and nobody's.
const (
	noID    = "99999999-9999-4999-8999-999999999999"
	noToken = "0000000000000000000000000000000000000000000000000000000000000000"
)

// TestEveryBadInputHasItsExactProblem runs the table of each operation and holds
// the answers against testdata/<operation>.golden: written by -update, read by
// people. Only what differs between runs is left out.
func TestEveryBadInputHasItsExactProblem(t *testing.T) {
	f := newFace(t)
	w := newWorld(f)
	tables := map[string][]bad{}
	for _, part := range []map[string][]bad{weekTables(w), referenceTables(w), programmeTables(w), bookingTables(w), calendarTables(w), attendanceTables(w), placementTables(w), groupTables(w), balanceTables(w)} {
		for operation, table := range part {
			tables[operation] = table
		}
	}
	for _, operation := range w.operations(t) {
		table, ok := tables[operation]
		if !ok {
			t.Errorf("%s has no table of bad inputs", operation)
			continue
		}
		t.Run(operation, func(t *testing.T) {
			f.t = t
			var got bytes.Buffer
			for _, b := range table {
				w.try(t, &got, b)
			}
			golden(t, operation, got.Bytes())
		})
	}
}

// try makes one bad request and writes down what came of it.
func (w *world) try(t *testing.T, out *bytes.Buffer, b bad) {
	t.Helper()
	who := b.who
	if who.Subject == "" {
		who = coach
	}
	if who.Subject == "nobody" {
		who = actor.Actor{}
	}
	r := w.do(who, b.method, b.path, b.body, b.header...)
	if r.Status < 400 || r.Status >= 500 {
		t.Errorf("%s: answered %d", b.sentence, r.Status)
	}
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: content type %s", b.sentence, got)
	}
	var problem problem.Problem
	if err := json.Unmarshal(r.Body, &problem); err != nil {
		t.Errorf("%s: %v", b.sentence, err)
	}
	if problem.TraceID == "" || problem.Instance == "" || problem.Status != r.Status {
		t.Errorf("%s: got %+v", b.sentence, problem)
	}
	problem.TraceID, problem.Instance = "…", "…"
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(problem); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "# %s\n%d %s\n%s\n", b.sentence, r.Status, r.Header.Get("Content-Language"), w.neutral(text.String()))
}

// golden compares with the golden file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the tests with -update and read what they wrote", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what the API answers now:\n%s", path, got)
	}
}

// world is what the bad inputs are about: things in the states that refuse them.
type world struct {
	*face
	booking   string // version 2, attendance noted on 17 November
	ended     string // cancelled
	off       string // cancellation of the walk of 24 November
	restored  string // a cancellation that was lifted
	address   string // version 1
	absence   string // version 1
	gone      string // an absence that was withdrawn
	placed    string // an offer in carpentry from 23 November on
	offered   string // one in textile
	runs      string // one that runs since 20 November
	drafted   string // a series that Mölndal's planner has drafted
	wrong     string // one at a site that is not there
	active    string // one that holds from 2027 on, version 2
	group     string // planned, version 1
	begun     string // a group that is open, version 2
	over      string // a cancelled group, version 2
	wait      string // version 1
	waited    string // a wait that has ended, version 2
	elsewhere actor.Actor
	foreign   actor.Actor
	referrer  actor.Actor
	nobody    actor.Actor
}

func newWorld(f *face) *world {
	w := &world{face: f, elsewhere: Coach(Alingsas), foreign: Coach(Molndal), referrer: Coach(Molndal), nobody: actor.Actor{Subject: "nobody"}}
	w.foreign.Association = "kalmar"
	w.referrer.Roles = []actor.Role{actor.Referrer}
	w.booking = w.made("/bookings", object{"enrolment": Enrolment, "activity": Walk, "from": "2026-11-09"}, "Idempotency-Key", "used")
	w.must("POST", "/bookings/"+w.booking+"/attendances", object{"date": "2026-11-17", "attendance": "present"}, `"1"`)
	w.ended = w.made("/bookings", object{"enrolment": Enrolment, "activity": f.Activity(f.t, Molndal, 4), "from": "2026-11-09"})
	w.must("POST", "/bookings/"+w.ended+"/cancellation", object{"from": "2026-11-19"}, `"1"`)
	w.off = w.made("/activities/"+Walk+"/cancellations", object{"date": "2026-11-24", "reason": "weather"})
	w.restored = w.made("/activities/"+Walk+"/cancellations", object{"date": "2026-12-01", "reason": "weather"})
	w.must("POST", "/activities/"+Walk+"/cancellations/"+w.restored+"/restoration", nil, `"1"`)
	w.placed = w.made("/placements", placing(nil), "Idempotency-Key", "placed")
	w.offered = w.made("/placements", placing(object{"area": "textile", "days": []object{{"day": "wednesday"}}}))
	w.runs = w.made("/placements", placing(object{"from": "2026-11-20", "answerBy": "2026-11-20", "days": []object{{"day": "friday"}}, "followUps": []string{"2026-12-04"}}))
	w.must("POST", "/placements/"+w.runs+"/agreement", nil, `"1"`)
	if err := w.Service.Placements.Advance(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.address = w.made("/participants/"+Person+"/calendar-feeds", nil)
	w.absence = w.made("/participants/"+Person+"/absences", object{"from": "2026-11-23", "until": "2026-11-27", "reason": "ill"})
	w.gone = w.made("/participants/"+Person+"/absences", object{"from": "2026-11-30", "until": "2026-11-30", "reason": "care"})
	w.must("POST", "/participants/"+Person+"/absences/"+w.gone+"/withdrawal", nil, `"1"`)
	if _, err := w.Service.Programme.Load(servicetest.As(actor.ForService("activity", Tenant)), map[string][]byte{"insjoriket.yaml": []byte(strings.NewReplacer(OpensWorkshop...).Replace(string(servicetest.Example(w.t))))}, false); err != nil {
		w.t.Fatal(err)
	}
	for _, id := range []*string{&w.drafted, &w.active} {
		var made struct{ ID string }
		w.do(with(actor.Planner), "POST", "/programme-objects", object{
			"kind": "series", "municipality": Molndal, "validFrom": "2027-01-11", "series": object{"name": "Påhittad promenad", "category": "social", "day": "tuesday", "from": "13:00", "to": "14:00"},
		}).Into(w.t, 201, &made)
		*id = made.ID
	}
	var wrong struct{ ID string }
	w.do(with(actor.Planner), "POST", "/programme-objects", object{
		"kind": "series", "municipality": Molndal, "validFrom": "2027-01-11", "series": object{"name": "Påhittad promenad", "category": "social", "day": "tuesday", "from": "13:00", "to": "14:00", "site": "ingenstans"},
	}).Into(w.t, 201, &wrong)
	w.wrong = wrong.ID
	second := with(actor.Planner)
	second.Subject = "planner-2"
	w.do(second, "POST", "/programme-objects/"+w.active+"/activation", nil, "If-Match", `"1"`).Into(w.t, 200, nil)
	for id, from := range map[*string]string{&w.group: "2027-01-12", &w.begun: "2027-03-30", &w.over: "2027-06-15"} {
		*id = w.made("/activities/"+f.course()+"/groups", object{"from": from})
	}
	w.must("POST", "/groups/"+w.begun+"/opening", nil, `"1"`)
	w.must("POST", "/groups/"+w.over+"/cancellation", object{"reason": "other"}, `"1"`)
	w.wait = w.made("/group-waits", object{"enrolment": Enrolment, "category": "health"})
	w.waited = w.made("/group-waits", object{"enrolment": Enrolment, "category": "social"})
	w.must("POST", "/group-waits/"+w.waited+"/ending", nil, `"1"`)
	return w
}

func (w *world) made(path string, body any, header ...string) string {
	w.t.Helper()
	var made struct{ ID string }
	w.do(coach, "POST", path, body, header...).Into(w.t, 201, &made)
	return made.ID
}

func (w *world) must(method, path string, body any, version string) {
	w.t.Helper()
	w.do(coach, method, path, body, "If-Match", version).Into(w.t, 200, nil)
}

// operations returns the contract's operations.
func (w *world) operations(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, m := range regexp.MustCompile(`operationId: (\w+)`).FindAllSubmatch(contractText(), -1) {
		all = append(all, string(m[1]))
	}
	if len(all) < 17 {
		t.Fatalf("the contract has %d operations", len(all))
	}
	return all
}

// neutral leaves out ids that differ between runs.
func (w *world) neutral(text string) string {
	for _, id := range []string{w.booking, w.ended, w.off, w.restored, w.address, w.absence, w.gone, w.drafted, w.active, w.wrong, w.placed, w.offered, w.runs, w.group, w.begun, w.over, w.wait, w.waited} {
		text = strings.ReplaceAll(text, id, "<id>")
	}
	return text
}
