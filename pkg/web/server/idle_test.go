package server

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Between the choice of a connection and its end a request may come on it.
func TestARequestOnAConnectionThatIsBeingClosedIsNotBegun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	all := newConnections(l, 4)
	defer all.Close()
	caller, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	accepted, err := all.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	begun := 0
	s := Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { begun++ })}
	c, h := connectionOf(accepted), s.shedding(t.Context())
	request := func() (p any) {
		defer func() { p = recover() }()
		c.become(http.StateActive)
		r := httptest.NewRequest("GET", "/", nil)
		h.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithValue(r.Context(), connectionKey{}, c)))
		return nil
	}
	if p := request(); p != nil || begun != 1 || all.longestIdle(c.address) != nil {
		t.Errorf("%v, %d begun: one under way is closed", p, begun)
	}
	c.become(http.StateIdle)
	if all.longestIdle(c.address) != c {
		t.Error("an idle one is not closed")
	}
	if p := request(); p != http.ErrAbortHandler || begun != 1 {
		t.Errorf("%v, %d begun", p, begun)
	}
}
