package web_test

import (
	"testing"

	"github.com/finsam/finsam/pkg/web"
)

func TestThePathOfThePublicAddressIsThePrefix(t *testing.T) {
	for address, want := range map[string]string{
		"": "", "https://api.example.se": "", "http://127.0.0.1:8080/": "", "https://example.se/api": "/api", "https://example.se/kommun/samverkan-1.0/": "/kommun/samverkan-1.0",
	} {
		if got, err := web.Prefix(address); got != want || err != nil {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
	for _, address := range []string{
		"api.example.se", "ftp://example.se", "https://", "/api", "https://a:b@example.se", "https://example.se/?a", "https://example.se/api#b",
		"https://example.se/a/../b", "https://example.se/a//b", "https://example.se/.well-known", "https://example.se/a%20b", "https://example.se/{id}", "https://example.se/å",
	} {
		if got, err := web.Prefix(address); err == nil {
			t.Errorf("%s: %q", address, got)
		}
	}
}
