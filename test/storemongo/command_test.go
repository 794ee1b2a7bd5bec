package storemongo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/mongo"
	"github.com/finsam/finsam/test/mongowire"
)

// person is what must not be seen where only names belong.
type person struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Code string `json:"code"`
	N    int64  `json:"n"`
}

const secret = "Aurora Exempelsson"

func people(t *testing.T, db *mongo.DB) *store.Collection[person] {
	t.Helper()
	c, err := store.Open(t.Context(), db.Engine("commands"), store.Schema[person]{
		Name: "people", Published: true,
		Unique:  []store.Index{{"code"}},
		Indexes: []store.Index{{"n"}},
		ID:      func(p *person) (string, string) { return "north", p.ID },
		Keys:    func(p *person) store.Keys { return store.Keys{"code": p.Code, "n": p.N} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// everything calls each method of the engine at least once.
func everything(t *testing.T, c *store.Collection[person]) {
	t.Helper()
	ctx := t.Context()
	_, err := c.Insert(ctx, &person{ID: secret, Name: secret, Code: secret})
	must(t, err)
	_, err = c.Insert(ctx, &person{ID: "other", Name: secret, Code: secret})
	if err == nil {
		t.Fatal("a unique value was taken twice")
	}
	_, err = c.Update(ctx, "north", secret, 0, func(p *person) error { p.N++; return nil })
	must(t, err)
	_, err = c.Find(ctx, store.Query{Association: "north", Limit: 5, Where: []store.Cond{{Key: "code", Op: store.Eq, Value: secret}}})
	must(t, err)
	_, err = c.Count(ctx, "north", nil)
	must(t, err)
	_, err = c.Unpublished(ctx, 5)
	must(t, err)
	must(t, c.MarkPublished(ctx, []store.PublishedMark{{Association: "north", ID: secret, Published: 2}}))
	must(t, c.Delete(ctx, "north", secret, 2))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryWriteWaitsForAMajorityHasATimeLimitAndSaysWhatItChanges(t *testing.T) {
	server := mongowire.Start(t)
	// Anyone who writes the URI cannot weaken them.
	c := people(t, connect(t, server.URI+"?w=0&readConcernLevel=local&readPreference=nearest"))
	var mu sync.Mutex
	seen := map[string]int{}
	server.Watch.Store(new(func(command mongowire.Command) {
		mu.Lock()
		defer mu.Unlock()
		if problem := check(command); problem != "" {
			t.Errorf("%s: %s", command.Name, problem)
		}
		seen[command.Name]++
	}))
	everything(t, c)
	for _, name := range []string{"insert", "update", "delete", "find", "aggregate"} {
		if seen[name] == 0 {
			t.Errorf("no %s was seen: %v", name, seen)
		}
	}
}

// check returns what a command lacks.
func check(c mongowire.Command) string {
	writes := []string{"insert", "update", "delete"}
	if !slices.Contains(append(writes, "find", "aggregate"), c.Name) {
		return ""
	}
	if ms, ok := c.Body.Lookup("maxTimeMS").AsInt64OK(); !ok || ms <= 0 {
		return "no time limit"
	}
	if limit, ok := c.Body.Lookup("limit").AsInt64OK(); ok && limit > 1 {
		if batch, _ := c.Body.Lookup("batchSize").AsInt64OK(); batch <= limit {
			return "needs a second command for what it is to return"
		}
	}
	if !slices.Contains(writes, c.Name) {
		// Only what judges a write that failed is read from the primary alone, and
		// that never reads a document's body.
		_, whole := c.Body.LookupErr("projection", "keys")
		if level, _ := c.Body.Lookup("readConcern", "level").StringValueOK(); level != "majority" && (level != "local" || whole == nil || c.Name != "find") {
			return "reads less than a majority"
		}
		return ""
	}
	if w, _ := c.Body.Lookup("writeConcern", "w").StringValueOK(); w != "majority" {
		return "writes to less than a majority"
	}
	if j, _ := c.Body.Lookup("writeConcern", "j").BooleanOK(); !j {
		return "does not wait for the journal"
	}
	for _, change := range append(c.Lists["updates"], c.Lists["deletes"]...) {
		filter := change.Lookup("q").Document()
		id := filter.Lookup("_id")
		if among, err := filter.LookupErr("_id", "$in", "0"); err == nil {
			id = among
		}
		if id, _ := id.StringValueOK(); !strings.HasPrefix(id, "north/") {
			return "changes without naming the document and its association"
		}
		if _, err := filter.LookupErr("version"); err != nil {
			return "changes without naming the version"
		}
	}
	return ""
}

func TestIndexesAreCreatedByOneCommandAndNotAgain(t *testing.T) {
	server := mongowire.Start(t)
	var mu sync.Mutex
	seen := map[string]int{}
	server.Watch.Store(new(func(command mongowire.Command) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasSuffix(command.Name, "Indexes") {
			seen[command.Name]++
		}
	}))
	for i, want := range []map[string]int{
		{"listIndexes": 3, "createIndexes": 2}, // this server has no partial indexes, so the first command is refused
		{"listIndexes": 5, "createIndexes": 2},
	} {
		db := connect(t, server.URI)
		people(t, db)
		everything(t, people(t, db)) // opened a second time
		mu.Lock()
		if !maps.Equal(seen, want) {
			t.Errorf("commands of %d processes: %v, want %v", i+1, seen, want)
		}
		mu.Unlock()
	}
}

func TestALostAnswerDoesNothingTwice(t *testing.T) {
	server := mongowire.Start(t)
	c := people(t, connect(t, server.URI))
	ctx := t.Context()
	lose := func(n int64) { failNext(server, n, mongowire.Fault{After: true}, "insert", "update", "delete") }
	const documents = 3 // after each loss the driver waits half a second before it asks the server again
	for i := range int64(documents) {
		id := fmt.Sprint("p", i)
		lose(1)
		_, err := c.Insert(ctx, &person{ID: id, Code: id})
		must(t, err)
		for lost := range 2 {
			lose(int64(lost + 1))
			_, err = c.Update(ctx, "north", id, 0, func(p *person) error { p.N++; return nil })
			must(t, err)
		}
		v, err := c.Get(ctx, "north", id)
		must(t, err)
		if v.Value.N != 2 || v.Version != 3 {
			t.Fatalf("%s was changed %d times, to version %d", id, v.Value.N, v.Version)
		}
		lose(1)
		must(t, c.MarkPublished(ctx, []store.PublishedMark{{Association: "north", ID: id, Published: 3}}))
		if i%2 == 0 {
			lose(1)
			must(t, c.Delete(ctx, "north", id, 3))
		}
	}
	n, err := c.Count(ctx, "north", nil)
	must(t, err)
	if n != 1 { // every other one was deleted
		t.Fatalf("%d documents, want 1", n)
	}
}

func TestSpansNameTheCommandAndTheCollectionAndNoValue(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	c := people(t, connect(t, mongowire.Start(t).URI))
	if n := len(ours(recorder)); n != 0 {
		t.Fatalf("%d spans outside of any trace", n)
	}
	ctx, root := provider.Tracer("test").Start(t.Context(), "root")
	_, err := c.Insert(ctx, &person{ID: secret, Name: secret, Code: secret})
	must(t, err)
	_, err = c.Insert(ctx, &person{ID: "other", Name: secret, Code: secret}) // an error whose text would quote it
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Fatalf("got %v", err)
	}
	root.End()
	var names []string
	for _, span := range ours(recorder) {
		names = append(names, span.Name())
		if span.SpanContext().TraceID() != root.SpanContext().TraceID() {
			t.Errorf("%s is not part of the trace", span.Name())
		}
		if all := fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Status()); strings.Contains(all, secret) {
			t.Errorf("a value is in a span: %s", all)
		}
	}
	if !slices.Contains(names, "insert people") || !slices.Contains(names, "find people") {
		t.Errorf("spans: %v", names)
	}
}

// ours leaves out the spans of FerretDB, which runs in this process too.
func ours(r *tracetest.SpanRecorder) []sdk.ReadOnlySpan {
	return slices.DeleteFunc(r.Ended(), func(s sdk.ReadOnlySpan) bool {
		return s.InstrumentationScope().Name != "github.com/finsam/finsam/pkg/store/mongo"
	})
}

func TestADocumentIsStoredAsTheDocumentationSays(t *testing.T) {
	server := mongowire.Start(t)
	c := people(t, connect(t, server.URI))
	got := make(chan bson.Raw, 1)
	server.Watch.Store(new(func(command mongowire.Command) {
		if command.Name == "insert" {
			got <- slices.Clone(command.Lists["documents"][0])
		}
	}))
	_, err := c.Insert(t.Context(), &person{ID: "a", Name: "x", Code: "c", N: 7})
	must(t, err)
	doc := <-got
	for path, want := range map[string]string{
		"_id": `"north/a"`, "association": `"north"`, "version": `{"$numberLong":"1"}`, "published": `{"$numberLong":"0"}`, "unpublished": "true",
		"keys.code": `"c"`, "keys.n": `{"$numberLong":"7"}`, "unique.code": `"[\"c\"]"`, "body.name": `"x"`, "body.id": `"a"`,
	} {
		if v := doc.Lookup(strings.Split(path, ".")...); v.String() != want {
			t.Errorf("%s is %s, want %s", path, v, want)
		}
	}
}
