package referral

import (
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/finsam/finsam/pkg/association"
)

// rotation lets the rounds of a sweep share the time that one may take: each begins
// behind the association that the last one began with last. One association with
// much to do, or with a fault, holds up the others for one round at the most.
type rotation struct {
	mu   sync.Mutex
	last string // id
}

// from returns all associations, which are in the order of their ids, beginning
// behind the one that was given last.
func (r *rotation) from(all []*association.Association) iter.Seq[*association.Association] {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, known := slices.BinarySearchFunc(all, r.last, func(in *association.Association, id string) int { return strings.Compare(in.ID, id) })
	if known {
		n++
	}
	return func(yield func(*association.Association) bool) {
		for i := range all {
			in := all[(n+i)%len(all)]
			r.mu.Lock()
			r.last = in.ID
			r.mu.Unlock()
			if !yield(in) {
				return
			}
		}
	}
}
