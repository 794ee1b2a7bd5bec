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
	c.AddCommand(rotateCommand())
	return c
}

func rotateCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "rotate announce|switch|retire",
		Short: "Take one stage of the rotation of the sealing and signing keys",
		Long: "Takes one stage: announce makes new keys that are used by none yet; switch puts\n" +
			"them in use, the old ones still being accepted; retire refuses what the old ones\n" +
			"sign. After each stage every program is started anew with the keys, before the\n" +
			"next stage is taken. What was sealed before still opens; the look-up keys\n" +
			"(prf.json) stay.",
		Example:   "  finsam keys rotate announce --data data",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{launch.Announce, launch.Switch, launch.Retire},
		RunE: func(c *cobra.Command, args []string) error {
			dir := standalone.Layout(data).Keys()
			if err := launch.RotateKeys(dir, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: restart every program with these keys before the next stage\n", dir)
			return nil
		},
	}
	dataFlag(c, &data)
	return c
}
