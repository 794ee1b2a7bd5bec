// Package certificate is a program's own TLS certificate and the authorities that sign
// those of the other services, from a folder as cert-manager fills a Secret: tls.crt,
// tls.key and ca.crt. It is read again when it changes.
package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
)

// interval is how often the files are looked at.
const interval = time.Minute

var files = []string{"tls.crt", "tls.key", "ca.crt"}

// Folder is the certificate and the authorities of a folder. It may be used concurrently.
type Folder struct {
	dir     string
	log     *slog.Logger
	current atomic.Pointer[content]
}

// content is what the files said when they were read last.
type content struct {
	own   tls.Certificate
	roots *x509.CertPool
	times [3]time.Time // of the files
}

// Open reads the folder. Run must run beside it.
func Open(dir string, log *slog.Logger) (*Folder, error) {
	f := &Folder{dir: dir, log: log}
	return f, f.read()
}

func (f *Folder) read() error {
	c := &content{roots: x509.NewCertPool()}
	for i, name := range files {
		info, err := os.Stat(filepath.Join(f.dir, name))
		if err != nil {
			return err
		}
		c.times[i] = info.ModTime()
	}
	if before := f.current.Load(); before != nil && before.times == c.times {
		return nil
	}
	var err error
	if c.own, err = tls.LoadX509KeyPair(filepath.Join(f.dir, "tls.crt"), filepath.Join(f.dir, "tls.key")); err != nil {
		return fmt.Errorf("tls.crt and tls.key in %s: %w", f.dir, err)
	}
	authorities, err := os.ReadFile(filepath.Join(f.dir, "ca.crt"))
	if err != nil {
		return err
	}
	if !c.roots.AppendCertsFromPEM(authorities) {
		return errors.New("ca.crt in " + f.dir + " has no certificate in PEM")
	}
	f.current.Store(c)
	f.log.Info("certificate read", "expires", c.own.Leaf.NotAfter.UTC().Format(time.RFC3339))
	return nil
}

// Run reads the files again when they have changed, until ctx ends. While they are
// invalid, the previous ones are used.
func (f *Folder) Run(ctx context.Context) error {
	for backoff.Sleep(ctx, interval) {
		if err := f.read(); err != nil {
			f.log.WarnContext(ctx, "invalid certificate; keeping the previous one", "error", err)
		}
	}
	return nil
}

// Server returns how the program serves: always with the current certificate.
func (f *Folder) Server() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &f.current.Load().own, nil },
	}
}

// Client returns how the program calls others: it believes the current authorities alone.
func (f *Folder) Client() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: f.current.Load().roots}
}
