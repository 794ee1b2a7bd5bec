package contract

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestJSONIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, ` false `, `0`, `-0.5e+3`, `1E2`, `""`, `"å\n\u00e5\ud83d\ude00"`, `[]`, `[ ]`, `{}`, `{ }`,
		`[1, "a", null, {"b": [true]}]`, `{"a":1,"b":{"a":2}}`, "\t{\n\"a\" : 1 }\r",
	} {
		var want any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if got, err := parseJSON([]byte(text), nil, 32); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, %v", text, got, err)
		}
	}
}

func TestWhatIsNotJSONIsRefused(t *testing.T) {
	for _, text := range []string{
		``, ` `, `nul`, `True`, `01`, `-`, `1.`, `.5`, `1e`, `+1`, `1e400`, `"`, `"\x"`, `"\u12"`, "\"\n\"", `"\`, `[`, `[1`, `[1,`, `[1,]`, `[,]`,
		`{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{1:1}`, `1 2`, `[1]]`, `'a'`, `NaN`, "\xff", "\"\xff\"", `"\u0000"`,
		`{"a":1,"a":2}`, `{"a":{"b":1,"\u0062":2}}`, strings.Repeat("[", 33) + strings.Repeat("]", 33),
	} {
		if v, err := parseJSON([]byte(text), nil, 32); err == nil {
			t.Errorf("%q was read as %#v", text, v)
		}
	}
}

func TestDepthIsCountedInLevels(t *testing.T) {
	for levels, ok := range map[int]bool{31: true, 32: true, 33: false, 100_000: false} {
		text := strings.Repeat(`{"a":[`, levels/2) + strings.Repeat("[", levels%2) + strings.Repeat("]", levels%2) + strings.Repeat("]}", levels/2)
		if _, err := parseJSON([]byte(text), nil, 32); (err == nil) != ok {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
}

// FuzzJSON holds that whatever is accepted means the same to encoding/json, which
// reads it again in the handler.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a":[1,-2.5e3,"x\u00e5",true,null]}`)
	f.Add(`{"a":1,"a":2}`)
	f.Add(`"\ud800"`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseJSON([]byte(text), nil, 32)
		if err != nil {
			return
		}
		var want any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q: accepted as %#v, but %v", text, got, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, the standard library reads %#v", text, got, want)
		}
	})
}

// BenchmarkJSON parses a body of 1.5 KB such as POST /referrals takes.
func BenchmarkJSON(b *testing.B) {
	text := []byte(`{"person":{"personalIdentityNumber":"191212121212","givenName":"Tolvan","familyName":"Tolvansson","email":"t@example.org"},
 "unit":"molndal-1","reasons":["long_absence"],"at":"2026-01-31T13:45:00Z","weeks":24,"share":0.5,"given":true,"nested":{"a":[1,2,{"b":null}]},
 "text":"` + strings.Repeat("Hej på dig. ", 90) + `"}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseJSON(text, nil, 32); err != nil {
			b.Fatal(err)
		}
	}
}
