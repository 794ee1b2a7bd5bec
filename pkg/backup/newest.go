package backup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/metrics"
)

// newest is the file of a folder of backups that tells when the last one began that
// was finished and put where it was wanted, which may be elsewhere.
const newest = "newest"

// Note writes into the folder that a backup which began then is finished.
func Note(dir string, began time.Time) error {
	if err := atomicfile.Write(filepath.Join(dir, newest), []byte(began.UTC().Format(time.RFC3339)+"\n"), 0o600); err != nil {
		return fmt.Errorf("note that the backup is finished: %w", err)
	}
	return nil
}

// Age is the age in seconds of what is in the newest backup that the folder knows
// of, and without one the time since the program started: then nobody can say that
// there is a backup.
func Age(dir string, started, now time.Time) float64 {
	if text, err := os.ReadFile(filepath.Join(dir, newest)); err == nil {
		if began, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text))); err == nil {
			started = began
		}
	}
	return now.Sub(started).Seconds()
}

// Watch tells the age of the newest backup, until stop is called.
func Watch(dir, component string) (stop func()) {
	started := time.Now()
	return metrics.Watch(metrics.Labels{"component": component}, metrics.Gauge{
		Name: "finsam.backup.age", Unit: "s", Description: "Age of the newest backup that finsam backup has finished; without one, since the start.",
		Read: func() (float64, bool) { return Age(dir, started, time.Now()), true },
	})
}
