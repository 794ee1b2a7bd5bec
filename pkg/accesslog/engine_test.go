package accesslog_test

import (
	"context"
	"encoding/json"
	"sort"
	"sync"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/store"
)

// memory is an engine that holds what the log needs of one, and lets a test do
// what an intruder would: change the stored text.
type memory struct {
	store.Engine // the rest is not used by the log

	mu     sync.Mutex
	docs   map[string][]byte
	refuse func(id string) (stored bool, err error) // what happens to an insert
}

func newMemory() *memory { return &memory{docs: map[string][]byte{}} }

func (m *memory) Prepare(context.Context, store.Spec) error { return nil }

func (m *memory) Insert(_ context.Context, _ string, r store.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, refused := true, error(nil)
	if m.refuse != nil {
		stored, refused = m.refuse(r.ID)
	}
	if m.docs[r.ID] != nil {
		return store.ErrExists
	}
	if stored {
		text, err := json.Marshal(r.Body)
		if err != nil {
			return err
		}
		m.docs[r.ID] = text
	}
	return refused
}

func (m *memory) Get(_ context.Context, _, _, id string) (store.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text, ok := m.docs[id]
	if !ok {
		return store.Document{}, store.ErrNotFound
	}
	return m.found(id, text), nil
}

func (m *memory) found(id string, text []byte) store.Document {
	return store.Document{ID: id, Version: 1, Body: jsonBody(text)}
}

type jsonBody []byte

func (b jsonBody) Decode(into any) error  { return json.Unmarshal(b, into) }
func (b jsonBody) Unknown(into any) error { return json.Unmarshal(b, into) }

// Find knows the two queries of the log: all in order, and the newest.
func (m *memory) Find(_ context.Context, _ string, q store.Query) ([]store.Document, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	type row struct {
		accesslog.Block
		id   string
		text []byte
	}
	var rows []row
	for id, text := range m.docs {
		r := row{id: id, text: text}
		if err := json.Unmarshal(text, &r.Block); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	before := func(chain string, n int64, r row) bool { return chain < r.Chain || chain == r.Chain && n < r.N }
	sort.Slice(rows, func(i, j int) bool {
		if q.Sort[0].Desc {
			i, j = j, i
		}
		return before(rows[i].Chain, rows[i].N, rows[j])
	})
	var out []store.Document
	for _, r := range rows {
		if q.After.ID != "" && !before(q.After.Values[0].(string), q.After.Values[1].(int64), r) {
			continue
		}
		if len(out) < q.Limit {
			out = append(out, m.found(r.id, r.text))
		}
	}
	return out, nil
}
