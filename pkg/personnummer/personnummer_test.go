package personnummer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/persontest"
)

const today civil.Date = "2026-11-22"

func TestParse(t *testing.T) {
	for _, c := range []struct{ sentence, text, want string }{
		// From the Tax Agency's published test numbers.
		{"a test number of the 19th century", "189001019802", "189001019802"},
		{"a test number of 1912", "191212121212", "191212121212"},
		{"a test number of 1990", "199001012385", "199001012385"},
		{"a test number of 1964", "196408233234", "196408233234"},
		{"a test number of a leap day", "200002292399", "200002292399"},
		{"a test coordination number of 1914", "191401682396", "191401682396"},
		{"a test coordination number of 2026", "202601612381", "202601612381"},
		{"a test coordination number without a month", "191500882392", "191500882392"},
		{"a test coordination number of 30 February", "193002902397", "193002902397"},

		{"twelve digits with a dash", "19900101-2385", "199001012385"},
		{"ten digits with a dash", "900101-2385", "199001012385"},
		{"ten digits", "9001012385", "199001012385"},
		{"ten digits of a coordination number without a month", "150088-2392", "201500882392"},
		{"a plus makes ten digits a hundred years older", "121212+1212", "191212121212"},
		{"a dash makes the same digits younger", "121212-1212", "201212121212"},
		{"a plus for the one who turns a hundred this year", "260101+" + tail("260101"), "19260101" + tail("260101")},
		{"a dash for the newborn of this year", "260101-" + tail("260101"), "20260101" + tail("260101")},
		{"a plus and twelve digits agree", "19121212+1212", "191212121212"},
		{"a coordination number of this year without a month", withTail("20260068"), withTail("20260068")},
		{"a coordination number without month and day", withTail("19700060"), withTail("19700060")},
		{"a coordination number without a day", withTail("19701060"), withTail("19701060")},

		{"nothing", "", ""},
		{"nine digits", "900101238", ""},
		{"eleven digits without sign", "99001012385", ""},
		{"thirteen digits", "1990010123855", ""},
		{"another sign", "900101*2385", ""},
		{"a sign in the wrong place", "9001012-385", ""},
		{"a letter", "90010123A5", ""},
		{"an interim number", "19900101-T123", ""},
		{"digits of another script", "٩٠٠١٠١٢٣٨٥", ""},
		{"a blank", "900101 2385", ""},
		{"a wrong check digit", "199001012386", ""},
		{"month 13", "199013012383", ""},
		{"month 00 of a personal identity number", withTail("19900001"), ""},
		{"30 February", withTail("19900230"), ""},
		{"29 February of a common year", withTail("20230229"), ""},
		{"day 00", withTail("19900100"), ""},
		{"day 32", withTail("19900132"), ""},
		{"day 92, a coordination number's day 32", withTail("19900192"), ""},
		{"serial 000", "19900101000" + check("900101000"), ""},
		{"a date to come", withTail("20261123"), ""},
		{"a month to come", withTail("20261260"), ""},
		{"a year to come", withTail("20270060"), ""},
		{"a person born before any who can live", withTail("17990101"), ""},
		{"a plus and a young person disagree", "19900101+2385", ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			got, err := Parse(c.text, today)
			if string(got) != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			if (c.want == "") != errors.Is(err, ErrInvalid) {
				t.Fatalf("error %v", err)
			}
		})
	}
}

// tail is a serial and its check digit for six digits of date.
func tail(six string) string       { return "238" + check(six+"238") }
func withTail(eight string) string { return eight + tail(eight[2:]) }
func check(nine string) string     { return fmt.Sprint(persontest.CheckDigit(nine)) }

// published reads test numbers of the Tax Agency: the committed sample and, where
// they are beside the project, all of them.
func published(t *testing.T, name string, all int) []string {
	t.Helper()
	sample, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	numbers := strings.Fields(string(sample))
	if whole, err := os.ReadFile(filepath.Join("../../../shared/data", name)); err == nil {
		if numbers = strings.Fields(string(whole)); len(numbers) != all {
			t.Fatalf("%d numbers, want %d", len(numbers), all)
		}
	}
	return numbers
}

func TestEveryPublishedTestNumberIsValid(t *testing.T) {
	for name, all := range map[string]int{"personal-numbers.txt": 4000, "coordination-numbers.txt": 2264} {
		unknown := 0
		for _, text := range published(t, name, all) {
			n, err := Parse(text, today)
			if err != nil || string(n) != text || n.IsCoordination() != strings.HasPrefix(name, "coord") {
				t.Errorf("%s: got %q, %v", text, n, err)
				continue
			}
			if _, ok := n.BirthDate(); !ok {
				unknown++
			}
			if !Contains(text) || !Contains("ref"+text[2:]) {
				t.Errorf("%s is not found in a text", text)
			}
		}
		if (unknown > 0) != strings.HasPrefix(name, "coord") {
			t.Errorf("%s: %d without a date of birth", name, unknown)
		}
	}
}

