package main

import (
	"context"
	"errors"
	"os"

	"github.com/caarlos0/env/v11"
	"github.com/spf13/cobra"

	activity "github.com/finsam/finsam/services/activity/program"
	gateway "github.com/finsam/finsam/services/gateway/program"
	participant "github.com/finsam/finsam/services/participant/program"
	referral "github.com/finsam/finsam/services/referral/program"
)

// runs are the programs that one image holds, as each service's own binary runs
// them too.
var runs = []struct {
	name, short string
	run         func(context.Context, map[string]string) error
}{
	{"gateway", "Serve the front door alone, as the environment says", gateway.Run},
	{"referral", "Serve the referral service alone, as the environment says", referral.Run},
	{"participant", "Serve the participant service alone, as the environment says", participant.Run},
	{"activity", "Serve the activity service alone, as the environment says", activity.Run},
}

func programs() []*cobra.Command {
	var all []*cobra.Command
	for _, p := range runs {
		all = append(all, &cobra.Command{
			Use: p.name, Short: p.short, Args: cobra.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				// Being told to end is no fault (launch.Main says the same).
				if err := p.run(c.Context(), env.ToMap(os.Environ())); !errors.Is(err, context.Canceled) {
					return err
				}
				return nil
			},
		})
	}
	return all
}
