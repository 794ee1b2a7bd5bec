package mongowire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// OP_MSG is the one kind of message that today's drivers send; its layout is in
// the MongoDB wire protocol's documentation.
const (
	headerSize = 16
	opMsg      = 2013
	maxMessage = 48_000_000
)

// proxy forwards messages one for one, and lets one write run at a time.
type proxy struct {
	target string
	writes sync.Mutex

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
	wg    sync.WaitGroup
}

func startProxy(tb testing.TB, target string) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{target: target, conns: map[net.Conn]struct{}{}}
	p.wg.Go(func() { p.accept(l) })
	tb.Cleanup(func() {
		l.Close()
		p.end()
		p.wg.Wait()
	})
	return l.Addr().String()
}

func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Host
}

func (p *proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

// keep remembers a connection, so that end can close it; false after the end.
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

func (p *proxy) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for c := range p.conns {
		c.Close()
	}
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
	if isWrite(commandOf(request)) {
		p.writes.Lock()
		defer p.writes.Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	return readMessage(server)
}

func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size < headerSize || size > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	m := make([]byte, size)
	copy(m, head[:])
	_, err := io.ReadFull(r, m[4:])
	return m, err
}

// errNoCommand is why a message is forwarded without looking at it further.
var errNoCommand = errors.New("no command")

// commandOf gives the name of a message's command: the first key of the document
// in its section of kind 0. It is empty for other messages.
func commandOf(m []byte) string {
	name, err := parseCommand(m)
	if err != nil {
		return ""
	}
	return name
}

func parseCommand(m []byte) (string, error) {
	if len(m) < headerSize+5 || binary.LittleEndian.Uint32(m[12:]) != opMsg {
		return "", errNoCommand
	}
	rest := m[headerSize+4:] // behind the flags
	for len(rest) > 5 {
		kind := rest[0]
		size := int(binary.LittleEndian.Uint32(rest[1:]))
		if size < 4 || size > len(rest)-1 {
			return "", errNoCommand
		}
		if kind != 0 { // a list of documents, which may stand before the command
			rest = rest[1+size:]
			continue
		}
		first := rest[5 : 1+size] // behind the document's length: type, name, 0
		if len(first) < 2 {
			return "", errNoCommand
		}
		name, _, ok := strings.Cut(string(first[1:]), "\x00")
		if !ok {
			return "", errNoCommand
		}
		return name, nil
	}
	return "", errNoCommand
}

// isWrite tells whether a command changes anything, and so must run alone.
func isWrite(command string) bool {
	switch strings.ToLower(command) {
	case "insert", "update", "delete", "findandmodify", "drop", "dropdatabase", "dropindexes", "renamecollection", "collmod":
		return true
	}
	return strings.HasPrefix(command, "create")
}
