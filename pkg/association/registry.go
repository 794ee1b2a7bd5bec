package association

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/fault"
)

// Registry holds the associations that this installation serves. It may be read
// concurrently: what it returns is never changed, only replaced by what Follow has
// read.
type Registry struct {
	served atomic.Pointer[map[string]*Association]
	folder *folder // where they were read; nil: nowhere
}

// NewRegistry creates a registry; two of the same id are refused.
func NewRegistry(all ...*Association) (*Registry, error) {
	r := &Registry{}
	byID, err := index(all)
	if err != nil {
		return nil, err
	}
	r.served.Store(&byID)
	return r, nil
}

// LoadDir reads every .yaml and .yml file of a folder; a folder without any
// is an empty registry. The error says which files are invalid and why.
func LoadDir(dir string) (*Registry, error) {
	texts, err := readTexts(dir)
	if err != nil {
		return nil, fmt.Errorf("read associations: %w", err)
	}
	all, err := parseAll(texts)
	if err != nil {
		return nil, err
	}
	r, err := NewRegistry(all...)
	if err != nil {
		return nil, err
	}
	r.folder = &folder{dir: dir, told: content{texts: texts}}
	return r, nil
}

func index(all []*Association) (map[string]*Association, error) {
	byID := make(map[string]*Association, len(all))
	for _, a := range all {
		if byID[a.ID] != nil {
			return nil, fmt.Errorf("association %q is configured twice", a.ID)
		}
		byID[a.ID] = a
	}
	return byID, nil
}

// Get finds an association. One that is not served here is fault.ErrNotFound,
// the same answer as for any other thing that the caller may not see.
func (r *Registry) Get(id string) (*Association, error) {
	if a := (*r.served.Load())[id]; a != nil {
		return a, nil
	}
	return nil, fault.ErrNotFound.Because(fmt.Errorf("no association %q is loaded", id))
}

// All returns the associations in the order of their ids.
func (r *Registry) All() []*Association {
	return slices.SortedFunc(maps.Values(*r.served.Load()), func(a, b *Association) int { return strings.Compare(a.ID, b.ID) })
}

// Save checks a configuration and puts it into the folder as <id>.yaml in one
// step: after a crash the folder holds the old file or the new one, whole.
func Save(dir string, data []byte) (*Association, error) {
	a, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("save association: %w", err)
	}
	if err := atomicfile.Write(filepath.Join(dir, a.ID+".yaml"), data, 0o644); err != nil {
		return nil, fmt.Errorf("save association: %w", err)
	}
	return a, nil
}
