// Package send calls webhooks over the network, and prevents that an address makes the
// installation call itself or its neighbours.
//
// An address is checked when it is saved, and again when a connection is made: then the
// IP address that the name resolved to at that moment is checked, so a name that
// resolves differently the second time does not get past it.
package send

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/finsam/finsam/pkg/environment"
	"github.com/finsam/finsam/services/referral/outbound"
)

const (
	sendTimeout   = 15 * time.Second // of one message
	dialTimeout   = 5 * time.Second
	lookupTimeout = 3 * time.Second // when an address is saved
	maxAnswer     = 64 << 10        // bytes of an answer's body that are read
	maxHeaders    = 16 << 10        // bytes
	maxIdle       = 64              // connections to all receivers; in use are as many as attempts under way
)

// Config is the configuration of the sending of webhooks. Certificates are checked
// against the system's authorities, or those of SSL_CERT_FILE.
type Config struct {
	// Allow lists networks that may be sent to though they are not public, such as
	// 10.20.0.0/16, separated by commas.
	Allow []string `env:"FINSAM_WEBHOOK_ALLOW"`
	// Proxy is the proxy of all webhooks, such as http://proxy:3128. It then decides
	// what may be reached. HTTPS_PROXY is ignored.
	Proxy string `env:"FINSAM_WEBHOOK_PROXY"`
	// Resolver resolves the names of receivers; nil: the system's.
	Resolver *net.Resolver `env:"-"`
}

// ReadConfig reads the environment. Its error names the variable that is wrong.
func ReadConfig(environ map[string]string) (Config, error) {
	c, err := environment.Read[Config](environ)
	if err == nil {
		_, _, err = c.parse()
	}
	return c, err
}

// parse returns the allowed networks, and the proxy or nil.
func (c Config) parse() ([]netip.Prefix, *url.URL, error) {
	var allowed []netip.Prefix
	for _, text := range c.Allow {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4In6() {
			return nil, nil, fmt.Errorf("FINSAM_WEBHOOK_ALLOW: %q is not a CIDR such as 10.20.0.0/16", text)
		}
		if p.Bits() == 0 {
			return nil, nil, fmt.Errorf("FINSAM_WEBHOOK_ALLOW: %q allows every address; name the networks", text)
		}
		allowed = append(allowed, p.Masked())
	}
	if c.Proxy == "" {
		return allowed, nil, nil
	}
	u, err := url.Parse(c.Proxy)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		return nil, nil, errors.New("FINSAM_WEBHOOK_PROXY: must be like http://proxy.example.se:3128")
	}
	return allowed, u, nil
}

// Sender sends messages; it implements outbound.Sender.
type Sender struct {
	networks networks
	client   *http.Client
	resolver *net.Resolver
	proxied  bool
}

// New creates a sender.
func New(c Config) (*Sender, error) {
	allowed, proxy, err := c.parse()
	if err != nil {
		return nil, err
	}
	s := &Sender{networks: networks{allowed, ssrf.New(ssrf.WithAnyPort())}, resolver: c.Resolver, proxied: proxy != nil}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Resolver: c.Resolver}
	dialer.Control = func(network, address string, _ syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil || network != "tcp4" && network != "tcp6" || !s.networks.allows(a.Addr()) {
			return errClosed
		}
		return nil
	}
	t := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: sendTimeout, IdleConnTimeout: 30 * time.Second,
		MaxIdleConns: maxIdle, MaxIdleConnsPerHost: 2, MaxResponseHeaderBytes: maxHeaders,
		DisableCompression: true, ForceAttemptHTTP2: true,
	}
	if proxy != nil {
		// The proxy is the installation's own and decides what may be reached.
		dialer.Control = nil
		t.Proxy = http.ProxyURL(proxy)
	}
	// A redirect is an answer that is not 2xx, and is not followed.
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client = &http.Client{Transport: t, Timeout: sendTimeout, CheckRedirect: noRedirect}
	return s, nil
}

// networks decides which IP addresses may be connected to.
type networks struct {
	allowed []netip.Prefix
	public  *ssrf.Guardian
}

var errClosed = errors.New("the address is in a network that is not sent to")

// isAllowed reports whether the installation allows the network of an IP address.
func (n networks) isAllowed(a netip.Addr) bool {
	return slices.ContainsFunc(n.allowed, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// allows reports whether an IP address may be connected to: it is public, or the
// installation allows its network.
func (n networks) allows(a netip.Addr) bool {
	a = a.WithZone("")
	if n.isAllowed(a) {
		return true
	}
	network := "tcp6"
	if a.Is4() {
		network = "tcp4"
	}
	return n.public.Safe(network, netip.AddrPortFrom(a, 443).String(), nil) == nil
}

// Check accepts a name that cannot be resolved now: the receiver may not exist yet.
func (s *Sender) Check(ctx context.Context, text string) error {
	if err := outbound.CheckURL(text, len(s.networks.allowed) > 0); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil {
		return outbound.ErrAddress.AtField("/url")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if s.networks.isAllowed(a) { // a public one is not enough: receivers have names
			return nil
		}
		return outbound.ErrAddressClosed.AtField("/url")
	}
	if s.proxied {
		return nil // the proxy resolves the name
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := s.resolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, a := range found {
		if !s.networks.allows(a.Unmap()) {
			return outbound.ErrAddressClosed.AtField("/url")
		}
	}
	return nil
}

// Send posts a message within 15 seconds.
func (s *Sender) Send(ctx context.Context, m outbound.Message) outbound.Answer {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	// The rules may have become stricter since the address was saved.
	if err := outbound.CheckURL(m.URL, len(s.networks.allowed) > 0); err != nil {
		return outbound.Answer{Outcome: outbound.AddressClosed}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return outbound.Answer{Outcome: outbound.Unreachable}
	}
	for name, value := range map[string]string{ // the last three are those of Standard Webhooks
		"Content-Type": "application/json", "User-Agent": "finsam-webhook/1",
		"webhook-id": m.ID, "webhook-timestamp": strconv.FormatInt(m.At.Unix(), 10), "webhook-signature": m.Signature,
	} {
		r.Header.Set(name, value)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return outbound.Answer{Outcome: outcomeOf(err)}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be reused
	a := outbound.Answer{Outcome: outbound.Refused, Status: resp.StatusCode, RetryAfter: retryAfter(resp)}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		a.Outcome = outbound.OK
	case resp.StatusCode == http.StatusGone:
		a.Outcome = outbound.OutcomeGone
	}
	return a
}

// outcomeOf returns why there was no answer. The error itself may contain the address
// and is not stored.
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

// retryAfter returns how long a busy receiver asks to wait, in seconds or as a date; 0
// when it does not ask.
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
