package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/web/server"
)

// waits reports whether the request is a long poll that asks to wait. It does no
// work while it waits, so it has places of its own and is not timed.
func (x *request) waits() bool { return x.op != nil && x.op.LongPoll && server.Waits(x.r) }

// patience returns the context that a service has to answer in, and how it is called.
func (x *request) patience() (context.Context, context.CancelFunc, func(*upstream, *http.Request) (*http.Response, error)) {
	if x.waits() {
		ctx, cancel := x.patiently()
		return ctx, cancel, x.g.sendPoll
	}
	patience := x.g.Patience
	if x.op.Transfer {
		patience = server.TransferTimeout
		server.ExtendDeadline(x, time.Now().Add(patience))
	}
	ctx, cancel := context.WithTimeout(x.ctx, patience)
	return ctx, cancel, x.g.send
}

// patiently returns the context of a long poll: as long as it may wait, and the
// usual time beside it. It ends when the server begins to drain, so that nobody
// who waits holds that up; the caller is told to ask again.
func (x *request) patiently() (context.Context, context.CancelFunc) {
	most := feed.MaxWait + x.g.Patience
	// The server's own write timeout is shorter.
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Now().Add(most + 5*time.Second))
	ctx, cancel := context.WithTimeout(x.ctx, most)
	if draining := server.Draining(x.r.Context()); draining != nil {
		go func() {
			select {
			case <-draining:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

// sendPoll calls a service with a long poll, while there is a place: a quarter as
// many as for other requests, beside theirs.
func (g *Gateway) sendPoll(u *upstream, r *http.Request) (*http.Response, error) {
	return g.within(&g.polls, max(g.InFlight/4, 1), u, r)
}
