package server_test

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/webtest"
)

const id = "7d444840-9dc0-11d1-b245-5ffdce74fad2"

var key = map[string]string{"Idempotency-Key": "k-1"}

// good is a body that keeps to the contract.
const good = `{"person":{"personalIdentityNumber":"191212121212","givenName":"Tolvan","familyName":"Tolvansson","email":"t@example.org","born":"1912-12-12"},
 "unit":"molndal-1","reasons":["long_absence"],"at":"2026-01-31T13:45:00Z","weeks":24,"share":0.5,"given":true,"text":"Hej \"du\"","link":"https://example.org/a","ref":"` + id + `","nested":{"a":[1,2,{"b":null}]}}`

func TestWhatKeepsToTheContractIsLetThroughUnchanged(t *testing.T) {
	s := newService(t)
	r := s.Call(t, "POST", "/things", key, good)
	if r.Status != 201 || string(r.Body) != good {
		t.Fatalf("got %d %s", r.Status, r.Body)
	}
	for name, c := range map[string]struct {
		method, path string
		body         any
	}{
		"a list":                         {"GET", "/things?limit=200&state=open&code=1481&code=1402&csv=1,2&open=true&from=2026-02-28", nil},
		"no parameters":                  {"GET", "/things", nil},
		"a body that may be left out":    {"PUT", "/things/" + id, nil},
		"null where null is allowed":     {"PUT", "/things/" + id, `{"text":null}`},
		"an address with what is secret": {"GET", "/calendars/abc", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if r := s.Call(t, c.method, c.path, nil, c.body); r.Status != 200 {
				t.Fatalf("got %d %s", r.Status, r.Body)
			}
		})
	}
}

type bad struct {
	method, path string
	header       map[string]string
	body         any
}

// post is a createThing with one part of the good body replaced.
func post(from, to string) bad {
	if !strings.Contains(good, from) {
		panic("not in the body: " + from)
	}
	return bad{"POST", "/things", key, strings.Replace(good, from, to, 1)}
}

var bads = map[string]bad{
	"body: a required field is missing":      post(`"unit":"molndal-1",`, ``),
	"body: a field within is missing":        post(`"givenName":"Tolvan",`, ``),
	"body: a field is of another type":       post(`"molndal-1"`, `7`),
	"body: an object is a text":              post(`{"a":[1,2,{"b":null}]}`, `"Anna"`),
	"body: a number is a text":               post(`24`, `"Anna"`),
	"body: a whole number is not":            post(`24`, `2.5`),
	"body: a text is too long":               post(`molndal-1`, strings.Repeat("å", 21)),
	"body: a text is too short":              post(`Tolvan"`, `"`),
	"body: a pattern is not kept":            post(`191212121212`, `19121212-1212`),
	"body: a pattern with words of its own":  post(`Tolvansson`, `Tolv4nsson`),
	"body: a code is not in the list":        post(`long_absence`, `Anna`),
	"body: a list is empty":                  post(`["long_absence"]`, `[]`),
	"body: a list is too long":               post(`["long_absence"]`, `["long_absence","young_adult","long_absence","young_adult"]`),
	"body: a value occurs twice":             post(`["long_absence"]`, `["long_absence","long_absence"]`),
	"body: a number is too large":            post(`24`, `25`),
	"body: a number is too small":            post(`24`, `0`),
	"body: a number is at the bound":         post(`0.5`, `0`),
	"body: an invalid date":                  post(`1912-12-12`, `1912-02-30`),
	"body: an invalid instant":               post(`2026-01-31T13:45:00Z`, `2026-01-31 13:45`),
	"body: an invalid address of mail":       post(`t@example.org`, `Anna <t@example.org>`),
	"body: an invalid web address":           post(`https://example.org/a`, `/a`),
	"body: an invalid id":                    post(id, `191212121212`),
	"body: null where a value must be":       post(`"molndal-1"`, `null`),
	"body: an unknown field":                 post(`"unit"`, `"shoeSize":44,"unit"`),
	"body: an unknown field that is no name": post(`"unit"`, `"191212121212":1,"unit"`),
	"body: a field in other letters":         post(`"unit"`, `"Unit"`),
	"body: a field that occurs twice":        post(`"unit":"molndal-1"`, `"unit":"a","unit":"b"`),
	"body: much at once":                     {"POST", "/things", nil, `{"person":{"born":1,"x":1,"email":"no"},"reasons":["a","b"],"weeks":"x","at":"now"}`},
	"body: too deep":                         post(`[1,2,{"b":null}]`, strings.Repeat("[", 40)+strings.Repeat("]", 40)),
	"body: none of two shapes":               post(`"unit"`, `"choice":true,"unit"`),
	"body: all of two shapes":                post(`"unit"`, `"both":{"b":3},"unit"`),
	"body: all of one shape, deep":           post(`"unit"`, `"deep":{"list":[{"personalIdentityNumber":"191212121212","givenName":"T"},{"born":1,"shoe":2}]},"unit"`),
	"body: a map with too much":              post(`"unit"`, `"map":{"a":"Anna","b":"x"},"unit"`),
	"body: cut off":                          {"POST", "/things", key, good[:100]},
	"body: something behind it":              {"POST", "/things", key, good + "x"},
	"body: not UTF-8":                        post(`molndal-1`, "\xff"),
	"body: a NUL":                            post(`molndal-1`, `\u0000`),
	"body: a list instead of an object":      {"POST", "/things", key, `[1]`},
	"body: none":                             {"POST", "/things", key, nil},
	"body: empty":                            {"POST", "/things", key, ""},
	"body: of another media type":            {"POST", "/things", with(key, "Content-Type", "text/plain"), good},
	"body: of no media type":                 {"POST", "/things", with(key, "Content-Type", ""), good},
	"body: in another alphabet":              {"POST", "/things", with(key, "Content-Type", "application/json; charset=latin1"), good},
	"body: too large":                        {"POST", "/things", key, `"` + strings.Repeat("a", 1<<20) + `"`},
	"header: missing":                        {"POST", "/things", nil, good},
	"header: a pattern is not kept":          {"POST", "/things", map[string]string{"Idempotency-Key": "a b"}, good},
	"path: not an id":                        {"GET", "/things/191212121212", nil, nil},
	"query: not a number":                    {"GET", "/things?limit=Anna", nil, nil},
	"query: an invalid share":                {"GET", "/things?share=half", nil, nil},
	"query: a share too large":               {"GET", "/things?share=1.5", nil, nil},
	"query: too large":                       {"GET", "/things?limit=201", nil, nil},
	"query: a code not in the list":          {"GET", "/things?state=Anna", nil, nil},
	"query: an unknown name":                 {"GET", "/things?municipallity=1481&stat=open", nil, nil},
	"query: a value twice":                   {"GET", "/things?limit=1&limit=2", nil, nil},
	"query: a list with a wrong value":       {"GET", "/things?code=1481&code=Anna", nil, nil},
	"query: a list that is too long":         {"GET", "/things?code=1481&code=1481&code=1481", nil, nil},
	"query: a list by commas":                {"GET", "/things?csv=1,Anna", nil, nil},
	"query: neither true nor false":          {"GET", "/things?open=1", nil, nil},
	"query: an invalid date":                 {"GET", "/things?from=2026-02-30", nil, nil},
	"query: several at once":                 {"GET", "/things?limit=0&state=x&from=y", nil, nil},
	"query: cannot be read":                  {"GET", "/things?a=%zz", nil, nil},
}

