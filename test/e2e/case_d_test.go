package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// TestCase_D4_IfMatchIsRequiredInTheContract asks for a change without a version: the
// contract says that the header is required.
// TestNoBadInputIsAnsweredOtherwiseThanByAProblemThatDoesNotRepeatIt does so at every
// operation.
func TestCase_D4_IfMatchIsRequiredInTheContract(t *testing.T) {
	t.Parallel()
	s := suite.OneProcess(t, unlimited...)
	d, err := readDocument(s.Must(t, 200, suite.Request{Method: "GET", Path: "/openapi.json"}).Raw)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, op := range d.Operations {
		if i := slices.IndexFunc(op.Params, func(p parameter) bool { return p.Name == "If-Match" }); i >= 0 {
			if found++; !op.Params[i].Required {
				t.Errorf("%s: If-Match may be left out", op.ID)
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d operations take a version", found)
	}
	made := s.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: s.Token(t, fkSystem), Body: referral(adult, "Tolvan", "Påhittad")})
	s.Must(t, 428, suite.Request{Method: "POST", Path: "/referrals/" + made.Text("id") + "/supplement-requests", Token: s.Token(t, intake), Body: map[string]any{"text": "Påhittat exempel."}})
}

// TestCase_D7_TheDocumentIsRightForWhoHasOnlyItsAddress reads the document as somebody who
// has only the demo's address.
func TestCase_D7_TheDocumentIsRightForWhoHasOnlyItsAddress(t *testing.T) {
	t.Parallel()
	s := suite.OneProcess(t)
	document := s.Must(t, 200, suite.Request{Method: "GET", Path: "/openapi.json"})
	var doc struct {
		Servers []struct{ URL string }
		Paths   map[string]map[string]struct {
			Parameters []map[string]any
		}
		Components struct {
			Parameters map[string]map[string]any
		}
	}
	if err := json.Unmarshal(document.Raw, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Servers) != 1 || doc.Servers[0].URL != s.Base {
		t.Errorf("the servers are %v, want %s", doc.Servers, s.Base)
	}
	filled := func(place string, p map[string]any) {
		if p["in"] == "header" && (p["example"] != nil || p["examples"] != nil) {
			t.Errorf("%s: the page sends %v as %v with each call", place, p["example"], p["name"])
		}
	}
	for name, p := range doc.Components.Parameters {
		filled(name, p)
	}
	for path, item := range doc.Paths {
		for method, op := range item {
			for _, p := range op.Parameters {
				filled(method+" "+path, p)
			}
		}
	}
	root := strings.TrimSuffix(s.Base, "/finsam/v1")
	for _, path := range []string{"/", "/finsam/v1", "/finsam/v1/", "/finsam/v1/docs/", "/docs/"} {
		resp, err := http.Get(root + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.HasSuffix(resp.Request.URL.Path, "/docs") {
			t.Errorf("%s ends at %s with %d", path, resp.Request.URL, resp.StatusCode)
		}
	}
}

// TestCase_D8_EachEventFitsTheSchemaOfItsType holds what a whole story emits, and a
// transfer, against the schema of each type in the AsyncAPI document that is served.
func TestCase_D8_EachEventFitsTheSchemaOfItsType(t *testing.T) {
	t.Parallel()
	s := suite.OneProcess(t, unlimited...)
	var doc struct {
		Components struct {
			Messages map[string]struct {
				Name    string
				Payload schema
			}
		}
	}
	if err := json.Unmarshal(s.Must(t, 200, suite.Request{Method: "GET", Path: "/asyncapi.json"}).Raw, &doc); err != nil {
		t.Fatal(err)
	}
	of := map[string]schema{}
	for name, m := range doc.Components.Messages {
		if strings.HasPrefix(name, "events-") {
			of[m.Name] = m.Payload
		}
	}
	fromReferralToOutcome(t, s)
	w := walk{s, t}
	p := persontest.New(rand.New(rand.NewPCG(12, 8)), day(0))
	body := referral(p.Number, p.GivenName, p.FamilyName)
	body["consent"].(map[string]any)["authorities"] = []string{"fk", "molndal", "partille"}
	made := w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: s.Token(t, fkSystem), Body: body})
	thing := "/referrals/" + made.Text("id")
	w.change(intake, thing, "supplement-requests", map[string]any{"text": "Påhittat: vad saknas?"})
	w.change(fkSystem, thing, "supplements", map[string]any{"text": "Påhittat: det här."})
	w.change(intake, thing, "transfer-requests", map[string]any{"municipality": "1402", "text": "Påhittat: flyttar."})
	w.change(intake, thing, "transfer-cancellation", map[string]any{})
	w.change(intake, thing, "rejection", map[string]any{"code": "not_target_group", "text": "Påhittat exempel."})
	seen := map[string]bool{}
	for _, c := range []suite.Caller{fkSystem, intake} {
		for path := "/events?limit=200"; ; {
			page := w.get(c, path)
			events, _ := page.At("events").([]any)
			for _, e := range events {
				name, _ := object(e)["type"].(string)
				seen[name] = true
				if why := breaks(of[name], e); of[name] == nil || why != "" {
					t.Errorf("%v breaks the schema of its type: %s", e, why)
				}
			}
			if len(events) == 0 {
				break
			}
			path = "/events?limit=200&after=" + page.Text("after")
		}
	}
	for _, kind := range []string{"submitted", "supplement_requested", "supplemented", "transfer_requested", "transfer_cancelled", "accepted", "enrolled", "progress_reported", "closed", "rejected"} {
		if !seen["se.finsam.referral."+kind] {
			t.Errorf("no event of the kind %s was seen", kind)
		}
	}
}

// breaks returns why a value does not fit a schema of objects, enumerations and texts;
// empty: it does.
func breaks(s schema, value any) string {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range texts(s["required"]) {
			if v[name] == nil {
				return name + " is missing"
			}
		}
		for name, inner := range v {
			p := object(object(s["properties"])[name])
			if p == nil {
				return name + " is not in the schema"
			}
			if why := breaks(p, inner); why != "" {
				return name + ": " + why
			}
		}
	case string:
		if s["type"] != "string" || !fits(s, v) {
			return fmt.Sprintf("%q does not fit %v", v, s)
		}
		if enum := texts(s["enum"]); len(enum) > 0 && !slices.Contains(enum, v) {
			return v + " is not in the list"
		}
	default:
		return fmt.Sprintf("%v is neither an object nor a text", v)
	}
	return ""
}
