package personal

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/persontest"
)

func TestANumberIsKnownHoweverItIsWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		n := persontest.Number(r, "2026-11-22")
		for _, text := range []string{
			n, n[2:], n[:8] + "-" + n[8:], n[2:8] + "+" + n[8:], "PNR:" + n, "PNR:" + n[2:8] + "-" + n[8:], "ref-" + n + "-a", n[:4] + "-" + n[4:6] + "-" + n[6:8] + "-" + n[8:],
		} {
			if !Number(text) {
				t.Fatalf("%q was not known", text)
			}
		}
	}
}

func TestTheTaxAgencysTestNumbersAreKnown(t *testing.T) {
	for _, text := range []string{
		"19121212-1212", "191212121212", "121212-1212", "121212+1212", "12.12.12:1212", "189001019802", "FK191212121212",
		"701063-2391", // a coordination number: day 63
	} {
		if !Number(text) {
			t.Errorf("%q was not known", text)
		}
	}
}

func TestWhatIsNoNumberIsLeftAlone(t *testing.T) {
	for _, text := range []string{
		"", "FK-2026-004711", "191212121213", "201313121212", "coach-17", "123", "1212121213", "1213121212", "2026004711", "2026-11-22T08:15:30Z", strings.Repeat("1", 40),
	} {
		if Number(text) {
			t.Errorf("%q was taken for a number", text)
		}
	}
	for range 10_000 {
		if id := uuid.NewString(); Number(id) {
			t.Errorf("the random id %s was taken for a number", id)
		}
	}
}

func FuzzNumber(f *testing.F) {
	f.Add("191212121212")
	f.Fuzz(func(t *testing.T, text string) {
		if Number(text) && !strings.ContainsAny(text, "0123456789") {
			t.Errorf("%q has no digits", text)
		}
	})
}
