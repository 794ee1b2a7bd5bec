package web

import (
	"context"
	"math/rand/v2"
	"net"
	"time"
)

// The patience of a connection between services. A lost machine says nothing: it
// is noticed by what stays unacknowledged, and the next connection goes to a pod
// that lives.
const (
	dialTries   = 3
	dialTime    = time.Second             // for one try
	dialPause   = 20 * time.Millisecond   // at least, before the next try; at most three times that
	unheardTime = 3 * time.Second         // after which a peer that acknowledges nothing is gone
	quietTime   = 5 * time.Second         // after which a silent connection is asked whether it lives
	askTime     = 1500 * time.Millisecond // between such questions
)

var dialer = net.Dialer{
	Timeout:         dialTime,
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: quietTime, Interval: askTime, Count: 3},
	ControlContext:  unheard,
}

// Dial connects to a service. Behind one address there may be several pods, one of
// which has just been lost: as nothing has been sent yet, it tries three times. A
// connection whose other side acknowledges nothing for three seconds breaks.
func Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	for try := 1; ; try++ {
		c, err := dialer.DialContext(ctx, network, addr)
		if err == nil || try == dialTries || ctx.Err() != nil {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(dialPause + rand.N(2*dialPause)):
		}
	}
}
