package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/pkg/web/webtest"
)

// sendRaw sends a head and what follows it to a gateway whose services are reached over the
// network, and returns the answer. The connection stays open.
func sendRaw(t *testing.T, front, path, token, framing, body string) *webtest.Response {
	t.Helper()
	conn, err := net.Dial("tcp", front)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\nIdempotency-Key: k-1\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n%s", path, token, framing, body)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &webtest.Response{Status: resp.StatusCode, Header: resp.Header, Body: text}
}

func TestCase_G9_ABrokenBodyIsTheCallersAndNoAbsentService(t *testing.T) {
	const form = "Content-Type: multipart/form-data; boundary=b\r\n"
	const json = "Content-Type: application/json\r\n"
	reads := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if _, err := io.Copy(io.Discard, q.Body); err != nil {
			problem.Write(w, q, problem.Broken(err))
		}
	}))
	t.Cleanup(reads.Close)
	r := newRig(t, func(o *Config) { toNetwork(t, o, "referral", reads.URL) })
	front := httptest.NewServer(r.g)
	t.Cleanup(front.Close)
	token := r.token("fk", actor.Integration)
	for name, c := range map[string]struct{ path, head, body, word string }{
		"no number of bytes":        {"/finsam/v1/referrals", json + "Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n", "in full"},
		"a number too large":        {"/finsam/v1/referrals", json + "Transfer-Encoding: chunked", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n", "in full"},
		"no end of the line":        {"/finsam/v1/referrals", json + "Transfer-Encoding: chunked", "2\r\n{}xx\r\n0\r\n\r\n", "in full"},
		"after much that was right": {"/finsam/v1/referrals", json + "Transfer-Encoding: chunked", "10000\r\n" + strings.Repeat(" ", 0x10000) + "\r\nzz\r\n", "in full"},
		"in a form":                 {aReferral + "/attachments", form + "Transfer-Encoding: chunked", "3\r\n--b\r\nzz\r\n", "in full"},
		"one byte, and no more":     {"/finsam/v1/referrals", json + "Content-Length: 1048576", "{", "too slowly"},
		"a form of one byte":        {aReferral + "/attachments", form + "Content-Length: 1048576", "-", "too slowly"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := sendRaw(t, front.Listener.Addr().String(), c.path, token, c.head, c.body).Problem(t, 400)
			if p.Code != problem.ErrBodyBroken.Code || !strings.Contains(p.Detail, c.word) {
				t.Errorf("%+v", p)
			}
		})
	}
	t.Cleanup(func() {
		if log := r.log.String(); strings.Contains(log, `"level":"ERROR"`) {
			t.Errorf("the caller's body is in the log as our failure: %s", log)
		}
	})
}

// A service that has no room for a body answers before all of it has come.
func TestCase_G2_WhatAServiceAnswersToHalfABodyReachesTheCaller(t *testing.T) {
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = q.Body.Read(make([]byte, 1))
		problem.Write(w, q, share.ErrShare.After(2*time.Second))
	}))
	defer full.Close()
	r := newRig(t, func(o *Config) { toNetwork(t, o, "referral", full.URL) })
	front := httptest.NewServer(r.g)
	defer front.Close()
	for range 20 {
		answer := sendRaw(t, front.Listener.Addr().String(), "/finsam/v1/referrals", r.token("fk", actor.Integration),
			fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d", maxBody), strings.Repeat(" ", maxBody))
		if p := answer.Problem(t, 429); !strings.Contains(p.Detail, "authority") || answer.Header.Get("Retry-After") != "2" {
			t.Errorf("%+v %v", p, answer.Header)
		}
	}
}

// Bodies that do not come take no place of the service.
func TestCase_G2_WhoSendsSlowlyKeepsNoServiceFromTheOthers(t *testing.T) {
	r := newRig(t, func(o *Config) { o.MaxInFlight = 1 })
	r.services["referral"].answer = func(w http.ResponseWriter, q *http.Request) {
		if _, err := io.Copy(io.Discard, q.Body); err != nil {
			problem.Write(w, q, problem.Broken(err))
		}
	}
	front := httptest.NewServer(r.g)
	defer front.Close()
	var stalled sync.WaitGroup
	token := r.token("fk", actor.Integration)
	stalled.Go(func() {
		sendRaw(t, front.Listener.Addr().String(), "/finsam/v1/referrals", token, "Content-Type: application/json\r\nContent-Length: 100", "{").Problem(t, 400)
	})
	r.soon("it waits for its body", func() bool {
		_, taken, _ := r.g.forwarder.long[classBody].State()
		return taken == 1
	})
	if w := r.as("fk", actor.Integration, "GET", aReferral, ""); w.Code != 200 {
		t.Errorf("a read: %d %s", w.Code, w.Body)
	}
	stalled.Wait()
	for range 3 { // more than there are places, so that each is put back
		if w := r.as("fk", actor.Integration, "POST", "/finsam/v1/referrals", "{}"); w.Code != 200 {
			t.Errorf("a body that has come: %d %s", w.Code, w.Body)
		}
	}
	if _, taken, waiting := r.g.forwarder.long[classBody].State(); taken != 0 || waiting != 0 {
		t.Errorf("%d places are taken, %d wait", taken, waiting)
	}
}

