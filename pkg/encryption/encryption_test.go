package encryption_test

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/encryption"
)

func newCipher(t testing.TB) (*encryption.Cipher, []byte, []byte) {
	t.Helper()
	a, p, err := encryption.Generate()
	if err != nil {
		t.Fatal(err)
	}
	s, err := encryption.New(a, p)
	if err != nil {
		t.Fatal(err)
	}
	return s, a, p
}

func TestTheSameTextEncryptsDifferentlyAndDecryptsTheSame(t *testing.T) {
	s, _, _ := newCipher(t)
	clear := []byte("Vill helst börja på måndagar.")
	one := must(t)(s.Encrypt(clear, "referral/1/reason"))
	two := must(t)(s.Encrypt(clear, "referral/1/reason"))
	if bytes.Equal(one, two) {
		t.Fatal("two ciphertexts must differ")
	}
	if bytes.Contains(one, clear) {
		t.Fatal("the text is in the ciphertext")
	}
	for _, sealed := range [][]byte{one, two} {
		got, err := s.Decrypt(sealed, "referral/1/reason")
		if err != nil || !bytes.Equal(got, clear) {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

func TestWhatDoesNotBelongCannotBeDecrypted(t *testing.T) {
	s, _, _ := newCipher(t)
	other, _, _ := newCipher(t)
	sealed, _ := s.Encrypt([]byte("text"), "participant/1/identity")
	altered := bytes.Clone(sealed)
	altered[len(altered)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another context":     func() ([]byte, error) { return s.Decrypt(sealed, "participant/2/identity") },
		"an empty context":    func() ([]byte, error) { return s.Decrypt(sealed, "") },
		"another key":         func() ([]byte, error) { return other.Decrypt(sealed, "participant/1/identity") },
		"an altered text":     func() ([]byte, error) { return s.Decrypt(altered, "participant/1/identity") },
		"a shortened text":    func() ([]byte, error) { return s.Decrypt(sealed[:8], "participant/1/identity") },
		"nothing whatsoever":  func() ([]byte, error) { return s.Decrypt(nil, "participant/1/identity") },
		"the clear text only": func() ([]byte, error) { return s.Decrypt([]byte("text"), "participant/1/identity") },
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := open(); !errors.Is(err, encryption.ErrDecrypt) || got != nil {
				t.Fatalf("got %q, %v", got, err)
			}
		})
	}
}

func TestInARotationEachProgramDecryptsWhatItsNeighboursEncrypt(t *testing.T) {
	_, a, p := newCipher(t)
	announced := must(t)(encryption.Announce(a))
	if again := must(t)(encryption.Announce(announced)); !bytes.Equal(again, announced) {
		t.Error("only one new key may wait")
	}
	promoted := must(t)(encryption.Promote(announced))
	var stages []*encryption.Cipher
	for _, keys := range [][]byte{a, announced, promoted} {
		s, err := encryption.New(keys, p)
		if err != nil {
			t.Fatal(err)
		}
		stages = append(stages, s)
	}
	for i, sealing := range stages {
		sealed := must(t)(sealing.Encrypt([]byte("text"), "c"))
		if later := stages[len(stages)-1]; later.UsesNewestKey(sealed) != (sealing == later) || !sealing.UsesNewestKey(sealed) {
			t.Errorf("sealed at stage %d: with the newest key?", i)
		}
		for j, opening := range stages {
			got, err := opening.Decrypt(sealed, "c")
			// Only the first program and the last never run side by side.
			if wanted := i-j < 2; wanted != (err == nil && string(got) == "text") {
				t.Errorf("sealed at stage %d, opened at stage %d: %q, %v", i, j, got, err)
			}
		}
	}
}

func must(t *testing.T) func([]byte, error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func TestALookupIsTheSameForTheSameValueAndKeyOnly(t *testing.T) {
	s, a, p := newCipher(t)
	again, _ := encryption.New(a, p)
	other, _, _ := newCipher(t)
	const number = "191212121212"
	if s.Lookup(number) != again.Lookup(number) {
		t.Fatal("the same key returned two look-ups")
	}
	if s.Lookup(number) == s.Lookup("189001019802") || s.Lookup(number) == other.Lookup(number) {
		t.Fatal("look-ups must differ by value and by key")
	}
	if s.Lookup(number) == s.Fingerprint([]byte(number)) {
		t.Fatal("a look-up and a fingerprint must have nothing in common")
	}
	if strings.Contains(s.Lookup(number), number) || len(s.Lookup(number)) != 43 {
		t.Fatalf("got %q", s.Lookup(number))
	}
}

func TestAValueStoredUnderTheOlderKeyIsStillFound(t *testing.T) {
	before, a, p := newCipher(t)
	rotated, err := encryption.RotateLookup(p)
	if err != nil {
		t.Fatal(err)
	}
	after, err := encryption.New(a, rotated)
	if err != nil {
		t.Fatal(err)
	}
	all := after.Lookups("191212121212")
	if len(all) != 2 || all[0] != after.Lookup("191212121212") || all[1] != before.Lookup("191212121212") {
		t.Fatalf("got %v", all)
	}
}

func TestWrongKeysAreRefusedAndNotRepeated(t *testing.T) {
	_, a, p := newCipher(t)
	for name, keys := range map[string][2][]byte{
		"the two files swapped": {p, a},
		"an empty file":         {nil, p},
		"something else":        {[]byte(`{"secret":"mellon"}`), p},
		"only the look-up bad":  {a, []byte("mellon")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := encryption.New(keys[0], keys[1])
			if err == nil || strings.Contains(err.Error(), "mellon") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestItDoesNotReachTheNetwork(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains("\n"+string(out), "\nnet/http\n") {
		t.Fatal("the services' nouns use this package, and they must not reach net/http")
	}
}

func FuzzDecrypt(f *testing.F) {
	s, _, _ := newCipher(f)
	sealed, _ := s.Encrypt([]byte("text"), "c")
	f.Add(sealed, "d")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, b []byte, context string) {
		if got, err := s.Decrypt(b, context); err == nil && (context != "c" || string(got) != "text") {
			t.Fatalf("opened %q in %q", got, context)
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	s, _, _ := newCipher(b)
	clear := bytes.Repeat([]byte("x"), 400)
	for b.Loop() {
		if _, err := s.Encrypt(clear, "referral/1/reason"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	s, _, _ := newCipher(b)
	for b.Loop() {
		s.Lookup("191212121212")
	}
}

func TestWhatIsNoKeySetDoesNotRotate(t *testing.T) {
	for name, rotate := range map[string]func([]byte) ([]byte, error){
		"announced": encryption.Announce, "promoted": encryption.Promote, "look-up": encryption.RotateLookup,
	} {
		if got, err := rotate([]byte("mellon")); err == nil || got != nil || strings.Contains(err.Error(), "mellon") {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}
