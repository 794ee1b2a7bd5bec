// Command mongowire is the MongoDB wire server of the tests as a program: the
// stand-in for MongoDB where the suite is tested on a cluster. It keeps nothing
// that matters: it is slow, and of one process.
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"syscall"

	"github.com/finsam/finsam/test/mongowire"
)

func main() {
	addr := flag.String("addr", ":27017", "where it listens")
	dir := flag.String("dir", "/tmp", "folder of its files")
	flag.Parse()
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer end()
	s, stop, err := mongowire.Serve(*addr, *dir)
	if err != nil {
		log.Fatal(err)
	}
	log.Print("serving ", s.URI)
	<-ctx.Done()
	if err := stop(); err != nil {
		log.Print(err)
	}
}
