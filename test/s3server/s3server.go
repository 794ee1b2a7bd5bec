// Package s3server runs a real S3 server for tests, versitygw on a folder. It
// takes the working folder of its process for itself, so a test runs its own
// binary again: Main comes first in TestMain, and Start starts it.
package s3server

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/finsam/finsam/pkg/freeport"
)

// How a process of the test binary knows that it is the server.
const (
	dirVariable  = "S3SERVER_DIR"
	addrVariable = "S3SERVER_ADDR"
)

// The credentials of the server, and its bucket.
const (
	AccessKey = "finsam-test"
	SecretKey = "pahittad-hemlighet" //nolint:gosec // of a server that lives as long as a test
	Bucket    = "finsam-attachments"
	region    = "eu-north-1"
)

// Main serves until it is stopped, in a process that Start has started; elsewhere it
// returns at once.
func Main() {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		return
	}
	if err := serve(dir, os.Getenv(addrVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(dir, addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	attributes, err := meta.NewSideCar(filepath.Join(dir, "attributes"))
	if err != nil {
		return err
	}
	be, err := posix.New(filepath.Join(dir, "objects"), attributes, posix.PosixOpts{SideCarDir: filepath.Join(dir, "attributes")})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(ctx, be, &embedgw.Config{
		RootUserAccess: AccessKey, RootUserSecret: SecretKey, Region: region, Ports: []string{addr},
		MaxConnections: 512, MaxRequests: 512, MultipartMaxParts: 10000, KeepAlive: true, Quiet: true,
	})
}

// Server is a running server.
type Server struct {
	Address string // as FINSAM_BLOBS names it
	Addr    string // host:port
	Dir     string // where the objects are, as files
}

// Environ is what else a process needs to use it.
func (s Server) Environ() map[string]string {
	return map[string]string{"FINSAM_BLOBS": s.Address, "AWS_ACCESS_KEY_ID": AccessKey, "AWS_SECRET_ACCESS_KEY": SecretKey}
}

// Start starts a server with an empty bucket; it ends with the test.
func Start(t testing.TB) Server {
	t.Helper()
	dir := t.TempDir()
	objects := filepath.Join(dir, "objects")
	for _, d := range []string{filepath.Join(objects, Bucket), filepath.Join(dir, "attributes")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	addr := freeport.Addr(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), dirVariable+"="+dir, addrVariable+"="+addr)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/")
		if err == nil {
			resp.Body.Close()
			address := "s3://" + Bucket + "?endpoint=http://" + addr + "&region=" + region
			return Server{Address: address, Addr: addr, Dir: filepath.Join(objects, Bucket)}
		}
		if time.Now().After(end) {
			t.Fatalf("the S3 server does not answer: %v\n%s", err, &said)
		}
	}
}
