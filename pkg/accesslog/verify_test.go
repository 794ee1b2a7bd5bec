package accesslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
)

// written returns an engine with a log of so many starts, each of several blocks.
func written(t testing.TB, starts, blocks int) (*memory, []string) {
	t.Helper()
	m := newMemory()
	for start := range starts {
		l := open(t, m)
		for block := range blocks {
			ctx := accesslog.Begin(official())
			for e := range 3 {
				_ = l.Record(ctx, accesslog.Entry{
					Operation: "getReferral", Thing: fmt.Sprintf("referral/%d-%d-%d", start, block, e),
					Participants: []string{"p1", "p2"}, Why: "own-unit",
				})
			}
			if err := l.Wait(ctx); err != nil {
				t.Fatal(err)
			}
		}
		_ = l.Close()
		time.Sleep(2 * time.Millisecond)
	}
	return m, slices.Sorted(maps.Keys(m.docs))
}

func flaws(t testing.TB, m *memory, known ...accesslog.Head) []accesslog.Flaw {
	t.Helper()
	l := open(t, m)
	r, err := l.Verify(context.Background(), known...)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return r.Flaws
}

func TestVerifyNamesWhatWasTamperedWith(t *testing.T) {
	type tampering func(m *memory, ids []string) (block string, entry int)
	change := func(m *memory, id string, alter func(*accesslog.Block)) {
		var b accesslog.Block
		if err := json.Unmarshal(m.docs[id], &b); err != nil {
			t.Fatal(err)
		}
		alter(&b)
		m.docs[id], _ = json.Marshal(b)
	}
	for name, tamper := range map[string]tampering{
		"an entry's subject is changed": func(m *memory, ids []string) (string, int) {
			change(m, ids[1], func(b *accesslog.Block) { b.Entries[0].Subject = "somebody-else" })
			return ids[1], 0
		},
		"a participant is taken out of an entry": func(m *memory, ids []string) (string, int) {
			change(m, ids[1], func(b *accesslog.Block) { b.Entries[0].Participants = b.Entries[0].Participants[:1] })
			return ids[1], 0
		},
		"an entry's hash is changed": func(m *memory, ids []string) (string, int) {
			change(m, ids[0], func(b *accesslog.Block) { b.Entries[0].Hash = strings.Repeat("A", 43) })
			return ids[0], 0
		},
		"the block's time is changed": func(m *memory, ids []string) (string, int) {
			change(m, ids[1], func(b *accesslog.Block) { b.At = b.At.Add(time.Hour) })
			return ids[1], -1
		},
		"the last entry is taken out": func(m *memory, ids []string) (string, int) {
			change(m, ids[1], func(b *accesslog.Block) { b.Entries = b.Entries[:len(b.Entries)-1] })
			return ids[1], -1
		},
		"a copy of an entry is put in": func(m *memory, ids []string) (string, int) {
			n := 0
			change(m, ids[1], func(b *accesslog.Block) { n = len(b.Entries); b.Entries = append(b.Entries, b.Entries[0]) })
			return ids[1], n
		},
		"a block in the middle is removed": func(m *memory, ids []string) (string, int) {
			delete(m.docs, ids[1])
			return ids[2], -1
		},
		"the first block is removed": func(m *memory, ids []string) (string, int) {
			delete(m.docs, ids[0])
			return ids[1], -1
		},
		"the end of a chain that another hangs on is removed": func(m *memory, ids []string) (string, int) {
			last := lastOf(ids, ids[0])
			delete(m.docs, last)
			return last, -1
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, ids := written(t, 3, 4)
			block, entry := tamper(m, ids)
			found := flaws(t, m)
			if !slices.ContainsFunc(found, func(f accesslog.Flaw) bool { return f.Block == block && f.Entry == entry }) {
				t.Fatalf("want a flaw at %s entry %d, got %v", block, entry, found)
			}
		})
	}
}

// lastOf returns the last block of the chain that id is in.
func lastOf(ids []string, id string) string {
	chain, _, _ := strings.Cut(id, "/")
	last := id
	for _, other := range ids {
		if strings.HasPrefix(other, chain+"/") && len(other) >= len(last) && other > last {
			last = other
		}
	}
	return last
}

func TestWhatIsCutOffAtTheEndIsFoundByAHeadKeptElsewhere(t *testing.T) {
	m := newMemory()
	l := open(t, m)
	for range 3 {
		if err := l.Record(official(), accesslog.Entry{Operation: "getReferral"}); err != nil {
			t.Fatal(err)
		}
	}
	head := l.Head()
	cut := fmt.Sprintf("%s/%d", head.Chain, head.N)
	delete(m.docs, cut)
	if r, err := l.Verify(context.Background()); err != nil || len(r.Flaws) != 0 {
		t.Fatalf("the links alone cannot know: %v %v", r.Flaws, err)
	}
	r, err := l.Verify(context.Background(), head)
	if err != nil || len(r.Flaws) != 1 || r.Flaws[0].Block != cut {
		t.Fatalf("got %v, %v", r.Flaws, err)
	}
}

// TestTenThousandTamperingsAreFound changes one byte of the stored text at a time.
func TestTenThousandTamperingsAreFound(t *testing.T) {
	m, ids := written(t, 2, 1)
	l := open(t, m)
	r, err := l.Verify(context.Background())
	if err != nil || len(r.Flaws) != 0 {
		t.Fatal(err, r.Flaws)
	}
	times := 10_000
	if testing.Short() {
		times = 500
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range times {
		id := ids[random.IntN(len(ids))]
		whole := m.docs[id]
		changed := bytes.Clone(whole)
		changed[random.IntN(len(changed))] = byte('0' + random.IntN(75))
		if sameBlock(whole, changed) {
			continue
		}
		m.docs[id] = changed
		r, err := l.Verify(context.Background(), r.Heads...)
		if err == nil && len(r.Flaws) == 0 {
			t.Fatalf("tampering %d was not found:\n%s\n%s", i, whole, changed)
		}
		m.docs[id] = whole
	}
}

// sameBlock reports whether two texts say the same, such as 0A and 0a in an escape.
func sameBlock(a, b []byte) bool {
	var x, y accesslog.Block
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}
