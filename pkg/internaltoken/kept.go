package internaltoken

import "sync"

// kept remembers at most max values in two generations: when the younger one is
// half of max, it becomes the older one and the oldest are forgotten. Anyone who
// reads checks the expiry; nothing needs a goroutine or a clock here.
type kept[K comparable, V any] struct {
	half int

	mu           sync.RWMutex
	young, older map[K]V
}

func newKept[K comparable, V any](max int) *kept[K, V] {
	return &kept[K, V]{half: max / 2, young: map[K]V{}}
}

func (k *kept[K, V]) get(key K) (V, bool) {
	k.mu.RLock()
	v, ok := k.young[key]
	if ok {
		k.mu.RUnlock()
		return v, true
	}
	v, ok = k.older[key]
	k.mu.RUnlock()
	if ok {
		k.put(key, v) // still in use: it survives the next turn
	}
	return v, ok
}

func (k *kept[K, V]) put(key K, v V) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.young) >= k.half {
		k.older, k.young = k.young, make(map[K]V, k.half/8)
	}
	k.young[key] = v
}

// size returns how many values are remembered.
func (k *kept[K, V]) size() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.young) + len(k.older)
}
