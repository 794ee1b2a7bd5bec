package server_test

import (
	"bufio"
	"encoding/json"
	"io"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/metrics/metricstest"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/pkg/web/server"
)

// dial opens a connection from an address of this machine.
func dial(t *testing.T, from, url string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// askOver sends a request over a connection and returns the answer with its body; nil when the
// connection was closed.
func askOver(c net.Conn, request string) (*http.Response, string) {
	_, _ = io.WriteString(c, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp, string(b)
}

const aGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// TestCase_G4_IdleConnectionsAreBoundedByMemoryAndAddress opens more connections than the
// memory allows, each of which has had an answer.
func TestCase_G4_IdleConnectionsAreBoundedByMemoryAndAddress(t *testing.T) {
	if race {
		t.Skip("the memory limit is that of a program that does not look for races")
	}
	debug.SetMemoryLimit(32 << 20) // which allows 409 connections, and one address 307 of them
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	m := metricstest.New(t)
	addr, _, stop := served(t, server.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })})
	var all []net.Conn
	open := func(from string, n int) {
		t.Helper()
		for range n {
			c := dial(t, from, addr)
			if resp, _ := askOver(c, aGet); resp == nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("connection %d of %s is not served", len(all), from)
			}
			all = append(all, c)
		}
	}
	open("127.0.0.1", 400)
	figures := m.Read(t)
	if n, most := figures["finsam.connections{}"], figures["finsam.connections.limit{}"]; most != 409 || n != 307 {
		t.Errorf("%v connections of one address, of %v in all", n, most)
	}
	if n := figures["finsam.connections.closed{which=idle}"]; n != 93 {
		t.Errorf("%v idle ones were closed", n)
	}
	for i, want := range map[int]bool{0: false, 60: false, 150: true, 399: true} {
		if resp, _ := askOver(all[i], aGet); (resp != nil) != want {
			t.Errorf("connection %d is open: %t", i, !want)
		}
	}
	for _, other := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"} {
		open(other, 60)
	}
	if n := m.Read(t)["finsam.connections{}"]; n > 409 {
		t.Errorf("%v connections in all", n)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestConnectionsUnderWayAreNotClosedForNewOnes(t *testing.T) {
	debug.SetMemoryLimit(16 << 20) // which allows 204 connections, and one address 153
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	m := metricstest.New(t)
	gate, begun := make(chan struct{}), make(chan struct{}, 1000)
	addr, _, stop := served(t, server.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { begun <- struct{}{}; <-gate })})
	var all []net.Conn
	for range 153 {
		c := dial(t, "127.0.0.1", addr)
		_, _ = io.WriteString(c, aGet)
		all = append(all, c)
		<-begun
	}
	if resp, _ := askOver(dial(t, "127.0.0.1", addr), aGet); resp != nil {
		t.Error("one too many is served")
	}
	another := dial(t, "127.0.0.2", addr)
	_, _ = io.WriteString(another, aGet)
	<-begun
	close(gate)
	for i, c := range append(all, another) {
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	if n := m.Read(t)["finsam.connections.closed{which=new}"]; n != 1 {
		t.Errorf("%v new ones were closed", n)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestCase_G15_WhatCannotBeReadIsAnsweredWithAProblem sends what net/http refuses by itself.
func TestCase_G15_WhatCannotBeReadIsAnsweredWithAProblem(t *testing.T) {
	const likeARefusal = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	long := likeARefusal + strings.Repeat("x", 64<<10)
	addr, _, stop := served(t, server.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "HTTP")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, long)
	})})
	for name, c := range map[string]struct {
		request string
		status  int
		code    string
	}{
		"headers above 16 KiB":        {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 40_000) + "\r\n\r\n", 431, "headers-too-large"},
		"no host":                     {"GET / HTTP/1.1\r\n\r\n", 400, "unreadable-request"},
		"a header without a colon":    {"GET / HTTP/1.1\r\nHost: x\r\nabc\r\n\r\n", 400, "unreadable-request"},
		"an encoding nobody knows":    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n\r\n", 501, "unreadable-request"},
		"a version that is not known": {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505, "unreadable-request"},
	} {
		resp, body := askOver(dial(t, "127.0.0.1", addr), c.request)
		var p problem.Problem
		if resp == nil || json.Unmarshal([]byte(body), &p) != nil || resp.StatusCode != c.status || resp.Header.Get("Content-Type") != problem.MediaType ||
			!resp.Close || p.Status != c.status || p.Code != c.code || p.Detail == "" {
			t.Errorf("%s: %v %s", name, resp, body)
		}
	}
	c := dial(t, "127.0.0.1", addr)
	if _, body := askOver(c, aGet); body != "HTTP"+long {
		t.Errorf("a body that looks like a refusal was changed: %.200q", body)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
