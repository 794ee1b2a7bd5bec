package storetest

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// state is a named text, as the services use for their codes.
type state string

// step is a nested document like the steps of the services.
type step struct {
	N       int               `json:"n"`
	At      time.Time         `json:"at"`
	By      string            `json:"by"`
	Details map[string]string `json:"details,omitempty"`
}

// all has a field of every type that a document may have.
type all struct {
	ID       string             `json:"id"`
	Text     string             `json:"text"`
	State    state              `json:"state"`
	Flag     bool               `json:"flag"`
	Int      int                `json:"int"`
	Int32    int32              `json:"int32"`
	Int64    int64              `json:"int64"`
	Float    float64            `json:"float"`
	Time     time.Time          `json:"time"`
	TimePtr  *time.Time         `json:"timePtr,omitempty"`
	Duration time.Duration      `json:"duration"`
	Bytes    []byte             `json:"bytes"`
	Step     step               `json:"step"`
	StepPtr  *step              `json:"stepPtr,omitempty"`
	Steps    []step             `json:"steps"`
	Pointers []*step            `json:"pointers,omitempty"`
	Strings  []string           `json:"strings"`
	Numbers  []int64            `json:"numbers,omitempty"`
	States   []state            `json:"states,omitempty"`
	Map      map[string]string  `json:"map"`
	Counts   map[state]int64    `json:"counts,omitempty"`
	Nested   map[string]step    `json:"nested,omitempty"`
	Lists    map[string][]int64 `json:"lists,omitempty"`
	Hidden   string             `json:"-"`
	Plain    string
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC)

// roundTripCases stores one document in each case and reads it back.
func roundTripCases() []testCase {
	two := []step{{N: 1, At: noon, By: "a"}, {N: 2, At: noon.Add(time.Millisecond), By: "b", Details: map[string]string{"k": "v"}}}
	docs := []struct {
		name string
		doc  all
	}{
		{"the zero of everything", all{}},
		{"text", all{Text: "en rad text"}},
		{"text in every script", all{Text: "åäö ÅÄÖ é ß Ж 漢字 🙂 \u200d e\u0301"}},
		{"text with characters that formats use", all{Text: "\"'\\/<>&{}[]$.,;:\t\r\n\u2028%?*"}},
		{"a long text", all{Text: strings.Repeat("långt ", 50_000)}},
		{"text with spaces at its ends", all{Text: "  x  "}},
		{"a named text", all{State: "received"}},
		{"true", all{Flag: true}},
		{"small integers", all{Int: -1, Int32: 7, Int64: 42}},
		{"the largest integers", all{Int: math.MaxInt64, Int32: math.MaxInt32, Int64: math.MaxInt64}},
		{"the smallest integers", all{Int: math.MinInt64, Int32: math.MinInt32, Int64: math.MinInt64}},
		{"an integer that a double cannot hold", all{Int64: 1<<53 + 1}},
		{"a fraction", all{Float: 0.1}},
		{"a large fraction", all{Float: 1.7976931348623157e308}},
		{"a whole number in a fraction", all{Float: 3}},
		{"an instant to the millisecond", all{Time: noon}},
		{"an instant before 1970", all{Time: time.Date(1918, 9, 1, 0, 0, 0, 0, time.UTC)}},
		{"an instant far ahead", all{Time: time.Date(2999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)}},
		{"a pointer to an instant", all{TimePtr: &noon}},
		{"a duration", all{Duration: 90 * time.Minute}},
		{"bytes", all{Bytes: []byte{0, 1, 0xfe, 0xff}}},
		{"no bytes, which is not nil", all{Bytes: []byte{}}},
		{"a nested document", all{Step: two[1]}},
		{"a pointer to a nested document", all{StepPtr: &two[1]}},
		{"a list of nested documents", all{Steps: two}},
		{"an empty list, which is not nil", all{Steps: []step{}, Strings: []string{}}},
		{"a list of pointers", all{Pointers: []*step{&two[0], &two[1]}}},
		{"a list of texts in its order", all{Strings: []string{"b", "a", "", "b"}}},
		{"a list of large numbers", all{Numbers: []int64{math.MaxInt64, 0, math.MinInt64}}},
		{"a list of named texts", all{States: []state{"x", "y"}}},
		{"a map", all{Map: map[string]string{"b": "1", "a": "2", "å": "3"}}},
		{"an empty map, which is not nil", all{Map: map[string]string{}}},
		{"a map by named texts", all{Counts: map[state]int64{"open": 1 << 60}}},
		{"a map of nested documents", all{Nested: map[string]step{"x": two[1]}}},
		{"a map of lists", all{Lists: map[string][]int64{"x": {1, 2}, "y": {}}}},
		{"a field without a tag", all{Plain: "x"}},
		{"a hundred steps", all{Steps: slices.Repeat(two, 50)}},
	}
	cases := []testCase{{"nothing of a field that is not stored", func(s *suite) { s.roundTrip(all{Hidden: "x"}, all{}) }}}
	for _, d := range docs {
		cases = append(cases, testCase{d.name, func(s *suite) { s.roundTrip(d.doc, d.doc) }})
	}
	return cases
}

// roundTrip inserts a document and replaces it by what was read, which is want.
func (s *suite) roundTrip(doc, want all) {
	c, err := store.Open(s.ctx, s.engine, store.Schema[all]{Name: s.name, ID: func(d *all) (string, string) { return "north", d.ID }})
	s.ok(err)
	doc.ID, want.ID = "a", "a"
	_, err = c.Insert(s.ctx, &doc)
	s.ok(err)
	v, err := c.Get(s.ctx, "north", "a")
	s.ok(err)
	if !reflect.DeepEqual(*v.Value, want) {
		s.Errorf("after insert: got  %.2000v\nwant %.2000v", *v.Value, want)
	}
	_, err = c.Replace(s.ctx, v)
	s.ok(err)
	page, err := c.Find(s.ctx, store.Query{Association: "north", Limit: 1})
	s.ok(err)
	if !reflect.DeepEqual(*page.Items[0].Value, want) {
		s.Errorf("after replace: got  %.2000v\nwant %.2000v", *page.Items[0].Value, want)
	}
}
