package history

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

type (
	state string
	kind  string
	party string
)

type step struct {
	Entry
	Kind kind `json:"kind"`
}

var table = Table[state, kind, party]{
	{"create", "created", "", []party{"sender"}, []state{""}, "open"},
	{"note", "noted", "", []party{"sender", "receiver"}, []state{"open"}, Same},
	{"decide", "decided", "yes", []party{"receiver"}, []state{"open"}, "done"},
	{"decide", "decided", "no", []party{"receiver"}, []state{"open"}, "refused"},
	{"", "reminded", "", []party{"service"}, []state{"open", "done", "refused"}, Same},
}

func TestNextFollowsTheTable(t *testing.T) {
	for _, c := range []struct {
		from   state
		kind   kind
		detail string
		to     state
		ok     bool
	}{
		{"", "created", "", "open", true},
		{"open", "created", "", "", false},
		{"open", "noted", "", "open", true},
		{"open", "decided", "yes", "done", true},
		{"open", "decided", "no", "refused", true},
		{"open", "decided", "", "", false},
		{"open", "decided", "perhaps", "", false},
		{"done", "decided", "yes", "", false},
		{"refused", "reminded", "", "refused", true},
		{"open", "unknown", "", "", false},
	} {
		if to, ok := table.Next(c.from, c.kind, c.detail); to != c.to || ok != c.ok {
			t.Errorf("%s of %q in %q leads to %q, %t; want %q, %t", c.kind, c.detail, c.from, to, ok, c.to, c.ok)
		}
	}
	if !table.Allows("open", "decided") || table.Allows("done", "decided") {
		t.Error("Allows looks at the state, whatever the detail")
	}
	if !table.By("decided", "receiver") || table.By("decided", "sender") {
		t.Error("By does not follow the table")
	}
	if o := table.Operations("open"); !slices.Equal(o, []string{"note", "decide"}) || table.Operations("done") != nil {
		t.Errorf("open allows %v", o)
	}
	if rows := table.Rows("decide"); len(rows) != 2 || rows[1].To != "refused" {
		t.Errorf("decide has the rows %v", rows)
	}
}

func TestTheDrawingShowsEveryRow(t *testing.T) {
	d := table.Drawing([]state{"open", "done", "refused"})
	for _, want := range []string{
		"[*] --> open: created", "open --> done: decided yes", "done --> [*]",
		"| `noted` | sender, receiver | open | the same | `note` |",
		"| `reminded` | service | any state | the same |  |",
	} {
		if !strings.Contains(d, want) {
			t.Errorf("%q is missing in\n%s", want, d)
		}
	}
	if strings.Contains(d, "open --> open") {
		t.Error("what leaves the state is drawn as an arrow")
	}
}

func TestAppendNumbersAndSigns(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.FixedZone("CET", 3600))
	steps := Append(nil, step{Kind: "created"}, Author{Subject: "s1", Authority: "fk", Unit: "fk-molndal"}, now)
	steps = Append(steps, step{Kind: "reminded", Entry: Entry{Cause: "x/7"}}, System("referral"), now)
	got, err := json.Marshal(steps)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"n":1,"at":"2026-03-01T11:00:00.123Z","by":"s1","authority":"fk","unit":"fk-molndal","kind":"created"},` +
		`{"n":2,"at":"2026-03-01T11:00:00.123Z","by":"service:referral","authority":"finsam","cause":"x/7","kind":"reminded"}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOnlyWhatBeganAfterTheLastEndIsInForce(t *testing.T) {
	for steps, want := range map[string]string{"": "", "xbx": "b", "bb": "bb", "bbe": "", "ebxb": "bb", "bebe": "", "bbeb": "b"} {
		got := InForce([]byte(steps), func(s *byte) byte { return *s }, 'b', 'e')
		if string(got) != want {
			t.Errorf("%q: %q, want %q", steps, got, want)
		}
	}
}
