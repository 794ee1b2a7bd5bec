package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/finsam/finsam/pkg/metrics/metricstest"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

func TestTheFileReportsItsSizeAndTheRoomLeftUntilItIsClosed(t *testing.T) {
	m := metricstest.New(t)
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	got := m.Read(t)
	for _, name := range []string{"size", "wal.size", "disk.free", "disk.size", "queue"} {
		if v, there := got["finsam.sqlite."+name+"{}"]; !there || name[:4] == "disk" && v <= 0 {
			t.Errorf("%s is %v (%t)", name, v, there)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := m.Read(t); len(got) != 0 {
		t.Errorf("after closing: %v", got)
	}
}
