// Command finsam is the whole suite in one program: it serves all of it or one
// service, loads an association, and makes keys and demo tokens.
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "finsam:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "finsam",
		Short:         "The path from referral to work, for coordination associations and their members",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(serve(), token(), load(), keys(), trustCommand(), accessLog(), probe(), backupCommand(), restoreCommand(), migrateCommand())
	c.AddCommand(programs()...)
	return c
}

// version is the version with the commit it was built from.
func version() string {
	if r := launch.Revision(); r != "" {
		return launch.Version() + " (" + r + ")"
	}
	return launch.Version()
}

// dataFlag declares the folder that all commands work on.
func dataFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "data", "data", "folder of the databases, keys and associations")
}
