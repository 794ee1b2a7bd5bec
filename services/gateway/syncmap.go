package gateway

import "sync"

// syncMap remembers what was made for a key. Its keys come from bounded sets:
// operations, authorities, outcomes.
type syncMap[K comparable, V any] struct{ all sync.Map }

// get gives what was made for the key, made by f at the first time.
func (m *syncMap[K, V]) get(key K, f func() V) V {
	if v, ok := m.all.Load(key); ok {
		return v.(V)
	}
	v, _ := m.all.LoadOrStore(key, f())
	return v.(V)
}
