package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzJournal opens anything in place of a journal. If it is accepted as one
// to continue, no complete line is lost, and the next run reads the same
// salt and what was added.
func FuzzJournal(f *testing.F) {
	head := `{"version":1,"salt":"` + string(bytes.Repeat([]byte("0a"), 32)) + "\"}\n"
	for _, text := range []string{
		"", head, head + `{"row":1,"key":"k","status":201,"id":"x"}` + "\n", head + `{"row":1,"key":"k","sta`, head[:20],
		`{"version":2,"salt":""}` + "\n", head + "no JSON\n", head + "\n", "\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "rows.journal")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(path)
		if err != nil {
			if left, _ := os.ReadFile(path); !bytes.Equal(left, text) {
				t.Fatal("a file that is no journal was changed")
			}
			return
		}
		before, salt := len(j.done), j.salt
		key := j.key([]byte("a row"))
		_, had := j.done[key]
		if err := j.note([]result{{Row: 7, Key: key, Status: 201, ID: "x"}}); err != nil {
			t.Fatal(err)
		}
		if err := j.close(); err != nil {
			t.Fatal(err)
		}
		if j, err = openJournal(path); err != nil {
			t.Fatalf("it cannot be gone on with: %v", err)
		}
		defer func() { _ = j.close() }()
		if !had {
			before++
		}
		if len(j.done) != before || !bytes.Equal(j.salt, salt) || !j.done[key].taken() || j.key([]byte("a row")) != key {
			t.Fatalf("%d results instead of %d, or another salt", len(j.done), before)
		}
	})
}
