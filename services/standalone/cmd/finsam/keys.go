package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/standalone"
)

func keys() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make the sealing and signing keys that are missing; keys that are there stay",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir := standalone.Layout(data).Keys()
			if err := launch.WriteKeys(dir); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), dir)
			return nil
		},
	}
	dataFlag(c, &data)
	return c
}
