package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/services/gateway/trust"
)

// issuerTimeout bounds the request for an issuer's keys.
const issuerTimeout = 20 * time.Second

func trustCommand() *cobra.Command {
	var token string
	c := &cobra.Command{
		Use:   "trust FILE",
		Short: "Check a trust file and, with --token, who an access token is for",
		Long: "Reads a trust file as the gateway does, and prints every authority whose tokens are\n" +
			"accepted. With --token it also prints who a token is for, or why it is refused; the\n" +
			"token comes from a file, or from standard input (-), and is sent nowhere.",
		Example: "  finsam trust trust.yaml\n  finsam trust trust.yaml --token - < token.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := readFile(args[0], "a trust file")
			if err != nil {
				return err
			}
			file, err := trust.ParseFile(text)
			if err != nil {
				return err
			}
			for _, is := range file.Issuers {
				var roles []string
				for _, r := range is.Claims.Roles.Map {
					roles = append(roles, string(r))
				}
				slices.Sort(roles)
				line := fmt.Sprintf("%s: %s of %s, as %s", is.Issuer, is.Authority, is.Association, strings.Join(slices.Compact(roles), ", "))
				if len(is.Claims.Name) > 0 {
					line += ", with the names of staff"
				}
				if is.Disabled {
					line += " (disabled)"
				}
				fmt.Fprintln(c.OutOrStdout(), line)
			}
			v, err := trust.Open(trust.Config{Path: args[0], Log: slog.New(slog.DiscardHandler)})
			if err != nil || token == "" {
				return err
			}
			return printBearer(c, v, token)
		},
	}
	c.Flags().StringVar(&token, "token", "", "a file with an access token; -: standard input")
	return c
}

// printBearer prints who a token is for. Its error names the check that failed.
func printBearer(c *cobra.Command, v *trust.Verifier, file string) error {
	in := c.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	token, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context(), issuerTimeout)
	defer cancel()
	a, issuer, err := v.Verify(ctx, strings.TrimSpace(string(token)))
	if err != nil {
		return fmt.Errorf("the token is refused: %w", err)
	}
	fmt.Fprintf(c.OutOrStdout(), "the token is for %s of %s (association %s, unit %q), as %v, issued by %s\n",
		a.Subject, a.Authority, a.Association, a.Unit, a.Roles, issuer)
	if a.Scopes != nil {
		fmt.Fprintln(c.OutOrStdout(), "as a system it may do no more than its scopes:", a.Scopes)
	}
	if len(a.Roles) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "it has no role;", trust.NoRole)
	}
	return nil
}
