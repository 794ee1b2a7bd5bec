package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// follower prints an authority's events as they arrive.
type follower struct {
	*connection
	after, stateFile string
	wait, limit      int
	once             bool
}

func eventsCommand(c *connection) *cobra.Command {
	f := &follower{connection: c}
	follow := &cobra.Command{
		Use: "follow", Short: "Print one JSON line per event, and wait for more", Args: cobra.NoArgs,
		Long: "Print one JSON line per event (CloudEvents), oldest first, and wait for more. With --state-file the position is saved after the\n" +
			"events were printed: if it is killed in between, some are printed again, with the same id; none is missed.",
		RunE: func(cmd *cobra.Command, _ []string) error { return f.follow(cmd.Context(), cmd.OutOrStdout()) },
	}
	flags := follow.Flags()
	flags.StringVar(&f.after, "after", "", "the position after which to start; default: the state file's, or the oldest event")
	flags.StringVar(&f.stateFile, "state-file", "", "file in which the position is saved")
	flags.IntVar(&f.wait, "wait", 25, "seconds that one request waits for events, at most 25")
	flags.IntVar(&f.limit, "limit", 200, "maximum events in one answer, at most 200")
	flags.BoolVar(&f.once, "until-empty", false, "stop when there are no more events")
	cmd := &cobra.Command{Use: "events", Short: "The authority's own events"}
	cmd.AddCommand(follow)
	return cmd
}

func (f *follower) follow(ctx context.Context, out io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.after == "" && f.stateFile != "" {
		text, err := os.ReadFile(f.stateFile)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("--state-file: %w", err)
		}
		f.after = strings.TrimSpace(string(text))
	}
	for {
		n, err := f.page(ctx, out)
		if err != nil {
			return err
		}
		if n == 0 && f.once {
			return nil
		}
	}
}

// page asks once, prints the events, and only then saves the position.
func (f *follower) page(ctx context.Context, out io.Writer) (int, error) {
	q := url.Values{"limit": {strconv.Itoa(f.limit)}}
	if !f.once {
		q.Set("wait", strconv.Itoa(f.wait))
	}
	if f.after != "" {
		q.Set("after", f.after)
	}
	var answer struct {
		Events []json.RawMessage `json:"events"`
		After  string            `json:"after"`
	}
	if err := f.call(ctx, http.MethodGet, "/events?"+q.Encode(), nil, nil, &answer); err != nil {
		return 0, err
	}
	var lines bytes.Buffer
	for _, e := range answer.Events {
		if err := json.Compact(&lines, e); err != nil {
			return 0, errors.New("an event is not JSON")
		}
		lines.WriteByte('\n')
	}
	if _, err := out.Write(lines.Bytes()); err != nil {
		return 0, err
	}
	if answer.After == "" || answer.After == f.after {
		return len(answer.Events), nil
	}
	f.after = answer.After
	return len(answer.Events), f.savePosition()
}

// savePosition replaces the file in one step: it contains the old position or the new one.
func (f *follower) savePosition() error {
	if f.stateFile == "" {
		return nil
	}
	t, err := os.CreateTemp(filepath.Dir(f.stateFile), ".finsam-position-*")
	if err != nil {
		return fmt.Errorf("--state-file: %w", err)
	}
	defer os.Remove(t.Name())
	_, err = io.WriteString(t, f.after+"\n")
	if err = errors.Join(err, t.Sync(), t.Close()); err == nil {
		err = os.Rename(t.Name(), f.stateFile)
	}
	if err != nil {
		return fmt.Errorf("--state-file: %w", err)
	}
	return nil
}
