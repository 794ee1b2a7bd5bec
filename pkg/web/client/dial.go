package client

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
)

// The limits of a connection between services. A lost machine sends nothing: it is
// noticed by what stays unacknowledged, and the next connection goes to another pod.
const (
	maxTries          = 6
	tryTimeout        = time.Second
	handshakeTimeout  = 2 * time.Second
	retryTimeout      = 3 * time.Second         // after which no further try begins
	userTimeout       = 3 * time.Second         // after which a peer that acknowledges nothing is gone
	keepAliveIdle     = 5 * time.Second         // after which a silent connection is probed
	keepAliveInterval = 1500 * time.Millisecond // between probes
)

// retry waits at least 10 ms before the second try.
var retry = backoff.Backoff{First: 20 * time.Millisecond}

var dialer = net.Dialer{
	Timeout:         tryTimeout,
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: 3},
	ControlContext:  setUserTimeout,
}

// IdleTimeout is how long a connection between services waits for its next request.
// A service that stops lingers for longer (FINSAM_LINGER) and closes each connection
// that is used meanwhile, so it closes none at the moment when a request is sent on it.
const IdleTimeout = 2 * time.Second

// Dial connects to a service. Behind one address there may be several pods, and some
// that have just stopped and are still chosen by chance: as nothing has been sent yet,
// it tries six times, for about half a second. A connection whose other side
// acknowledges nothing for three seconds breaks.
func Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	start := time.Now()
	for try := 1; ; try++ {
		c, err := dialer.DialContext(ctx, network, addr)
		if err == nil || try == maxTries || time.Since(start) > retryTimeout || !retry.Wait(ctx, try) {
			return c, err
		}
	}
}

// DialTLS returns a Dial over TLS. config is asked for each connection, so that renewed
// authorities count from the next one on.
func DialTLS(config func() *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c := config()
		if c.ServerName == "" {
			host, _, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			c.ServerName = host
		}
		raw, err := Dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		secure := tls.Client(raw, c)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		return secure, nil
	}
}
