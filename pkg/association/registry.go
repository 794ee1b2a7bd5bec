package association

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
)

// Registry is the associations that this installation serves. Its methods may be called
// at once: an Association that it returns never changes; Serve replaces it.
type Registry struct {
	// Now is the clock by which the day changes; nil: time.Now.
	Now func() time.Time

	mu     sync.Mutex // held to change what is served
	served atomic.Pointer[map[string]*serving]
}

// serving is how an association is served.
type serving struct {
	assemble func(on civil.Date) *Association // nil: it is the same on every day
	mu       sync.Mutex                       // held to assemble
	day      atomic.Pointer[day]

	others sync.Mutex // held to assemble another day than today
	recent []dated    // the other days that were asked for last
}

// dated is an association as it is on a day.
type dated struct {
	on civil.Date
	*Association
}

// maxRecent bounds the other days that are kept of an association.
const maxRecent = 8

// day is an association as it is on one day in Sweden.
type day struct {
	association *Association
	from, until int64 // Unix seconds; until is the next day's first
}

// NewRegistry creates a registry of associations that are the same on every day; two of the
// same id are refused.
func NewRegistry(all ...*Association) (*Registry, error) {
	r := &Registry{}
	byID, err := index(all)
	if err != nil {
		return nil, err
	}
	r.served.Store(&byID)
	return r, nil
}

// Serve serves an association from now on as assemble returns it for a day: called once for
// each day on which the association is asked for, and for other days that are asked about.
func (r *Registry) Serve(id string, assemble func(on civil.Date) *Association) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := maps.Clone(*r.served.Load())
	next[id] = &serving{assemble: assemble}
	r.served.Store(&next)
}

// fixed returns an association that is the same on every day.
func fixed(a *Association) *serving {
	s := &serving{}
	s.day.Store(&day{a, math.MinInt64, math.MaxInt64})
	return s
}

// today returns the association as it is on the day that it is in Sweden.
func (s *serving) today(now time.Time) *Association {
	if d := s.day.Load(); d != nil && d.from <= now.Unix() && now.Unix() < d.until {
		return d.association
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.day.Load(); d != nil && d.from <= now.Unix() && now.Unix() < d.until { // another was faster
		return d.association
	}
	on := civil.DateOf(now)
	d := &day{s.assemble(on), on.Start().Unix(), on.End().Unix()}
	s.day.Store(d)
	return d.association
}

// LoadDir reads every .yaml and .yml file of a folder; a folder without any
// is an empty registry. The error says which files are invalid and why.
func LoadDir(dir string) (*Registry, error) {
	texts, err := ReadFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("read associations: %w", err)
	}
	all, err := parseAll(texts)
	if err != nil {
		return nil, err
	}
	return NewRegistry(all...)
}

func index(all []*Association) (map[string]*serving, error) {
	byID := make(map[string]*serving, len(all))
	for _, a := range all {
		if byID[a.ID] != nil {
			return nil, fmt.Errorf("association %q is configured twice", a.ID)
		}
		byID[a.ID] = fixed(a)
	}
	return byID, nil
}

func (r *Registry) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// Get returns an association as it is today. One that is not served here is
// fault.ErrNotFound, the same answer as for everything else that the caller may not see. As
// long as none is, nobody can say so: fault.ErrUnavailable.
func (r *Registry) Get(id string) (*Association, error) {
	served := *r.served.Load()
	if s := served[id]; s != nil {
		return s.today(r.now()), nil
	}
	if len(served) == 0 {
		return nil, fault.ErrUnavailable.Because(errors.New("no association is known yet"))
	}
	return nil, fault.ErrNotFound.Because(fmt.Errorf("no association %q is loaded", id))
}

