// Package feedhttp carries a feed between processes: a handler for GET /internal/feed
// with long polling, and a client that is a feed.Reader.
package feedhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
)

// Path is where a service serves its feed, outside the public base path.
const Path = "/internal/feed"

type page struct {
	Events []feed.Event `json:"events"`
}

// Handler serves the log at Path: ?after=<sequence>&limit=<n>&wait=<seconds>. The
// caller's right to read it must have been checked before.
func Handler(l feed.Reader) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		after, afterErr := number(q.Get("after"), 0)
		limit, limitErr := number(q.Get("limit"), feed.MaxLimit)
		wait, waitErr := number(q.Get("wait"), 0)
		if errors.Join(afterErr, limitErr, waitErr) != nil {
			http.Error(w, "after, limit and wait are whole numbers", http.StatusBadRequest)
			return
		}
		wait = min(wait, int64(feed.MaxWait/time.Second))
		// The server's own write timeout is shorter than a long poll.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(feed.MaxWait + 10*time.Second))
		events, err := l.After(r.Context(), after, int(min(limit, feed.MaxLimit)), time.Duration(wait)*time.Second)
		if err != nil {
			http.Error(w, "the log cannot be read now", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(page{Events: events})
	})
}

func number(text string, otherwise int64) (int64, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && n < 0 {
		err = strconv.ErrRange
	}
	return n, err
}

// Client reads another service's feed; it is a feed.Reader. A service that does not
// answer, or answers with anything but its feed, is fault.ErrUnavailable.
type Client struct {
	Base  string                 // the service's address, such as "http://referral:8080"
	HTTP  *http.Client           // without a timeout of its own: the context bounds each call
	Token func() (string, error) // the reading service's own internal token
}

// maxPage bounds what is read of one answer, in bytes.
const maxPage = 16 << 20

// After implements feed.Reader.
func (c *Client) After(ctx context.Context, seq int64, limit int, wait time.Duration) ([]feed.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+10*time.Second)
	defer cancel()
	q := url.Values{}
	q.Set("after", strconv.FormatInt(seq, 10))
	q.Set("limit", strconv.Itoa(limit))
	q.Set("wait", strconv.FormatInt(int64(wait/time.Second), 10))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Base+Path+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	token, err := c.Token()
	if err != nil {
		return nil, fmt.Errorf("own token: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, fault.ErrUnavailable.Because(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the connection can be used again
		return nil, fault.ErrUnavailable.Because(fmt.Errorf("feed answered %s", resp.Status))
	}
	var p page
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxPage)).Decode(&p); err != nil {
		return nil, fault.ErrUnavailable.Because(fmt.Errorf("read feed: %w", err))
	}
	return p.Events, nil
}
