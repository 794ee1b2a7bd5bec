package client

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"
)

func TestAConnectionIsTriedAgainWhenNobodyListensYet(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := Dial(t.Context(), "tcp", addr); err == nil {
		_ = c.Close()
		t.Fatal("connected to nobody")
	}
	again := make(chan error, 1)
	go func() {
		time.Sleep(retry.First / 4) // after the first try, before the second
		l, err := net.Listen("tcp", addr)
		if err == nil {
			defer l.Close()
			var c net.Conn
			if c, err = l.Accept(); err == nil {
				err = c.Close()
			}
		}
		again <- err
	}()
	for try := range 20 { // a loaded machine may let all three tries pass
		c, err := Dial(t.Context(), "tcp", addr)
		if err == nil {
			_ = c.Close()
			break
		}
		if try == 19 {
			t.Fatal(err)
		}
	}
	if err := <-again; err != nil {
		t.Fatal(err)
	}
}

// Behind one address there may be as many pods that have just died as there are
// that live, and the one is chosen by chance.
func TestAConnectionIsTriedUntilItMeetsAPodThatLives(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tries := 0
	defer func(d net.Dialer) { dialer = d }(dialer)
	for dead, lives := range map[int]bool{0: true, 5: true, 100: false} {
		tries = 0
		dialer.ControlContext = func(context.Context, string, string, syscall.RawConn) error {
			if tries++; tries <= dead {
				return syscall.ECONNREFUSED
			}
			return nil
		}
		c, err := Dial(t.Context(), "tcp", l.Addr().String())
		if (err == nil) != lives || tries > 10 {
			t.Errorf("%d dead pods in a row: %v after %d tries", dead, err, tries)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}

func TestACallThatHasEndedConnectsNoMore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := Dial(ctx, "tcp", "127.0.0.1:1"); err == nil {
		_ = c.Close()
		t.Fatal("connected for a call that has ended")
	}
}
