package main

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"

	"github.com/finsam/finsam/services/standalone"
)

func serve() *cobra.Command {
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
	f.StringVar(&o.Addr, "addr", "127.0.0.1:8080", "where the API listens")
	f.StringVar(&o.AdminAddr, "admin-addr", "127.0.0.1:9090", "where /livez, /readyz and /metrics listen; off: nowhere")
	f.BoolVar(&o.Demo, "demo", false, "issue demo tokens and, in an empty data folder, load the example association; only on this machine")
	f.StringVar(&o.TrustFile, "trust", "", "the trust file: whose access tokens are accepted")
	f.DurationVar(&o.Linger, "linger", 0*time.Second, "how long to serve on, no longer ready, once told to end")
	c.MarkFlagsMutuallyExclusive("demo", "trust")
	return c
}
