package web

import (
	"context"
	"net"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
)

// The patience of a connection between services. A lost machine says nothing: it
// is noticed by what stays unacknowledged, and the next connection goes to a pod
// that lives.
const (
	dialTries         = 6
	dialTime          = time.Second             // for one try
	dialAll           = 3 * time.Second         // after which no further one is begun
	userTimeout       = 3 * time.Second         // after which a peer that acknowledges nothing is gone
	keepAliveIdle     = 5 * time.Second         // after which a silent connection is asked whether it lives
	keepAliveInterval = 1500 * time.Millisecond // between such questions
)

// dialRetry waits 10 ms at least before the second try.
var dialRetry = backoff.Backoff{First: 20 * time.Millisecond}

var dialer = net.Dialer{
	Timeout:         dialTime,
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: 3},
	ControlContext:  unheard,
}

// KeepIdle is how long a connection between services waits for its next request at
// most. A service that ends lingers for longer (FINSAM_LINGER) and lets go of each
// connection that is used meanwhile; so it ends none in the moment in which a request
// is sent on it.
const KeepIdle = 2 * time.Second

// Dial connects to a service. Behind one address there may be several pods, and as
// many that have just ended and are still chosen by chance: as nothing has been sent
// yet, it tries six times, for about half a second. A connection whose other side
// acknowledges nothing for three seconds breaks.
func Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	begun := time.Now()
	for try := 1; ; try++ {
		c, err := dialer.DialContext(ctx, network, addr)
		if err == nil || try == dialTries || time.Since(begun) > dialAll || !dialRetry.Wait(ctx, try) {
			return c, err
		}
	}
}
