package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
)

// canned answers each call with the same status and text, without a network.
type canned struct {
	status int
	text   []byte
}

func (a canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(a.text)), Request: r}, nil
}

// FuzzAnswers has a server answer anything to a batch and to a request for events: the
// result is an error, or one result per row, in order, and whole lines of JSON.
func FuzzAnswers(f *testing.F) {
	for status, text := range map[int]string{
		200: `{"items":[{"index":0,"status":201,"id":"x","registryNumber":"2026-000001"},{"index":1,"status":422,"problem":{"code":"c","detail":"d","errors":[{"pointer":"/a","detail":"e"}]}}]}`,
		201: `{"id":"x","registryNumber":"2026-000001"}`, 202: `{"items":[{"index":1,"status":201},{"index":1,"status":0,"problem":{}}]}`,
		206: `{"events":[{"id":"1"},null, [ ]],"after":"p\n"}`, 400: `{"status":7,"code":"c","detail":"d","errors":[{}]}`, 307: "", 404: "<h1>", 413: "null", 503: "", 299: `{"items":[{"index":1,"status":503},{"index":0,"status":429}]}`,
	} {
		f.Add(status-200, []byte(text))
	}
	f.Fuzz(func(t *testing.T, status int, text []byte) {
		status = 200 + int(uint(status)%800)  // what a client can be given
		synctest.Test(t, func(t *testing.T) { // busy answers are tried again, in no time
			takesAnswer(t, canned{status, text})
		})
	})
}

func takesAnswer(t *testing.T, a canned) {
	t.Helper()
	c := newConnection()
	c.url, c.token, c.http.Transport = "http://127.0.0.1", "a-token", a
	items := []item{{1, "", "k1", json.RawMessage(`{"a":1}`)}, {2, "", "k2", json.RawMessage(`{"a":2}`)}}
	p := &poster{connection: c}
	results, err := p.post(t.Context(), items)
	if len(results) > len(items) || err == nil && len(results) < len(items) {
		t.Fatalf("%d results for %d rows, %v", len(results), len(items), err)
	}
	for i, r := range results {
		if r.Row != items[i].row || r.Key != items[i].key || r.taken() && (a.status >= 300 || !bytes.Contains(a.text, []byte(`"`))) {
			t.Fatalf("result %d is %+v", i, r)
		}
	}
	var lines bytes.Buffer
	fo := &follower{connection: c, limit: 1, once: true}
	n, err := fo.page(t.Context(), &lines)
	if err != nil && lines.Len() > 0 || err == nil && bytes.Count(lines.Bytes(), []byte("\n")) != n {
		t.Fatalf("%d events, %v: %q", n, err, lines.Bytes())
	}
	for line := range bytes.Lines(lines.Bytes()) {
		if !json.Valid(line) {
			t.Fatalf("%q is not JSON", line)
		}
	}
}
