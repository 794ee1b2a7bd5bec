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

// Bounds of a probe: how long one request may take, and how long it rests
// between two.
const (
	probePatience = 5 * time.Second
	probeRest     = 500 * time.Millisecond
)

func probe() *cobra.Command {
	var within time.Duration
	c := &cobra.Command{
		Use:     "probe URL[=STATUS]...",
		Short:   "Ask addresses until each answers with its status (200); for helm test and scripts",
		Example: "  finsam probe --within 30s http://127.0.0.1:8080/finsam/v1/api-info http://127.0.0.1:8080/finsam/v1/referrals=401",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, urls []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), within)
			defer cancel()
			for _, u := range urls {
				u, want := wanted(u)
				if err := answersWith(ctx, u, want); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s answers %d\n", u, want)
			}
			return nil
		},
	}
	c.Flags().DurationVar(&within, "within", 30*time.Second, "how long all of them together may take")
	return c
}

var withStatus = regexp.MustCompile(`^(.+)=([1-5][0-9][0-9])$`)

// wanted parts an address from the status that is wanted of it.
func wanted(arg string) (url string, status int) {
	m := withStatus.FindStringSubmatch(arg)
	if m == nil {
		return arg, http.StatusOK
	}
	status, _ = strconv.Atoi(m[2]) // three digits
	return m[1], status
}

// answersWith asks until the status is the wanted one or the context ends; its
// error tells the last answer.
func answersWith(ctx context.Context, url string, want int) error {
	last := errors.New("nobody answered in time")
	for {
		status, err := ask(ctx, url)
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
		case <-time.After(probeRest):
		}
	}
}

func ask(ctx context.Context, url string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
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
