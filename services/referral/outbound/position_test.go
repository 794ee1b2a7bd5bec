package outbound

import (
	"errors"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/parts"
)

// positions returns a service that can only seal positions.
func positions(t testing.TB) *Service {
	t.Helper()
	aead, prf, err := encryption.Generate()
	if err != nil {
		t.Fatal(err)
	}
	c, err := encryption.New(aead, prf)
	if err != nil {
		t.Fatal(err)
	}
	return &Service{Config: Config{Parts: parts.Parts{Cipher: c}}}
}

var fk, molndal = actor.Actor{Association: "insjoriket", Authority: "fk"}, actor.Actor{Association: "insjoriket", Authority: "molndal"}

func TestAPositionIsReadByItsAuthorityAndIsAsLongAsAnyOther(t *testing.T) {
	s := positions(t)
	length := 0
	for _, n := range []int64{0, 1, 167, 1 << 40, 1<<63 - 1} {
		text, err := s.sealPosition(fk, n)
		if err != nil {
			t.Fatal(err)
		}
		if length == 0 {
			length = len(text)
		}
		if len(text) != length || length > 64 {
			t.Errorf("the position %d has %d characters, the first one has %d", n, len(text), length)
		}
		if got, err := s.openPosition(fk, text); err != nil || got != n {
			t.Errorf("%d is read as %d, %v", n, got, err)
		}
		if _, err := s.openPosition(molndal, text); !errors.Is(err, ErrPosition) {
			t.Errorf("another's: %v", err)
		}
	}
}

// FuzzPosition tries texts as positions: what the service has not written is ErrPosition.
func FuzzPosition(f *testing.F) {
	s := positions(f)
	text, _ := s.sealPosition(fk, 5)
	for _, text := range []string{"YTA", "YQ", "YS0x", "b1", text + "A", text[1:], text[:len(text)-1] + "_"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := s.openPosition(fk, text); !errors.Is(err, ErrPosition) && (text != "" || n != 0) {
			t.Fatalf("%q is %d, %v", text, n, err)
		}
	})
}
