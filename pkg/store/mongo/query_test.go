package mongo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/store"
)

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := bson.MarshalExtJSON(v, false, false)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFiltersUseOnlyWhatEveryServerHas(t *testing.T) {
	gone := `{"$date":"9999-12-31T00:00:00Z"}`
	for name, c := range map[string]struct {
		q    store.Query
		want string
	}{
		"nothing but the association": {store.Query{}, `{"association":"north"}`},
		"conditions": {store.Query{Where: []store.Cond{{Key: "a", Op: store.Eq, Value: "x"}, {Key: "n", Op: store.Gte, Value: int64(1)}, {Key: "n", Op: store.Lt, Value: 5}}},
			`{"association":"north","$and":[{"keys.a":"x"},{"keys.n":{"$gte":1}},{"keys.n":{"$lt":5}}]}`},
		"a list": {store.Query{Where: []store.Cond{{Key: "a", Op: store.In, Value: []any{"x", nil, "y"}}}}, `{"association":"north","$and":[{"keys.a":{"$in":["x","y"]}}]}`},
		"behind an id": {store.Query{After: store.Cursor{ID: "p"}},
			`{"association":"north","_id":{"$gt":"north/p"}}`},
		"behind a value, upwards": {store.Query{Sort: []store.Order{{Key: "n"}}, After: store.Cursor{ID: "p", Values: []any{int64(3)}}},
			`{"association":"north","$or":[{"keys.n":{"$gt":3}},{"keys.n":` + gone + `},{"keys.n":3,"_id":{"$gt":"north/p"}}]}`},
		"behind a value, downwards": {store.Query{Sort: []store.Order{{Key: "n", Desc: true}}, After: store.Cursor{ID: "p", Values: []any{int64(3)}}},
			`{"association":"north","keys.n":{"$lte":3},"$or":[{"keys.n":{"$lt":3}},{"keys.n":3,"_id":{"$lt":"north/p"}}]}`},
		"behind an absent value, upwards": {store.Query{Sort: []store.Order{{Key: "n"}}, After: store.Cursor{ID: "p", Values: []any{nil}}},
			`{"association":"north","$or":[{"keys.n":` + gone + `,"_id":{"$gt":"north/p"}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.Association = "north"
			filter, _, err := findOf(c.q)
			if err != nil {
				t.Fatal(err)
			}
			if got := text(t, filter); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestUniqueValuesMeetOnlyWhenAllKeysAreEqual(t *testing.T) {
	ix := store.Index{"a", "b"}
	value := func(id string, keys store.Keys) string {
		v, err := uniqueValue(ix, store.Record{Keys: keys}, id)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if value("1", store.Keys{"a": "x", "b": int64(1)}) != value("2", store.Keys{"a": "x", "b": int64(1)}) {
		t.Error("equal keys must meet")
	}
	seen := map[string]bool{}
	for _, keys := range []store.Keys{{"a": "x", "b": "1"}, {"a": "x", "b": int64(1)}, {"a": "x", "b": true}, {"a": "x\",\"1", "b": ""}, {"a": "", "b": "x"}, {"a": "x"}, {}} {
		seen[value(string(rune('a'+len(seen))), keys)] = true
	}
	if len(seen) != 7 {
		t.Errorf("%d different values of 7", len(seen))
	}
}

func TestAServersErrorIsReportedWithoutItsText(t *testing.T) {
	const secret = "Aurora Exempelsson"
	for name, c := range map[string]struct {
		err         error
		unavailable bool
	}{
		"a command's error":       {driver.CommandError{Code: 11000, Name: "DuplicateKey", Message: "dup key: " + secret}, false},
		"a write's error":         {driver.WriteException{WriteErrors: driver.WriteErrors{{Code: 11000, Message: secret}}}, false},
		"a bulk's error":          {driver.BulkWriteException{WriteErrors: []driver.BulkWriteError{{WriteError: driver.WriteError{Code: 11000, Message: secret}}}}, false},
		"a bulk's conflict":       {driver.BulkWriteException{WriteErrors: []driver.BulkWriteError{{WriteError: driver.WriteError{Code: 112, Message: secret}}}}, true},
		"a bulk that may vanish":  {driver.BulkWriteException{WriteConcernError: &driver.WriteConcernError{Code: 64, Message: secret}}, true},
		"no connection":           {errors.New("connection pool was cleared"), true},
		"a write that may vanish": {driver.WriteException{WriteConcernError: &driver.WriteConcernError{Code: 64, Name: "WriteConcernFailed", Message: secret}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := answer(t.Context(), "insert people", c.err)
			if err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "insert people") {
				t.Errorf("got %v", err)
			}
			if errors.Is(err, fault.ErrUnavailable) != c.unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := answer(ctx, "get", errors.New("x")); !errors.Is(err, context.Canceled) || !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestAMissingServerIsReportedInTimeAndWithoutTheSecretOfTheURI(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, "mongodb://user:hemligt@127.0.0.1:1/?authSource=admin", "finsam-test")
	if err == nil || strings.Contains(err.Error(), "hemligt") {
		t.Fatalf("got %v", err)
	}
}

func TestWhatAListDoesNotShowIsPassedOver(t *testing.T) {
	type Whole struct {
		ID    string   `json:"id"`
		Texts []string `json:"texts"`
		Last  int      `json:"last"`
	}
	type listed struct {
		Whole `json:",inline"`
		Texts unread `json:"texts"`
	}
	text, err := bson.Marshal(bson.D{{Key: "id", Value: "a"}, {Key: "texts", Value: bson.A{"x"}}, {Key: "last", Value: 3}})
	if err != nil {
		t.Fatal(err)
	}
	got := listed{}
	if err := body(text).Decode(&got); err != nil || got.ID != "a" || got.Last != 3 || got.Whole.Texts != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

type unread struct{}

func (*unread) UnmarshalBSONValue(byte, []byte) error { return nil }
