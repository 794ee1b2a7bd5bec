package figures

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestATableHasEachNumberOnce sums up the rows of a measure and compares them with the figures.
func TestATableHasEachNumberOnce(t *testing.T) {
	for seed := range uint64(50) {
		f := Count(invent(rand.New(rand.NewPCG(seed, 86))).input(0, 9))
		want := map[string]int{}
		for _, r := range f.Weeks {
			want["Tillfällen"] += r.Held
			want["Inställda"] += r.CalledOff
			want["Platser"] += r.Places
			want["Använda platser"] += r.Used
			for _, a := range r.People {
				for measure, n := range map[string]int{
					"Bokade": a.Booked, "Närvarande": a.Present, "Sena": a.Late, "Anmäld frånvaro": a.Notified, "Oanmäld frånvaro": a.Absent, "Inte noterade": a.Unnoted,
				} {
					want[measure] += n
					if a.Municipality == "1402" {
						want[measure+" Partille"] += n
					}
				}
			}
		}
		for _, g := range f.Groups {
			want["Deltagare i grupp som startade"] += g.Size
		}
		table, got := f.Table(map[string]string{"1402": "Partille"}), map[string]int{}
		if !slices.Equal(table[0], []string{"Vecka", "Slag", "Mått", "Kommun", "Kön", "Antal"}) {
			t.Fatalf("the headings are %q", table[0])
		}
		waits := 0
		for _, row := range table[1:] {
			n, err := strconv.Atoi(row[5])
			if err != nil || row[1] == "" || row[2] == "" {
				t.Fatalf("a row without a number, a category or a measure: %q", row)
			}
			if row[0] == "" {
				waits++
				continue
			}
			got[row[2]] += n
			if row[3] == "Partille" {
				got[row[2]+" Partille"] += n
			}
		}
		for measure, n := range want {
			if got[measure] != n {
				t.Errorf("seed %d: %s sum up to %d, want %d", seed, measure, got[measure], n)
			}
		}
		if waits != 3*len(f.Waits) {
			t.Errorf("seed %d: %d rows of %d waits: %s", seed, waits, len(f.Waits), fmt.Sprint(table))
		}
	}
}
