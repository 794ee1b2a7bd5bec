package rest_test

import (
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/store"
)

var paths = rest.NewPaths(map[string]string{
	"listThings":   "/things",
	"getThing":     "/things/{id}",
	"moveThing":    "/things/{id}/move-requests",
	"answerPart":   "/things/{id}/parts/{number}/answer",
	"removePart":   "/things/{id}/parts/{number}",
	"readCalendar": "/calendars/{token}",
})

func TestALinkLeadsFromTheRootToTheOperation(t *testing.T) {
	below := rest.Below("/behind/finsam/v1", paths, rest.NewPaths(map[string]string{"getOther": "/others/{id}"}))
	for _, c := range []struct {
		to     string
		values []string
		want   string
	}{
		{"listThings", nil, "/things"},
		{"listThings", []string{"beyond"}, "/things"},
		{"getThing", []string{"7"}, "/things/7"},
		{"answerPart", []string{"7", "2"}, "/things/7/parts/2/answer"},
		{"readCalendar", []string{"secret"}, "/calendars/secret"},
	} {
		if l := paths.Link("there", c.to, c.values...); l.Href() != c.want {
			t.Errorf("%s: %s, want %s", c.to, l.Href(), c.want)
		}
		if l := below.Link("there", c.to, c.values...); l.Name != "there" || l.Href() != "/behind/finsam/v1"+c.want {
			t.Errorf("%s, behind a prefix: %v", c.to, l)
		}
	}
	if l := below.Link("there", "getOther", "8").With(rest.Query("a", "b c")); l.Href() != "/behind/finsam/v1/others/8?a=b+c" {
		t.Errorf("another contract's: %s", l.Href())
	}
}

func TestALinkIsNamedByTheLastSegmentOfItsPath(t *testing.T) {
	links := paths.AppendActions(rest.Links{paths.Link("self", "getThing", "7")}, []string{"moveThing", "answerPart"}, "7", "2")
	const want = `{"self":{"href":"/things/7"},"moveRequests":{"href":"/things/7/move-requests"},"answer":{"href":"/things/7/parts/2/answer"}}`
	text, err := json.Marshal(links)
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
	var read rest.Links
	if err := json.Unmarshal(text, &read); err != nil || len(read) != 3 || read.Href("answer") != links.Href("answer") || read.Href("nosuch") != "" {
		t.Errorf("read %v, %v", read, err)
	}
	if err := json.Unmarshal([]byte(`{"a":1}`), &read); err == nil {
		t.Error("a number was read as a link")
	}
	if text, err := json.Marshal(rest.Links(nil)); err != nil || string(text) != "{}" {
		t.Errorf("none: %s, %v", text, err)
	}
}

func TestAnOperationThatTheContractDoesNotHavePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a link to nowhere was written")
		}
	}()
	paths.Link("there", "noSuchThing")
}

func TestAListSaysWhereItIsAndWhatFollows(t *testing.T) {
	number, cursor := func(n int) *int { return &n }, "c1"
	for name, c := range map[string]struct {
		window store.Window
		next   string
		total  *store.Total
		want   string
	}{
		"the beginning": {rest.NewWindow(nil, nil, nil), "c2", nil,
			`{"count":20,"limit":20,"nextCursor":"c2"} ` +
				`{"self":{"href":"/things?limit=20\u0026state=open"},"next":{"href":"/things?cursor=c2\u0026limit=20\u0026state=open"}}`},
		"the first page": {rest.NewWindow(nil, number(1), nil), "c2", &store.Total{Records: 41},
			`{"count":20,"limit":20,"nextCursor":"c2","page":1,"totalPages":3,"totalRecords":41,"totalRecordsIsMinimum":false} ` +
				`{"self":{"href":"/things?limit=20\u0026page=1\u0026state=open"},"next":{"href":"/things?cursor=c2\u0026limit=20\u0026state=open"}}`},
		"the last page": {rest.NewWindow(number(50), number(2), nil), "", &store.Total{Records: 1000, Minimum: true},
			`{"count":20,"limit":50,"page":2,"totalPages":20,"totalRecords":1000,"totalRecordsIsMinimum":true} ` +
				`{"self":{"href":"/things?limit=50\u0026page=2\u0026state=open"}}`},
		"without cursors": {rest.NewPage(nil, nil), "", &store.Total{Records: 20},
			`{"count":20,"limit":20,"page":1,"totalPages":1,"totalRecords":20,"totalRecordsIsMinimum":false} ` +
				`{"self":{"href":"/things?limit=20\u0026page=1\u0026state=open"}}`},
		"by cursor": {rest.NewWindow(number(20), nil, &cursor), "c2", nil,
			`{"count":20,"limit":20,"nextCursor":"c2"} ` +
				`{"self":{"href":"/things?cursor=c1\u0026limit=20\u0026state=open"},"next":{"href":"/things?cursor=c2\u0026limit=20\u0026state=open"}}`},
	} {
		meta, _ := json.Marshal(rest.NewMeta(c.window, 20, c.next, c.total))
		links, _ := json.Marshal(rest.ListLinks(paths.Link("", "listThings"), rest.Query("state", "open", "unit", ""), c.window, c.next))
		if got := string(meta) + " " + string(links); got != c.want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestAChangeNeedsAVersion(t *testing.T) {
	body := func(n int64) string { return rest.ETag(n) }
	if got, err := rest.Changed(text(`"3"`), func(v int64) (int64, error) { return v + 1, nil }, body); got != `"4"` || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := rest.Changed(nil, func(v int64) (int64, error) { return v, nil }, body); !errors.Is(err, rest.ErrNoVersion) {
		t.Errorf("got %v", err)
	}
	refusal := errors.New("refused")
	if got, err := rest.Changed(text(`"3"`), func(int64) (int64, error) { return 9, refusal }, body); got != "" || !errors.Is(err, refusal) {
		t.Errorf("got %q, %v", got, err)
	}
}

func BenchmarkLinks(b *testing.B) {
	b.ReportAllocs()
	e := jsontext.NewEncoder(io.Discard)
	for b.Loop() {
		l := paths.AppendActions(nil, []string{"getThing", "moveThing", "removePart"}, "7d444840-9dc0-11d1-b245-5ffdce74fad2", "2")
		if err := l.MarshalJSONTo(e); err != nil {
			b.Fatal(err)
		}
	}
}
