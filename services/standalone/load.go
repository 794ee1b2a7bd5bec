package standalone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/services/activity/programme"
	activityservice "github.com/finsam/finsam/services/activity/service"
)

// What a request to load or to export consists of, in the folder of the exchange.
const (
	acceptFile = "accept"     // what the file orphans is accepted
	exportFile = "export"     // the id of the association, and the day
	resultFile = "result.txt" // the answer: what was loaded, or the export
)

// Load checks an association's file against what is stored, loads it and installs it, and
// returns what it changes for whom. It takes the place of the file that has the association,
// whatever that one's name is. What would be without its activity is refused unless that is
// accepted, and so is a file that has been replaced by a later one. A running suite does it itself, on request by a file in its data folder.
func Load(ctx context.Context, data Layout, text []byte, accept bool) (string, error) {
	a, err := association.Parse(text)
	if err != nil {
		return "", err
	}
	name, err := association.FileOf(data.Associations(), a.ID)
	if err != nil {
		return "", fmt.Errorf("nothing is loaded, as the file could not be installed: %w", err)
	}
	if _, err := os.Stat(data.Database()); errors.Is(err, fs.ErrNotExist) { // nothing is stored that it could change
		if accept {
			err = install(data, name, text, true)
		} else {
			_, err = association.Save(data.Associations(), text)
		}
		return "", err
	}
	files := map[string][]byte{name: text}
	if accept {
		files[acceptFile] = nil
	}
	return data.exchange(ctx, files)
}

// Export returns the file of what is active of an association on a day; an empty one is today.
func Export(ctx context.Context, data Layout, id, on string) (string, error) {
	if on == "" {
		on = string(civil.DateOf(time.Now()))
	}
	if _, err := os.Stat(data.Database()); err != nil {
		return "", fmt.Errorf("there is no database in %s", data)
	}
	return data.exchange(ctx, map[string][]byte{exportFile: []byte(id + " " + on)})
}

// exchange does what the files request: here when the suite is stopped, and else in it.
func (l Layout) exchange(ctx context.Context, files map[string][]byte) (result string, err error) {
	name := backup.NewName(time.Now())
	folder, err := backup.Unfinished(l.Exchange(), name)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return "", err
		}
	}
	db, err := sqlite.Open(ctx, l.Database())
	switch {
	case errors.Is(err, sqlite.ErrInUse):
		_, err = backup.Request(ctx, l.Exchange(), name)
	case err == nil:
		s := &Suite{db: db, apps: map[string]*launch.App{}, Feeds: map[string]feed.Reader{}}
		err = s.answerStopped(ctx, l, folder)
		err = errors.Join(err, s.Close())
	}
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(folder, resultFile))
	return string(text), err
}

// answerStopped answers a request with the data of a stopped suite. What an earlier version
// served from its file, and nobody has loaded since, is loaded first: it is what a new file
// changes, from today on.
func (s *Suite) answerStopped(ctx context.Context, data Layout, folder string) error {
	if err := s.openApp(ctx, "activity", "", data, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	activities, err := activityservice.New(ctx, activityservice.Config{Parts: s.apps["activity"].Parts})
	if err != nil {
		return err
	}
	files, err := association.ReadFolder(data.Associations())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	system := actor.With(ctx, actor.ForService("activity", ""))
	for name, text := range files {
		f, err := association.ParseFile(text)
		if err != nil {
			continue // no version has served it
		}
		stored, err := activities.Programme.Fetch(system, f.Association.ID, nil)
		if err == nil && len(stored) == 0 {
			_, err = activities.Programme.Load(system, map[string][]byte{name: text}, true)
		}
		if err != nil {
			return err
		}
	}
	_, err = answer(ctx, activities.Programme, data, folder)
	return err
}

// answer loads or exports what the files in a folder of the exchange request, and writes the
// result beside them.
func answer(ctx context.Context, p *programme.Service, data Layout, folder string) ([]string, error) {
	ctx = actor.With(ctx, actor.ForService("activity", ""))
	result := ""
	if request, err := os.ReadFile(filepath.Join(folder, exportFile)); err == nil {
		id, on, _ := strings.Cut(string(request), " ")
		text, err := p.Export(ctx, id, civil.Date(on))
		if err != nil {
			return nil, err
		}
		result = string(text)
	} else {
		files, err := association.ReadFolder(folder)
		if err != nil {
			return nil, err
		}
		if err := checkWritable(data.Associations()); err != nil {
			return nil, err
		}
		_, notAccepted := os.Stat(filepath.Join(folder, acceptFile))
		reports, err := p.Load(ctx, files, notAccepted == nil)
		for id, r := range reports {
			if r != nil {
				result += fmt.Sprintf("%s: %s\n", id, r)
			}
		}
		if err != nil {
			return nil, errors.Join(err, errors.New(strings.TrimSpace(result)))
		}
		for name, text := range files {
			if err := install(data, name, text, notAccepted == nil); err != nil {
				return nil, err
			}
		}
	}
	return []string{resultFile}, os.WriteFile(filepath.Join(folder, resultFile), []byte(result), 0o600)
}

// checkWritable returns an error when nothing can be put into a folder, such as a mounted
// ConfigMap: what was loaded and not installed would be taken back by the next start.
func checkWritable(folder string) error {
	err := os.MkdirAll(folder, 0o755)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(folder, ".load-*"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("nothing is loaded, as the file could not be installed: %w", err)
	}
	return nil
}

// install puts a file that was loaded into the folder of the associations, and beside it that
// what it orphans was accepted.
func install(data Layout, name string, text []byte, accepted bool) error {
	if err := os.MkdirAll(data.Associations(), 0o755); err != nil {
		return err
	}
	path := filepath.Join(data.Associations(), name)
	if accepted { // first: what is accepted is one content of the file
		if err := atomicfile.Write(path+programme.AcceptedSuffix, []byte(programme.Digest(text)+"\n"), 0o644); err != nil {
			return err
		}
	}
	return atomicfile.Write(path, text, 0o644)
}
