package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

const (
	probeTimeout  = 5 * time.Second // of one request
	probeInterval = 500 * time.Millisecond
)

func probeCommand() *cobra.Command {
	var within time.Duration
	c := &cobra.Command{
		Use:     "probe URL[=STATUS]...",
		Short:   "Request addresses until each answers with its status (200); for helm test and scripts",
		Example: "  finsam probe --within 30s http://127.0.0.1:8080/finsam/v1/api-info http://127.0.0.1:8080/finsam/v1/referrals=401",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), within)
			defer cancel()
			for _, arg := range args {
				url, want := arg, http.StatusOK
				if m := withStatus.FindStringSubmatch(arg); m != nil {
					url = m[1]
					want, _ = strconv.Atoi(m[2]) // three digits
				}
				if err := waitForStatus(ctx, url, want); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s answers %d\n", url, want)
			}
			return nil
		},
	}
	c.Flags().DurationVar(&within, "within", 30*time.Second, "how long all of them together may take")
	return c
}

var withStatus = regexp.MustCompile(`^(.+)=([1-5][0-9][0-9])$`)

// waitForStatus asks until the status is the wanted one or the context ends; its
// error says what the last answer was.
func waitForStatus(ctx context.Context, url string, want int) error {
	last := errors.New("no answer in time")
	for {
		status, err := requestStatus(ctx, url)
		switch {
		case err == nil && status == want:
			return nil
		case err == nil:
			last = fmt.Errorf("answers %d, not %d", status, want)
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", url, last)
		case <-time.After(probeInterval):
		}
	}
}

func requestStatus(ctx context.Context, url string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, err
}
