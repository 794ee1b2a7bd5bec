package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// read returns the rows of a text, and the error that ends it.
func read(t testing.TB, name, text string) (all []row, end error) {
	t.Helper()
	seq, err := rows(name, strings.NewReader(text), "sv")
	if err != nil {
		return nil, err
	}
	for r, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

func TestTheTemplateIsReadAsAReferral(t *testing.T) {
	var b bytes.Buffer
	if err := template(&b); err != nil {
		t.Fatal(err)
	}
	for sentence, text := range map[string]string{
		"as printed": b.String(), "without a byte order mark": strings.TrimPrefix(b.String(), "\ufeff"),
		"parted by commas": strings.ReplaceAll(b.String(), ";", ","), "with lines of Unix": strings.ReplaceAll(b.String(), "\r\n", "\n"),
	} {
		all, err := read(t, "x.csv", text)
		if err != nil || len(all) != 1 || all[0].err != nil {
			t.Fatalf("%s: %v %v", sentence, all, err)
		}
		var body struct {
			Person  map[string]string `json:"person"`
			Consent struct {
				Given       bool     `json:"given"`
				Authorities []string `json:"authorities"`
			} `json:"consent"`
		}
		if err := json.Unmarshal(all[0].body, &body); err != nil || body.Person["givenName"] != "Tolvan" || !body.Consent.Given || len(body.Consent.Authorities) != 2 {
			t.Errorf("%s: %s", sentence, all[0].body)
		}
		if _, there := body.Person["phone"]; there {
			t.Errorf("%s: an empty cell is sent", sentence)
		}
	}
}

func TestWhatAMunicipalityHandsInForSomebodyIsReadFromCSV(t *testing.T) {
	for sentence, c := range map[string]struct{ head, cells, want string }{
		"a person's own application":    {"source;wishedMunicipality", "self_referral;1481", `{"source":"self_referral","wishedMunicipality":"1481"}`},
		"a private care giver's":        {"unit;source", "v-1;private_care", `{"source":"private_care","unit":"v-1"}`},
		"an authority's own":            {"unit;source", "fk;", `{"unit":"fk"}`},
		"a checklist":                   {"rightTime", "wants_to=ja|can_attend = Nej | care_in_place=unknown", `{"rightTime":[{"item":"wants_to","answer":"yes"},{"item":"can_attend","answer":"no"},{"item":"care_in_place","answer":"unknown"}]}`},
		"a checklist in English":        {"righttime", "a=yes|b=no|", `{"rightTime":[{"item":"a","answer":"yes"},{"item":"b","answer":"no"}]}`},
		"no checklist":                  {"unit;rightTime", "fk; ", `{"unit":"fk"}`},
		"not an answer":                 {"rightTime", "a=ja|b=kanske", "no-answer-to-an-item"},
		"an item without an answer":     {"rightTime", "a", "no-answer-to-an-item"},
		"an answer without an item":     {"rightTime", "=ja", "no-answer-to-an-item"},
		"an answer of several words":    {"rightTime", "a=ja=nej", "no-answer-to-an-item"},
		"a checklist that says nothing": {"rightTime", "|", "no-answer-to-an-item"},
	} {
		all, err := read(t, "x.csv", c.head+"\n"+c.cells+"\n")
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %v %v", sentence, all, err)
		}
		got := string(all[0].body)
		if e := (*errRow)(nil); errors.As(all[0].err, &e) {
			got = e.code
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", sentence, got, c.want)
		}
	}
}

func TestARowThatIsWrongHidesNoOther(t *testing.T) {
	all, err := read(t, "x.csv", "givenName;consentGiven\nÅ;ja\nB;kanske\nC;ja;x\nD\xff;nej\nE;nej\n")
	if err != nil || len(all) != 5 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	for i, want := range []string{"", "neither-yes-nor-no", "wrong-number-of-columns", "not-utf-8", ""} {
		var e *errRow
		if errors.As(all[i].err, &e); e == nil && want != "" || e != nil && e.code != want {
			t.Errorf("row %d: %v, want %q", all[i].n, all[i].err, want)
		}
	}
}

func TestTheFaultsOfAFileAreReportedWithoutItsContents(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"x.csv", ""}, {"x.csv", "Kanariefågelsson;b\n"}, {"x.csv", "unit;unit\n"}, {"x.csv", "unit\n\"Kanariefågelsson\n"}, {"x.csv", "unit\nKanarie\"fågelsson\n"},
		{"x.json", ""}, {"x.json", "Kanariefågelsson"}, {"x.json", `[{"a":1},Kanariefågelsson]`}, {"x.json", `[{"a":1}`},
		{"x.jsonl", "{\"a\":1}\n{Kanariefågelsson"}, {"x.txt", "Kanariefågelsson"},
	} {
		_, err := read(t, c.name, c.text)
		if err == nil || strings.Contains(err.Error(), "Kanarie") {
			t.Errorf("%s %q: %v", c.name, c.text, err)
		}
	}
	if all, err := read(t, "x.json", "[7]"); err != nil || len(all) != 1 || all[0].err == nil {
		t.Errorf("a number for a referral: %v %v", all, err)
	}
}

func TestJSONIsReadAsAListAsLinesAndAsOne(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       int
	}{{"x.json", ` [ {"a":1}, {"a":2} ] `, 2}, {"x.json", `{"a":1}`, 1}, {"x.json", "[]", 0}, {"x.jsonl", "{\"a\":1}\n\n{\"a\":2}\n", 2}, {"x.jsonl", "", 0}} {
		if all, err := read(t, c.name, c.text); err != nil || len(all) != c.want {
			t.Errorf("%s: %d rows, %v", c.text, len(all), err)
		}
	}
}

// FuzzRows reads anything: every row is an object or says why not, their numbers rise, and
// no error reveals the content.
func FuzzRows(f *testing.F) {
	var b bytes.Buffer
	if err := template(&b); err != nil {
		f.Fatal(err)
	}
	f.Add("x.csv", b.String())
	f.Add("x.csv", "unit,reason\n\"a\nb\",c\n")
	f.Add("x.csv", "sep=;\r\nunit;reason;\r\n;;\r\n\r\na;\"b\r\nc\"\r\n")
	f.Add("x.txt", "\xff\xfeu\x00n\x00i\x00t\x00\t\x00\n\x00\xe5\x00\n\x00")
	f.Add("x.csv", "unit;givenName\na;\xc5sa\n")
	f.Add("x.json", `[{"a":1}]`)
	f.Add("x.jsonl", "{\"a\":1}\n{}")
	f.Fuzz(func(t *testing.T, name, text string) {
		all, err := read(t, name, text)
		for i, r := range all {
			if r.n < i+1 || i > 0 && r.n <= all[i-1].n || (r.body == nil) == (r.err == nil) {
				t.Fatalf("row %d is %+v", i+1, r)
			}
			if r.err == nil && (!json.Valid(r.body) || r.body[0] != '{' || !json.Valid(withKey(item{key: "k", body: r.body}))) {
				t.Fatalf("row %d is no object", r.n)
			}
		}
		if err != nil && len(text) > 40 && strings.Contains(err.Error(), text[10:40]) {
			t.Fatalf("the error reveals the content of the file")
		}
	})
}
