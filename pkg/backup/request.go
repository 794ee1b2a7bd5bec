package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/atomicfile"
)

// A process that alone may open its database is asked for a copy by a file in the
// folder of its backups: <set>.request. It takes the file away, copies, and says
// how that went in <set>.answer. Who may write into the folder may read the
// database anyway, so nothing else is asked of them: no port, no token, no key.
const (
	request = ".request"
	reply   = ".answer"
)

// How often both sides look, and how long a request may lie before it is clear
// that nobody looks.
const (
	glance   = 250 * time.Millisecond
	unheeded = 10 * time.Second
)

// Ask asks the process whose backups are written into dir for a copy into the
// unfinished set, and gives the files when they are there.
func Ask(ctx context.Context, dir, name string) ([]File, error) {
	if _, err := Unfinished(dir, name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	asked, answered := filepath.Join(dir, name+request), filepath.Join(dir, name+reply)
	if err := atomicfile.Write(asked, nil, 0o600); err != nil {
		return nil, fmt.Errorf("ask for a backup: %w", err)
	}
	defer os.Remove(asked)    //nolint:errcheck // most often it has been taken away
	defer os.Remove(answered) //nolint:errcheck // Prune removes what stays
	ctx, cancel := context.WithTimeout(ctx, copyTime+unheeded)
	defer cancel()
	began := time.Now()
	for {
		if text, err := os.ReadFile(answered); err == nil {
			var a Answer
			if err := json.Unmarshal(text, &a); err != nil {
				return nil, fmt.Errorf("the answer cannot be read: %w", err)
			}
			if a.Error != "" {
				return nil, errors.New(a.Error)
			}
			return a.Files, nil
		}
		if _, err := os.Stat(asked); err == nil && time.Since(began) > unheeded {
			return nil, fmt.Errorf("the database is in use, but nobody answers in %s: which program has it open?", dir)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(glance):
		}
	}
}

// Attend answers requests in dir until ctx ends. copies writes what is to be kept
// into the folder and gives the files' names.
func Attend(ctx context.Context, dir string, log *slog.Logger, copies func(ctx context.Context, folder string) ([]string, error)) error {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.WarnContext(ctx, "look for requests for a backup", "error", err)
		}
		for _, e := range entries {
			name, asked := strings.CutSuffix(e.Name(), request)
			folder, err := Unfinished(dir, name)
			if !asked || err != nil || os.Remove(filepath.Join(dir, e.Name())) != nil {
				continue
			}
			if err := oblige(ctx, folder, filepath.Join(dir, name+reply), copies); err != nil {
				log.ErrorContext(ctx, "backup", "set", name, "error", err)
			} else {
				log.InfoContext(ctx, "backup copied", "set", name)
			}
		}
	}
}

// oblige creates a copy and says how it went.
func oblige(ctx context.Context, folder, answered string, copies func(ctx context.Context, folder string) ([]string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, copyTime)
	defer cancel()
	var a Answer
	names, err := copies(ctx, folder)
	if err == nil {
		a.Files, err = Sums(folder, names)
	}
	if err != nil {
		a = Answer{Error: err.Error()}
	}
	text, marshalErr := json.Marshal(a)
	if marshalErr != nil {
		return marshalErr
	}
	return errors.Join(err, atomicfile.Write(answered, text, 0o600))
}
