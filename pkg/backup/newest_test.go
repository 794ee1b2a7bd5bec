package backup

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTheAgeOfTheNewestBackupCountsFromItsBeginning(t *testing.T) {
	dir := t.TempDir()
	started := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	now := started.Add(48 * time.Hour)
	if got := Age(dir, started, now); got != 48*3600 {
		t.Errorf("without a backup: %v seconds, not since the start", got)
	}
	for _, hours := range []time.Duration{10, 30} {
		if err := RecordNewest(dir, started.Add(hours*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if got := Age(dir, started, now); got != 18*3600 {
		t.Errorf("after two backups: %v seconds", got)
	}
	if err := os.WriteFile(filepath.Join(dir, newestFile), []byte("half a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := Age(dir, started, now); got != 48*3600 {
		t.Errorf("with a record that cannot be read: %v seconds", got)
	}
	if sets, err := Sets(dir); err != nil || len(sets) != 0 {
		t.Errorf("the record is taken for a backup: %v, %v", sets, err)
	}
}
