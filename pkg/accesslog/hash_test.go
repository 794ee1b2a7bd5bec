package accesslog

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// TestHashesAreOverTheJSONOfEachEntry spells out what is hashed: a chain that was written
// years ago must still be found whole.
func TestHashesAreOverTheJSONOfEachEntry(t *testing.T) {
	hash := func(link, count string, v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", link, count, text))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	at := time.Date(2026, 3, 2, 8, 0, 0, 5e6, time.UTC)
	b := Block{Chain: "c", N: 2, At: at, Follows: "c/1", Prev: "before", Entries: []Entry{
		{At: at, Subject: "<a&b>", Roles: []string{"intake"}, Participants: []string{"p"}}, {At: at, Thing: "å\u2028\n", Hash: "old"},
	}}
	entries, own, err := b.hashes()
	if err != nil || len(entries) != 2 {
		t.Fatal(entries, err)
	}
	first := hash("before", "", b.Entries[0])
	unhashed := b.Entries[1]
	unhashed.Hash = ""
	second := hash(first, "", unhashed)
	head := b
	head.Entries = nil
	if entries[0] != first || entries[1] != second || own != hash(second, "2", head) {
		t.Errorf("got %v and %s", entries, own)
	}
}
