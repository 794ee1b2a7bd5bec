package codelist

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
)

// enums returns the enumerations of the contracts, by the names of their schemas. One
// without a name of its own is under the path to it, which no list has.
func enums(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	var walk func(contract, path string, n *yaml.Node)
	walk = func(contract, path string, n *yaml.Node) {
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i].Value, n.Content[i+1]
			if key != "enum" || value.Kind != yaml.SequenceNode {
				walk(contract, path+"/"+key, value)
				continue
			}
			name := strings.TrimPrefix(path, "/components/schemas/")
			for _, v := range value.Content {
				all[name] = append(all[name], v.Value)
			}
		}
		if n.Kind == yaml.SequenceNode || n.Kind == yaml.DocumentNode {
			for _, item := range n.Content {
				walk(contract, path, item)
			}
		}
	}
	files, err := filepath.Glob("../api/*/openapi.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		walk(file, "", &doc)
	}
	all["Role"] = nil
	for _, r := range actor.Roles {
		all["Role"] = append(all["Role"], string(r))
	}
	return all
}

// TestEveryCodeOfTheContractsHasItsWords walks every enumeration of the three contracts,
// and the roles.
func TestEveryCodeOfTheContractsHasItsWords(t *testing.T) {
	all := enums(t)
	for name, values := range all {
		var ids []string
		if i := slices.IndexFunc(Lists, func(l List) bool { return l.ID == name }); i >= 0 {
			for _, c := range Lists[i].Codes {
				ids = append(ids, c.ID)
			}
		}
		if len(ids) != len(Labels[string](name)) {
			t.Errorf("%s has a code twice", name)
		}
		for _, v := range values {
			if !slices.Contains(ids, v) {
				t.Errorf("%s: %q has no words", name, v)
			}
		}
		for _, id := range ids {
			if !slices.Contains(values, id) {
				t.Errorf("%s: no contract has %q", name, id)
			}
		}
	}
	if len(all) < 60 {
		t.Errorf("only %d enumerations were found", len(all))
	}
	for _, l := range Lists {
		if all[l.ID] == nil {
			t.Errorf("no contract has %s", l.ID)
		}
	}
}

// TestTheWordsAreWritten holds the labels to one form: visible, in both languages, with a
// capital first.
func TestTheWordsAreWritten(t *testing.T) {
	want := func(where string, l fault.Text) {
		for _, s := range []string{l.SV, l.EN} {
			if s == "" || s != strings.TrimSpace(s) || lowered(s) == s || strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q", where, s)
			}
		}
	}
	for i, l := range Lists {
		if i > 0 && Lists[i-1].ID >= l.ID {
			t.Errorf("%s is not in order", l.ID)
		}
		want(l.ID, l.Label)
		for _, c := range l.Codes {
			want(l.ID+" "+c.ID, c.Label)
		}
	}
}

func TestAPhraseGoesIntoASentence(t *testing.T) {
	if got := Phrases[string]("Gender")["female"]; (got != fault.Text{SV: "kvinna", EN: "female"}) {
		t.Errorf("got %+v", got)
	}
	if got := Labels[string]("Gender")["female"]; (got != fault.Text{SV: "Kvinna", EN: "Female"}) {
		t.Errorf("got %+v", got)
	}
	if got := Phrases[string]("NoSuch"); got != nil {
		t.Errorf("got %v", got)
	}
}
