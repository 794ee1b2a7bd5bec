package contract

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/web"
)

func TestTheJoinedDocumentIsValidOpenAPI(t *testing.T) {
	c := joined(t)
	for name, render := range map[string]func() ([]byte, error){"JSON": c.JSON, "YAML": c.YAML, "the page's": c.Local} {
		text, err := render()
		if err != nil {
			t.Fatal(err)
		}
		loader := openapi3.NewLoader()
		doc, err := loader.LoadFromData(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDocumentIsTheSameAtEveryStart(t *testing.T) {
	one, err1 := joined(t).JSON()
	two, err2 := joined(t).JSON()
	if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
		t.Error("two starts gave two documents: an ETag of one would not match the other", err1, err2)
	}
	if !json.Valid(one) {
		t.Error("not JSON")
	}
}

func TestEveryOperationOfTheAccessTableIsInTheDocumentAndTheOtherWayRound(t *testing.T) {
	var ids []string
	for _, o := range joined(t).Operations {
		if o.Service != Own {
			ids = append(ids, o.ID)
		}
	}
	slices.Sort(ids)
	if table := access.Operations(); !slices.Equal(ids, table) {
		t.Errorf("the document has %v, the table has %v", ids, table)
	}
}

func TestNothingInternalIsInTheDocument(t *testing.T) {
	text, err := joined(t).JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"x-internal", "/internal/", "putPerson", "readAge"} {
		if bytes.Contains(text, []byte(word)) {
			t.Errorf("the document has %q", word)
		}
	}
}

// small is a service's document that is right; tests spoil it.
const small = `openapi: 3.0.3
info: {title: t, version: "1"}
paths:
  /activities:
    get:
      operationId: listActivities
      responses: {"200": {description: d}}
components:
  schemas:
    Thing: {type: string, maxLength: 3}
`

func TestADocumentThatDoesNotFitStopsTheStartAndNamesThePlace(t *testing.T) {
	replaced := func(old, now string) []Source {
		return []Source{{"activity", []byte(strings.Replace(small, old, now, 1))}}
	}
	op := func(line string) []Source {
		return replaced("      operationId: listActivities\n", "      operationId: listActivities\n      "+line+"\n")
	}
	twin := func(now string) []Source {
		return []Source{{"activity", []byte(small)}, {"referral", []byte(strings.NewReplacer(
			"/activities:", "/bookings:", "listActivities", "listBookings", "maxLength: 3", now).Replace(small))}}
	}
	for sentence, c := range map[string]struct {
		sources []Source
		want    string
	}{
		"not YAML":                                      {replaced("openapi", "\t"), "activity"},
		"another version of OpenAPI":                    {replaced("3.0.3", "3.1.0"), `openapi is "3.1.0"`},
		"no operation id":                               {replaced("      operationId: listActivities\n", ""), "GET /activities: operationId"},
		"an operation without a row":                    {replaced("listActivities", "dropAll"), "dropAll: the access table has no row"},
		"a capital in the path":                         {replaced("/activities", "/Activities"), "lower-case"},
		"an underscore in the path":                     {replaced("/activities", "/all_activities"), "lower-case"},
		"open to all against the table":                 {op("security: []"), "listActivities: security says public: true"},
		"a misspelt extension":                          {op("x-costs: 2"), "x-costs is not one of"},
		"a cost of nothing":                             {op("x-cost: 0"), "x-cost"},
		"a cache of personal data":                      {op("x-personal: true\n      x-cache: {seconds: 5, emptiedBy: [a]}"), "never cached"},
		"a cache that nothing empties":                  {op("x-cache: {seconds: 5}"), "names no event"},
		"a cache without end":                           {op("x-cache: {seconds: 86400, emptiedBy: [a]}"), "x-cache.seconds"},
		"a cache of a change":                           {replaced("get:\n      operationId: listActivities", "post:\n      operationId: createBooking\n      x-cache: {seconds: 5, emptiedBy: [a]}"), "GET only"},
		"a component that differs from another's":       {twin("maxLength: 4"), "schemas/Thing differs from the one of the same name of activity"},
		"a path that two have":                          {append(twin("maxLength: 3"), Source{"participant", []byte(strings.Replace(small, "listActivities", "getBooking", 1))}), "GET /activities is there already"},
		"a reference that leads nowhere":                {replaced("{description: d}", `{$ref: "#/components/responses/None"}`), "responses/None leads nowhere"},
		"two paths that differ in a parameter's name":   {[]Source{{"activity", []byte(strings.Replace(small, "components:", "  /a/{x}: {get: {operationId: getBooking, responses: {}}}\n  /a/{y}: {get: {operationId: getEnrolment, responses: {}}}\ncomponents:", 1))}}, "is there already"},
		"one operation id twice":                        {[]Source{{"activity", []byte(strings.Replace(small, "components:", "  /b: {get: {operationId: listActivities, responses: {}}}\ncomponents:", 1))}}, "operation listActivities is there already"},
		"a path parameter in camelCase, by the profile": {replaced("/activities", "/activities/{activityId}"), "lower-case"},
	} {
		t.Run(sentence, func(t *testing.T) {
			if _, err := Join("", c.sources...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, err := Join("", twin("maxLength: 3")...); err != nil {
		t.Errorf("the same component in two documents: %v", err)
	}
}

func TestWhatAnOperationSaysOfItselfIsRead(t *testing.T) {
	for _, o := range joined(t).Operations {
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
			if !o.Public || len(o.Roles) != 0 {
				t.Errorf("%+v", o)
			}
		}
		if o.Cache.Seconds > 0 && o.Personal {
			t.Errorf("%s: personal data in a cache", o.ID)
		}
	}
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(_ *testing.T, spec []byte) {
		if c, err := Join("", Source{"activity", spec}); err == nil {
			_, _ = c.JSON()
		}
	})
}

func FuzzWriteJSON(f *testing.F) {
	f.Add([]byte("a: [1, 2.5, true, null, 2026-11-24, 'text', \"\\u2028\"]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := parse(text)
		if err != nil {
			return
		}
		var plain map[string]any
		var b bytes.Buffer
		if yaml.Unmarshal(text, &plain) == nil && writeJSON(&b, n) == nil && !json.Valid(b.Bytes()) {
			t.Errorf("%q became %q", text, b.Bytes())
		}
	})
}

func BenchmarkJoin(b *testing.B) {
	sources := services(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Join("", sources...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	c := joined(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := render(c.root); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheExamplesOfProblemsAreWhatTheGatewayWrites(t *testing.T) {
	for _, p := range append(slices.Clone(problems), otherProblem) {
		w := httptest.NewRecorder()
		web.WriteProblem(w, httptest.NewRequest("GET", "/", nil), p.example)
		var got web.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if w.Code != p.status || got.Title != p.title || got.Detail != p.example.Text.SV || got.Type != web.ProblemBase+got.Code {
			t.Errorf("%s: written as %d %+v", p.name, w.Code, got)
		}
	}
}
