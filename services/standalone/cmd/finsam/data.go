package main

import (
	"fmt"
	"time"

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
		Short: "Back up the database, attachments and associations, while the suite runs or is stopped",
		Long: "Makes a backup and prints its folder, which is created in --to and holds the\n" +
			"database, the attachments, the associations and a manifest. Everything acknowledged\n" +
			"before it began is in it. A running suite makes the copy itself, on request by a\n" +
			"file in its data folder. A backup never contains the keys: keep a copy of the keys\n" +
			"folder in another place than the backups.",
		Example: "  finsam backup --data data --to /backups --keep 14",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Data = standalone.Layout(data)
			set, err := standalone.Backup(c.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), set)
			fmt.Fprintln(c.ErrOrStderr(), "The backup does not contain the keys: keep a copy of", o.Data.Keys(), "in another place.")
			return nil
		},
	}
	dataFlag(c, &data)
	c.Flags().StringVar(&o.To, "to", "", "folder that the backup is created in (backups in the data folder)")
	c.Flags().IntVar(&o.Keep, "keep", 0, "how many backups to keep in the folder; 0: all")
	return c
}

func restoreCommand() *cobra.Command {
	var data, from string
	c := &cobra.Command{
		Use:   "restore",
		Short: "Restore a backup into a new data folder",
		Long: "Checks a backup and restores it into a data folder, which must hold nothing but keys\n" +
			"and empty folders. Nothing is created outside it. A backup does not contain the\n" +
			"keys: put those that belong to it into the folder before the suite is started.",
		Example: "  finsam restore --from /backups/finsam-20261122T031500.000Z --data data",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := standalone.Restore(c.Context(), from, standalone.Layout(data))
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			fmt.Fprintf(out, "restored %d files of %s, made by finsam %s\n", len(m.Files), m.Began.Format(time.RFC3339), m.Program)
			fmt.Fprintf(out, "A backup does not contain the keys: put those that belong to it into %s before you start the suite.\n", standalone.Layout(data).Keys())
			return nil
		},
	}
	dataFlag(c, &data)
	c.Flags().StringVar(&from, "from", "", "the backup's folder")
	_ = c.MarkFlagRequired("from")
	return c
}

func migrateCommand() *cobra.Command {
	var (
		data      string
		checkOnly bool
	)
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database up to this version, as serve does when it starts",
		Long: "Brings the database of a stopped suite up to this version. With --check-only it\n" +
			"prints what there is to do and changes nothing. The services in a cluster do the\n" +
			"same by themselves when they start; with FINSAM_MIGRATE=check they only print it.",
		Example: "  finsam migrate --data data --check-only",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			plans, err := standalone.Migrate(c.Context(), standalone.Layout(data), checkOnly)
			for _, p := range plans {
				fmt.Fprintln(c.OutOrStdout(), p)
			}
			return err
		},
	}
	dataFlag(c, &data)
	c.Flags().BoolVar(&checkOnly, "check-only", false, "print what there is to do, and change nothing")
	return c
}
