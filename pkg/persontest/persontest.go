// Package persontest invents persons for tests: names that nobody has and personal
// identity numbers that are valid in form and random. It computes the numbers by
// itself, so that tests can compare it with the parser.
package persontest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Person is an invented person.
type Person struct {
	Number     string // canonical, twelve digits
	GivenName  string
	FamilyName string
	Email      string
	Phone      string
}

var given = []string{"Vera", "Ture", "Saga", "Love", "Kim", "Alva", "Hjalmar", "Signe", "Noomi", "Sixten"}
var family = []string{"Exempelström", "Provberg", "Testander", "Påhittsson", "Övningsgren", "Modellqvist", "Skissmark", "Utkastius"}

// New invents a person who is between 16 and 64 years on the day.
func New(r *rand.Rand, on string) Person {
	p := Person{
		Number:     Number(r, on),
		GivenName:  given[r.IntN(len(given))],
		FamilyName: fmt.Sprintf("%s-%06d", family[r.IntN(len(family))], r.IntN(1_000_000)),
	}
	p.Email = fmt.Sprintf("p%08d@invented.example", r.IntN(100_000_000))
	// 070-1740605 to -99 are reserved for fiction (Swedish Post and Telecom Authority).
	p.Phone = fmt.Sprintf("070-17406%02d", 5+r.IntN(95))
	return p
}

// Number invents a number, one in eight a coordination number, of a person who
// is between 17 and 63 years on the day (so that no edge of an age rule is met).
func Number(r *rand.Rand, on string) string {
	return NumberAged(r, on, 17+r.IntN(47), r.IntN(8) == 0)
}

// NumberAged invents a number of a person of that many whole years on the day.
func NumberAged(r *rand.Rand, on string, years int, coordination bool) string {
	day, err := time.Parse(time.DateOnly, on)
	if err != nil {
		panic("persontest: not a day: " + on)
	}
	// Up to 360 days before the birthday that made the person so old.
	birth := day.AddDate(-years, 0, 0).AddDate(0, 0, -1-r.IntN(360))
	d := birth.Day()
	if coordination {
		d += 60
	}
	nine := fmt.Sprintf("%02d%02d%02d%03d", birth.Year()%100, int(birth.Month()), d, 1+r.IntN(999))
	return fmt.Sprintf("%02d%s%d", birth.Year()/100, nine, CheckDigit(nine))
}

// CheckDigit returns the Luhn check digit of nine digits.
func CheckDigit(nine string) int {
	sum := 0
	for i, c := range nine {
		d := int(c - '0')
		if i%2 == 0 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return (10 - sum%10) % 10
}
