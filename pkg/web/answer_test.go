package web_test

import (
	"encoding/json"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/web"
)

func TestAnAnswerHasTheBytesOfEncodingJSON(t *testing.T) {
	tag := `"1"`
	for _, text := range []string{"åäö <b> & \u2028", strings.Repeat("x", 100<<10)} { // the second is longer than what is kept
		body := struct {
			Text string         `json:"text"`
			At   time.Time      `json:"at"`
			None *int           `json:"none,omitempty"`
			List []string       `json:"list"`
			Map  map[string]int `json:"map"`
		}{Text: text, At: time.Date(2026, 3, 1, 12, 0, 0, 1e6, time.UTC), Map: map[string]int{"b": 1, "a": 2}}
		want, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time with memory of the first
			w := httptest.NewRecorder()
			if err := web.Answer(w, 201, &body, web.Header{Name: "ETag", Value: &tag}, web.Header{Name: "Location"}); err != nil {
				t.Fatal(err)
			}
			h := w.Header()
			if got := w.Body.String(); got != string(want)+"\n" || w.Code != 201 || h.Get("ETag") != tag || len(h.Values("Location")) != 0 ||
				h.Get("Content-Type") != "application/json" || h.Get("Content-Length") != strconv.Itoa(len(got)) {
				t.Errorf("%d %v: %.200s", w.Code, h, got)
			}
		}
	}
}

func TestTheTagOfWhatIsReadFollowsTheBody(t *testing.T) {
	version := `"7"`
	read := func(body any, ifNoneMatch string) *httptest.ResponseRecorder {
		t.Helper()
		w := httptest.NewRecorder()
		if err := web.AnswerRead(&web.Conditional{ResponseWriter: w, IfNoneMatch: ifNoneMatch}, 200, body, web.Header{Name: "ETag", Value: &version}); err != nil {
			t.Fatal(err)
		}
		return w
	}
	first := read("one", `"7"`)
	tag := first.Header().Get("ETag")
	if first.Code != 200 || !strings.HasPrefix(tag, `"7-`) || len(tag) != 14 || version != `"7"` {
		t.Fatalf("%d %s", first.Code, tag)
	}
	for known, status := range map[string]int{tag: 304, "W/" + tag: 304, "*": 304, `"8-x", ` + tag: 304, `"7"`: 200, `"7-x"`: 200} {
		if w := read("one", known); w.Code != status || w.Header().Get("ETag") != tag || (w.Body.Len() == 0) != (status == 304) {
			t.Errorf("%s: %d %s %q", known, w.Code, w.Header().Get("ETag"), w.Body)
		}
	}
	if w := read("two", tag); w.Code != 200 || w.Header().Get("ETag") == tag {
		t.Errorf("another body: %d %s", w.Code, w.Header().Get("ETag"))
	}
}

func TestWhatCannotBeWrittenSendsNothing(t *testing.T) {
	w := httptest.NewRecorder()
	if err := web.Answer(w, 200, &struct{ F func() }{func() {}}); err == nil || w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("%v, %d bytes, %v", err, w.Body.Len(), w.Header())
	}
}
