package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/services/standalone"
)

func backupCommand() *cobra.Command {
	var (
		data string
		o    standalone.BackupOptions
	)
	c := &cobra.Command{
		Use:   "backup",
		Short: "Copy the databases and associations, while the suite runs or rests",
		Long: "Makes a backup: a folder of its own in --to, with the databases, the associations\n" +
			"and a manifest, and prints its name. What was acknowledged before it began is in\n" +
			"it. A running suite makes the copy itself, asked by a file in its data folder;\n" +
			"services that are processes of their own are asked on their admin ports (--admin),\n" +
			"with a token signed with the gateway's key of the data folder. Keys are never in a\n" +
			"backup: keep a copy of the keys folder apart, where the backups are not.",
		Example: "  finsam backup --data data --to /backups --keep 14\n" +
			"  finsam backup --data data --to /backups --admin http://127.0.0.1:9091,http://127.0.0.1:9092,http://127.0.0.1:9093",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Data = standalone.Layout(data)
			set, err := standalone.Backup(c.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), set)
			fmt.Fprintln(c.ErrOrStderr(), "The keys are not in it: keep a copy of", o.Data.Keys(), "apart.")
			return nil
		},
	}
	dataFlag(c, &data)
	c.Flags().StringVar(&o.To, "to", "", "folder that the backup is put into (backups in the data folder)")
	c.Flags().StringSliceVar(&o.Admins, "admin", nil, "admin ports of services that are processes of their own and share FINSAM_BACKUP_DIR")
	c.Flags().IntVar(&o.Keep, "keep", 0, "how many backups to keep in the folder; 0: all")
	return c
}
