package mongowire

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// proxy forwards messages one for one, and lets one write run at a time.
type proxy struct {
	target   string
	listener net.Listener
	writes   sync.Mutex

	// Watch is called with each command that passes, which it must not keep. Commands of
	// several connections come at once.
	Watch atomic.Pointer[func(Command)]
	// LoseAnswers is how many of the next writes are done and their answers lost, with the
	// connection that they were to come by.
	LoseAnswers atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
	wg    sync.WaitGroup
}

// stop ends every connection and waits until they are gone.
func (p *proxy) stop() {
	p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

// keep remembers a connection, so that stop can close it; false after that.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.conns[c] = struct{}{}
	}
	return !p.ended
}

func (p *proxy) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// serve forwards the requests of one client, each until it is answered.
func (p *proxy) serve(client net.Conn) {
	defer p.drop(client)
	if !p.keep(client) {
		return
	}
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		return
	}
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		answer, err := p.forward(server, request)
		if err != nil {
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// forward sends one request and waits for its answer, holding back other writes
// meanwhile when it is one.
func (p *proxy) forward(server net.Conn, request []byte) ([]byte, error) {
	c, err := parseCommand(request)
	if err == nil {
		if look := p.Watch.Load(); look != nil {
			(*look)(c)
		}
	}
	write := isWrite(c.Name)
	if write {
		p.writes.Lock()
		defer p.writes.Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	answer, err := readMessage(server)
	if err == nil && write && p.LoseAnswers.Load() > 0 && p.LoseAnswers.Add(-1) >= 0 {
		return nil, errLost
	}
	return answer, err
}

// errLost ends a connection whose answer is to be lost.
var errLost = errors.New("the answer is lost")

// isWrite reports whether a command changes anything, and so must run alone.
func isWrite(command string) bool {
	switch strings.ToLower(command) {
	case "insert", "update", "delete", "findandmodify", "drop", "dropdatabase", "dropindexes", "renamecollection", "collmod":
		return true
	}
	return strings.HasPrefix(command, "create")
}
