// Command finsam is the whole suite in one program: it serves all of it or one
// service, loads an association, makes keys and demo tokens, and looks after the data.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/pkg/launch"
)

func main() {
	launch.CollectLess()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "finsam:", err)
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	version := launch.Version()
	if r := launch.Revision(); r != "" {
		version += " (" + r + ")"
	}
	c := &cobra.Command{
		Use:           "finsam",
		Short:         "Software for coordination associations (samordningsförbund) and their members, from referral to work",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	log := &cobra.Command{Use: "access-log", Short: "Verify or read the log of who has seen or changed whose data"}
	log.AddCommand(verifyCommand(), readCommand())
	c.AddCommand(serveCommand(), tokenCommand(), loadCommand(), exportCommand(), keysCommand(), trustCommand(), log, probeCommand(), backupCommand(), restoreCommand(), migrateCommand())
	c.AddCommand(serviceCommands()...)
	return c
}

// dataFlag declares the folder that most commands work on.
func dataFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "data", "data", "folder of the database, keys and associations")
}
