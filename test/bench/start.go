package main

import (
	"context"
	"slices"
	"time"

	"github.com/finsam/finsam/test/bench/system"
	"github.com/finsam/finsam/test/suite"
)

// program is how one program starts and what memory it takes.
type program struct {
	name         string
	loaded, idle int64 // bytes resident: after the load, and two seconds after a start on the same data
	ready        []time.Duration
}

// start measures the programs of the suite, which have just been under load: the
// memory they hold, then how long a start on this data takes. The others go on
// running meanwhile.
func (b *bench) start(t *stage, s *suite.Suite, names ...string) {
	for _, name := range names {
		p, g := s.Processes[name], program{name: name}
		var err error
		g.loaded, err = system.Memory(p.Pid())
		t.must(err)
		for range b.starts {
			p.Stop()
			g.ready = append(g.ready, startOnce(t, p))
		}
		slices.Sort(g.ready)
		time.Sleep(2 * time.Second)
		g.idle, err = system.Memory(p.Pid())
		t.must(err)
		b.programs = append(b.programs, g)
	}
}

func startOnce(t *stage, p *suite.Process) time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	begin := time.Now()
	p.Start(t)
	t.must(system.Ready(ctx, p.Admin))
	return time.Since(begin)
}
