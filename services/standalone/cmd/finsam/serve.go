package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"

	activity "github.com/finsam/finsam/services/activity/program"
	gateway "github.com/finsam/finsam/services/gateway/program"
	participant "github.com/finsam/finsam/services/participant/program"
	referral "github.com/finsam/finsam/services/referral/program"
	"github.com/finsam/finsam/services/standalone"
)

func serveCommand() *cobra.Command {
	var (
		data string
		o    standalone.Options
	)
	c := &cobra.Command{
		Use:     "serve",
		Short:   "Serve the whole suite in one process, on SQLite in the data folder",
		Example: "  finsam serve --demo --addr 127.0.0.1:8080 --data data",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if strings.ContainsAny(data, " \"'$") {
				return errors.New("--data: choose a folder without blanks, quotes or $ in its name")
			}
			o.Data, o.Environ, o.Out = standalone.Layout(data), env.ToMap(os.Environ()), c.OutOrStdout()
			return standalone.Serve(c.Context(), o)
		},
	}
	dataFlag(c, &data)
	f := c.Flags()
	f.StringVar(&o.Addr, "addr", "127.0.0.1:8080", "address of the API")
	f.StringVar(&o.AdminAddr, "admin-addr", "127.0.0.1:9090", "address of /livez, /readyz and /metrics; off: they are not served")
	f.BoolVar(&o.Demo, "demo", false, "issue demo tokens and, in an empty data folder, load the example association with some twenty invented people; only on this machine")
	f.BoolVar(&o.Empty, "empty", false, "with --demo: without people")
	f.StringVar(&o.TrustFile, "trust", "", "the trust file: which access tokens are accepted")
	f.DurationVar(&o.Linger, "linger", 0, "how long to keep serving after a request to stop, while reporting not ready")
	c.MarkFlagsMutuallyExclusive("demo", "trust")
	return c
}

// serviceCommands are the programs in the one image, as each service's own binary
// runs them too.
func serviceCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, p := range []struct {
		name, short string
		run         func(context.Context, map[string]string) error
	}{
		{"gateway", "Serve the gateway alone, configured by the environment", gateway.Run},
		{"referral", "Serve the referral service alone, configured by the environment", referral.Run},
		{"participant", "Serve the participant service alone, configured by the environment", participant.Run},
		{"activity", "Serve the activity service alone, configured by the environment", activity.Run},
	} {
		all = append(all, &cobra.Command{
			Use: p.name, Short: p.short, Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				// A request to stop is not a failure (launch.Main does the same).
				if err := p.run(c.Context(), env.ToMap(os.Environ())); !errors.Is(err, context.Canceled) {
					return err
				}
				return nil
			},
		})
	}
	return all
}