func TestCase_G5_ABodyThatNobodyReadsHoldsItsConnectionForASecond(t *testing.T) {
	r := newRig(t)
	front := httptest.NewServer(r.g)
	t.Cleanup(front.Close)
	bearer := "Authorization: Bearer " + r.token("fk", actor.Integration) + "\r\n"
	const some, json = "Content-Length: 1000\r\n", "Content-Type: application/json\r\n"
	for sentence, c := range map[string]struct {
		line, head string
		status     int
	}{
		"without a token":       {"POST /finsam/v1/referrals", json + some, 401},
		"in pieces":             {"POST /finsam/v1/referrals", json + "Transfer-Encoding: chunked\r\n", 401},
		"at no address":         {"POST /nowhere", json + some, 404},
		"of no method":          {"PATCH /finsam/v1/referrals", bearer + json + some, 405},
		"too large":             {"POST /finsam/v1/referrals", bearer + json + "Content-Length: 99999999\r\n", 413},
		"of no media type":      {"POST /finsam/v1/referrals", bearer + some, 415},
		"of a read":             {"GET " + aReferral, bearer + some, 200},
		"that no service reads": {"POST /finsam/v1/referrals", bearer + json + some, 200},
		"of a page":             {"GET /finsam/v1/api-info", some, 200},
		"of a browser's ask":    {"OPTIONS /finsam/v1/referrals", "Origin: https://x.example\r\nAccess-Control-Request-Method: POST\r\n" + some, 204},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", front.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			start := time.Now()
			_ = conn.SetDeadline(start.Add(30 * time.Second))
			_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n", c.line, c.head)
			all, _ := io.ReadAll(conn) // until the gateway closes it
			if since := time.Since(start); !strings.HasPrefix(string(all), fmt.Sprintf("HTTP/1.1 %d ", c.status)) || since > 4*time.Second {
				t.Errorf("after %s: %.200s", since, all)
			}
		})
	}
}

// A body that nobody asked for is not read, so its place must not be that of a body.
func TestCase_G2_ABodyThatNobodyAskedForHasNoPlaceOfItsOwn(t *testing.T) {
	r := newRig(t)
	bodies := -1
	r.services["referral"].answer = func(http.ResponseWriter, *http.Request) { _, bodies, _ = r.g.forwarder.long[classBody].State() }
	if w := r.as("fk", actor.Integration, "POST", "/finsam/v1/drafts/5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11/sending", "{}"); w.Code != 200 || bodies != 0 {
		t.Errorf("%d %s: %d places of bodies are taken", w.Code, w.Body, bodies)
	}
}

// The deadline of a body that nobody read is over with its last byte: it neither ends the
// next request of the connection nor an answer that takes longer.
func TestCase_G5_ABodyThatWasLeftHarmsNoLaterAnswer(t *testing.T) {
	const while = leftPatience + 500*time.Millisecond
	long := strings.Repeat("x", 1<<20)
	answer := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.RawQuery {
		case "unread":
		case "slow":
			select {
			case <-time.After(while):
			case <-q.Context().Done():
				w.WriteHeader(http.StatusGone)
			}
		case "long":
			_, _ = io.Copy(io.Discard, q.Body)
			_, _ = io.WriteString(w, long[:len(long)/2])
			_ = http.NewResponseController(w).Flush()
			time.Sleep(while)
			_, _ = io.WriteString(w, long[len(long)/2:])
		}
	})
	behind := httptest.NewServer(answer)
	t.Cleanup(behind.Close)
	for name, change := range map[string]func(*Config){"in the process": func(*Config) {}, "over the network": func(o *Config) { toNetwork(t, o, "referral", behind.URL) }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, change)
			r.services["referral"].answer = answer
			front := httptest.NewServer(r.g)
			t.Cleanup(front.Close)
			conn, err := net.Dial("tcp", front.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
			in, token := bufio.NewReader(conn), r.token("fk", actor.Integration)
			for _, c := range []struct{ line, framing, first, rest, want string }{
				{"POST /finsam/v1/referrals?unread", "Content-Length: 10000", "{", strings.Repeat(" ", 9999), ""},
				{"GET " + aReferral + "?slow", "Accept: */*", "", "", ""},
				{"POST /finsam/v1/referrals?unread", "Transfer-Encoding: chunked", "1\r\n{\r\n", "1\r\n}\r\n0\r\n\r\n", ""},
				{"POST /finsam/v1/referrals?long", "Transfer-Encoding: chunked", "1\r\n{\r\n", "1\r\n}\r\n0\r\n\r\n", long},
				{"GET " + aReferral + "?slow", "Content-Length: 2", "{", "}", ""},
				{"POST /finsam/v1/referrals?long", "Content-Length: 2", "{", "}", long},
			} {
				_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k-1\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n%s", c.line, token, c.framing, c.first)
				time.Sleep(leftPatience / 4)
				_, _ = io.WriteString(conn, c.rest)
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatalf("%s, %s: %v", c.line, c.framing, err)
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != 200 || string(body) != c.want || resp.Close {
					t.Errorf("%s, %s: %d, %d bytes, %v", c.line, c.framing, resp.StatusCode, len(body), err)
				}
			}
		})
	}
}

// leftPatience is how long package server waits for what nobody reads.
const leftPatience = time.Second
