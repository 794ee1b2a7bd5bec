package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/test/suite"
)

// TestASystemDoesWhatItsScopesSay: where an issuer limits its systems, a token's scopes
// open what they name and nothing else, and each refusal says what is missing.
func TestASystemDoesWhatItsScopesSay(t *testing.T) {
	t.Parallel()
	s := suite.FourProcesses(t, unlimited...)
	tokens := newIssuer(t, filepath.Join(s.Data, "demo"), "insjoriket")
	s.Processes["gateway"].Stop()
	s.Processes["gateway"].Start(t)
	s.Processes["gateway"].WaitReady(t)
	system := suite.Caller{Role: "integration", Authority: "vgr", Subject: "system-1"}
	official := suite.Caller{Role: "referrer", Authority: "vgr", Unit: "vc-molndal", Subject: "official-1"}
	for _, c := range []struct {
		sentence, scopes string
		method, path     string
		missing          string // the scope that the refusal names; empty: let through
	}{
		{"events are read", "referrals:write events:read", "GET", "/events", ""},
		{"referrals are sent", "referrals:write events:read", "POST", "/referrals", ""},
		{"and not read", "referrals:write events:read", "GET", "/referrals", "referrals:read"},
		{"nor is a register that everybody reads", "referrals:write events:read", "GET", "/units", "units:read"},
		{"which another system has read", "units:read", "GET", "/units", ""},
		{"and is kept for those who may", "referrals:read", "GET", "/units", "units:read"},
		{"who reads does not write", "referrals:read", "POST", "/referrals", "referrals:write"},
		{"a word that is no scope opens nothing", "profile referrals referrals:*", "GET", "/referrals", "referrals:read"},
		{"no scope opens nothing", "", "GET", "/referrals", "referrals:read"},
		{"what the role may not is refused for the role", "activities:write participants:write", "GET", "/publications", "-"},
	} {
		system.Scopes = c.scopes
		r := suite.Request{Method: c.method, Path: c.path, Token: tokens.Token(t, system)}
		if c.method == "POST" {
			r.Body = map[string]any{}
		}
		a, err := s.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		header := a.Header.Get("WWW-Authenticate")
		switch {
		case c.missing == "" && (a.Status == 403 || header != ""):
			t.Errorf("%s: %d %s", c.sentence, a.Status, a.Raw)
		case c.missing == "-" && (a.Text("code") != "forbidden" || header != ""):
			t.Errorf("%s: %d %s %s", c.sentence, a.Status, header, a.Raw)
		case len(c.missing) > 1 && (a.Status != 403 || a.Text("code") != "insufficient-scope" ||
			!strings.Contains(header, `error="insufficient_scope", scope="`+c.missing+`"`)):
			t.Errorf("%s: %d %s %s", c.sentence, a.Status, header, a.Raw)
		}
	}
	if a := s.Must(t, 200, suite.Request{Method: "GET", Path: "/me", Token: tokens.Token(t, system)}); a.At("scopes.0") != "participants:write" {
		t.Errorf("whom the token speaks for: %s", a.Raw)
	}
	s.Must(t, 200, suite.Request{Method: "GET", Path: "/referrals", Token: tokens.Token(t, official)})
	if n := refusedByScope(t, s, "listReferrals"); n != 3 {
		t.Errorf("the access log has %d refusals for a scope", n)
	}
}

// refusedByScope counts the refusals of the operation in the referral service's access log.
func refusedByScope(t *testing.T, s *suite.Suite, operation string) (n int) {
	t.Helper()
	s.Processes["referral"].Stop()
	db, err := sqlite.Open(t.Context(), filepath.Join(s.Data, "referral.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	verify(t, db.Engine("referral"), "referral")
	for _, e := range entriesOf(t, db.Engine("referral")) {
		if e.Operation == operation && e.Outcome == accesslog.Refused && e.Why == "scope" && e.Code == "insufficient-scope" {
			n++
		}
	}
	return n
}
