package suite

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is one program of the suite; it can be killed and started again.
type Process struct {
	Name  string
	Admin string // address of the admin port

	args    []string
	env     []string
	logPath string

	mu      sync.Mutex
	command *exec.Cmd
	ended   chan struct{}
}

// Start starts the program; its output goes on in the same file.
func (p *Process) Start(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(p.args[0], p.args[1:]...)
	// No lingering at the end: no platform sends anybody here.
	cmd.Env = append(append(os.Environ(), "FINSAM_LINGER=0s"), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.command, p.ended = cmd, make(chan struct{})
	go func(ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(p.ended)
}

// Kill ends the program without warning, as a lost machine would.
func (p *Process) Kill() {
	p.end(syscall.SIGKILL)
	// A write that a kill ends may have come half: the next process begins a line of its own.
	if text, err := os.ReadFile(p.logPath); err == nil {
		_ = os.Truncate(p.logPath, int64(bytes.LastIndexByte(text, '\n')+1))
	}
}

// Stop asks the program to end and insists after ten seconds.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

func (p *Process) end(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.command == nil {
		return
	}
	_ = p.command.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
	p.command = nil
}

// Pid returns the process id of the running program.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.command == nil {
		return 0
	}
	return p.command.Process.Pid
}

// WaitReady waits until the program says that it can serve.
func (p *Process) WaitReady(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		resp, err := probe.Get(p.Admin + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-p.ended:
			t.Fatalf("%s ended before it was ready:\n%s", p.Name, tail(p.logPath))
		default:
		}
	}
	t.Fatalf("%s was not ready within 30 s:\n%s", p.Name, tail(p.logPath))
}
