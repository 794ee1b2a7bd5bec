package programme

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/store"
)

// folderInterval is how often the folder is read, give or take a quarter. A change is
// loaded at the second reading that finds it, after five seconds at most.
const folderInterval = 2 * time.Second

// refusedInterval is how often what was refused is tried again.
const refusedInterval = 5 * time.Minute

// AcceptedSuffix is what the name of a file ends in that says of another one that what it
// orphans is accepted, and that it is older: it holds that one's Digest.
const AcceptedSuffix = ".accepted"

// Digest returns what names the content of a file.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// folder is what is known of the folder of the associations' files.
type folder struct {
	judged  content   // what was loaded or refused last
	at      time.Time // when that was
	latest  content   // what the previous reading found
	invalid atomic.Bool
}

// content is what one reading of the folder found.
type content struct {
	files    map[string][]byte
	accepted map[string]bool
	err      string // why it could not be read
}

func (c content) equal(d content) bool {
	return c.err == d.err && maps.EqualFunc(c.files, d.files, bytes.Equal) && maps.Equal(c.accepted, d.accepted)
}

func readFolder(dir string) content {
	files, err := association.ReadFolder(dir)
	if err != nil {
		return content{err: err.Error()}
	}
	c := content{files: files, accepted: map[string]bool{}}
	for name, text := range files {
		digest, err := os.ReadFile(filepath.Join(dir, name+AcceptedSuffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return content{err: err.Error()}
		}
		c.accepted[name] = strings.TrimSpace(string(digest)) == Digest(text)
	}
	return c
}

// Start loads the folder, and serves all associations that are stored: also one whose file has
// gone, with a warning. Files that are no associations are an error; files that may not replace
// what is stored are logged, and what is stored is served.
func (s *Service) Start(ctx context.Context) error {
	if s.Folder == "" {
		return nil
	}
	read := readFolder(s.Folder)
	if read.err != "" {
		return fmt.Errorf("read associations: %s", read.err)
	}
	parsed, err := parseFiles(read.files)
	if err != nil {
		return err
	}
	s.folder.judged, s.folder.latest, s.folder.at = read, read, s.Now()
	err = s.loadFolder(ctx, read)
	named := map[string]bool{}
	for _, f := range parsed {
		named[f.Association.ID] = true
	}
	stored, failed := s.stored(ctx)
	err = errors.Join(err, failed)
	for _, id := range stored {
		if !named[id] {
			s.Log.WarnContext(ctx, "the file of an association has gone; it goes on being served from the database", "association", id)
		}
		if _, missing := s.Associations.Get(id); missing != nil { // whatever became of its file
			err = errors.Join(err, s.serve(ctx, id))
		}
	}
	return err
}

// stored returns the associations of which objects are stored.
func (s *Service) stored(ctx context.Context) (ids []string, err error) {
	for at, more := (store.Position{}), true; more; {
		found, err := s.Engine.Walk(ctx, Collection.Name, at, readSize)
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			if at = (store.Position{Association: d.Association, ID: d.ID}); !slices.Contains(ids, d.Association) {
				ids = append(ids, d.Association)
			}
		}
		more = len(found) == readSize
	}
	slices.Sort(ids)
	return ids, nil
}

// followFolder loads the folder whenever its content changes, until the context ends. What
// is refused changes nothing: the log and a gauge report it.
func (s *Service) followFolder(ctx context.Context) error {
	if s.Folder == "" {
		return nil
	}
	defer metrics.Watch(metrics.Labels{"component": "activity"}, metrics.Gauge{
		Name:        "finsam.association.files.wrong",
		Description: "1 while the association files are invalid or refused and what was loaded before is used.",
		Read: func() (float64, bool) {
			if s.folder.invalid.Load() {
				return 1, true
			}
			return 0, true
		},
	})()
	for backoff.Sleep(ctx, folderInterval*3/4+rand.N(folderInterval/2)) {
		if err := s.look(ctx); err != nil {
			s.Log.WarnContext(ctx, "cannot load the association files; trying again", "error", err)
		}
	}
	return nil
}

// look reads the folder once, and loads a change if the previous reading found the same: a
// file that is being written may be valid YAML halfway. What was refused is tried again now and
// then: what stood in its way may have ended.
func (s *Service) look(ctx context.Context) error {
	read := readFolder(s.Folder)
	isStable := read.equal(s.folder.latest)
	s.folder.latest = read
	isDue := s.folder.invalid.Load() && s.Now().Sub(s.folder.at) >= refusedInterval
	if !isStable || read.equal(s.folder.judged) && !isDue {
		return nil
	}
	for name := range s.folder.judged.files {
		if read.err == "" && read.files[name] == nil {
			s.Log.WarnContext(ctx, "the file of an association has gone; it goes on being served from the database", "file", name)
		}
	}
	err := s.loadFolder(ctx, read)
	if err == nil {
		s.folder.judged, s.folder.at = read, s.Now()
	}
	return err
}

// loadFolder loads what was read. What is refused is logged by the places, and nothing of
// the content: what was put there by mistake may be about people. The error is one of the
// database, which may pass.
func (s *Service) loadFolder(ctx context.Context, read content) error {
	err := errors.New(read.err)
	if read.err == "" {
		_, err = s.load(ctx, read.files, func(name string) bool { return read.accepted[name] })
	}
	var wrong association.Problems
	if err != nil && read.err == "" && !errors.As(err, &wrong) {
		return err
	}
	if wasInvalid := s.folder.invalid.Swap(err != nil); wasInvalid && err == nil {
		s.Log.InfoContext(ctx, "association files are valid again")
	} else if err != nil {
		s.Log.ErrorContext(ctx, "invalid association files; keeping what was loaded before", "places", association.Places(err))
	}
	return nil
}
