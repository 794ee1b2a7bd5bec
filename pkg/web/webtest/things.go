package webtest

import (
	"bytes"
	_ "embed"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/contract/compile"
	"github.com/finsam/finsam/pkg/web/server"
)

// ThingsSpec is the contract of a service that is only for tests.
//
//go:embed things.yaml
var ThingsSpec []byte

// things reads the contract of ThingsSpec.
var things = sync.OnceValue(func() *contract.Contract {
	compiled, err := compile.Contract(ThingsSpec)
	if err != nil {
		panic(err)
	}
	c, err := contract.Read(compiled)
	if err != nil {
		panic(err)
	}
	return c
})

// Coach is an actor who may call everything in ThingsSpec.
var Coach = actor.Actor{Subject: "m-7", Association: "insjoriket", Authority: "molndal", Roles: []actor.Role{actor.Coach}}

// Things is a service of ThingsSpec, without handlers.
type Things struct {
	*echo.Echo
	Trust *Trust
	Log   *Lines
}

// ThingsConfig returns the configuration of a service of ThingsSpec.
func ThingsConfig(trust *Trust, log io.Writer) server.Config {
	return server.Config{Service: "things", Contract: things(), Verifier: trust.Verifier, Log: slog.New(slog.NewJSONHandler(log, nil))}
}

// NewThings creates a service of ThingsSpec with keys of its own.
func NewThings(t testing.TB) *Things {
	t.Helper()
	s := &Things{Trust: NewTrust(t, nil), Log: &Lines{}}
	e, err := server.New(ThingsConfig(s.Trust, s.Log))
	if err != nil {
		t.Fatal(err)
	}
	s.Echo = e
	return s
}

// Call sends a request of Coach.
func (s *Things) Call(t testing.TB, method, path string, header map[string]string, body any) *Response {
	t.Helper()
	return s.Trust.Do(t, s, Request{Method: method, Path: path, As: Coach, Header: header, Body: body})
}

// Lines is a log that several goroutines may write at once.
type Lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *Lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// String returns what was written so far.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
