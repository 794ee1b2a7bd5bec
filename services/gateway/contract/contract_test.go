package contract

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/access"
)

const someAddress = "https://api.finsam.example"

func renderings(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for name, render := range map[string]func() ([]byte, error){
		"JSON":       func() ([]byte, error) { return JSON(someAddress) },
		"YAML":       func() ([]byte, error) { return YAML(someAddress) },
		"the page's": func() ([]byte, error) { return JSON("") },
	} {
		text, err := render()
		if err != nil {
			t.Fatal(err)
		}
		all[name] = text
	}
	return all
}

func TestTheJoinedDocumentIsValidOpenAPI(t *testing.T) {
	for name, text := range renderings(t) {
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryBlockThatAPlanMayHaveCanBeStarted(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(renderings(t)["JSON"])
	if err != nil {
		t.Fatal(err)
	}
	most := *doc.Components.Schemas["ProgrammePlan"].Value.Properties["blocks"].Value.MaxItems
	for _, field := range []string{"blocks", "checkIns"} {
		if got := *doc.Components.Schemas["Enrolment"].Value.Properties[field].Value.MaxItems; got < most {
			t.Errorf("a plan has %d blocks, an enrolment %d %s", most, got, field)
		}
	}
	if got := *doc.Components.Parameters["Number"].Value.Schema.Value.Max; got < float64(most) {
		t.Errorf("a plan has %d blocks, and the last that can be named is %g", most, got)
	}
}

func TestTheDocumentIsTheSameInBothNotations(t *testing.T) {
	all := renderings(t)
	var one, two any
	if err := json.Unmarshal(all["JSON"], &one); err != nil {
		t.Fatal(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(all["YAML"], &root); err != nil {
		t.Fatal(err)
	}
	if err := root.Decode(&two); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(two)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &two); err != nil || !reflect.DeepEqual(one, two) {
		t.Error("the YAML says something else than the JSON", err)
	}
}

func TestTheDocumentNamesTheInstallationsAddress(t *testing.T) {
	for server, render := range map[string]func() ([]byte, error){
		someAddress + "/finsam/v1": func() ([]byte, error) { return JSON(someAddress + "/") },
		"/finsam/v1":               func() ([]byte, error) { return JSON("") },
	} {
		text, err := render()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(doc.Servers) != 1 || doc.Servers[0].URL != server {
			t.Errorf("the servers are %+v, want %s", doc.Servers, server)
		}
		if doc.ExternalDocs.URL != server+"/docs/problems" {
			t.Errorf("the problems' pages are at %s", doc.ExternalDocs.URL)
		}
	}
}

func operations(t *testing.T) []Operation {
	t.Helper()
	_, operations, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	return operations
}

func TestEveryOperationOfTheAccessTableIsInTheDocumentAndTheOtherWayRound(t *testing.T) {
	var ids []string
	for _, o := range operations(t) {
		if o.Service != Own {
			ids = append(ids, o.ID)
		}
	}
	slices.Sort(ids)
	if table := access.Operations(); !slices.Equal(ids, table) {
		t.Errorf("the document has %v, the table has %v; run go generate ./services/gateway/contract", ids, table)
	}
}

func TestNothingInternalIsInTheDocument(t *testing.T) {
	for _, word := range []string{"x-internal", "/internal/", "putPerson", "readAge", "readGenders", "identifyOwn", "noteStaff"} {
		if bytes.Contains(document, []byte(word)) {
			t.Errorf("the document has %q", word)
		}
	}
}

func TestWhatTheDocumentSaysIsRead(t *testing.T) {
	info, operations, err := Read()
	if err != nil || info.Title == "" || info.Version == "" || info.Released == "" || info.Status == "" {
		t.Errorf("%+v, %v", info, err)
	}
	for _, o := range operations {
		switch o.ID {
		case "getMunicipalityWeek":
			if o.Cache.Seconds == 0 || len(o.Cache.EmptiedBy) == 0 || o.Service != "activity" {
				t.Errorf("%+v", o)
			}
		case "createReferral":
			if !o.Personal || !o.Body || o.Cost < 2 || o.Public {
				t.Errorf("%+v", o)
			}
		case "readCalendar":
			if !o.Public {
				t.Errorf("%+v", o)
			}
		}
		if o.Cache.Seconds > 0 && o.Personal {
			t.Errorf("%s: personal data in a cache", o.ID)
		}
	}
}

// TestEachKindOfEventIsInTheDocuments compares the events with the steps: all but those
// that leave for nobody.
func TestEachKindOfEventIsInTheDocuments(t *testing.T) {
	w := newWalk(t)
	var want []string
	for _, kind := range w.Components.Schemas["ReferralStepKind"].Value.Enum {
		if kind != "protected" && kind != "unprotected" {
			want = append(want, "se.finsam.referral."+kind.(string))
		}
	}
	slices.Sort(want)
	text, err := AsyncJSON(someAddress)
	var doc struct {
		Servers    map[string]struct{ Host, Protocol string }
		Channels   map[string]struct{ Messages map[string]any }
		Components struct {
			Messages map[string]struct{ Name string }
		}
	}
	if err != nil || json.Unmarshal(text, &doc) != nil {
		t.Fatal(err)
	}
	if s := doc.Servers["api"]; s.Protocol+"://"+s.Host != someAddress {
		t.Errorf("the events are at %v", s)
	}
	for channel, test := range map[string][]string{"events": nil, "webhooks": {"se.finsam.test"}} {
		var got []string
		for name, m := range doc.Components.Messages {
			if kind, ok := strings.CutPrefix(name, channel+"-"); ok && doc.Channels[channel].Messages[kind] != nil {
				got = append(got, m.Name)
			}
		}
		slices.Sort(got)
		if all := append(slices.Clone(want), test...); !slices.Equal(got, all) {
			t.Errorf("%s has %v, want %v", channel, got, all)
		}
	}
}

// plainWords are parts of paths that mean what they mean everywhere.
var plainWords = []string{"api-docs", "api-info", "me", "sending", "start", "week"}

func TestEachResourceIsAWordOfTheGlossary(t *testing.T) {
	text, err := os.ReadFile("../../../docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 1 {
			words = append(words, strings.FieldsFunc(strings.ToLower(cells[1]), func(r rune) bool { return r == ' ' || r == '-' || r == ',' })...)
		}
	}
	for _, c := range newWalk(t).calls {
		for part := range strings.SplitSeq(strings.Trim(c.path, "/"), "/") {
			if strings.HasPrefix(part, "{") || slices.Contains(plainWords, part) {
				continue
			}
			if !slices.ContainsFunc(strings.Split(part, "-"), func(word string) bool {
				one := strings.TrimSuffix(word, "s")
				return slices.Contains(words, word) || slices.Contains(words, one) ||
					slices.Contains(words, strings.TrimSuffix(one, "e")) || slices.Contains(words, strings.TrimSuffix(one, "ie")+"y")
			}) {
				t.Errorf("%s: %q is no word of docs/glossary.md", c.name, part)
			}
		}
	}
}
