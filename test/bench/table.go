package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// order is how the rows of the table follow one another.
var (
	questions = []string{postReferral, getReferral, listOf20, getWeek}
	ways      = []string{"engine", "service alone", "one process", "four processes", "gateway alone", "generator alone"}
)

// print writes the tables in Markdown, as docs/performance.md has them.
func (b *bench) print(w io.Writer) {
	slices.SortStableFunc(b.rows, func(x, y row) int {
		place := func(r row) int {
			return slices.Index(questions, r.question)*10_000 + slices.Index(ways, r.way)
		}
		if x.connections != y.connections {
			return y.connections - x.connections
		}
		return place(x) - place(y)
	})
	fmt.Fprintf(w, "| connections | question | way | per second | p50 ms | p99 ms | CPU s per 1,000: server | generator | allocations | KB | quiet after |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range b.rows {
		n := float64(r.Answers)
		server := "–"
		if r.server > 0 {
			server = fmt.Sprintf("%.3f", r.server.Seconds()/n*1000)
		}
		fmt.Fprintf(w, "| %d | %s | %s | %s | %.2f | %.2f | %s | %.3f | %.0f | %.1f | %.1f s |\n",
			r.connections, r.question, r.way, thousands(r.PerSecond()), ms(r.Times.Percentile(50)), ms(r.Times.Percentile(99)),
			server, r.self.Seconds()/n*1000, r.heap.Objects/n, r.heap.Bytes/n/1000, r.after.Seconds())
	}
	fmt.Fprintf(w, "\n| program | ready after ms: median | best | worst | idle MB | loaded MB |\n|---|---|---|---|---|---|\n")
	for _, p := range b.programs {
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %.0f | %.0f | %.0f |\n", p.name, ms(p.ready[len(p.ready)/2]), ms(p.ready[0]),
			ms(p.ready[len(p.ready)-1]), float64(p.idle)/1e6, float64(p.loaded)/1e6)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// thousands writes a whole number with commas.
func thousands(f float64) string {
	n := int64(f + 0.5)
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(float64(n/1000)), n%1000)
}
