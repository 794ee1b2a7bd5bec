// Command bench measures the suite side by side: the bare engine, a service
// without the gateway, and the whole way through it, as one process and as four.
//
// It starts the programs of the folder named by FINSAM_BIN with a data folder of
// their own, asks them over 127.0.0.1, and prints tables for docs/performance.md.
// Any answer but the wanted one ends it with an error. It needs Linux.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	warm, length time.Duration
	most, seed   int
	connections  []int
	only         *regexp.Regexp // of "<question>/<way>"
	starts       int
	paths        int // of the table of costs; 0: measure the rest
	assumptions
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.DurationVar(&o.warm, "warm", time.Second, "ask so long before counting")
	f.DurationVar(&o.length, "for", 4*time.Second, "count at most so long")
	f.IntVar(&o.most, "most", 100_000, "count at most so many requests")
	f.IntVar(&o.seed, "seed", 10_000, "referrals stored before anything is counted")
	f.IntVar(&o.starts, "starts", 9, "how often each program is started for the time it takes")
	f.IntVar(&o.paths, "costs", 0, "instead of all else, the table of costs from so many and twice as many participants")
	f.Float64Var(&o.requests, "requests", 20, "costs: requests per participant and working day")
	f.Float64Var(&o.peak, "peak", 5, "costs: the busiest hour, in average ones")
	f.Float64Var(&o.years, "years", 5, "costs: how long all is kept")
	f.Float64Var(&o.cpu, "cpu", 250, "costs: SEK for a vCPU and month")
	f.Float64Var(&o.memory, "memory", 40, "costs: SEK for a GiB of memory and month")
	f.Float64Var(&o.disk, "disk", 2, "costs: SEK for a GiB of disk and month")
	connections := f.String("connections", "128,16", "how many ask at the same time, one run each")
	only := f.String("only", "", "only the cases that match, such as 'POST referral/one process'")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for part := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > 1000 {
			return o, fmt.Errorf("-connections: %q is no number from 1 to 1000", part)
		}
		o.connections = append(o.connections, n)
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if os.Getenv("FINSAM_BIN") == "" {
		return o, errors.New("FINSAM_BIN: name the folder of the built programs (scripts/bench.sh does)")
	}
	return o, nil
}

func main() {
	o, err := parse(os.Args[1:])
	switch {
	case err == nil && o.paths > 0:
		err = needs(o)
	case err == nil:
		err = run(o)
	}
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything and prints the tables. Whatever it started and stored
// is gone when it returns, also after an error or an interrupt.
func run(o options) (err error) {
	b := &bench{options: o}
	t := newStage()
	defer t.end(&err)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		t.interrupt()
	}()
	for _, p := range []struct {
		ways []string
		run  func(*stage)
	}{
		{[]string{"engine"}, b.engine},
		{[]string{"generator alone"}, b.generator},
		{[]string{"gateway alone"}, b.gatewayAlone},
		{[]string{"service alone", "four processes"}, b.services},
		{[]string{"one process"}, b.oneProcess},
	} {
		if b.wants(p.ways...) {
			t.part(p.run)
		}
	}
	b.print(os.Stdout)
	return nil
}
