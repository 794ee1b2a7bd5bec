package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/finsam/finsam/pkg/web/problem"
)

func TestTheGeneratedFilesAreCurrent(t *testing.T) {
	out := t.TempDir()
	if err := run(filepath.Join("..", "..", "..", "..", "pkg", "api"), out); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"openapi.json", "operations.json", "asyncapi.json"} {
		want, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join("..", name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the documents say; run go generate ./services/gateway/contract (%v)", name, err)
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

func TestAnInvalidDocumentIsRefusedAndThePlaceNamed(t *testing.T) {
	replaced := func(old, now string) []source {
		return []source{{"activity", []byte(strings.Replace(small, old, now, 1))}}
	}
	op := func(line string) []source {
		return replaced("      operationId: listActivities\n", "      operationId: listActivities\n      "+line+"\n")
	}
	twin := func(now string) []source {
		return []source{{"activity", []byte(small)}, {"referral", []byte(strings.NewReplacer(
			"/activities:", "/bookings:", "listActivities", "listBookings", "maxLength: 3", now).Replace(small))}}
	}
	const parameterX = "parameters: [{name: x, in: path, required: true, schema: {type: string}}]"
	for sentence, c := range map[string]struct {
		sources []source
		want    string
	}{
		"not YAML":                                      {replaced("openapi", "\t"), "activity"},
		"another version of OpenAPI":                    {replaced("3.0.3", "3.1.0"), `openapi is "3.1.0"`},
		"no operation id":                               {replaced("      operationId: listActivities\n", ""), "GET /activities: operationId"},
		"an operation without a row":                    {replaced("listActivities", "dropAll"), "dropAll: the access table has no row"},
		"a capital in the path":                         {replaced("/activities", "/Activities"), "lower-case"},
		"an underscore in the path":                     {replaced("/activities", "/all_activities"), "lower-case"},
		"open to all against the table":                 {op("security: []"), "listActivities: security says public: true"},
		"a misspelt extension":                          {op("x-costs: 2"), `unknown field "x-costs"`},
		"a cost of nothing":                             {op("x-cost: 0"), "x-cost"},
		"a cache of personal data":                      {op("x-personal: true\n      x-cache: {seconds: 5, emptiedBy: [a]}"), "never cached"},
		"a cache that nothing empties":                  {op("x-cache: {seconds: 5}"), "is missing"},
		"a cache without end":                           {op("x-cache: {seconds: 86400, emptiedBy: [a]}"), "x-cache.seconds"},
		"a cache until another hour":                    {op("x-cache: {seconds: 5, until: noon, emptiedBy: [a]}"), "x-cache.until"},
		"a parameter that costs more than any limit":    {op("parameters: [{name: x, in: query, schema: {type: string}, x-cost: 100}]"), "x-cost of a parameter"},
		"a cache of a change":                           {replaced("get:\n      operationId: listActivities", "post:\n      operationId: createBooking\n      x-cache: {seconds: 5, emptiedBy: [a]}"), "GET only"},
		"a cache of what depends on more than the role": {replaced("listActivities", "getReferral\n      x-cache: {seconds: 5, emptiedBy: [a]}"), "needs more than that"},
		"a component that differs from another's":       {twin("maxLength: 4"), "schemas/Thing differs from the one of the same name"},
		"a path that two have":                          {append(twin("maxLength: 3"), source{"participant", []byte(strings.Replace(small, "listActivities", "getBooking", 1))}), "/activities: another document has this path already"},
		"a reference that leads nowhere":                {replaced("{description: d}", `{$ref: "#/components/responses/None"}`), "responses/None"},
		"two paths that differ in a parameter's name":   {[]source{{"activity", []byte(strings.Replace(small, "components:", "  /a/{x}: {"+parameterX+", get: {operationId: getBooking, responses: {}}}\n  /a/{y}: {"+strings.Replace(parameterX, "name: x", "name: y", 1)+", get: {operationId: getEnrolment, responses: {}}}\ncomponents:", 1))}}, "conflicting paths"},
		"one operation id twice":                        {[]source{{"activity", []byte(strings.Replace(small, "components:", "  /b: {get: {operationId: listActivities, responses: {}}}\ncomponents:", 1))}}, `the same operation id "listActivities"`},
		"a path parameter in camelCase, by the profile": {replaced("/activities", "/activities/{activityId}"), "lower-case"},
	} {
		t.Run(sentence, func(t *testing.T) {
			if _, _, err := join(c.sources...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if _, _, err := join(twin("maxLength: 3")...); err != nil {
		t.Errorf("the same component in two documents: %v", err)
	}
}

func TestTheExamplesOfProblemsAreWhatTheGatewayWrites(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		w := httptest.NewRecorder()
		problem.Write(w, httptest.NewRequest("GET", "/", nil), p.example)
		var want, got problem.Problem
		example, err := json.Marshal(doc.Components.Responses[p.name].Value.Content["application/problem+json"].Examples["problem"].Value.Value)
		if err != nil || json.Unmarshal(example, &got) != nil || json.Unmarshal(w.Body.Bytes(), &want) != nil {
			t.Fatal(p.name, err)
		}
		if got.Status != w.Code || got.Title != want.Title || got.Detail != want.Detail || got.Code != want.Code || got.Type != problem.Base+got.Code {
			t.Errorf("%s: %+v, written as %d %+v", p.name, got, w.Code, want)
		}
	}
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte(small))
	f.Fuzz(func(_ *testing.T, spec []byte) {
		_, _, _ = join(source{"activity", spec})
	})
}
