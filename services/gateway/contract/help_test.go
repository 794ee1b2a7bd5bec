package contract

import (
	"os"
	"path/filepath"
	"testing"
)

// services reads the documents of the three services, as they are in pkg/api.
func services(t testing.TB) []Source {
	t.Helper()
	var all []Source
	for _, name := range []string{"referral", "participant", "activity"} {
		spec, err := os.ReadFile(filepath.Join("..", "..", "..", "pkg", "api", name, "openapi.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Source{name, spec})
	}
	return all
}

// joined is the document of the whole suite at an address.
func joined(t testing.TB) *Contract {
	t.Helper()
	c, err := Join("https://api.finsam.example", services(t)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
