package telemetry

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/metrics"
)

const (
	// flushInterval is how long a line may wait for others to be written with it.
	flushInterval = 50 * time.Millisecond
	// flushBytes is how many bytes of lines wait at most before they are written.
	flushBytes = 64 << 10
	// maxWaiting bounds what waits while nobody reads the log, in bytes.
	maxWaiting = 1 << 20
	// writeTimeout bounds how long a caller waits until its line is written.
	writeTimeout = time.Second
)

// Output is where a process writes its log. A line of Write is written before Write
// returns. A line of Append, which comes with every request, waits up to 50 ms for others,
// so that many cost one call of the system; a process that is killed loses the lines of
// its last 50 ms. All lines keep their order.
//
// Nobody waits for ever while the log's reader is blocked: Write waits for a second, until
// the reader reads again not at all, and what does not fit into 1 MiB is dropped and
// counted.
type Output struct {
	w io.Writer

	mu        sync.Mutex
	waiting   *batch
	spare     []byte // of the batch before
	isWriting bool
	isDue     bool // what waits is written after what is being written
	isTimed   bool // what waits is written soon
	isBlocked bool // somebody has waited for too long
}

// batch is lines that are written together.
type batch struct {
	text    []byte
	written chan struct{} // closed once they are
}

// NewOutput creates an output to w, such as standard error.
func NewOutput(w io.Writer) *Output {
	return &Output{w: w, waiting: &batch{written: make(chan struct{})}}
}

// Append adds a line, with its newline at the end. It does not wait.
func (o *Output) Append(line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(line)
	switch {
	case len(o.waiting.text) >= flushBytes:
		o.start()
	case !o.isTimed:
		o.isTimed = true
		time.AfterFunc(flushInterval, func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.isTimed = false
			o.start()
		})
	}
}

// Write implements io.Writer. Its error is nil: a log has no other place to report it.
func (o *Output) Write(line []byte) (int, error) {
	o.mu.Lock()
	o.add(line)
	o.mu.Unlock()
	o.Flush()
	return len(line), nil
}

// Flush writes what waits.
func (o *Output) Flush() {
	o.mu.Lock()
	b, isBlocked := o.waiting, o.isBlocked
	o.start()
	o.mu.Unlock()
	if isBlocked {
		return
	}
	timer := time.NewTimer(writeTimeout)
	defer timer.Stop()
	select {
	case <-b.written:
	case <-timer.C:
		o.mu.Lock()
		o.isBlocked = o.isWriting
		o.mu.Unlock()
	}
}

// add adds a line if there is room. o.mu is held, as in start.
func (o *Output) add(line []byte) {
	if len(o.waiting.text)+len(line) > maxWaiting {
		metrics.Counter("finsam.log.dropped", "Lines of the log that were dropped because nobody read it.").Add(context.Background(), 1)
		return
	}
	o.waiting.text = append(o.waiting.text, line...)
}

// start has what waits written by a goroutine of its own, as the reader may block it.
func (o *Output) start() {
	if o.isDue = o.isWriting; !o.isWriting {
		o.isWriting = true
		go o.write()
	}
}

func (o *Output) write() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for isMore := true; isMore; isMore = o.isDue {
		b := o.waiting
		o.waiting, o.isDue = &batch{text: o.spare[:0], written: make(chan struct{})}, false
		o.mu.Unlock()
		if len(b.text) > 0 {
			_, _ = o.w.Write(b.text)
		}
		close(b.written)
		o.mu.Lock()
		o.spare, o.isBlocked = b.text, false
	}
	o.isWriting = false
}
