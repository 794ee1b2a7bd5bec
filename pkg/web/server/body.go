package server

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/web/problem"
)

const (
	// minBodyRate is how fast a body must come, in bytes a second. Its sender is waited for
	// as long as what has come pays for at that rate, and bodyGrace beyond.
	minBodyRate = 8 << 10
	bodyGrace   = 5 * time.Second
	// leftPatience is how long the rest of a body is waited for that nobody reads.
	leftPatience = time.Second
	// bodyPatience is how long a body waits for memory.
	bodyPatience = time.Second
	// bodyRetryAfter is what a caller is advised to wait whose body found no memory.
	bodyRetryAfter = 2 * time.Second
)

// Body is the body of a request. Its sender is cut off when it is slow, by the time that is
// spent waiting for it, however slowly it is taken; and what has come is charged to a
// budget until the request ends. The error of a body that cannot be read is a
// fault.
type Body struct {
	io.ReadCloser
	limit  time.Time // when the whole must have come
	length int64     // that was declared; -1: none

	mu    sync.Mutex // held while it is read
	err   error      // io.EOF: it has come
	read  int64
	grace time.Duration // for which the sender is still waited

	deadline sync.Mutex          // held while one is set
	w        http.ResponseWriter // nil: the request has no connection, or has ended
	hasCome  bool
	isLeft   bool

	ctx    context.Context
	budget *Budget // nil: what has come is not kept
	owner  string  // by actor.Owner
}

// Pace returns the body of r with a sender who must keep up a rate, and with a time by
// which all of it must have come. Where the request has no connection because it comes from
// the same process, the server that has it does this.
func Pace(w http.ResponseWriter, r *http.Request, limit time.Time) *Body {
	if !isConnected(r) {
		w = nil
	}
	return &Body{ReadCloser: r.Body, w: w, limit: limit, length: r.ContentLength, grace: bodyGrace, ctx: r.Context()}
}

// isConnected reports whether the request has come over a connection.
func isConnected(r *http.Request) bool { return r.Context().Value(http.ServerContextKey) != nil }

// LeaveBody is called when nobody reads the body of r, or the rest of it. The server reads
// up to 256 KiB of it all the same, so that the caller sees the answer and can use the
// connection again: for a second at most. What has not come then ends the connection. After
// the last byte net/http watches the connection for its end, and would take the deadline for
// that: of a body that comes it is removed.
func LeaveBody(w http.ResponseWriter, r *http.Request) {
	b, ok := r.Body.(*Body)
	switch {
	case ok:
		b.deadline.Lock()
		defer b.deadline.Unlock()
		if !b.hasCome {
			b.isLeft = true
			b.setDeadline(time.Now().Add(leftPatience))
		}
	case r.ContentLength != 0 && isConnected(r):
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(leftPatience)) // an error: it is closed
	}
}

// setDeadline sets the deadline of reading, with the lock held. A handler that outlives its
// request may read on: the connection may be of the next request then, and stays as it is.
func (b *Body) setDeadline(t time.Time) {
	if b.w != nil {
		_ = http.NewResponseController(b.w).SetReadDeadline(t) // an error: it is closed
	}
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil { // the connection's deadline is the server's again
		return 0, b.err
	}
	start := time.Now()
	b.deadline.Lock()
	if !b.hasCome && !b.isLeft {
		deadline := start.Add(b.grace)
		if b.limit.Before(deadline) {
			deadline = b.limit
		}
		b.setDeadline(deadline)
	}
	b.deadline.Unlock()
	n, err := b.ReadCloser.Read(p)
	b.grace = min(b.grace-time.Since(start)+time.Duration(n)*(time.Second/minBodyRate), bodyGrace)
	if err != nil && err != io.EOF {
		err = problem.Broken(err)
	}
	b.deadline.Lock()
	if err == io.EOF || b.read+int64(n) == b.length {
		b.hasCome = true
		if b.isLeft {
			b.setDeadline(time.Time{})
		}
	}
	b.deadline.Unlock()
	if b.budget != nil && n > 0 {
		if full := b.budget.take(b.ctx, b.owner, int64(n)); full != nil {
			n, err = 0, full
		}
	}
	b.read, b.err = b.read+int64(n), err
	return n, err
}

// Err returns why the body could not be read, nil if it could. The server ends the context
// of a request whose body does not come, before who reads it has the error.
func (b *Body) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == io.EOF {
		return nil
	}
	return b.err
}

// End is called when the request ends. It returns what the body was charged.
func (b *Body) End() {
	b.deadline.Lock()
	b.w = nil
	b.deadline.Unlock()
	if b.budget == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read > 0 {
		b.budget.give(b.owner, b.read)
	}
}

// Budget bounds the bytes of request bodies in memory. Only what has come counts. An
// authority may hold a quarter of it, and more while nobody waits and a quarter is left for
// those who hold less.
type Budget struct {
	mu      sync.Mutex
	total   int64
	used    int64
	held    map[string]int64 // by owner
	waiting int              // who wait within their quarter
	freed   chan struct{}    // closed when bytes are given back; nil: nobody waits
}

// Bodies is the budget of the process, for the services that have none of their own. It is
// of 64 MiB until Resize says otherwise.
var Bodies = NewBudget(64 << 20)

// NewBudget creates a budget of so many bytes.
func NewBudget(total int64) *Budget {
	return &Budget{total: total, held: map[string]int64{}}
}

// Resize sets how many bytes there are.
func (b *Budget) Resize(total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total = total
}

// take takes n bytes, for which it waits a second at most. The error is a fault.
func (b *Budget) take(ctx context.Context, o string, n int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fits(o, n) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, bodyPatience)
	defer cancel()
	isModest := b.held[o]+n <= b.total/4
	if isModest {
		b.waiting++
		defer func() { b.waiting-- }()
	}
	for ctx.Err() == nil {
		if b.freed == nil {
			b.freed = make(chan struct{})
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
		}
		b.mu.Lock()
		if b.fits(o, n) {
			return nil
		}
	}
	if isModest {
		return problem.ErrFull.Because(share.ErrFull).After(bodyRetryAfter)
	}
	return share.ErrShare
}

// fits takes n bytes if there is room for them, and reports whether there is.
func (b *Budget) fits(o string, n int64) bool {
	room, held := b.total-b.used, b.held[o]+n
	if held > b.total/4 {
		if b.waiting > 0 {
			return false
		}
		room -= b.total / 4
	}
	if n > room {
		return false
	}
	b.used, b.held[o] = b.used+n, held
	return true
}

// give returns n bytes.
func (b *Budget) give(o string, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.held[o] -= n; b.held[o] == 0 {
		delete(b.held, o)
	}
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}
