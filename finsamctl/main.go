// Command finsamctl is for those who integrate with finsam: it posts referrals
// from files, follows events and verifies webhooks. It uses only the public API, and no
// code of the services.
//
// Its output, its journal and its errors never contain personal data: they name a row by
// its number and a referral by its id.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when a release is built.
var version = "dev"

const (
	exitFailed  = 1
	exitNotAll  = 3 // some rows were not received, or the signature is not valid
	interrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root().ExecuteContext(ctx)
	switch {
	case err == nil:
		return
	case errors.Is(err, errNotAll):
		os.Exit(exitNotAll)
	case errors.Is(err, context.Canceled):
		os.Exit(interrupted)
	}
	fmt.Fprintln(os.Stderr, "finsamctl:", err)
	os.Exit(exitFailed)
}

// errNotAll ends a command that has already printed why.
var errNotAll = errors.New("not all")

func root() *cobra.Command {
	c := newConnection()
	cmd := &cobra.Command{
		Use: "finsamctl", Short: "Post referrals, follow events and verify webhooks of finsam",
		SilenceUsage: true, SilenceErrors: true, Version: version,
	}
	f := cmd.PersistentFlags()
	f.StringVar(&c.url, "url", os.Getenv("FINSAM_URL"), "address of the API, such as https://api.example.se/finsam/v1 ($FINSAM_URL)")
	f.StringVar(&c.tokenFile, "token-file", "", "file with an access token; default: $FINSAM_TOKEN")
	f.StringVar(&c.clientID, "client-id", "", "client id, for client credentials")
	f.StringVar(&c.secretFile, "client-secret-file", "", "file with the client's secret")
	f.StringVar(&c.tokenURL, "token-url", "", "address that issues tokens, such as https://login.example.se/token")
	f.StringVar((*string)(&c.language), "language", "sv", "language of messages and of the report: sv or en")
	cmd.PersistentPreRun = func(cmd *cobra.Command, _ []string) { c.notices = cmd.ErrOrStderr() }
	cmd.AddCommand(postCommand(c), eventsCommand(c), webhookCommand(), &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	})
	return cmd
}
