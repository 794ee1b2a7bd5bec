package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/internaltoken"
)

// Client calls one other service. It passes on the token that the request came
// with, or signs for its own service when there is none, and gives the other's
// problem back as the fault that it was: what is not found there is not found
// here.
type Client struct {
	Base    string                // the other's address, such as "http://participant:8080"
	HTTP    *http.Client          // without a timeout of its own; shared by all calls
	Signer  *internaltoken.Signer // for work that no request caused; nil: such calls fail
	Timeout time.Duration         // for one call; zero: 10 seconds
}

// NewClient creates a client of the service at base. A nil transport is one of its
// own over the network; package inproc has one that stays in the process.
func NewClient(base string, transport http.RoundTripper, s *internaltoken.Signer) *Client {
	if transport == nil {
		transport = NewTransport()
	}
	return &Client{Base: strings.TrimSuffix(base, "/"), HTTP: &http.Client{Transport: transport, CheckRedirect: noRedirect}, Signer: s}
}

// noRedirect: no service of ours redirects, and a token must not follow one.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// NewTransport returns a transport over the network for calls between services.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.DialContext = nil, Dial
	t.MaxIdleConnsPerHost, t.MaxConnsPerHost, t.IdleConnTimeout = 256, 512, KeepIdle
	t.ResponseHeaderTimeout = 40 * time.Second // longer than a long poll
	t.DisableCompression = true
	return t
}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 8 << 20

// Call sends in as JSON (nil: no body) and reads the answer into out (nil: it is
// not wanted). The path begins behind BasePath. An error answer is a *fault.Error
// with the other's code; what does not answer is fault.ErrUnavailable.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("call %s: write the body: %w", method, err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+BasePath+path, body)
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
	return read(resp, out)
}

// Do sends a request with the token, the trace and the request id of its
// context, as generated clients want it. The caller closes the body and bounds
// the context. What does not answer is fault.ErrUnavailable.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	token, err := c.token(ctx)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json, "+problemType)
	if in := infoOf(ctx); in.requestID != "" {
		req.Header.Set(headerRequestID, in.requestID)
		req.Header.Set(headerLanguage, in.language)
	}
	if trace.SpanContextFromContext(ctx).IsValid() {
		w3c.Inject(ctx, propagation.HeaderCarrier(req.Header))
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, unanswered(ctx, err)
	}
	return resp, nil
}

// unanswered keeps the end of the caller's own patience apart from a service
// that is away.
func unanswered(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrTimeout.Because(err)
	}
	return fault.ErrUnavailable.Because(err)
}

// token returns the token of the request being answered, or one of this service.
func (c *Client) token(ctx context.Context) (string, error) {
	if token := TokenFrom(ctx); token != "" {
		return token, nil
	}
	return c.own(actor.From(ctx).Association)
}

// OwnToken returns a token of this service itself, for the feeds of others.
func (c *Client) OwnToken() (string, error) { return c.own("") }

func (c *Client) own(association string) (string, error) {
	if c.Signer == nil {
		return "", fault.ErrInternal.Because(errors.New("no token to call another service with"))
	}
	return c.Signer.Token(actor.ForService(c.Signer.Issuer(), association))
}

// read takes the answer apart.
func read(resp *http.Response, out any) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fault.ErrUnavailable.Because(fmt.Errorf("read the answer: %w", err))
	case len(text) > maxAnswer:
		return fault.ErrInternal.Because(errors.New("the answer is too large"))
	case resp.StatusCode >= 300:
		return FaultOf(resp, text)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		// The decoder's own words can repeat a value.
		return fault.ErrInternal.Because(fmt.Errorf("the answer is not what the contract says (%d bytes)", len(text)))
	}
	return nil
}

// FaultOf returns the fault that another service has answered with: its kind
// by the status, its code and its fields. The sentences come in one language, that
// of the request being answered, and stand for both.
func FaultOf(resp *http.Response, body []byte) *fault.Error {
	kind := fault.StatusOf(resp.StatusCode)
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil || p.Code == "" {
		return ofEcho(resp.StatusCode).Because(fmt.Errorf("another service answered %d", resp.StatusCode))
	}
	f := fault.New(kind, p.Code, p.Detail, p.Detail)
	for _, e := range p.Errors {
		f = f.At(fault.Field{Pointer: e.Pointer, Code: e.Code, Text: fault.Text{SV: e.Detail, EN: e.Detail}})
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		f = f.After(time.Duration(s) * time.Second)
	}
	return f.Because(fmt.Errorf("answered by another service with %d", resp.StatusCode))
}
