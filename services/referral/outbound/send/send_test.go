package send

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/finsam/finsam/services/referral/outbound"
)

// names is a name server that answers every question for an IPv4 address with the
// result of answer.
func names(t *testing.T, answer func() [4]byte) *net.Resolver {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: answer()},
				}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = c.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", c.LocalAddr().String())
	}}
}

var (
	loopback = [4]byte{127, 0, 0, 1}
	public   = [4]byte{203, 0, 114, 7} // beside the network for documentation
)

// receiver is a TLS server on this machine, with a sender that trusts it and may
// reach the networks allowed. Its certificate is for example.com and 127.0.0.1.
func receiver(t *testing.T, h http.HandlerFunc, resolver *net.Resolver, allow ...string) (*Sender, string) {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	s, err := New(Config{Allow: allow, Resolver: resolver})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return s, port
}

func message(url string) outbound.Message {
	return outbound.Message{URL: url, ID: "a/1", At: time.Unix(1_772_445_600, 0), Signature: "v1,x", Body: []byte(`{"type":"x"}`)}
}

func TestAMessageArrivesWithItsHeadersWhereTheInstallationAllowsIt(t *testing.T) {
	got := make(chan *http.Request, 4)
	s, port := receiver(t, func(_ http.ResponseWriter, r *http.Request) { got <- r }, names(t, func() [4]byte { return loopback }), "127.0.0.0/8")
	for _, host := range []string{"127.0.0.1", "example.com"} {
		url := "https://" + host + ":" + port + "/finsam"
		if err := s.Check(t.Context(), url); err != nil {
			t.Errorf("%s cannot be saved: %v", host, err)
		}
		if a := s.Send(t.Context(), message(url)); a != (outbound.Answer{Outcome: outbound.OK, Status: 200}) {
			t.Fatalf("%s: %+v", host, a)
		}
		r := <-got
		for name, want := range map[string]string{
			"webhook-id": "a/1", "webhook-timestamp": "1772445600", "webhook-signature": "v1,x", "Content-Type": "application/json",
		} {
			if v := r.Header.Get(name); v != want {
				t.Errorf("%s is %q", name, v)
			}
		}
	}
}

func TestANameThatLeadsElsewhereTheSecondTimeIsNoWayAround(t *testing.T) {
	var asked, received atomic.Int64
	rebinding := names(t, func() [4]byte {
		if asked.Add(1) == 1 {
			return public
		}
		return loopback
	})
	s, port := receiver(t, func(http.ResponseWriter, *http.Request) { received.Add(1) }, rebinding)
	url := "https://example.com:" + port + "/"
	if err := s.Check(t.Context(), url); err != nil {
		t.Fatalf("at first it is public: %v", err)
	}
	if a := s.Send(t.Context(), message(url)); a.Outcome != outbound.AddressClosed || received.Load() != 0 {
		t.Fatalf("got %+v, received %d", a, received.Load())
	}
	if err := s.Check(t.Context(), url); !errors.Is(err, outbound.ErrAddressClosed) {
		t.Fatalf("saved now: %v", err)
	}
}

