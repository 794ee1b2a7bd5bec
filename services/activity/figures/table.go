package figures

import (
	"cmp"
	"strconv"

	"github.com/finsam/finsam/pkg/codelist"
)

var (
	categoryNames = codelist.Labels[string]("ActivityCategory")
	genderNames   = codelist.Labels[string]("Gender")
	waitNames     = codelist.Labels[string]("ActivityWaitKind")
)

// Table returns the figures for people in Sweden: below a row of headings one number a row, so
// that a spreadsheet program can group them. names are those of the municipalities by code.
func (f *Figures) Table(names map[string]string) [][]string {
	table := [][]string{{"Vecka", "Slag", "Mått", "Kommun", "Kön", "Antal"}}
	add := func(week, category, measure, municipality, gender string, n int) {
		table = append(table, []string{week, cmp.Or(categoryNames[category].SV, category), measure, municipality, cmp.Or(genderNames[gender].SV, gender), strconv.Itoa(n)})
	}
	for _, r := range f.Weeks {
		week := r.Week.String()
		add(week, r.Category, "Tillfällen", "", "", r.Held)
		add(week, r.Category, "Inställda", "", "", r.CalledOff)
		add(week, r.Category, "Platser", "", "", r.Places)
		add(week, r.Category, "Använda platser", "", "", r.Used)
		for _, a := range r.People {
			from := cmp.Or(names[a.Municipality], a.Municipality)
			add(week, r.Category, "Bokade", from, a.Gender, a.Booked)
			add(week, r.Category, "Närvarande", from, a.Gender, a.Present)
			add(week, r.Category, "Sena", from, a.Gender, a.Late)
			add(week, r.Category, "Anmäld frånvaro", from, a.Gender, a.Notified)
			add(week, r.Category, "Oanmäld frånvaro", from, a.Gender, a.Absent)
			add(week, r.Category, "Inte noterade", from, a.Gender, a.Unnoted)
		}
	}
	for _, g := range f.Groups {
		add(g.Week.String(), g.Category, "Deltagare i grupp som startade", "", "", g.Size)
	}
	for _, w := range f.Waits {
		kind := " (" + waitNames[w.For].SV + ")"
		add("", w.Category, "Fick erbjudande eller plats"+kind, "", "", w.Count)
		add("", w.Category, "Väntan, median dagar"+kind, "", "", w.Median)
		add("", w.Category, "Väntan, 90:e percentilen dagar"+kind, "", "", w.P90)
	}
	return table
}
