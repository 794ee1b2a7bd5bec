package redis

import (
	"reflect"
	"testing"
)

func FuzzUnpack(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(packed{value: []byte("x")}.pack())
	f.Add(packed{value: []byte("x"), tags: []string{"t", ""}, gens: []string{"1", "2"}}.pack())
	f.Add([]byte(mark + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := unpack(b)
		if !ok {
			return
		}
		again, ok := unpack(p.pack())
		if !ok || !reflect.DeepEqual(again, p) {
			t.Fatalf("%q: %+v became %+v", b, p, again)
		}
	})
}
