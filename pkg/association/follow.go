package association

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/finsam/finsam/pkg/metrics"
)

// between is how often the folder is looked at, give or take a quarter. What is
// new is taken at the second look that finds it: five seconds at the most.
const between = 2 * time.Second

// folder is what Follow knows of the folder; wrong is read from elsewhere.
type folder struct {
	dir   string
	told  content // what was last taken or refused
	seen  content // what the look before this one found
	wrong atomic.Bool
}

// Follow reads the folder again whenever its content changes, until the context
// ends. If any file is invalid, nothing changes: the log and a gauge, labelled with
// the component, report it, and what was read before still
// holds. So does an association whose file has gone, until the next start: people
// are enrolled in it. A registry that was not read from a folder has nothing to
// follow.
func (r *Registry) Follow(ctx context.Context, component string, log *slog.Logger) error {
	if r.folder == nil {
		return nil
	}
	defer metrics.Watch(metrics.Labels{"component": component}, metrics.Gauge{
		Name:        "finsam.association.files.wrong",
		Description: "1 while the association files are invalid and the previous ones are used.",
		Read: func() (float64, bool) {
			if r.folder.wrong.Load() {
				return 1, true
			}
			return 0, true
		},
	})()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(between*3/4 + rand.N(between/2)):
			r.reload(log)
		}
	}
}

// reload looks at the folder once, and takes what is new in it when the look
// before found the same: a file that is being written may be whole YAML halfway.
func (r *Registry) reload(log *slog.Logger) {
	f, now := r.folder, look(r.folder.dir)
	settled := now.equal(f.seen)
	f.seen = now
	if !settled || now.equal(f.told) {
		return
	}
	f.told = now
	err := r.take(now, log)
	f.wrong.Store(err != nil)
	if err != nil {
		log.Error("invalid association files; keeping the previous ones", "places", places(err))
	}
}

// take creates the content of the folder what is served.
func (r *Registry) take(c content, log *slog.Logger) error {
	if c.err != "" {
		return errors.New(c.err)
	}
	all, err := parseAll(c.texts)
	if err != nil {
		return err
	}
	next, err := index(all)
	if err != nil {
		return err
	}
	before := *r.served.Load()
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if next[id] == nil {
			next[id] = before[id]
			log.Warn("the file of an association has gone; it is served until the next start", "association", id)
		}
	}
	r.served.Store(&next)
	log.Info("association files reloaded", "associations", versions(all))
	return nil
}

// versions names what has been read, such as "insjoriket 0f3a5b7c9d11".
func versions(all []*Association) (named []string) {
	for _, a := range all {
		named = append(named, a.ID+" "+a.Version)
	}
	return named
}

// places returns where the files are invalid, and nothing of their content: what was put
// there by mistake may be about people, and belongs in no log.
func places(err error) []string {
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
