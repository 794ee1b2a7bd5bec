package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// without says, once, what a run without Redis does not prove.
func without(tb testing.TB) bool {
	if os.Getenv("FINSAM_WITHOUT_REDIS") != "1" {
		return false
	}
	tb.Log("FINSAM_WITHOUT_REDIS=1: not proven by this run: that the shared cache holds its contract on a real Redis, and what it does when that is killed, emptied, slow or replaced")
	return true
}

// server is a Redis of this test's own, as a child process on a free port.
type server struct {
	tb   testing.TB
	dir  string
	port string
	cmd  *exec.Cmd
}

func startServer(tb testing.TB) *server {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		tb.Fatal("redis-server is missing: apt-get install redis-server, or set FINSAM_WITHOUT_REDIS=1 to go without this proof")
	}
	s := &server{tb: tb, dir: tb.TempDir(), port: freePort(tb)}
	s.start()
	tb.Cleanup(s.kill)
	return s
}

func freePort(tb testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func (s *server) url() string { return "redis://127.0.0.1:" + s.port + "/0" }

func (s *server) start() {
	s.tb.Helper()
	s.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", s.port, "--dir", s.dir, "--save", "", "--appendonly", "no")
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := s.do("PING")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.tb.Fatal("redis-server did not start: ", err)
		}
	}
}

// kill ends the server as a power cut does.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill() // it may have ended by itself
		_ = s.cmd.Wait()         // "signal: killed" is what was asked for
		s.cmd = nil
	}
}

// do gives the server one command.
func (s *server) do(args ...any) error {
	c := goredis.NewClient(&goredis.Options{Addr: "127.0.0.1:" + s.port, MaxRetries: -1, DialerRetries: 1})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := c.Do(ctx, args...).Err(); !errors.Is(err, goredis.Nil) {
		return err
	}
	return nil
}

func (s *server) must(args ...any) {
	s.tb.Helper()
	if err := s.do(args...); err != nil {
		s.tb.Fatal(fmt.Errorf("%v: %w", args, err))
	}
}