func TestANumberSaysWhenAPersonWasBorn(t *testing.T) {
	for _, c := range []struct {
		number       Number
		coordination bool
		birth        civil.Date // empty: unknown
		age          int
		masked       string
	}{
		{"199001012385", false, "1990-01-01", 36, "19900101-****"},
		{"191401682396", true, "1914-01-08", 112, "19140168-****"},
		{"191500882392", true, "", 0, "19150088-****"},
		{"193002902397", true, "", 0, "19300290-****"},
		{Number(withTail("19701060")), true, "", 0, "19701060-****"},
	} {
		birth, known := c.number.BirthDate()
		age, ageKnown := c.number.AgeOn(today)
		if c.number.IsCoordination() != c.coordination || birth != c.birth || known != (c.birth != "") || ageKnown != known ||
			age != c.age || c.number.Masked() != c.masked {
			t.Errorf("%s: %q %v, %d %v, %s", c.number, birth, known, age, ageKnown, c.number.Masked())
		}
	}
}

func TestEveryInventedNumberIsRead(t *testing.T) {
	right := func(seed uint64) bool {
		invented := persontest.Number(rand.New(rand.NewPCG(seed, 1)), string(today))
		n, err := Parse(invented, today)
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
			if _, err := Parse(wrong, today); wrong != right && err == nil {
				t.Errorf("%s was taken", wrong)
			}
		}
	}
}

func TestANumberIsFoundHoweverItIsWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		n := persontest.Number(r, string(today))
		for _, text := range []string{
			n, n[2:], n[:8] + "-" + n[8:], n[2:8] + "+" + n[8:], "PNR:" + n, "PNR:" + n[2:8] + "-" + n[8:], "ref-" + n + "-a", n[:4] + "-" + n[4:6] + "-" + n[6:8] + "-" + n[8:],
			"7 " + n[:8] + "-" + n[8:], "2026-" + n, n + "2026", "0" + n, "46" + n[:8] + " " + n[8:], n[:8] + " - " + n[8:] + ", 7",
		} {
			if !Contains(text) {
				t.Fatalf("%q: nothing found", text)
			}
		}
	}
	for _, text := range []string{
		"19121212-1212", "191212121212", "121212-1212", "121212+1212", "12.12.12:1212", "189001019802", "FK191212121212",
		"701063-2391", // a coordination number: day 63
		"pnr-198001012387", "SE198001012387", "19800101 2387", "FK-191500882392", "191500882392", "150088-2392",
		"19800101–2387", "19800101−2387", "19800101\u00a02387", "198001\u200b012387", "19 80 01 01 23 87", "19800101|2387", "19800101\t2387",
		"１９８００１０１２３８７", "１９８００１０１－２３８７", "١٩٨٠٠١٠١٢٣٨٧", "𝟏𝟗𝟖𝟎𝟎𝟏𝟎𝟏𝟐𝟑𝟖𝟕", "åäö198001012387åäö",
		"19800101-T238", "19800101T238", "800101-R23A5 800101-R235", "se19800101 2a38", "19800061-38P1",
		"999999-A123 800101-R235", "999999-A123, 999999-A124, 800101-R235", // behind what only looks like one
		"urn:uuid:19800101-2387-4000-8000-000000000000 19800101-2387",
	} {
		if !Contains(text) {
			t.Errorf("%q: nothing found", text)
		}
	}
}

func TestWhatIsNoNumberIsLeftAlone(t *testing.T) {
	for _, text := range []string{
		"", "FK-2026-004711", "191212121213", "201313121212", "coach-17", "123", "1212121213", "1213121212", "2026004711", strings.Repeat("1", 40),
		"2026-11-22T08:15:30Z", "20261122T0815", "2120001488", "unit 900101", "1980-01-01 or 2387", "19800101 .... 2387", "900101000" + check("900101000"),
		"031-315 10 00", "fk-molndal", "3f0c8a52-6a43-4d0e-9d3e-0d8c7a1b2c3d", "165560360793", "19801301-T238", "00000000000000000000",
	} {
		if Contains(text) {
			t.Errorf("%q was taken for a number", text)
		}
	}
	for range 10_000 {
		if id := uuid.NewString(); Contains(id) {
			t.Errorf("the random id %s was taken for a number", id)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"199001012385", "900101-2385", "121212+1212", "191401682396", "191500882392", "", "-+", "000000-0000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Parse(text, today)
		if err != nil {
			if n != "" || strings.Contains(err.Error(), text) && len(text) > 3 {
				t.Fatalf("an error returned %q and %q", n, err)
			}
			return
		}
		if again, err := Parse(string(n), today); err != nil || again != n {
			t.Fatalf("%q is read as %q, and that as %q, %v", text, n, again, err)
		}
		if birth, ok := n.BirthDate(); ok && (!birth.Valid() || birth > today) {
			t.Fatalf("%q was born on %q", n, birth)
		}
		if !Contains(text) || !Contains(string(n)) {
			t.Fatalf("%q is a number that is not found", text)
		}
	})
}

func FuzzContains(f *testing.F) {
	f.Add("191212121212")
	f.Add("19800101−T238")
	f.Fuzz(func(t *testing.T, text string) {
		if !Contains(text + " 19121212-1212") {
			t.Errorf("a number after %q is not found", text)
		}
		if Contains(text) && countDigits(text) < minDigits {
			t.Errorf("%q has too few digits", text)
		}
	})
}

func ExampleParse() {
	n, err := Parse("150088+2392", "2026-11-22")
	_, known := n.BirthDate()
	fmt.Println(n.Masked(), known, err)
	// Output: 19150088-**** false <nil>
}
