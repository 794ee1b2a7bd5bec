package mongowire

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Fault is what becomes of one command.
type Fault struct {
	After bool   // the command is done; else the server never sees it
	Reply bson.D // is the answer; nil: the connection ends without one
}

// proxy forwards messages one for one.
type proxy struct {
	dial     func() (net.Conn, error)
	listener net.Listener
	serial   bool // lets one write run at a time
	writes   sync.Mutex

	// Watch is called with each command that passes, which it must not keep. Commands of
	// several connections come at once.
	Watch atomic.Pointer[func(Command)]
	// Fail is asked for each command what becomes of it; nil: what usually does. It is
	// called as Watch is.
	Fail atomic.Pointer[func(Command) *Fault]
	// Away ends every connection at its next message, as a server does that is not there.
	Away atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
	wg    sync.WaitGroup
}

// newProxy starts a proxy at an address.
func newProxy(addr string, dial func() (net.Conn, error)) (*proxy, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	p := &proxy{dial: dial, listener: l, conns: map[net.Conn]struct{}{}}
	p.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil { // the listener is closed
				return
			}
			p.wg.Go(func() { p.serve(client) })
		}
	})
	return p, nil
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
	server, err := p.dial()
	if err != nil {
		return
	}
	defer p.drop(server)
	if !p.keep(server) {
		return
	}
	for {
		request, err := readMessage(client)
		if err != nil || p.Away.Load() {
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
	var fault *Fault
	if fail := p.Fail.Load(); err == nil && fail != nil {
		fault = (*fail)(c)
	}
	if fault != nil && !fault.After {
		return fault.reply(request)
	}
	if p.serial && isWrite(c.Name) {
		p.writes.Lock()
		defer p.writes.Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	answer, err := readMessage(server)
	if err == nil && fault != nil {
		return fault.reply(request)
	}
	return answer, err
}

// reply returns the message that answers a request, or errLost.
func (f *Fault) reply(request []byte) ([]byte, error) {
	if f.Reply == nil {
		return nil, errLost
	}
	body, err := bson.Marshal(f.Reply)
	m := append(make([]byte, headerSize+5, headerSize+5+len(body)), body...)
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	copy(m[8:12], request[4:8]) // whose answer it is
	binary.LittleEndian.PutUint32(m[12:], opMsg)
	return m, err
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
