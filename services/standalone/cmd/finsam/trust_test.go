package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATrustFileIsPrintedOrRefused(t *testing.T) {
	data := t.TempDir()
	token, _, err := finsam(t, "token", "--data", data, "--role", "coach", "--authority", "molndal", "--unit", "amc")
	if err != nil {
		t.Fatal(err)
	}
	file, text := filepath.Join(data, "demo", "trust.yaml"), filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(text, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err := finsam(t, "trust", file, "--token", text)
	if err != nil || !strings.Contains(out, "molndal of insjoriket, as ") || !strings.Contains(out, `of molndal (association insjoriket, unit "amc"), as [coach]`) ||
		strings.Count(out, ", with the names of staff\n") != strings.Count(out, " of insjoriket, as ")-1 { // a person's own has none
		t.Errorf("%q, %v", out, err)
	}
	if err := os.WriteFile(text, []byte(token[:len(token)-9]), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _, err := finsam(t, "trust", file, "--token", text); err == nil || !strings.Contains(err.Error(), "the token is refused: token-invalid: ") || strings.Contains(out+err.Error(), token[:40]) {
		t.Errorf("a token cut short: %q, %v", out, err)
	}
	token, _, err = finsam(t, "token", "--data", data, "--role", "coach", "--authority", "fk")
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(filepath.Dir(file), "other.yaml") // whose issuers call the coach otherwise
	for path, content := range map[string]string{text: token, other: strings.ReplaceAll(string(trusted), "coach: coach", "handledare: coach")} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, _, err := finsam(t, "trust", other, "--token", text); err != nil || !strings.Contains(out, "it has no role; every operation will refuse it") {
		t.Errorf("a token without any role: %q, %v", out, err)
	}
	empty := filepath.Join(t.TempDir(), "trust.yaml")
	if err := os.WriteFile(empty, []byte("issuers: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := finsam(t, "trust", empty); err == nil || !strings.Contains(err.Error(), "names no issuer") {
		t.Errorf("an empty one: %v", err)
	}
}
