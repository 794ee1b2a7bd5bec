// Package mongowire starts a MongoDB wire server inside a test, with nothing to
// download: FerretDB v1 on its SQLite handler, in a temporary folder.
//
// FerretDB loses concurrent updates, so a proxy before it lets one write command
// run at a time. With that it is right, if slow: it looks through whole
// collections. It is for tests of the mongo engine and for nothing else.
package mongowire

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// Start starts the server and its proxy, and gives the URI of the proxy. Both
// stop when the test ends.
func Start(tb testing.TB) (uri string) {
	tb.Helper()
	f, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Handler:   "sqlite",
		SQLiteURL: "file:" + tb.TempDir() + "/",
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if err := f.Run(ctx); err != nil {
			tb.Error(err)
		}
	}()
	tb.Cleanup(func() {
		cancel()
		select {
		case <-stopped:
		case <-time.After(10 * time.Second):
			tb.Error("FerretDB did not stop")
		}
	})
	return "mongodb://" + startProxy(tb, hostOf(f.MongoDBURI())) + "/"
}
