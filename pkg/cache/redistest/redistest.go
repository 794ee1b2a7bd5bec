// Package redistest starts a real Redis for a test: Debian's redis-server, as a
// child process on a free port of this machine, ended with the test.
package redistest

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/finsam/finsam/pkg/freeport"
)

// Server is a Redis of one test's own.
type Server struct {
	Addr string // host:port
	URL  string // as FINSAM_REDIS_URL names it
	Dir  string // where SAVE writes

	tb      testing.TB
	process *exec.Cmd
}

// Without reports whether the run is to do without Redis (FINSAM_WITHOUT_REDIS=1), and
// logs in the test what it then does not prove.
func Without(tb testing.TB, unproven string) bool {
	tb.Helper()
	if os.Getenv("FINSAM_WITHOUT_REDIS") != "1" {
		return false
	}
	tb.Log("FINSAM_WITHOUT_REDIS=1: not proven by this run: " + unproven)
	return true
}

// Start starts a server. Where there is no redis-server the test fails with how
// to get it; ask Without first.
func Start(tb testing.TB) *Server {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		tb.Fatal("redis-server is missing: run make setup, or set FINSAM_WITHOUT_REDIS=1 to go without this proof")
	}
	addr := freeport.Addr(tb)
	s := &Server{Addr: addr, URL: "redis://" + addr + "/0", Dir: tb.TempDir(), tb: tb}
	s.Start()
	tb.Cleanup(s.Kill)
	return s
}

// Start starts the server again, on the same port, after Kill.
func (s *Server) Start() {
	s.tb.Helper()
	_, port, _ := net.SplitHostPort(s.Addr)
	s.process = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", s.Dir,
		"--save", "", "--appendonly", "no", "--rdbcompression", "no")
	if err := s.process.Start(); err != nil {
		s.tb.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, err := s.Do("PING")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.tb.Fatal("redis-server did not start: ", err)
		}
	}
}

// Kill ends the server as a power cut does.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // it may have ended by itself
	_ = s.process.Wait()         // "signal: killed" is what was asked for
	s.process = nil
}

// Stop stops the server without closing anything (SIGSTOP), until Continue.
func (s *Server) Stop() { s.signal(syscall.SIGSTOP) }

// Continue ends Stop.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	s.tb.Helper()
	if err := s.process.Process.Signal(sig); err != nil {
		s.tb.Fatal(err)
	}
}

// Do sends the server one command and returns its answer; nil for what does not exist.
func (s *Server) Do(args ...any) (any, error) {
	c := redis.NewClient(&redis.Options{Addr: s.Addr, MaxRetries: -1, DialerRetries: 1})
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	answer, err := c.Do(ctx, args...).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return answer, err
}

// Must is Do where an error ends the test.
func (s *Server) Must(args ...any) any {
	s.tb.Helper()
	answer, err := s.Do(args...)
	if err != nil {
		s.tb.Fatalf("redis %v: %v", args[0], err)
	}
	return answer
}
