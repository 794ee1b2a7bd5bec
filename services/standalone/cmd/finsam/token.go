package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
)

func token() *cobra.Command {
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
			issuer, err := demo.Open(demo.Options{Folder: standalone.Layout(data).Demo(), Association: association})
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
	f.StringSliceVar(&roles, "role", nil, "what the caller is, such as referrer, integration, intake, coach, participant; may be repeated")
	f.StringVar(&claims.Authority, "authority", "", "the member authority that speaks, such as fk, af, vgr, molndal")
	f.StringVar(&claims.Unit, "unit", "", "the unit within the authority")
	f.StringVar(&claims.Municipality, "municipality", "", "four-digit code, for a municipality's own staff")
	f.StringVar(&claims.Subject, "subject", "", "the caller's own id")
	f.StringVar(&claims.Participant, "participant", "", "the caller's own participant id, for the role participant")
	f.StringVar(&association, "association", "", "the association that the token is for (insjoriket)")
	f.DurationVar(&claims.Lifetime, "lifetime", 12*time.Hour, "how long the token is valid")
	_ = c.MarkFlagRequired("role")
	return c
}
