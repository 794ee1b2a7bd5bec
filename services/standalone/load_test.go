package standalone_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/example"
)

// TestAFileThatWouldOrphanABookingIsRefusedUntilThatIsAccepted loads into a running suite and
// into a stopped one.
func TestAFileThatWouldOrphanABookingIsRefusedUntilThatIsAccepted(t *testing.T) {
	data := dataWith(t, early, "")
	o := open(t, data)
	past := civil.Date(day(-7))
	_, booking := o.runs(31, civil.Date(day(-20)), past)
	installed := func() string {
		text, err := os.ReadFile(filepath.Join(data.Associations(), "insjoriket.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	name := "Träning " + strings.ToLower(past.MidnightUTC().Weekday().String())
	was := installed()
	for _, way := range []string{"running", "stopped"} {
		_, err := standalone.Load(t.Context(), data, example.Insjoriket, false)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "1 of its bookings") || !strings.Contains(err.Error(), "insjoriket: 1 booking / 1 bokning") {
			t.Fatalf("%s: without accept: %v", way, err)
		}
		if installed() != was {
			t.Fatalf("%s: a refused file was installed", way)
		}
		exported, err := standalone.Export(t.Context(), data, "insjoriket", "")
		if err != nil || !strings.Contains(exported, name) {
			t.Fatalf("%s: %v: %s", way, err, exported)
		}
		if report, err := standalone.Load(t.Context(), data, []byte(exported), false); err != nil || !strings.Contains(report, "nobody is affected") {
			t.Fatalf("%s: what was exported: %q, %v", way, report, err)
		}
		was = installed()
		if way == "running" {
			o.stop()
		}
	}
	if report, err := standalone.Load(t.Context(), data, example.Insjoriket, true); err != nil || !strings.Contains(report, "1 booking") {
		t.Fatalf("with accept: %q, %v", report, err)
	}
	// A restored folder must start with what was accepted, not refuse it.
	restored := standalone.Layout(filepath.Join(t.TempDir(), "new"))
	if _, err := standalone.Restore(t.Context(), newBackup(t, data, t.TempDir(), 0), restored); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"insjoriket.yaml", "insjoriket.yaml.accepted"} {
		if a, b := get(t, filepath.Join(data.Associations(), name)), get(t, filepath.Join(restored.Associations(), name)); string(a) != string(b) {
			t.Errorf("%s was not restored", name)
		}
	}
	o = open(t, data)
	if got := o.want(200, coach1, http.MethodGet, booking, "", nil); got["activity"] == nil {
		t.Errorf("the booking: %v", got)
	}
	if all := o.list(coach1, "/activities?municipality=1481&limit=100"); len(all) == 0 {
		t.Error("nothing is offered")
	}
}

func TestAnExportNeedsADatabaseAndAnAssociation(t *testing.T) {
	data := newData(t)
	if _, err := standalone.Export(t.Context(), data, "insjoriket", ""); err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Errorf("without a database: %v", err)
	}
	o := open(t, data)
	defer o.stop()
	for id, on := range map[string]string{"annat": "", "insjoriket": "tomorrow"} {
		if text, err := standalone.Export(t.Context(), data, id, on); err == nil {
			t.Errorf("%s on %q: %s", id, on, text)
		}
	}
}

func TestAFileThatCannotBeInstalledIsNotLoaded(t *testing.T) {
	data := newData(t)
	o := open(t, data)
	defer o.stop()
	text := get(t, filepath.Join(data.Associations(), "insjoriket.yaml"))
	servicetest.Must(t, os.RemoveAll(data.Associations()))
	servicetest.Must(t, os.WriteFile(data.Associations(), nil, 0o600))
	changed := strings.Replace(string(text), "maxWeeks: 24", "maxWeeks: 30", 1)
	if _, err := standalone.Load(t.Context(), data, []byte(changed), false); err == nil || !strings.Contains(err.Error(), "nothing is loaded") {
		t.Errorf("got %v", err)
	}
	if exported, err := standalone.Export(t.Context(), data, "insjoriket", ""); err != nil || !strings.Contains(exported, "maxWeeks: 24") {
		t.Errorf("it was loaded: %v", err)
	}
}

// TestAFileReplacesTheOneThatHasTheAssociation is: whatever that one's name is, in a running
// suite, in a stopped one and before there is any database.
func TestAFileReplacesTheOneThatHasTheAssociation(t *testing.T) {
	data := newData(t)
	named := filepath.Join(data.Associations(), "var-kommun.yaml")
	servicetest.Must(t, os.Rename(filepath.Join(data.Associations(), "insjoriket.yaml"), named))
	load := func(weeks string) {
		t.Helper()
		text := strings.Replace(string(example.Insjoriket), "maxWeeks: 24", "maxWeeks: "+weeks, 1)
		if _, err := standalone.Load(t.Context(), data, []byte(text), false); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(data.Associations(), "*"))
		if err != nil || len(files) != 1 || files[0] != named || !strings.Contains(string(get(t, named)), "maxWeeks: "+weeks) {
			t.Fatalf("the folder has %v, %v", files, err)
		}
	}
	load("25")
	o := open(t, data)
	load("26")
	o.stop()
	load("27")
	o = open(t, data)
	if p := o.list(sender, "/plans"); p[0]["maxWeeks"] != 27.0 {
		t.Errorf("the plan is %v", p[0])
	}
	o.stop()
	servicetest.Must(t, os.WriteFile(filepath.Join(data.Associations(), "kalmar.yaml"), []byte("association: { id: annat }"), 0o600))
	kalmar := strings.Replace(string(example.Insjoriket), "id: insjoriket", "id: kalmar", 1)
	if _, err := standalone.Load(t.Context(), data, []byte(kalmar), false); err == nil || !strings.Contains(err.Error(), "kalmar.yaml has another association (annat)") {
		t.Errorf("over the file of another association: %v", err)
	}
}
