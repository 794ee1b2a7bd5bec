package main

import (
	"os"
	"time"

	"github.com/finsam/finsam/test/bench/load"
	"github.com/finsam/finsam/test/bench/system"
	"github.com/finsam/finsam/test/suite"
)

// bench collects what was measured.
type bench struct {
	options
	rows     []row
	programs []program
}

// row is one measured case.
type row struct {
	question, way string
	connections   int
	load.Result
	server, self time.Duration // processor time of the processes asked, and of this one
	heap         system.Heap   // allocated by the processes asked
	after        time.Duration // until the processes asked were quiet again
}

// subject is who is measured.
type subject struct {
	way       string
	processes []*suite.Process // none: this process itself
}

// costs is a reading of the counters.
type costs struct {
	server, self time.Duration
	heap         system.Heap
}

// read takes the readings. What /metrics itself costs falls outside of them as
// far as it can: it is asked before the processor time at the beginning, and
// after it at the end.
func (s subject) read(t *stage, metricsFirst bool) (c costs) {
	heap := func() {
		if len(s.processes) == 0 {
			c.heap = ownHeap()
		}
		for _, p := range s.processes {
			h, err := system.Allocated(p.Admin)
			t.must(err)
			c.heap.Objects += h.Objects
			c.heap.Bytes += h.Bytes
		}
	}
	if metricsFirst {
		heap()
	}
	var err error
	for _, p := range s.processes {
		used, err := system.CPU(p.Pid())
		t.must(err)
		c.server += used
	}
	c.self, err = system.CPU(os.Getpid())
	t.must(err)
	if !metricsFirst {
		heap()
	}
	return c
}

// wants tells whether any case of these ways is to be measured.
func (b *bench) wants(ways ...string) bool {
	for _, way := range ways {
		for _, question := range questions {
			if b.only.MatchString(question + "/" + way) {
				return true
			}
		}
	}
	return false
}

// measure runs one case for each number of connections.
func (b *bench) measure(t *stage, question string, s subject, asker func(worker int) (load.Asker, error)) {
	if !b.only.MatchString(question + "/" + s.way) {
		return
	}
	for _, n := range b.connections {
		r := row{question: question, way: s.way, connections: n}
		var before, after costs
		var err error
		r.Result, err = load.Run(load.Plan{
			Askers: n, Warm: b.warm, For: b.length, Most: b.most, New: asker,
			Begin: func() { before = s.read(t, true) },
			End:   func() { after = s.read(t, false) },
		})
		if err != nil {
			t.Fatalf("%s, %s: %v", question, s.way, err)
		}
		r.server, r.self = after.server-before.server, after.self-before.self
		r.heap = system.Heap{Objects: after.heap.Objects - before.heap.Objects, Bytes: after.heap.Bytes - before.heap.Bytes}
		r.after = s.quiet(t)
		b.rows = append(b.rows, r)
		t.Logf("%-14s %-18s %4d: %8.0f/s", question, s.way, n, r.PerSecond())
	}
}

// quiet waits until the processes have nothing left to do, such as telling what
// was written, and gives how long that took; at most a minute.
func (s subject) quiet(t *stage) time.Duration {
	const look, idle = 250 * time.Millisecond, 20 * time.Millisecond
	start := time.Now()
	if len(s.processes) == 0 {
		return 0
	}
	for last := time.Duration(-1); time.Since(start) < time.Minute; time.Sleep(look) {
		var used time.Duration
		for _, p := range s.processes {
			cpu, err := system.CPU(p.Pid())
			t.must(err)
			used += cpu
		}
		if last >= 0 && used-last <= idle {
			return time.Since(start) - look
		}
		last = used
	}
	return time.Since(start)
}
