package persontest_test

import (
	"math/rand/v2"
	"testing"

	"github.com/finsam/finsam/pkg/persontest"
)

func TestTheCheckDigitIsThatOfTheTaxAgencysTestNumbers(t *testing.T) {
	for _, n := range []string{"189001019802", "191212121212", "199001012385", "191401682396"} {
		if got := persontest.CheckDigit(n[2:11]); got != int(n[11]-'0') {
			t.Errorf("%s: got %d", n, got)
		}
	}
}

func TestTheSameSeedInventsTheSamePerson(t *testing.T) {
	invent := func() persontest.Person { return persontest.New(rand.New(rand.NewPCG(7, 7)), "2026-11-22") }
	p := invent()
	if again := invent(); again != p {
		t.Error("two runs with one seed differ")
	}
	if len(p.Number) != 12 || p.GivenName == "" || p.Email == "" || p.Phone == "" {
		t.Errorf("incomplete: %+v", p)
	}
}
