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
	"github.com/finsam/finsam/pkg/backoff"
)

// Only the running process may open its database, so a copy is requested by a file in
// the folder of its backups: <set>.request. The process removes the file, copies, and
// writes the result to <set>.answer. A process that can write into the folder can read the
// database too, so no port, token or key guards the request.
const (
	requestSuffix = ".request"
	answerSuffix  = ".answer"
)

const (
	pollInterval  = 250 * time.Millisecond
	pickUpTimeout = 10 * time.Second // after it, no process serves the folder
	copyTimeout   = 30 * time.Minute
)

// Copier writes what a backup consists of into the folder and returns the files' names.
type Copier func(ctx context.Context, folder string) ([]string, error)

type answer struct {
	Files []File `json:"files,omitempty"`
	Error string `json:"error,omitempty"`
}

// Request asks the process that serves dir for a copy into the unfinished set, waits
// for it, and returns its files.
func Request(ctx context.Context, dir, name string) ([]File, error) {
	if _, err := Unfinished(dir, name); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	request, result := filepath.Join(dir, name+requestSuffix), filepath.Join(dir, name+answerSuffix)
	if err := atomicfile.Write(request, nil, 0o600); err != nil {
		return nil, fmt.Errorf("request a backup: %w", err)
	}
	defer os.Remove(request) //nolint:errcheck // usually the process has removed it
	defer os.Remove(result)  //nolint:errcheck // Prune removes what remains
	ctx, cancel := context.WithTimeout(ctx, copyTimeout+pickUpTimeout)
	defer cancel()
	for began := time.Now(); ; {
		if text, err := os.ReadFile(result); err == nil {
			var a answer
			if err := json.Unmarshal(text, &a); err != nil {
				return nil, fmt.Errorf("the answer cannot be read: %w", err)
			}
			if a.Error != "" {
				return nil, errors.New(a.Error)
			}
			return a.Files, nil
		}
		if _, err := os.Stat(request); err == nil && time.Since(began) > pickUpTimeout {
			return nil, fmt.Errorf("the database is in use, but no process answers requests in %s: find out which program has it open", dir)
		}
		if !backoff.Sleep(ctx, pollInterval) {
			return nil, context.Cause(ctx)
		}
	}
}

// Serve answers the requests in dir until ctx ends.
func Serve(ctx context.Context, dir string, log *slog.Logger, copyInto Copier) error {
	for backoff.Sleep(ctx, pollInterval) {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.WarnContext(ctx, "cannot look for requests for a backup", "error", err)
		}
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), requestSuffix)
			folder, err := Unfinished(dir, name)
			if !ok || err != nil || os.Remove(filepath.Join(dir, e.Name())) != nil {
				continue
			}
			if err := handle(ctx, folder, filepath.Join(dir, name+answerSuffix), copyInto); err != nil {
				log.ErrorContext(ctx, "backup", "set", name, "error", err)
			} else {
				log.InfoContext(ctx, "backup copied", "set", name)
			}
		}
	}
	return nil
}

// handle copies and writes the answer; its error is that of the copy, too.
func handle(ctx context.Context, folder, result string, copyInto Copier) error {
	ctx, cancel := context.WithTimeout(ctx, copyTimeout)
	defer cancel()
	var a answer
	names, err := copyInto(ctx, folder)
	if err == nil {
		a.Files, err = Sums(folder, names)
	}
	if err != nil {
		a = answer{Error: err.Error()}
	}
	text, jsonErr := json.Marshal(a)
	if jsonErr != nil {
		return jsonErr
	}
	return errors.Join(err, atomicfile.Write(result, text, 0o600))
}