func TestAnAnswerIsReadAsWhatItIs(t *testing.T) {
	var status atomic.Int64
	var elsewhere atomic.Int64
	s, port := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			elsewhere.Add(1)
		}
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", "90")
		w.WriteHeader(int(status.Load()))
		_, _ = w.Write(make([]byte, 1<<20)) // more than is read
	}, net.DefaultResolver, "127.0.0.1/32")
	for code, want := range map[int]outbound.Answer{
		204: {Outcome: outbound.OK, Status: 204}, 302: {Outcome: outbound.Refused, Status: 302}, 307: {Outcome: outbound.Refused, Status: 307},
		410: {Outcome: outbound.OutcomeGone, Status: 410}, 500: {Outcome: outbound.Refused, Status: 500},
		429: {Outcome: outbound.Refused, Status: 429, RetryAfter: 90 * time.Second},
		503: {Outcome: outbound.Refused, Status: 503, RetryAfter: 90 * time.Second},
	} {
		status.Store(int64(code))
		if a := s.Send(t.Context(), message("https://127.0.0.1:"+port+"/")); a != want {
			t.Errorf("%d: got %+v", code, a)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
	if a := s.Send(t.Context(), message("https://localhost.example.com.invalid.:"+port+"/")); a.Outcome == outbound.OK {
		t.Errorf("got %+v", a)
	}
	s.client.Transport.(*http.Transport).CloseIdleConnections()
	s.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
	if a := s.Send(t.Context(), message("https://127.0.0.1:"+port+"/")); a.Outcome != outbound.Untrusted {
		t.Errorf("a stranger's certificate: %+v", a)
	}
}

func TestWhoDoesNotAnswerIsNotWaitedForWithoutEnd(t *testing.T) {
	s, port := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server looks whether the caller is gone only when all is read
		<-r.Context().Done()
	}, net.DefaultResolver, "127.0.0.1/32")
	s.client.Timeout = 50 * time.Millisecond
	if a := s.Send(t.Context(), message("https://127.0.0.1:"+port+"/")); a.Outcome != outbound.TimedOut {
		t.Errorf("got %+v", a)
	}
	if a := s.Send(t.Context(), message("https://127.0.0.1:1/")); a.Outcome != outbound.AddressClosed {
		t.Errorf("a port of the system: %+v", a)
	}
}

// special are networks that are never public, from IANA's registries of special
// purpose addresses (RFC 6890 and later), written by hand and not from the library.
var special = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fc00::/7", "fe80::/10", "ff00::/8",
	"fd00:ec2::254/128", "169.254.169.254/32",
}

func TestNoAddressOfASpecialNetworkIsReached(t *testing.T) {
	public := ssrf.New(ssrf.WithAnyPort())
	closed, open := networks{nil, public}, networks{[]netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}, public}
	for _, text := range special {
		p := netip.MustParsePrefix(text)
		for _, a := range inside(p) {
			if closed.allows(a) {
				t.Errorf("%s of %s may be reached", a, p)
			}
			if a.Is4() && closed.allows(netip.AddrFrom16(a.As16())) {
				t.Errorf("%s mapped into IPv6 may be reached", a)
			}
			if in := netip.MustParsePrefix("10.20.0.0/16").Contains(a); open.allows(a) != in {
				t.Errorf("%s with 10.20.0.0/16 allowed: %v", a, open.allows(a))
			}
		}
	}
	for _, text := range []string{"1.1.1.1", "203.0.114.7", "193.10.0.1", "2606:4700::1", "2a01:4f8::1"} {
		if !closed.allows(netip.MustParseAddr(text)) {
			t.Errorf("%s may not be reached", text)
		}
	}
}

// inside returns the first, the last and some other addresses of a network.
func inside(p netip.Prefix) []netip.Addr {
	first := p.Masked().Addr()
	b := first.AsSlice()
	var all []netip.Addr
	for fill := range 256 {
		c := append([]byte(nil), b...)
		for i := range c {
			keep := max(min(p.Bits()-8*i, 8), 0)
			c[i] |= byte(fill) & byte(0xff>>keep)
		}
		a, _ := netip.AddrFromSlice(c)
		all = append(all, a)
	}
	return all
}

func TestAWrongVariableIsNamed(t *testing.T) {
	for _, c := range []struct{ name, value string }{
		{"FINSAM_WEBHOOK_ALLOW", "10.0.0.1"}, {"FINSAM_WEBHOOK_ALLOW", "0.0.0.0/0"}, {"FINSAM_WEBHOOK_ALLOW", "::ffff:10.0.0.0/104"},
		{"FINSAM_WEBHOOK_PROXY", "proxy:3128"}, {"FINSAM_WEBHOOK_PROXY", "http://proxy:3128/x"},
	} {
		if _, err := ReadConfig(map[string]string{c.name: c.value}); err == nil || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
	if c, err := ReadConfig(map[string]string{"FINSAM_WEBHOOK_ALLOW": "10.20.0.0/16,fd00::/8", "FINSAM_WEBHOOK_PROXY": "http://proxy:3128"}); err != nil || len(c.Allow) != 2 {
		t.Errorf("%+v %v", c, err)
	}
}
