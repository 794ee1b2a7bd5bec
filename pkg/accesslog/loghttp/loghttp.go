// Package loghttp lets one service find entries of another's access log.
package loghttp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/client"
)

const (
	// Path is where each service answers, outside the public base path, with ?query=: a
	// Query as JSON.
	Path = "/internal/access-log"
	// maxAnswer bounds what is read of one answer, in bytes.
	maxAnswer = 16 << 20
	timeout   = 20 * time.Second
)

// answer is the entries that were found.
type answer struct {
	Items []accesslog.Found `json:"items"`
}

// Handler answers what a service's log has. The caller's right must have been checked before.
func Handler(l *accesslog.Log, service string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q accesslog.Query
		if err := json.Unmarshal([]byte(r.URL.Query().Get("query")), &q); err != nil || q.Association == "" || q.Limit < 1 || q.Limit > accesslog.MaxFound {
			http.Error(w, "want a query with an association and a limit", http.StatusBadRequest)
			return
		}
		found, err := l.Find(r.Context(), service, q)
		if err != nil {
			http.Error(w, "the log cannot be read now", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(answer{found})
	})
}

// Find asks another service, as this one, for what its log has. An error is
// fault.ErrUnavailable.
func Find(ctx context.Context, calls *client.Client, q accesslog.Query) ([]accesslog.Found, error) {
	r := *web.From(ctx)
	r.Token = "" // of whom this service answers: only a service may ask for a whole log
	ctx, cancel := context.WithTimeout(web.With(actor.With(ctx, actor.Actor{Association: q.Association}), r), timeout)
	defer cancel()
	text, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("ask for the access log: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, calls.Base+Path+"?"+url.Values{"query": {string(text)}}.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the access log: %w", err)
	}
	resp, err := calls.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the connection can be used again
		return nil, fault.ErrUnavailable.Because(fmt.Errorf("the access log was answered %s", resp.Status))
	}
	var a answer
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&a); err != nil {
		return nil, fault.ErrUnavailable.Because(fmt.Errorf("read the access log: %w", err))
	}
	return a.Items, nil
}
