package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
)

// maxFileBytes bounds a file that is given to a command.
const maxFileBytes = 4 << 20

// readFile reads a file that should be what kind says.
func readFile(path, kind string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB: is it %s?", filepath.Base(path), maxFileBytes>>20, kind)
	}
	return os.ReadFile(path)
}

func loadCommand() *cobra.Command {
	var (
		data   string
		accept bool
	)
	c := &cobra.Command{
		Use:   "load FILE.yaml",
		Short: "Check an association's file against what is planned and booked, and load it",
		Long: "Checks an association's file, prints what it changes for whom, and loads it: what it\n" +
			"names holds from today, what has been stays, and what it does not name any more ends\n" +
			"from tomorrow. A file is refused when bookings would be without their activity or it has\n" +
			"been replaced by a later one, unless --accept says that this is meant, and when people\n" +
			"have planned an object that it names with another content. A running suite does it\n" +
			"itself, on request by a file in its data folder.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := readFile(args[0], "an association's file")
			if err != nil {
				return err
			}
			report, err := standalone.Load(c.Context(), standalone.Layout(data), text, accept)
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(args[0]), err)
			}
			a, err := association.Parse(text)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%sloaded %s (%s), %d municipalities\n", report, a.ID, a.Name, len(a.Municipalities))
			return nil
		},
	}
	dataFlag(c, &data)
	c.Flags().BoolVar(&accept, "accept", false, "load the file although bookings would be without their activity, or it is an older one")
	return c
}

func exportCommand() *cobra.Command {
	var data, on string
	c := &cobra.Command{
		Use:   "export ASSOCIATION",
		Short: "Print the file of what an association offers on a day; loaded again, it changes nothing",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := standalone.Export(c.Context(), standalone.Layout(data), args[0], on)
			if err == nil {
				_, err = fmt.Fprint(c.OutOrStdout(), text)
			}
			return err
		},
	}
	dataFlag(c, &data)
	c.Flags().StringVar(&on, "on", "", "the day, such as 2027-01-31 (today)")
	return c
}

func keysCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "keys",
		Short: "Create the encryption and signing keys that are missing; existing keys are kept",
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
		Short: "Carry out one stage of the rotation of the encryption and signing keys",
		Long: "Carries out one stage: announce creates new keys that no program uses yet; switch puts\n" +
			"them in use, while the old ones are still accepted; retire refuses what the old\n" +
			"ones sign. After each stage, restart every program with the keys before you take\n" +
			"the next stage. Data encrypted before stays readable; the look-up keys (prf.json)\n" +
			"are not changed.",
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

func tokenCommand() *cobra.Command {
	var (
		data, association string
		roles             []string
		claims            demo.Claims
	)
	c := &cobra.Command{
		Use:     "token",
		Short:   "Print a demo access token, for the demo of the same data folder",
		Example: "  finsam token --role referrer --authority fk\n  finsam token --role intake --authority molndal --municipality 1481",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			issuer, err := demo.Open(standalone.Layout(data).Demo(), association)
			if err != nil {
				return err
			}
			for _, r := range roles {
				claims.Roles = append(claims.Roles, actor.Role(r))
			}
			text, err := issuer.Token(claims)
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), text)
			return nil
		},
	}
	dataFlag(c, &data)
	f := c.Flags()
	f.StringSliceVar(&roles, "role", nil, "the caller's role, such as referrer, integration, intake, coach, participant; may be repeated")
	f.StringVar(&claims.Authority, "authority", "", "the caller's authority, such as fk, af, vgr, molndal")
	f.StringVar(&claims.Unit, "unit", "", "the unit within the authority")
	f.StringVar(&claims.Municipality, "municipality", "", "four-digit code, for a municipality's own staff")
	f.StringVar(&claims.Subject, "subject", "", "the caller's own id")
	f.StringVar(&claims.Participant, "participant", "", "the caller's own participant id, for the role participant")
	f.StringVar(&claims.Name, "name", "", "the caller's name, which colleagues read in GET /staff; an invented one")
	f.StringVar(&claims.PersonalNumber, "personal-number", "", "the caller's own personal identity number, for the role participant of the authority self; an invented one")
	f.StringVar(&association, "association", "", "the association that the token is for (insjoriket)")
	f.DurationVar(&claims.Lifetime, "lifetime", 12*time.Hour, "how long the token is valid")
	_ = c.MarkFlagRequired("role")
	return c
}
