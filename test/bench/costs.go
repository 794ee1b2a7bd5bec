package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/finsam/finsam/test/bench/system"
	"github.com/finsam/finsam/test/suite"
)

// assumptions are what the table of costs takes for granted: how an association
// uses the suite, and what a month of a machine costs. All can be changed.
type assumptions struct {
	requests, peak, years float64
	cpu, memory, disk     float64
}

// size is what was measured of one way to run the suite.
type size struct {
	way              string
	perPath, perRead float64 // bytes on disk
	calls            float64 // of one whole path
	idle             float64 // bytes of memory, of all processes
	busy             float64 // under the higher load
	base, each       float64 // cores: without requests, and for one request a second
}

const (
	low, high = 50, 150 // requests a second
	costRun   = 20 * time.Second
)

// needs measures a small association and tells what larger ones need.
func needs(o options) (err error) {
	t := newStage()
	defer t.end(&err)
	var sizes []size
	for _, w := range []struct {
		name  string
		start func(suite.T, ...string) *suite.Suite
	}{{"standalone", suite.OneProcess}, {"services, one pod of each", suite.FourProcesses}} {
		t.part(func(t *stage) {
			s := w.start(t, "FINSAM_RATE_PER_SECOND=0", "FINSAM_STRANGERS_PER_SECOND=0")
			sizes = append(sizes, measureSize(t, s, w.name, o.paths))
		})
	}
	printCosts(os.Stdout, o, sizes)
	return nil
}

func measureSize(t *stage, s *suite.Suite, way string, n int) size {
	z := size{way: way}
	p := newPath(t, s)
	empty := stored(t, s)
	t.must(p.take(n))
	first := stored(t, s)
	p.calls.Store(0)
	t.must(p.take(n))
	second := stored(t, s)
	z.perPath, z.calls = float64(second-first)/float64(n), float64(p.calls.Load())/float64(n)
	t.Logf("%s: %d, %d, %d bytes on disk with 0, %d, %d participants", way, empty, first, second, n, 2*n)

	_, z.idle = takes(t, s)
	var lowCPU, highCPU float64
	lowCPU, _ = asked(t, p, low)
	highCPU, z.busy = asked(t, p, high)
	z.each = (highCPU - lowCPU) / (high - low)
	z.base = max(0, lowCPU-low*z.each)
	z.perRead = float64(stored(t, s)-second) / ((low + high) * costRun.Seconds())
	t.Logf("%s: %.3f cores at %d/s, %.3f at %d/s; %.0f and %.0f MiB", way, lowCPU, low, highCPU, high, z.idle/(1<<20), z.busy/(1<<20))
	return z
}

// stored gives the bytes of all databases, when the programs have ended and
// nothing is left in a write-ahead log; then they are started again.
func stored(t *stage, s *suite.Suite) (bytes int64) {
	for _, p := range s.Processes {
		p.Stop()
	}
	files, err := filepath.Glob(filepath.Join(s.Data, "*.db*"))
	t.must(err)
	if len(files) == 0 {
		t.Fatal("there is no database in " + s.Data)
	}
	for _, f := range files {
		i, err := os.Stat(f)
		t.must(err)
		bytes += i.Size()
	}
	for _, p := range s.Processes {
		p.Start(t)
	}
	for _, p := range s.Processes {
		p.WaitReady(t)
	}
	time.Sleep(2 * time.Second)
	return bytes
}

// takes gives the processor time and the memory of all processes.
func takes(t *stage, s *suite.Suite) (cpu time.Duration, memory float64) {
	for _, p := range s.Processes {
		c, err := system.CPU(p.Pid())
		t.must(err)
		m, err := system.Memory(p.Pid())
		t.must(err)
		cpu, memory = cpu+c, memory+float64(m)
	}
	return cpu, memory
}

// asked reads referrals at a rate, and gives the cores and the memory that it took.
func asked(t *stage, p *path, rate int) (cores, memory float64) {
	token := p.Token(t, sender)
	before, _ := takes(t, p.Suite)
	began := time.Now()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for n := range rate * int(costRun.Seconds()) {
		<-tick.C
		wg.Go(func() {
			a, err := p.Do(suite.Request{Method: "GET", Path: "/referrals/" + p.ids[n%len(p.ids)], Token: token})
			if err == nil && a.Status != http.StatusOK {
				err = errors.New(string(a.Raw))
			}
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.must(failed)
	after, memory := takes(t, p.Suite)
	return (after - before).Seconds() / time.Since(began).Seconds(), memory
}

// A working day has eight hours, here in seconds, and a year 220 of them.
const workingDay, workingDays = 8 * 3600, 220

func printCosts(to io.Writer, o options, sizes []size) {
	a := o.assumptions
	fmt.Fprintf(to, "Measured with %d and %d participants who went a whole path (referral to closing, 2 bookings, 12 attendances, 3 check-ins):\n\n", o.paths, 2*o.paths)
	fmt.Fprintln(to, "| way | KiB on disk per path | requests per path | KiB on disk per further read | MiB idle | MiB at 150/s | m CPU per request/s | m CPU without |")
	fmt.Fprintln(to, "|---|---|---|---|---|---|---|---|")
	for _, z := range sizes {
		fmt.Fprintf(to, "| %s | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f | %.0f |\n",
			z.way, z.perPath/1024, z.calls, z.perRead/1024, z.idle/(1<<20), z.busy/(1<<20), 1000*z.each, 1000*z.base)
	}
	fmt.Fprintf(to, "\nExtrapolated: %g requests per participant and working day, the busiest hour %g times the average one, all paths and reads kept %g years, half of each core left free;\n", a.requests, a.peak, a.years)
	fmt.Fprintf(to, "a month of a vCPU costs %g SEK, of a GiB of memory %g SEK, of a GiB of disk %g SEK (assumed in November 2026; set your own by -cpu, -memory, -disk).\n\n", a.cpu, a.memory, a.disk)
	fmt.Fprintln(to, "| participants | way | requests/s at the peak | vCPU | GiB memory | GiB disk | SEK a month |")
	fmt.Fprintln(to, "|---|---|---|---|---|---|---|")
	for _, n := range []float64{500, 5000, 50000} {
		for _, z := range sizes {
			row := z.needs(n, a)
			fmt.Fprintf(to, "| %s | %s | %.1f | %.2f | %.2f | %.1f | %.0f |\n", thousands(n), z.way, row.rate, row.cpu, row.memory, row.disk, row.cost(a))
		}
	}
}

// need is what an association needs.
type need struct{ rate, cpu, memory, disk float64 }

func (n need) cost(a assumptions) float64 { return n.cpu*a.cpu + n.memory*a.memory + n.disk*a.disk }

// needs extrapolates to so many participants at a time. Memory grows with the load,
// by the measured slope.
func (z size) needs(participants float64, a assumptions) need {
	rate := participants * a.requests / workingDay
	peak := rate * a.peak
	const gib = 1 << 30
	return need{
		rate:   peak,
		cpu:    2 * (z.base + z.each*peak),
		memory: (z.idle + (z.busy-z.idle)/high*peak) / gib,
		disk:   a.years * participants * (z.perPath + a.requests*workingDays*z.perRead) / gib,
	}
}
