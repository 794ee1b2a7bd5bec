package freeport_test

import (
	"net"
	"testing"

	"github.com/finsam/finsam/pkg/freeport"
)

func TestNoAddressIsReturnedTwiceAndEachCanBeListenedOn(t *testing.T) {
	seen := map[string]bool{}
	for range 500 {
		addr := freeport.Addr(t)
		if seen[addr] {
			t.Fatalf("%s twice", addr)
		}
		seen[addr] = true
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}