// On returns an association as it is on a day. Another than today is assembled for who asks,
// one at a time, and the last of them are kept.
func (r *Registry) On(id string, on civil.Date) (*Association, error) {
	today, err := r.Get(id)
	if err != nil || on == civil.DateOf(r.now()) {
		return today, err
	}
	s := (*r.served.Load())[id]
	if s.assemble == nil {
		return today, nil
	}
	s.others.Lock()
	defer s.others.Unlock()
	if i := slices.IndexFunc(s.recent, func(d dated) bool { return d.on == on }); i >= 0 {
		return s.recent[i].Association, nil
	}
	if len(s.recent) == maxRecent {
		s.recent = slices.Delete(s.recent, 0, 1)
	}
	s.recent = append(s.recent, dated{on, s.assemble(on)})
	return s.recent[len(s.recent)-1].Association, nil
}

// Performed reports whether a municipality performs an initiative on a day. An initiative that
// has ended since is asked for as it was on the day.
func (r *Registry) Performed(id, initiative, municipality string, on civil.Date) (bool, error) {
	in, err := r.Get(id)
	if err != nil {
		return false, err
	}
	i, known := in.Initiative(initiative)
	if !known && on < civil.DateOf(r.now()) {
		if in, err = r.On(id, on); err != nil {
			return false, err
		}
		i, known = in.Initiative(initiative)
	}
	return known && i.PerformedIn(municipality, on), nil
}

// All returns the associations as they are today, in the order of their ids.
func (r *Registry) All() (all []*Association) {
	served := *r.served.Load()
	for _, id := range slices.Sorted(maps.Keys(served)) {
		all = append(all, served[id].today(r.now()))
	}
	return all
}

// Save checks a configuration, also against the one that it replaces (Continues), and
// puts it into the folder in one step, in place of the association's file: after a crash the
// folder holds the old file or the new one, whole.
func Save(dir string, data []byte) (*Association, error) {
	a, err := Parse(data)
	if err != nil {
		return nil, err
	}
	name, err := FileOf(dir, a.ID)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	if text, err := os.ReadFile(path); err == nil {
		if before, err := Parse(text); err == nil {
			if err := a.Continues(before, civil.DateOf(time.Now())); err != nil {
				return nil, err
			}
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("save association: %w", err)
	}
	if err := atomicfile.Write(path, data, 0o644); err != nil {
		return nil, fmt.Errorf("save association: %w", err)
	}
	return a, nil
}

// FileOf returns the name of the file that has an association in a folder, also one that is
// wrong otherwise: <id>.yaml where none has it. The error is that this one has another.
func FileOf(dir, id string) (string, error) {
	texts, err := ReadFolder(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read associations: %w", err)
	}
	own, other := id+".yaml", ""
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		var f struct{ Association Name }
		_ = yaml.Unmarshal(texts[name], &f) // as far as it can be read
		switch {
		case f.Association.ID == id:
			return name, nil
		case name == own:
			other = f.Association.ID
		}
	}
	if other != "" {
		return "", fmt.Errorf("%s has another association (%s): rename the file", own, other)
	}
	return own, nil
}

// Places returns where files are invalid, and nothing of their content: what was put
// there by mistake may be about people, and belongs in no log.
func Places(err error) []string {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []string{err.Error()}
	}
	var all []string
	for _, e := range joined.Unwrap() {
		file, _, _ := strings.Cut(e.Error(), ": ")
		var problems Problems
		if errors.As(e, &problems) {
			for _, p := range problems {
				all = append(all, fmt.Sprintf("%s: %s", file, p.Place))
			}
		}
	}
	return all
}

// ReadFolder reads the .yaml and .yml files of a folder, by name, and of each no more
// than is needed to see that it is too large. The texts themselves are compared, not
// times or inodes: Kubernetes changes a mounted ConfigMap by pointing one symbolic link
// elsewhere.
func ReadFolder(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || (ext != ".yaml" && ext != ".yml") {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		texts[e.Name()], err = io.ReadAll(io.LimitReader(f, maxFile+1))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// parseAll parses the texts; the error names each file that is wrong and why.
func parseAll(texts map[string][]byte) ([]*Association, error) {
	var all []*Association
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		a, err := Parse(texts[name])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			continue
		}
		all = append(all, a)
	}
	return all, errors.Join(wrong...)
}
