package launch_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/launch"
)

// files returns every file of a folder with its content.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", e.Name(), mode)
		}
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestMissingKeysAreMadeAndThoseThatAreThereStay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := launch.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	first := files(t, dir)
	if len(first) != 7 {
		t.Fatalf("%d files", len(first))
	}
	if err := launch.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	for name, content := range files(t, dir) {
		if !bytes.Equal(content, first[name]) {
			t.Errorf("%s was changed", name)
		}
	}
	if err := os.Remove(filepath.Join(dir, "activity.key")); err != nil {
		t.Fatal(err)
	}
	if err := launch.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	after := files(t, dir)
	if bytes.Equal(after["activity.key"], first["activity.key"]) || !bytes.Equal(after["gateway.key"], first["gateway.key"]) {
		t.Error("only the missing key is to be created")
	}
	verifies(t, dir)
}

// verifies holds that every issuer's tokens are accepted.
func verifies(t *testing.T, dir string) {
	t.Helper()
	keys := launch.Keys{Dir: dir}
	v, err := keys.Verifier(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, issuer := range []string{"gateway", "referral", "participant", "activity"} {
		s, err := keys.Signer(issuer, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.Token(actor.ForService(issuer, "a"))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := v.Verify(token); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

func TestHalfOfTheSealingKeysIsNeverMadeUp(t *testing.T) {
	for _, lost := range []string{"seal.json", "prf.json"} {
		dir := t.TempDir()
		if err := launch.WriteKeys(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, lost)); err != nil {
			t.Fatal(err)
		}
		if err := launch.WriteKeys(dir); err == nil || !strings.Contains(err.Error(), "put the other one back") {
			t.Errorf("without %s: %v", lost, err)
		}
		if _, err := (launch.Keys{Dir: dir}).Cipher(); err == nil || !strings.Contains(err.Error(), lost+" is not in the folder") {
			t.Errorf("without %s: %v", lost, err)
		}
	}
}

func TestFilesThatAreNoKeysAreRefusedWithoutTheirContents(t *testing.T) {
	twice := `{"kty":"OKP","crv":"Ed25519","kid":"a","x":"` + strings.Repeat("A", 43) + `"}`
	for file, contents := range map[string][]string{
		"seal.json":    {"mellon", `{"mellon":1}`},
		"prf.json":     {"mellon"},
		"gateway.key":  {"mellon", "-----BEGIN PRIVATE KEY-----\nbWVsbG9u\n-----END PRIVATE KEY-----\n"},
		"referral.key": {""},
		"internal-jwks.json": {"mellon", `{}`, `{"keys":[{"kty":"RSA","kid":"gateway"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"gateway","x":"AAAA"}]}`,
			`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + strings.Repeat("A", 43) + `"}]}`,
			`{"keys":[` + twice + `,` + twice + `]}`},
	} {
		for _, content := range contents {
			dir := t.TempDir()
			if err := launch.WriteKeys(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			keys := launch.Keys{Dir: dir}
			_, err1 := keys.Cipher()
			_, err2 := keys.Signer("gateway", time.Now)
			_, err3 := keys.Verifier(time.Now)
			_, err4 := keys.Signer("referral", time.Now)
			wrong := 0
			for _, err := range []error{err1, err2, err3, err4} {
				if err == nil {
					continue
				}
				wrong++
				if !strings.HasPrefix(err.Error(), "FINSAM_KEYS_DIR: ") || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "mellon") {
					t.Errorf("%s: %v", file, err)
				}
			}
			if wrong != 1 {
				t.Errorf("%s %q: %d refusals", file, content, wrong)
			}
		}
	}
}

func FuzzPublicKeys(f *testing.F) {
	dir := f.TempDir()
	if err := launch.WriteKeys(dir); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, "internal-jwks.json")
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"keys":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if v, err := (launch.Keys{Dir: dir}).Verifier(time.Now); (v == nil) == (err == nil) {
			t.Fatalf("%v, %v", v, err)
		}
	})
}
