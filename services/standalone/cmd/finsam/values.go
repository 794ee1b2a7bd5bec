package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/services/standalone/chartvalues"
)

func values() *cobra.Command {
	c := &cobra.Command{Use: "values", Short: "Work on values files of the Helm chart"}
	c.AddCommand(&cobra.Command{
		Use:   "migrate FILE",
		Short: "Print a values file with every renamed key where it is read now",
		Long: "Prints the values file with every renamed key moved to where the chart of this\n" +
			"version reads it, comments kept; what was moved is told on standard error.",
		Example: "  finsam values migrate values.yaml > new.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file, err := readFile(args[0], "a values file")
			if err != nil {
				return err
			}
			out, moved, err := chartvalues.Migrate(file)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			for _, r := range moved {
				fmt.Fprintf(c.ErrOrStderr(), "%s is now %s\n", r.From, r.To)
			}
			_, err = c.OutOrStdout().Write(out)
			return err
		},
	})
	return c
}