func with(header map[string]string, name, value string) map[string]string {
	h := maps.Clone(header)
	h[name] = value
	return h
}

func TestTheProblemOfEachBadInputSaysWhereAndWhatIsWanted(t *testing.T) {
	s := newService(t)
	for _, language := range []string{"sv", "en"} {
		var all strings.Builder
		for _, name := range slices.Sorted(maps.Keys(bads)) {
			b := bads[name]
			header := map[string]string{"Accept-Language": language}
			maps.Copy(header, b.header)
			r := s.Call(t, b.method, b.path, header, b.body)
			if r.Status < 400 || r.Status > 499 {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
			for _, value := range []string{"Anna", "191212121212", "19121212-1212"} {
				if bytes.Contains(r.Body, []byte(value)) {
					t.Errorf("%s: the value is repeated: %s", name, r.Body)
				}
			}
			all.WriteString("# " + name + "\n" + pretty(t, r.Body))
		}
		golden(t, "bad-inputs."+language+".txt", all.String())
	}
	if log := s.Log.String(); log != "" {
		t.Errorf("the caller's mistakes are not ours to log: %s", log)
	}
}

func TestAtMostTwentyFieldsAreNamed(t *testing.T) {
	s := newService(t)
	var body strings.Builder
	for i := range 30 {
		body.WriteString(`"f` + string(rune('a'+i%26)) + strings.Repeat("x", i) + `":1,`)
	}
	r := s.Call(t, "POST", "/things", key, "{"+strings.TrimSuffix(body.String(), ",")+"}")
	if p := r.Problem(t, 400); len(p.Errors) != 20 {
		t.Fatalf("%d fields are named", len(p.Errors))
	}
}

func TestABodyWithoutALengthIsBoundedToo(t *testing.T) {
	s := newService(t)
	for name, c := range map[string]struct {
		req    *http.Request
		status int
	}{
		"endless": {httptest.NewRequest("POST", web.BasePath+"/things", endless{}), 413},
		"bounded by the gateway in the same process": {httptest.NewRequest("POST", web.BasePath+"/things", iotest.ErrReader(&http.MaxBytesError{Limit: 1})), 413},
		"broken": {httptest.NewRequest("POST", web.BasePath+"/things", iotest.ErrReader(http.ErrBodyReadAfterClose)), 400},
	} {
		t.Run(name, func(t *testing.T) {
			c.req.ContentLength = -1
			c.req.Header.Set("Content-Type", "application/json")
			c.req.Header.Set("Idempotency-Key", "k")
			c.req.Header.Set("Authorization", "Bearer "+s.Trust.Token(t, webtest.Coach))
			w := httptest.NewRecorder()
			s.ServeHTTP(w, c.req)
			if w.Code != c.status {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
		})
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}
