// Package mongowire starts a MongoDB wire server inside a test, with nothing to
// download: FerretDB v1 on its SQLite handler, in a temporary folder.
//
// FerretDB loses concurrent updates, so a proxy before it lets one write command
// run at a time. With that it is right, if slow: it looks through whole
// collections. It is for tests of the mongo engine and for nothing else.
package mongowire

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// Server is a server whose proxy can observe and fail commands.
type Server struct {
	URI string
	*proxy
}

// Start starts the server and its proxy. Both stop when the test ends.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, stop, err := Serve("127.0.0.1:0", tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := stop(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Serve starts the server on a folder and its proxy at an address, for anyone who is
// no test: the image for tests on a cluster.
func Serve(addr, dir string) (_ *Server, stop func() error, err error) {
	f, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Handler:   "sqlite",
		SQLiteURL: "file:" + dir + "/",
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, nil, err
	}
	target, err := url.Parse(f.MongoDBURI())
	if err != nil {
		return nil, nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- f.Run(ctx) }()
	p := &proxy{target: target.Host, listener: l, conns: map[net.Conn]struct{}{}}
	p.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil { // the listener is closed
				return
			}
			p.wg.Go(func() { p.serve(client) })
		}
	})
	stop = func() error {
		p.stop()
		cancel()
		select {
		case err := <-stopped:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("FerretDB did not stop")
		}
	}
	return &Server{URI: "mongodb://" + l.Addr().String() + "/", proxy: p}, stop, nil
}
