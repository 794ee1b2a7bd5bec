// Package send calls webhooks over the network, and sees to it that nobody can
// make the installation call itself or its neighbours.
//
// An address is checked when it is saved and, what counts, when a connection is
// made: on the number that the name has led to at that moment. A name that leads
// elsewhere the second time is no way around.
package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/finsam/finsam/services/referral/outbound"
)

// The sender's patience and bounds.
const (
	sendTime    = 15 * time.Second // for one message, whole
	dialTime    = 5 * time.Second
	lookupTime  = 3 * time.Second // when an address is saved
	maxAnswer   = 64 << 10        // of an answer's body; it is not read further
	maxHeaders  = 16 << 10
	connections = 8 // to one receiver
)

// Sender posts messages; it is an outbound.Sender.
type Sender struct {
	guard    guard
	client   *http.Client
	resolver *net.Resolver
	proxied  bool
}

// New creates a sender for what the environment says.
func New(c Config) (*Sender, error) { return newSender(c, net.DefaultResolver) }

func newSender(c Config, resolver *net.Resolver) (*Sender, error) {
	allowed, proxy, err := c.read()
	if err != nil {
		return nil, err
	}
	s := &Sender{guard: newGuard(allowed), resolver: resolver, proxied: proxy != nil}
	dialer := &net.Dialer{Timeout: dialTime, KeepAlive: 30 * time.Second, Resolver: resolver, Control: s.guard.control}
	t := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: sendTime, IdleConnTimeout: 30 * time.Second,
		MaxIdleConnsPerHost: 2, MaxConnsPerHost: connections, MaxResponseHeaderBytes: maxHeaders,
		DisableCompression: true, ForceAttemptHTTP2: true,
	}
	if proxy != nil {
		// The proxy is the installation's own and decides what is reached through it.
		dialer.Control = nil
		t.Proxy = http.ProxyURL(proxy)
	}
	s.client = &http.Client{Transport: t, Timeout: sendTime, CheckRedirect: noRedirect}
	return s, nil
}

// noRedirect: a redirect is an answer that is not 2xx, and nothing else.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// guard returns which numbers may be connected to.
type guard struct {
	allowed []netip.Prefix
	special *ssrf.Guardian
}

func newGuard(allowed []netip.Prefix) guard {
	return guard{allowed: allowed, special: ssrf.New(ssrf.WithAnyPort())}
}

// errClosed says that a name has led to a network that is not sent to.
var errClosed = errors.New("the address is in a network that is not sent to")

// may reports whether a number may be connected to: it is public, or the
// installation allows its network.
func (g guard) may(a netip.Addr) bool {
	a = a.WithZone("")
	for _, p := range g.allowed {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	network := "tcp6"
	if a.Is4() {
		network = "tcp4"
	}
	return g.special.Safe(network, netip.AddrPortFrom(a, 443).String(), nil) == nil
}

// control is asked by the dialer for each number before it connects there.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !g.may(a.Addr()) {
		return errClosed
	}
	return nil
}

// Check implements outbound.Sender. A name that cannot be found now is taken: the
// receiver may not be there yet.
func (s *Sender) Check(ctx context.Context, text string) error {
	if err := outbound.CheckURL(text, len(s.guard.allowed) > 0); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil {
		return outbound.ErrAddress.AtField("/url")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		for _, p := range s.guard.allowed { // a public number without a name is not what a receiver has
			if p.Contains(a.Unmap()) {
				return nil
			}
		}
		return outbound.ErrAddressClosed.AtField("/url")
	}
	if s.proxied {
		return nil // the names are the proxy's to find
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := s.resolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, a := range found {
		if !s.guard.may(a.Unmap()) {
			return outbound.ErrAddressClosed.AtField("/url")
		}
	}
	return nil
}

// Send implements outbound.Sender.
func (s *Sender) Send(ctx context.Context, m outbound.Message) outbound.Answer {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	// Rules may have become stricter since it was saved.
	if err := outbound.CheckURL(m.URL, len(s.guard.allowed) > 0); err != nil {
		return outbound.Answer{Outcome: outbound.AddressClosed}
	}
	r, err := request(ctx, m)
	if err != nil {
		return outbound.Answer{Outcome: outbound.Unreachable}
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return outbound.Answer{Outcome: outcomeOf(err)}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be used again
	a := outbound.Answer{Outcome: outbound.Refused, Status: resp.StatusCode, RetryAfter: retryAfter(resp)}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		a.Outcome = outbound.OK
	case resp.StatusCode == http.StatusGone:
		a.Outcome = outbound.OutcomeGone
	}
	return a
}

// request creates the request of a message, with the headers of Standard Webhooks.
func request(ctx context.Context, m outbound.Message) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "finsam-webhook/1",
		"webhook-id": m.ID, "webhook-timestamp": strconv.FormatInt(m.At.Unix(), 10), "webhook-signature": m.Signature,
	} {
		r.Header.Set(name, value)
	}
	return r, nil
}

// outcomeOf says in a word why there was no answer. The error itself can repeat
// the address and is not kept.
func outcomeOf(err error) outbound.Outcome {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, errClosed):
		return outbound.AddressClosed
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify):
		return outbound.Untrusted
	case errors.As(err, &timeout) && timeout.Timeout():
		return outbound.TimedOut
	}
	return outbound.Unreachable
}

// retryAfter reads what a busy receiver asks to wait, in seconds or as a date.
func retryAfter(resp *http.Response) time.Duration {
	text := resp.Header.Get("Retry-After")
	if text == "" || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	if n, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(n, 0), 86400)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
