package publication

import (
	"cmp"
	"slices"
)

// Row is a row of a published table. More than one value: rows that were merged.
type Row struct {
	Values []string `json:"values,omitempty"` // none: all
	Count  int      `json:"count"`
}

// Result is a published table.
type Result struct {
	Table
	Rows    []Row `json:"rows"` // none: the table was left out, too like another or of too few
	Merged  bool  `json:"merged,omitempty"`
	LeftOut bool  `json:"leftOut,omitempty"`
	Median  *int  `json:"median,omitempty"` // days, the nearest rank; nil: of fewer than fewest people
	P90     *int  `json:"p90,omitempty"`
}

// fewest is how many people percentiles are of at least. Whether they are shown follows
// from the shown count, so that it says no more than that.
const fewest = 10

// Contributors are who is counted in what was published, exactly. They are kept,
// encrypted, so that a later publication is held against them.
type Contributors struct {
	Year   string             `json:"year"`
	People []string           `json:"people"`
	Keys   []uint32           `json:"keys"` // of the people, in their order
	Rows   map[string][][]int `json:"rows"` // of people by their number; by what is published of them, see Table.kind
}

// kind returns what a table publishes of people: their number, or the days of a step.
// Rows of two kinds cannot be subtracted from each other.
func (t *Table) kind() string {
	if t.Days {
		return t.Measure + "/" + t.Detail
	}
	return "count"
}

// guard holds what is to be published against all that is.
type guard struct {
	keys      map[string]uint32
	key       func(person string) uint32
	published map[string][][]string // the people of each published row, sorted, by kind
}

// sum returns the sum of the people's record keys: their cell key.
func (g *guard) sum(people []string) (sum uint32) {
	for _, person := range people {
		k, known := g.keys[person]
		if !known {
			k = g.key(person)
			g.keys[person] = k
		}
		sum += k
	}
	return sum
}

// allows reports whether a row may be published: it is alike neither to nobody nor to
// any other row of its kind that has somebody in common with it.
func (g *guard) allows(kind string, people []string, earlier ...[]string) bool {
	if len(people) <= maxAlike && isAlike(len(people), g.sum(people)) {
		return false
	}
	for _, others := range [][][]string{g.published[kind], earlier} {
		for _, other := range others {
			d, few := difference(people, other)
			if few && len(d) < len(people)+len(other) && isAlike(len(d), g.sum(d)) {
				return false
			}
		}
	}
	return true
}

// difference returns who is in one of two sorted lists and not in the other, when they
// are at most maxAlike.
func difference(a, b []string) (d []string, few bool) {
	if len(a)-len(b) > maxAlike || len(b)-len(a) > maxAlike {
		return nil, false
	}
	d = make([]string, 0, maxAlike+1)
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			d, a = append(d, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			d, b = append(d, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
			continue
		}
		if len(d) > maxAlike {
			return nil, false
		}
	}
	return d, true
}

// Make computes the tables of a plan from what people count for in a period of a year.
// former are the contributors of all publications before; key returns a person's record
// key of the year. It returns the tables as they are published, and who is in them.
func (p *Plan) Make(year string, municipalities []string, facts []Fact, former []*Contributors, key func(person string) uint32) ([]Result, *Contributors) {
	g := &guard{keys: map[string]uint32{}, key: key, published: map[string][][]string{}}
	for _, c := range former {
		if c.Year == year { // whatever has become of the key that theirs were made by
			for i, person := range c.People {
				g.keys[person] = c.Keys[i]
			}
		}
		c.publishAgain(g)
	}
	before := map[string]int{}
	for kind, rows := range g.published {
		before[kind] = len(rows)
	}
	byPerson := func(a, b Fact) int { return cmp.Compare(a.Person, b.Person) }
	if !slices.IsSortedFunc(facts, byPerson) {
		facts = slices.SortedFunc(slices.Values(facts), byPerson)
	}
	results := make([]Result, len(p.Tables))
	for i, t := range p.Tables {
		if t.Rows == nil {
			for _, code := range municipalities {
				t.Rows = append(t.Rows, []string{code})
			}
		}
		if t.Days {
			results[i] = t.publishDays(g, t.countedOf(facts))
		} else {
			results[i] = t.publish(g, t.countedOf(facts))
		}
	}
	made := &Contributors{Year: year, Rows: map[string][][]int{}}
	number := map[string]int{}
	for kind, rows := range g.published {
		for _, people := range rows[before[kind]:] {
			made.Rows[kind] = append(made.Rows[kind], made.enter(people, number, g.keys))
		}
	}
	return results, made
}

// publish merges the rows of a table until all may be published: the first that may not
// with the next one, the last with the one before. A table of one row that may not is
// left out.
func (t *Table) publish(g *guard, counted []*Fact) Result {
	r := Result{Table: *t}
	rows, people := slices.Clone(t.Rows), make([][]string, len(t.Rows))
	for i, values := range rows {
		people[i], _ = t.people(counted, values)
	}
	for {
		i := 0
		for i < len(rows) && g.allows(t.kind(), people[i], people[:i]...) {
			i++
		}
		if i == len(rows) {
			break
		}
		if len(rows) == 1 {
			r.LeftOut = true
			return r
		}
		i = min(i, len(rows)-2)
		values := slices.Concat(rows[i], rows[i+1])
		both, _ := t.people(counted, values)
		rows, people = slices.Replace(rows, i, i+2, values), slices.Replace(people, i, i+2, both)
		r.Merged = true
	}
	for i, values := range rows {
		if t.By == byTotal {
			values = nil
		}
		r.Rows = append(r.Rows, Row{Values: values, Count: Shown(len(people[i]), g.sum(people[i]))})
	}
	g.published[t.kind()] = append(g.published[t.kind()], people...)
	return r
}

// publishDays returns the percentiles of how many days a step took.
func (t *Table) publishDays(g *guard, counted []*Fact) Result {
	r := Result{Table: *t}
	people, days := t.people(counted, t.Rows[0])
	if Shown(len(people), g.sum(people)) < fewest+maxDeviation || !g.allows(t.kind(), people) {
		r.LeftOut = true
		return r
	}
	g.published[t.kind()] = append(g.published[t.kind()], people)
	rank := func(percent int) *int { return &days[(len(days)*percent+99)/100-1] }
	r.Median, r.P90 = rank(50), rank(90)
	return r
}

// publishAgain makes the rows known to a guard.
func (c *Contributors) publishAgain(g *guard) {
	for kind, rows := range c.Rows {
		for _, row := range rows {
			people := make([]string, len(row))
			for i, n := range row {
				people[i] = c.People[n]
			}
			slices.Sort(people)
			g.published[kind] = append(g.published[kind], people)
		}
	}
}

// enter returns the numbers of the people of a row, and numbers those that are new.
func (c *Contributors) enter(people []string, number map[string]int, keys map[string]uint32) []int {
	row := make([]int, len(people))
	for i, person := range people {
		n, known := number[person]
		if !known {
			n = len(c.People)
			number[person] = n
			c.People, c.Keys = append(c.People, person), append(c.Keys, keys[person])
		}
		row[i] = n
	}
	return row
}
