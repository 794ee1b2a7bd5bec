package suite

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// Place is where a suite runs already.
type Place struct {
	Base    string // its API
	Data    string // the folder with the demo issuers that it trusts
	Address string // host:port to connect to instead of Base's own; "": that one
	CA      string // file of the certificate authority of its TLS; "": the system's
	Fresh   bool   // a new connection for each request
}

// At is the suite at a place.
func At(t testing.TB, p Place) *Suite {
	t.Helper()
	if p.Base == "" || p.Data == "" {
		t.Fatal("FINSAM_TEST_BASE and FINSAM_TEST_DATA say where the suite runs and whose tokens it takes")
	}
	s := prepare(t, p.Data)
	s.Base = p.Base
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableKeepAlives: p.Fresh}
	if p.Address != "" {
		dialer := net.Dialer{Timeout: 5 * time.Second}
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, p.Address)
		}
	}
	if p.CA != "" {
		text, err := os.ReadFile(p.CA)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	s.client = &http.Client{Timeout: 20 * time.Second, Transport: transport}
	return s
}
