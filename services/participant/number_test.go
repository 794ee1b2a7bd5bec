package participant

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/quick"

	"github.com/finsam/finsam/pkg/persontest"
)

const today Day = "2026-11-22"

func TestParseNumber(t *testing.T) {
	for _, c := range []struct{ sentence, text, want string }{
		// From the Tax Agency's published test numbers.
		{"a test number of the 19th century", "189001019802", "189001019802"},
		{"a test number of 1912", "191212121212", "191212121212"},
		{"a test number of 1990", "199001012385", "199001012385"},
		{"a test number of 1964", "196408233234", "196408233234"},
		{"a test number of a leap day", "200002292399", "200002292399"},
		{"a test coordination number of 1914", "191401682396", "191401682396"},
		{"a test coordination number of 2026", "202601612381", "202601612381"},

		{"twelve digits with a dash", "19900101-2385", "199001012385"},
		{"ten digits with a dash", "900101-2385", "199001012385"},
		{"ten digits", "9001012385", "199001012385"},
		{"a plus makes ten digits a hundred years older", "121212+1212", "191212121212"},
		{"a dash makes the same digits younger", "121212-1212", "201212121212"},
		{"a plus for the one who turns a hundred this year", "260101+" + tail("260101"), "19260101" + tail("260101")},
		{"a dash for the newborn of this year", "260101-" + tail("260101"), "20260101" + tail("260101")},
		{"a plus and twelve digits agree", "19121212+1212", "191212121212"},

		{"nothing", "", ""},
		{"nine digits", "900101238", ""},
		{"eleven digits without sign", "99001012385", ""},
		{"thirteen digits", "1990010123855", ""},
		{"another sign", "900101*2385", ""},
		{"a sign in the wrong place", "9001012-385", ""},
		{"a letter", "90010123A5", ""},
		{"digits of another script", "٩٠٠١٠١٢٣٨٥", ""},
		{"a blank", "900101 2385", ""},
		{"a wrong check digit", "199001012386", ""},
		{"month 13", "199013012383", ""},
		{"30 February", withTail("19900230"), ""},
		{"29 February of a common year", withTail("20230229"), ""},
		{"day 00", withTail("19900100"), ""},
		{"day 60, a coordination number's day 00", withTail("19900160"), ""},
		{"day 92, a coordination number's day 32", withTail("19900192"), ""},
		{"serial 000", "19900101000" + check("900101000"), ""},
		{"a date to come", withTail("20261123"), ""},
		{"a person born before any who can live", withTail("17990101"), ""},
		{"a plus and a young person disagree", "19900101+2385", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			got, err := ParseNumber(c.text, today)
			if string(got) != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			if (c.want == "") != errors.Is(err, ErrNumber) {
				t.Fatalf("error %v", err)
			}
		})
	}
}

// tail gives a serial and its check digit for six digits of date.
func tail(six string) string       { return "238" + check(six+"238") }
func withTail(eight string) string { return eight + tail(eight[2:]) }

// check is the check digit, worked out from the sum's other end than luhn does.
func check(nine string) string {
	for c := '0'; c <= '9'; c++ {
		if luhn(nine + string(c)) {
			return string(c)
		}
	}
	return "?"
}

func TestANumberTellsTheDateOfBirth(t *testing.T) {
	if n := Number("191401682396"); !n.Coordination() || n.Birth() != "1914-01-08" || n.Masked() != "19140168-****" {
		t.Errorf("got %v %v %v", n.Coordination(), n.Birth(), n.Masked())
	}
	if n := Number("199001012385"); n.Coordination() || n.Birth() != "1990-01-01" {
		t.Errorf("got %v %v", n.Coordination(), n.Birth())
	}
}

func TestEveryInventedNumberIsRead(t *testing.T) {
	right := func(seed uint64) bool {
		invented := persontest.Number(rand.New(rand.NewPCG(seed, 1)), "2026-11-22")
		n, err := ParseNumber(invented, today)
		return err == nil && string(n) == invented
	}
	if err := quick.Check(right, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

func TestOneWrongDigitIsAlwaysFound(t *testing.T) {
	const right = "199001012385"
	for i := 2; i < len(right); i++ {
		for d := byte('0'); d <= '9'; d++ {
			wrong := right[:i] + string(d) + right[i+1:]
			if _, err := ParseNumber(wrong, today); wrong != right && err == nil {
				t.Errorf("%s was taken", wrong)
			}
		}
	}
}

func TestCodesBearNoNumber(t *testing.T) {
	for code, bears := range map[string]bool{
		"199001012385": true, "unit-900101-2385": true, "19900101-2385 Vera": true, "a9001012385b": true,
		"fk-molndal": false, "coach-17": false, "2120001488": false, "199001012386": false, "": false,
		"3f0c8a52-6a43-4d0e-9d3e-0d8c7a1b2c3d": false,
	} {
		if got := errors.Is(noNumber("/unit", today, "fk", code), ErrNumberHere); got != bears {
			t.Errorf("%q: got %v", code, got)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"199001012385", "900101-2385", "121212+1212", "191401682396", "", "-+", "000000-0000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseNumber(text, today)
		if err != nil {
			if n != "" || strings.Contains(err.Error(), text) && len(text) > 3 {
				t.Fatalf("an error gave %q and %q", n, err)
			}
			return
		}
		again, err := ParseNumber(string(n), today)
		if err != nil || again != n {
			t.Fatalf("%q is read as %q, and that as %q, %v", text, n, again, err)
		}
		if _, err := ParseDay(string(n.Birth())); err != nil || n.Birth() > today {
			t.Fatalf("%q was born on %q", n, n.Birth())
		}
	})
}
