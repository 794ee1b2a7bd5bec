package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/services/standalone"
)

func restoreCommand() *cobra.Command {
	var data, from string
	c := &cobra.Command{
		Use:   "restore",
		Short: "Put a backup into a new data folder",
		Long: "Checks a backup and puts it into a data folder, which must hold nothing but keys\n" +
			"and empty folders. Nothing is made beside it. The keys are not in a backup: put\n" +
			"those that belong to it into the folder before or after, else the suite does not start.",
		Example: "  finsam restore --from /backups/finsam-20261122T031500.000Z --data data",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := standalone.Restore(c.Context(), from, standalone.Layout(data))
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			fmt.Fprintf(out, "restored %d files of %s, made by finsam %s\n", len(m.Files), m.Began.Format(time.RFC3339), m.Program)
			fmt.Fprintf(out, "The keys are not in a backup: %s must hold the keys that belong to it before the suite starts.\n", standalone.Layout(data).Keys())
			return nil
		},
	}
	dataFlag(c, &data)
	c.Flags().StringVar(&from, "from", "", "the backup: its folder")
	_ = c.MarkFlagRequired("from")
	return c
}
