package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/services/standalone"
)

func migrateCommand() *cobra.Command {
	var (
		data string
		look bool
	)
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database up to this version, as serve does at its start",
		Long: "Brings the database of a stopped suite up to this version. With --check-only it\n" +
			"prints what there is to do and does nothing. The services in a cluster do the\n" +
			"same when they start, or with FINSAM_MIGRATE=check only print it.",
		Example: "  finsam migrate --data data --check-only",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			plans, err := standalone.Migrate(c.Context(), standalone.Layout(data), look)
			for _, p := range plans {
				fmt.Fprintln(c.OutOrStdout(), p)
			}
			return err
		},
	}
	dataFlag(c, &data)
	c.Flags().BoolVar(&look, "check-only", false, "print what there is to do, and do nothing")
	return c
}
