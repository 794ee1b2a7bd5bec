package mongo

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
)

// probeTimeout is how long a call during an outage looks for its end.
const probeTimeout = 100 * time.Millisecond

var errOutage = errors.New("no server takes writes")

// outage is the time from two seconds after the driver lost the last server that takes
// writes until it finds one again. It never begins before the first was found.
type outage struct {
	mu    sync.Mutex
	up    context.Context // ends when an outage begins
	begin context.CancelCauseFunc
	lost  *time.Timer // runs from the loss of the server
}

// changed learns from the driver which servers there are.
func (o *outage) changed(e *event.TopologyDescriptionChangedEvent) {
	takesWrites := func(s event.ServerDescription) bool {
		return slices.Contains([]string{"RSPrimary", "Standalone", "Mongos", "LoadBalancer"}, s.Kind)
	}
	before, now := slices.ContainsFunc(e.PreviousDescription.Servers, takesWrites), slices.ContainsFunc(e.NewDescription.Servers, takesWrites)
	o.mu.Lock()
	defer o.mu.Unlock()
	if before && !now {
		begin := o.begin
		o.lost = time.AfterFunc(retryPatience, func() { begin(errOutage) })
	}
	if now && o.lost != nil {
		if !o.lost.Stop() {
			o.up, o.begin = context.WithCancelCause(context.Background())
		}
		o.lost = nil
	}
}

// current returns a context that ends when the next outage begins.
func (o *outage) current() context.Context {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.up
}

// within returns a context that also ends when an outage begins.
func (o *outage) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(o.current(), func() { cancel(errOutage) })
	return ctx, func() { stop(); cancel(nil) }
}
