package blobs3

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

	"github.com/finsam/finsam/pkg/blob/s3"
	"github.com/finsam/finsam/pkg/freeport"
)

// How a process of the test binary knows that it is the server.
const (
	dirVariable  = "S3SERVER_DIR"
	addrVariable = "S3SERVER_ADDR"
)

// The credentials of the server, and its bucket.
const (
	accessKey = "finsam-test"
	secretKey = "pahittad-hemlighet" //nolint:gosec // of a server that lives as long as a test
	bucket    = "finsam-attachments"
	region    = "eu-north-1"
)

// TestMain runs the tests or, in a process that startServer has started, the server:
// versitygw takes the working folder of its process for itself.
func TestMain(m *testing.M) {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := serve(dir, os.Getenv(addrVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
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
		RootUserAccess: accessKey, RootUserSecret: secretKey, Region: region, Ports: []string{addr},
		MaxConnections: 512, MaxRequests: 512, MultipartMaxParts: 10000, KeepAlive: true, Quiet: true,
	})
}

// server is a running server.
type server struct {
	address string            // as FINSAM_BLOBS names it
	addr    string            // host:port
	dir     string            // where the objects are, as files
	environ map[string]string // with the credentials
}

// startServer starts a server with an empty bucket; it ends with the test.
func startServer(t testing.TB) server {
	t.Helper()
	dir := t.TempDir()
	objects := filepath.Join(dir, "objects")
	for _, d := range []string{filepath.Join(objects, bucket), filepath.Join(dir, "attributes")} {
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
			return server{
				address: "s3://" + bucket + "?endpoint=http://" + addr + "&region=" + region, addr: addr, dir: filepath.Join(objects, bucket),
				environ: map[string]string{s3.AccessKeyVariable: accessKey, s3.SecretKeyVariable: secretKey},
			}
		}
		if time.Now().After(end) {
			t.Fatalf("the S3 server does not answer: %v\n%s", err, &said)
		}
	}
}
