package e2e

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// cell is one entry of the access table: this role may, in this relation.
type cell struct {
	role, relation string
	consent        string // the category of data that the consent must share
	named          bool
}

var (
	rowLine  = regexp.MustCompile(`^  "?([A-Za-z]+(?:#[a-z]+)?)"?:$`)
	cellLine = regexp.MustCompile(`^    - \{(?:role: ([a-z_]+), )?relation: ([a-z-]+)(?:, consent: (identity|progress|outcome))?(, named: true)?\}$`)
)

// accessTable reads pkg/access/table.yaml line by line, with no code of the
// product; a line that it does not know stops the tests.
func accessTable(t *testing.T) map[string][]cell {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "pkg", "access", "table.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, row := map[string][]cell{}, ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		switch m, c := rowLine.FindStringSubmatch(line), cellLine.FindStringSubmatch(line); {
		case m != nil:
			row = m[1]
		case c != nil:
			rows[row] = append(rows[row], cell{c[1], c[2], c[3], c[4] != ""})
		case line != "" && !strings.HasPrefix(line, "#") && !regexp.MustCompile(`^[a-z]+:$`).MatchString(line):
			t.Fatalf("the access table has a line that this test cannot read: %q", line)
		}
	}
	return rows
}

// thing is a person's whole case in the suite, with what a right to it depends
// on. The test made it, so it knows beforehand what the table must say.
type thing struct {
	name                                       string
	referral, participant, enrolment           string // ids
	number                                     string // the referral's, in the register
	placement                                  string // of work training, at the site that "somebody" and "named" supervise
	booking, feed, secret                      string // feed and secret are of a calendar address
	attachment                                 string
	absence                                    string // that was reported
	webhook                                    string // of the sender's system
	draft, receiversDraft                      string // of the unit, and of the municipality
	wait                                       string // for a closed group
	family                                     string // the person's name
	authority, unit, municipality, association string
	host                                       string // municipality of the booked activity
	applied, handedIn                          bool   // by the person; by the municipality for somebody
	consent                                    bool   // the sender's consent is in force
	protected                                  bool   // the person's identity is protected
	handledBy                                  string // the authority whose subject "named" may handle it
	byHead                                     bool   // the head of the unit protected it
}

// verdict is what the table says of one call.
type verdict string

const (
	allowed   verdict = "allowed"
	hidden    verdict = "hidden"
	forbidden verdict = "forbidden"
)

// says returns the verdict of a row for one caller and one thing. It is written
// from the comments of the table, not from the code that decides in the product.
func says(row []cell, c suite.Caller, t thing) verdict {
	if !slices.ContainsFunc(row, func(x cell) bool { return has(c, x) }) {
		return forbidden
	}
	for _, x := range row {
		if has(c, x) && related(x.relation, c, t) && (x.consent == "" || t.consent) && (!x.named || mayKnow(c, t)) {
			return allowed
		}
	}
	return hidden
}

// has reports whether the cell is for the caller's role.
func has(c suite.Caller, x cell) bool { return x.relation == "public" || x.role == c.Role }

// related reports whether the caller has the relation to the thing.
func related(relation string, c suite.Caller, t thing) bool {
	if relation == "public" {
		return true
	}
	if association(c) != t.association {
		return false
	}
	switch relation {
	case "own-unit":
		return c.Authority == t.authority && c.Unit == t.unit
	case "own-authority":
		return c.Authority == t.authority
	case "own-municipality", "own-programme", "own-list": // nobody is named as a leader here
		return c.Municipality == t.municipality
	case "supervises":
		return c.Municipality == t.municipality && (c.Subject == "somebody" || c.Subject == "named")
	case "own-activity":
		return t.host != "" && c.Municipality == t.host
	case "own-participant":
		return c.Participant == t.participant
	case "own-application":
		return t.applied && c.Participant == t.participant
	case "own-hand-in":
		return t.handedIn && c.Municipality == t.municipality
	}
	return relation == "association"
}

// mayKnow reports whether the caller may know who a protected person is: only the
// subject "named" at the authority that named it; a namesake elsewhere may not.
func mayKnow(c suite.Caller, t thing) bool {
	return !t.protected || c.Subject == "named" && c.Authority == t.handledBy
}

func association(c suite.Caller) string {
	if c.Association == "" {
		return "insjoriket"
	}
	return c.Association
}

// variant is a caller that differs in one respect from one with every relation.
type variant struct {
	name   string
	change func(*suite.Caller)
}

var variants = []variant{
	{"with every relation", func(*suite.Caller) {}},
	{"of another unit of the authority", func(c *suite.Caller) { c.Unit = "fk-lerum" }},
	{"of no unit", func(c *suite.Caller) { c.Unit = "" }},
	{"of another authority", func(c *suite.Caller) { c.Authority = "af" }},
	{"of another municipality", func(c *suite.Caller) { c.Municipality = "1402" }},
	{"of no municipality", func(c *suite.Caller) { c.Municipality = "" }},
	{"who is another participant", func(c *suite.Caller) { c.Participant = "5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11" }},
	{"who is no participant", func(c *suite.Caller) { c.Participant = "" }},
	{"of another association", func(c *suite.Caller) { c.Association = "kalmar" }},
	{"who supervises no site", func(c *suite.Caller) { c.Subject = "another" }},
	{"named to handle protected persons", func(c *suite.Caller) { c.Subject = "named" }},
}

// roles are those that a token may carry.
var roles = []string{"referrer", "integration", "intake", "coach", "supervisor", "participant", "association_admin", "board", "reviewer", "manager", "planner"}

// callerOf is somebody of that role with every relation to the thing, at the
// place where such a role works, and then changed by the variant.
func callerOf(role string, v variant, t thing) suite.Caller {
	c := suite.Caller{
		Role: role, Subject: "somebody", Authority: t.authority, Unit: t.unit,
		Municipality: t.municipality, Participant: t.participant,
	}
	switch role {
	case "intake", "coach", "supervisor", "manager", "planner":
		c.Authority, c.Participant = "molndal", ""
	case "referrer", "integration", "reviewer", "association_admin":
		c.Participant = ""
	}
	if v.change(&c); role != "participant" && role != "board" && c.Participant != "" {
		c.Participant = "5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11" // own of nobody here
	}
	return c
}
