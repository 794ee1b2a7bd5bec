package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// redisServer is Debian's redis-server on a free port, spoken to by hand.
type redisServer struct {
	addr, dir string
	command   *exec.Cmd
	once      sync.Once
}

// startRedis starts one that ends with the test. Without redis-server the tests
// run with the cache in memory, and only where FINSAM_WITHOUT_REDIS says so:
// scripts/setup.sh tells what is not proven then.
func startRedis(t *testing.T) *redisServer {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("FINSAM_WITHOUT_REDIS") == "1" {
			return &redisServer{}
		}
		t.Fatal("redis-server is missing; see scripts/setup.sh")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &redisServer{addr: l.Addr().String(), dir: t.TempDir()}
	_ = l.Close()
	_, port, _ := net.SplitHostPort(r.addr)
	r.command = exec.Command(program, "--bind", "127.0.0.1", "--port", port, "--dir", r.dir, "--save", "", "--appendonly", "no", "--rdbcompression", "no")
	if err := r.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.kill)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := r.say("PING"); err == nil {
			return r
		}
	}
	t.Fatal("redis-server did not answer within 10 s")
	return nil
}

// env points the processes at the server.
func (r *redisServer) env() []string {
	if r.command == nil {
		return nil
	}
	return []string{"FINSAM_REDIS_URL=redis://" + r.addr + "/0"}
}

func (r *redisServer) kill() {
	r.once.Do(func() {
		if r.command != nil {
			_ = r.command.Process.Kill()
			_ = r.command.Wait()
		}
	})
}

// say sends one command and gives the first line of the answer.
func (r *redisServer) say(words ...string) (string, error) {
	c, err := net.DialTimeout("tcp", r.addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := c.Write([]byte(b.String())); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line), err
}

// dump gives all that the server holds, uncompressed; nothing when there is none.
func (r *redisServer) dump(t *testing.T) []byte {
	t.Helper()
	if r.command == nil {
		return nil
	}
	if answer, err := r.say("SAVE"); err != nil || answer != "+OK" {
		t.Fatalf("redis: %s %v", answer, err)
	}
	text, err := os.ReadFile(filepath.Join(r.dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (r *redisServer) plant(t *testing.T, key, value string) {
	t.Helper()
	if r.command == nil {
		return
	}
	if answer, err := r.say("SET", key, value); err != nil || answer != "+OK" {
		t.Fatalf("redis: %s %v", answer, err)
	}
}
