package accesslog_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// BenchmarkDurable measures entries that are durable on SQLite before the caller
// goes on, from so many callers at once: one op is one request with one entry.
func BenchmarkDurable(b *testing.B) {
	for _, callers := range []int{1, 16, 64, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "x.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			l := open(b, db.Engine("referral"))
			b.ReportAllocs()
			b.SetParallelism((callers + 1) / 2) // of two cores
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					ctx := accesslog.Begin(official())
					_ = l.Record(ctx, accesslog.Entry{
						Operation: "getReferral", Thing: "referral/7d444840-9dc0-11d1-b245-5ffdce74fad2",
						Participants: []string{"7d444840-9dc0-11d1-b245-5ffdce74fad2"}, Why: "own-unit",
					})
					if err := l.Wait(ctx); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
