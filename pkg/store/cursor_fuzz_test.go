package store_test

import (
	"encoding/base64"
	"errors"
	"reflect"
	"testing"

	"github.com/finsam/finsam/pkg/store"
)

// FuzzParseCursor tries texts of clients: what is accepted names one position and
// round-trips; anything else is ErrCursor.
func FuzzParseCursor(f *testing.F) {
	for _, c := range []store.Cursor{
		{}, {ID: "a"}, {ID: "å", Values: []any{"x"}}, {ID: "a", Values: []any{int64(1) << 60, nil}}, {ID: "a", Values: []any{true, "\"]"}},
	} {
		f.Add(c.String(), len(c.Values))
	}
	for _, text := range []string{"x", "=", "W10", base64.RawURLEncoding.EncodeToString([]byte(`["a"] ["b"]`)), base64.RawURLEncoding.EncodeToString([]byte(`[1.5,"a"]`)),
		base64.RawURLEncoding.EncodeToString([]byte(`[{},"a"]`)), base64.RawURLEncoding.EncodeToString([]byte(`[1e3,"a"]`)), base64.RawURLEncoding.EncodeToString([]byte(`[1,""]`))} {
		f.Add(text, 1)
	}
	f.Fuzz(func(t *testing.T, text string, orders int) {
		if orders < 0 || orders > 2 {
			return
		}
		c, err := store.ParseCursor(text, orders)
		if err != nil {
			if !errors.Is(err, store.ErrCursor) {
				t.Fatalf("%q: %v is not the fault that is promised", text, err)
			}
			return
		}
		if c.ID != "" && len(c.Values) != orders {
			t.Fatalf("%q: %d values for %d orders", text, len(c.Values), orders)
		}
		again, err := store.ParseCursor(c.String(), orders)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%q: %+v became %+v, %v", text, c, again, err)
		}
	})
}
