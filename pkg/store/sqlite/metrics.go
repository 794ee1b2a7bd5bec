package sqlite

import (
	"os"

	"github.com/finsam/finsam/pkg/metrics"
)

// watch shows how large the file and its write-ahead log are, how much room the
// disk has left, and how many writes wait, whenever the metrics are read.
func (d *DB) watch(path string) (stop func()) {
	size := func(path string) func() (float64, bool) {
		return func() (float64, bool) {
			info, err := os.Stat(path)
			if err != nil {
				return 0, false
			}
			return float64(info.Size()), true
		}
	}
	return metrics.Watch(nil,
		metrics.Gauge{Name: "finsam.sqlite.size", Unit: "By", Description: "Size of the database file.", Read: size(path)},
		metrics.Gauge{Name: "finsam.sqlite.wal.size", Unit: "By", Description: "Size of its write-ahead log.", Read: size(path + "-wal")},
		metrics.Gauge{Name: "finsam.sqlite.disk.free", Unit: "By", Description: "Room left to this program on the disk that the file is on.",
			Read: func() (float64, bool) { free, _, ok := disk(path); return free, ok }},
		metrics.Gauge{Name: "finsam.sqlite.disk.size", Unit: "By", Description: "Size of that disk.",
			Read: func() (float64, bool) { _, all, ok := disk(path); return all, ok }},
		metrics.Gauge{Name: "finsam.sqlite.queue", Description: "Writes that wait for the next commit.",
			Read: func() (float64, bool) { return float64(len(d.writer.queue)), true }},
	)
}
