package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/services/standalone"
)

const whichLog = "The log is that of the data folder of a stopped suite, such as a restored backup, or,\n" +
	"when FINSAM_STORE is set, of that database (MongoDB: also while the services run)."

func verifyCommand() *cobra.Command {
	var (
		data  string
		heads []string
	)
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that no entry was altered, removed or added",
		Long: "Checks every link of the access log of each service. With a head recorded earlier\n" +
			"(from a log line `access log checkpoint`) it also finds what was cut off at the end.\n" + whichLog,
		Example: "  finsam access-log verify --data data --head 01795320000000-aabbccddeeff/42/HASH",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			known, err := parseHeads(heads)
			if err != nil {
				return err
			}
			flaws := 0
			found := map[accesslog.Head]bool{}
			err = standalone.AccessLogs(c.Context(), standalone.Layout(data), os.Getenv("FINSAM_STORE"), func(logs map[string]*accesslog.Log) error {
				for _, service := range slices.Sorted(maps.Keys(logs)) {
					l := logs[service]
					r, err := l.Verify(c.Context())
					if err != nil {
						return err
					}
					for _, h := range known {
						at, err := l.HeadAt(c.Context(), h.Chain, h.N)
						if err != nil {
							return err
						}
						found[h] = found[h] || at.Hash == h.Hash
					}
					fmt.Fprintf(c.OutOrStdout(), "%s: %d entries in %d blocks of %d chains, %d flaws\n", service, r.Entries, r.Blocks, r.Chains, len(r.Flaws))
					for _, f := range r.Flaws {
						fmt.Fprintf(c.OutOrStdout(), "  %s\n", f)
					}
					flaws += len(r.Flaws)
				}
				return nil
			})
			if err != nil {
				return err
			}
			for _, h := range known {
				if !found[h] {
					flaws++
					fmt.Fprintf(c.OutOrStdout(), "block %s/%d differs from its recorded head, or is missing\n", h.Chain, h.N)
				}
			}
			if flaws > 0 {
				return fmt.Errorf("the access log was altered: %d flaws", flaws)
			}
			return nil
		},
	}
	dataFlag(c, &data)
	c.Flags().StringArrayVar(&heads, "head", nil, "a head recorded earlier, as CHAIN/N/HASH; may be repeated")
	return c
}

// parseHeads reads heads as CHAIN/N/HASH; a hash may contain "/".
func parseHeads(texts []string) ([]accesslog.Head, error) {
	var all []accesslog.Head
	for _, text := range texts {
		part := strings.SplitN(text, "/", 3)
		if len(part) != 3 {
			return nil, fmt.Errorf("--head %s: write CHAIN/N/HASH", text)
		}
		n, err := strconv.ParseInt(part[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("--head %s: %s is not a number", text, part[1])
		}
		all = append(all, accesslog.Head{Chain: part[0], N: n, Hash: part[2]})
	}
	return all, nil
}

func readCommand() *cobra.Command {
	var data string
	var f struct{ authority, subject, participant, from, to string } // an empty one selects all
	c := &cobra.Command{
		Use:   "read",
		Short: "Print entries as lines of JSON: who, for which authority, when, what, whose",
		Long: "Prints the entries that match, for a reviewer or data protection officer. They\n" +
			"contain ids and no names. This command is not entered in the log: record who asked\n" +
			"for the entries and why.\n" + whichLog,
		Example: "  finsam access-log read --data data --authority molndal --from 2026-11-20 --to 2026-11-21",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			lines := json.NewEncoder(c.OutOrStdout())
			return standalone.AccessLogs(c.Context(), standalone.Layout(data), os.Getenv("FINSAM_STORE"), func(logs map[string]*accesslog.Log) error {
				return accesslog.Read(c.Context(), logs, func(service string, e accesslog.Entry) error {
					at := e.At.Format(time.RFC3339)
					if f.authority != "" && e.Authority != f.authority || f.subject != "" && e.Subject != f.subject ||
						f.participant != "" && !slices.Contains(e.Participants, f.participant) ||
						f.from != "" && at < f.from || f.to != "" && at >= f.to {
						return nil
					}
					return lines.Encode(struct {
						Service string `json:"service"`
						accesslog.Entry
					}{service, e})
				})
			})
		},
	}
	dataFlag(c, &data)
	c.Flags().StringVar(&f.authority, "authority", "", "only accesses by this authority")
	c.Flags().StringVar(&f.subject, "subject", "", "only accesses by this person, by the id at the authority")
	c.Flags().StringVar(&f.participant, "participant", "", "only accesses to this participant's data, by id")
	c.Flags().StringVar(&f.from, "from", "", "only from this time on, such as 2026-11-20 or 2026-11-20T08:00:00Z")
	c.Flags().StringVar(&f.to, "to", "", "only before this time")
	return c
}
