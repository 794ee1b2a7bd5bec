// Package client calls the other services. Tokens, trace, request id and language
// go on with the call, and a problem that comes back is the fault that it was there.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/tracecontext"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/problem"
)

// Client calls one other service, as the actor whose request is being answered, or
// as its own service where no request is.
type Client struct {
	Base    string                // the other's address, such as "http://participant:8080"
	HTTP    *http.Client          // without a timeout of its own; shared by all calls
	Signer  *internaltoken.Signer // for work that no request caused; nil: such calls fail
	Timeout time.Duration         // for one call; zero: 10 seconds
}

// New creates a client of the service at base. A nil transport is a new one over
// the network; package inprocess has one that stays in the process.
func New(base string, transport http.RoundTripper, s *internaltoken.Signer) *Client {
	if transport == nil {
		transport = NewTransport()
	}
	c := &http.Client{Transport: transport}
	// A token must not follow a redirect; no service sends one.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{Base: strings.TrimSuffix(base, "/"), HTTP: c, Signer: s}
}

// NewTransport returns a transport over the network for calls between services.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.DialContext = nil, Dial
	t.MaxIdleConnsPerHost, t.MaxConnsPerHost, t.IdleConnTimeout = 256, 512, IdleTimeout
	t.ResponseHeaderTimeout = 40 * time.Second // longer than a long poll
	t.DisableCompression = true
	return t
}

const (
	defaultTimeout = 10 * time.Second
	maxAnswer      = 8 << 20 // bytes
)

// Call sends in as JSON (nil: no body) and reads the answer into out (nil: it is
// ignored). The path follows web.BasePath. An error answer is a *fault.Error with the
// other's code. Errors of the connection are fault.ErrUnavailable, problem.ErrTimeout
// after Timeout, and context.Canceled when the caller's own context ends.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(c.Timeout, defaultTimeout))
	defer cancel()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("call %s: write the body: %w", method, err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+web.BasePath+path, body)
	if err != nil {
		return fmt.Errorf("call %s: %w", method, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return failure(ctx, fmt.Errorf("read the answer: %w", err))
	case len(text) > maxAnswer:
		return fault.ErrInternal.Because(errors.New("the answer is too large"))
	case resp.StatusCode >= 300:
		return problem.Fault(resp, text)
	case out != nil && json.Unmarshal(text, out) != nil:
		// The decoder's own text can repeat a value.
		return fault.ErrInternal.Because(fmt.Errorf("the answer is not what the contract says (%d bytes)", len(text)))
	}
	return nil
}

// Do sends a request with the token, the trace and the request id of its context, as
// generated clients need it. The caller closes the body and bounds the context. Errors
// are those of Call.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	incoming := web.From(ctx)
	token, err := incoming.Token, error(nil)
	if token == "" {
		token, err = c.OwnToken(actor.From(ctx).Association)
	}
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json, "+problem.MediaType)
	if incoming.ID != "" {
		req.Header.Set(web.HeaderRequestID, incoming.ID)
		req.Header.Set(web.HeaderLanguage, incoming.Language)
	}
	if header := tracecontext.Header(ctx); header != "" {
		req.Header.Set(web.HeaderTraceParent, header)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, failure(ctx, err)
	}
	return resp, nil
}

// failure returns the error of a call whose connection failed with err.
func failure(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return problem.ErrTimeout.Because(err)
	}
	return fault.ErrUnavailable.Because(err)
}

// OwnToken returns a token of this service itself, for one association, or for the feeds
// of others ("").
func (c *Client) OwnToken(association string) (string, error) {
	if c.Signer == nil {
		return "", fault.ErrInternal.Because(errors.New("no token to call another service with"))
	}
	return c.Signer.Token(actor.ForService(c.Signer.Issuer(), association))
}
