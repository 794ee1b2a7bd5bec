package certificate_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finsam/finsam/pkg/certificate"
	"github.com/finsam/finsam/pkg/certificate/certificatetest"
	"github.com/finsam/finsam/pkg/web/client"
)

func open(t *testing.T, dir string) *certificate.Folder {
	t.Helper()
	f, err := certificate.Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// call asks a new server of one folder by a client of another, and returns the error.
func call(t *testing.T, server, caller *certificate.Folder) error {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.Listener = tls.NewListener(s.Listener, server.Server())
	s.Start()
	defer s.Close()
	transport := client.NewTransport()
	transport.DialTLSContext = client.DialTLS(caller.Client)
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + s.Listener.Addr().String())
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

func TestOnlyAValidCertificateOfTheAuthorityIsBelieved(t *testing.T) {
	ours, other, dir := certificatetest.New(t), certificatetest.New(t), t.TempDir()
	ours.Issue(t, dir, time.Now().Add(time.Hour))
	good := open(t, dir)
	if err := call(t, good, good); err != nil {
		t.Errorf("a valid one: %v", err)
	}
	foreign := t.TempDir()
	other.Issue(t, foreign, time.Now().Add(time.Hour))
	if err := call(t, open(t, foreign), good); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("one of another authority: %v", err)
	}
	old := t.TempDir()
	ours.Issue(t, old, time.Now().Add(-time.Minute))
	if err := call(t, open(t, old), good); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired one: %v", err)
	}
}

func TestARenewedCertificateIsTakenWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	certificatetest.New(t).Issue(t, dir, time.Now().Add(time.Hour))
	f := open(t, dir)
	renewed := certificatetest.New(t) // by another authority, as when that is renewed as well
	synctest.Test(t, func(t *testing.T) {
		go func() { _ = f.Run(t.Context()) }()
		wait := func() {
			time.Sleep(61 * time.Second)
			synctest.Wait()
		}
		before := f.Client().RootCAs
		wait()
		if !f.Client().RootCAs.Equal(before) {
			t.Error("something was read although nothing changed")
		}
		if err := os.WriteFile(filepath.Join(dir, "tls.key"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		wait()
		if !f.Client().RootCAs.Equal(before) {
			t.Error("invalid files replaced the previous ones")
		}
		renewed.Issue(t, dir, time.Now().AddDate(100, 0, 0))
		wait()
		if f.Client().RootCAs.Equal(before) {
			t.Error("the renewed files were not read")
		}
	})
	if err := call(t, f, f); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatIsIncompleteIsRefused(t *testing.T) {
	for name, text := range map[string]string{"tls.crt": "x", "tls.key": "x", "ca.crt": "x"} {
		dir := t.TempDir()
		certificatetest.New(t).Issue(t, dir, time.Now().Add(time.Hour))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := certificate.Open(dir, slog.Default()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a wrong %s: %v", name, err)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := certificate.Open(dir, slog.Default()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("no %s: %v", name, err)
		}
	}
}
