package outbound_test

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/finsam/finsam/services/referral/outbound"
)

var badAddresses = []string{
	"", "http://halsa.example.se/", "https:///x", "https://localhost/", "https://halsa/", "https://127.0.0.1/", "https://[::1]/", "https://2130706433/",
	"https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://halsa.example.se.local/", "https://metadata.google.internal/", "https://u@halsa.example.se/",
	"https://halsa.example.se/#", "https://halsa.example.se:22/", "https://halsa.example.se:/", "https://halsa.example.se:99999/", "https://hälsa.example.se/",
	"https://halsa.example.se/191212121212", "https://halsa.example.se/?p=19121212-1212", "https://halsa..se/", "https://-x.example.se/", "https://halsa.example.se./",
	"https:halsa.example.se", "ftp://halsa.example.se/", "https://halsa.example.se\\@127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/",
}

func TestOnlyHTTPSToAPublicNameIsTaken(t *testing.T) {
	for _, text := range badAddresses {
		if err := outbound.CheckURL(text, false); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, text := range []string{
		"https://halsa.example.se/", "https://halsa.example.se", "https://halsa.example.se:443/a?b=c", "https://halsa.example.se:8443/a", "https://xn--hlsa-loa.example.se/",
	} {
		if err := outbound.CheckURL(text, false); err != nil {
			t.Errorf("%q is refused: %v", text, err)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, text := range append(badAddresses, "https://halsa.example.se:8443/a?b=c") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if outbound.CheckURL(text, false) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" || len(text) > 2048 {
			t.Fatalf("%q is taken", text)
		}
		host := u.Hostname()
		if _, err := netip.ParseAddr(host); err == nil || net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.ContainsAny(host, "@/\\%: ") {
			t.Fatalf("%q is taken for a public name", host)
		}
	})
}
