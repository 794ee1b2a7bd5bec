package chartvalues

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const chart = "../../../deploy/helm/finsam/"

func TestARenamedKeyMovesWithItsComments(t *testing.T) {
	out, moved, err := Migrate([]byte("mode: services\n# two are enough\nreplicaCount: 2\ncommon:\n  logLevel: info # as before\n"))
	if err != nil || len(moved) != 1 || moved[0].To != "common.replicas" {
		t.Fatalf("%v, %v", moved, err)
	}
	want := "mode: services\ncommon:\n  logLevel: info # as before\n  # two are enough\n  replicas: 2\n"
	if string(out) != want {
		t.Errorf("got:\n%s", out)
	}
	if _, again, err := Migrate(out); err != nil || len(again) > 0 {
		t.Errorf("a second time: %v, %v", again, err)
	}
}

func TestAFileWithoutOldKeysStaysAsItIs(t *testing.T) {
	for _, file := range []string{"", "# nothing\n", "mode:   services\n", "{}\n"} {
		if out, moved, err := Migrate([]byte(file)); err != nil || len(moved) > 0 || string(out) != file {
			t.Errorf("%q: %q, %v, %v", file, out, moved, err)
		}
	}
}

func TestWhatCannotBeMovedIsSaid(t *testing.T) {
	for file, want := range map[string]string{
		"replicaCount: 2\ncommon: { replicas: 3 }\n": "both replicaCount and common.replicas are set",
		"replicaCount: 2\ncommon: 3\n":               "common is not keys with values",
		"- a\n":                                      "not keys with values",
		"a: [":                                       "not YAML",
	} {
		if _, _, err := Migrate([]byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func TestTheTableIsTheChartsOwn(t *testing.T) {
	if own, err := os.ReadFile(chart + "files/renamed.yaml"); err != nil || !bytes.Equal(own, table) {
		t.Errorf("copy deploy/helm/finsam/files/renamed.yaml here (%v)", err)
	}
}

func TestTheSchemaKnowsEveryRenamedKeySoThatTheChartCanSayWhereItWent(t *testing.T) {
	text, err := os.ReadFile(chart + "values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	all, err := Renames()
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, r := range all {
		if top, _, _ := strings.Cut(r.From, "."); schema.Properties[top] == nil {
			t.Errorf("values.schema.json does not know %s", top)
		}
	}
}

func FuzzMigrate(f *testing.F) {
	f.Add([]byte("replicaCount: 2\n"))
	f.Add([]byte("env: [{name: A, value: b}]\ncommon: {}\n"))
	f.Add([]byte("a: &x {b: *x}\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		out, _, err := Migrate(file)
		if err != nil {
			return
		}
		var v any
		if yaml.Unmarshal(file, &v) == nil && yaml.Unmarshal(out, &v) != nil {
			t.Errorf("%q became %q, which is no YAML", file, out)
		}
	})
}
