package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// TestCase_D4 asks for a change without a version: the contract says that the header is
// required. TestNoBadInputIsAnsweredOtherwiseThanByAProblemThatDoesNotRepeatIt
// does so at every operation.
func TestCase_D4(t *testing.T) {
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
	s.Must(t, 428, suite.Request{Method: "POST", Path: "/referrals/" + made.Text("id") + "/withdrawal", Token: s.Token(t, fkSystem), Body: map[string]any{"reason": "Påhittat exempel."}})
}

// TestCase_D7 reads the document as somebody who has only the demo's address.
func TestCase_D7(t *testing.T) {
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
