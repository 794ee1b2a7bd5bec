// Package mongowire starts a MongoDB wire server inside a test, with nothing to
// download: FerretDB v1 on its SQLite handler, in a temporary folder.
//
// FerretDB loses concurrent updates, so a proxy before it lets one write command
// run at a time. With that it is right, if slow: it looks through whole
// collections. It is for tests of the mongo engine and for nothing else. The proxy
// can be before any other server as well, to observe and fail commands.
package mongowire

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
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

// Anywhere returns the address of the server that FINSAM_TEST_MONGO_URI names, or of one
// that it starts.
func Anywhere(tb testing.TB) string {
	tb.Helper()
	if uri := os.Getenv("FINSAM_TEST_MONGO_URI"); uri != "" {
		return uri
	}
	return Start(tb).URI
}

// Drop removes databases of a server.
func Drop(tb testing.TB, uri string, names ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := mongo.Connect(options.Client().ApplyURI(uri))
	for _, name := range names {
		if err == nil {
			err = c.Database(name).Drop(ctx)
		}
	}
	if err == nil {
		err = c.Disconnect(ctx)
	}
	if err != nil {
		tb.Errorf("drop the databases of a test: %v", err)
	}
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
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- f.Run(ctx) }()
	p, err := newProxy(addr, func() (net.Conn, error) { return net.DialTimeout("tcp", target.Host, dialTimeout) })
	if err != nil {
		cancel()
		return nil, nil, errors.Join(err, <-stopped)
	}
	p.serial = true
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
	return &Server{URI: "mongodb://" + p.listener.Addr().String() + "/", proxy: p}, stop, nil
}

const dialTimeout = 5 * time.Second

// Before starts a proxy of its own before a server, for one test. The URI names a
// member that takes writes, and the driver asks no other one.
func Before(tb testing.TB, uri string) *Server {
	tb.Helper()
	target, err := url.Parse(uri)
	if err != nil || target.Scheme != "mongodb" || strings.Contains(target.Host, ",") {
		tb.Fatal("the URI for a proxy must be mongodb:// and name one host")
	}
	query := target.Query()
	dial := func() (net.Conn, error) { return net.DialTimeout("tcp", target.Host, dialTimeout) }
	if query.Get("tls") == "true" {
		dial = func() (net.Conn, error) {
			return tls.DialWithDialer(&net.Dialer{Timeout: dialTimeout}, "tcp", target.Host, nil)
		}
	}
	for _, name := range []string{"tls", "replicaSet", "compressors"} {
		query.Del(name)
	}
	query.Set("directConnection", "true")
	p, err := newProxy("127.0.0.1:0", dial)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.stop)
	through := url.URL{Scheme: target.Scheme, User: target.User, Host: p.listener.Addr().String(), Path: "/" + strings.TrimPrefix(target.Path, "/"), RawQuery: query.Encode()}
	return &Server{URI: through.String(), proxy: p}
}
