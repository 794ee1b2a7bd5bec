package backup_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finsam/finsam/pkg/backup"
)

func TestAProcessCopiesOnRequestByAFile(t *testing.T) {
	dir, name := t.TempDir(), backup.NewName(noon)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		var fails error // the second copy

		done <- backup.Serve(ctx, dir, slog.New(slog.DiscardHandler), func(_ context.Context, folder string) ([]string, error) {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return nil, err
			}
			err := errors.Join(fails, os.WriteFile(filepath.Join(folder, "a.db"), []byte("invented"), 0o600))
			fails = errors.New("the disk is full")
			return []string{"a.db"}, err
		})
	}()
	files, err := backup.Request(t.Context(), dir, name)
	if err != nil || len(files) != 1 || files[0].Name != "a.db" || files[0].Bytes != 8 {
		t.Errorf("%+v, %v", files, err)
	}
	if _, err := backup.Request(t.Context(), dir, backup.NewName(noon.Add(time.Second))); err == nil || err.Error() != "the disk is full" {
		t.Errorf("%v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(dir)
	for _, e := range left {
		if !strings.HasSuffix(e.Name(), ".unfinished") {
			t.Errorf("%s was left behind, %v", e.Name(), err)
		}
	}
}

func TestARequestThatNoProcessAnswersIsWithdrawn(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		if _, err := backup.Request(t.Context(), dir, backup.NewName(noon)); err == nil || !strings.Contains(err.Error(), "no process answers") {
			t.Errorf("%v", err)
		}
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
