// Package launch puts a service together from environment variables, and takes
// it apart again: the store, the keys, telemetry, the feed, the access log, the
// associations and the peers.
//
// A service's main is Main, and its run is Open, its own constructors, Serve. A
// wrong value stops the start with one sentence that names the variable.
package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caarlos0/env/v11"
)

// Main runs a program until it ends or is told to end (SIGINT, SIGTERM), and
// exits: 0 when it ended as told, else 1 with one sentence on standard error.
// The run gets the environment, so that tests can give it another.
func Main(run func(ctx context.Context, environ map[string]string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, env.ToMap(os.Environ()))
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "finsam: "+err.Error())
		os.Exit(1)
	}
}
