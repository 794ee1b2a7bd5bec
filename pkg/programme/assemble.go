package programme

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// historyYears is how far back an assembled association knows its weeks and closed days:
// longer than anybody may book, note or correct.
const historyYears = 2

// Assemble returns the file of what is active on a day; series and closed days have all
// their forms from two years before on. Those that are over name the place of a site that has
// ended. It holds what the objects hold: neither is to be changed.
func Assemble(objects []*Object, on civil.Date) *association.File {
	f, digest, ended := &association.File{}, sha256.New(), map[string]string{} // place of each site without a version on the day
	sorted := slices.SortedFunc(slices.Values(objects), func(a, b *Object) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)), cmp.Compare(a.ID, b.ID))
	})
	for _, o := range sorted {
		f.Association.ID = o.Association
		switch v, active := o.On(on); {
		case o.Kind == ClosedDays || o.Kind == Series:
			o.assembleForms(f, on, ended, digest)
		case active:
			fmt.Fprintln(digest, o.ID, v.N)
			o.assemble(f, v)
		case o.Kind == Site && len(o.Versions) > 0: // before all series
			ended[o.ID] = o.Versions[len(o.Versions)-1].Content.Site.Place()
		}
	}
	position := func(w association.Week) int {
		return slices.IndexFunc(f.Municipalities, func(m association.Municipality) bool { return m.Code == w.Municipality })
	}
	slices.SortFunc(f.Weeks, func(a, b association.Week) int { return cmp.Compare(position(a), position(b)) })
	for _, w := range f.Weeks {
		slices.SortFunc(w.Activities, inWeek)
	}
	f.Version = hex.EncodeToString(digest.Sum(nil)[:6])
	return f
}

// inWeek orders activities by weekday and time; those without come last.
func inWeek(a, b association.Activity) int {
	day := func(a association.Activity) int {
		if d, ok := a.Weekday(); ok {
			return (int(d) + 6) % 7
		}
		return 7
	}
	return cmp.Or(cmp.Compare(day(a), day(b)), cmp.Compare(cmp.Or(a.From, "~"), cmp.Or(b.From, "~")), cmp.Compare(a.Name, b.Name), cmp.Compare(a.GivenID, b.GivenID))
}

// assemble adds to a file what the object says on a day.
func (o *Object) assemble(f *association.File, v *Version) {
	c, parts := v.Content, strings.Split(o.ID, ".")
	switch o.Kind {
	case Association:
		f.Association.Name, f.Municipalities, f.Authorities = c.Association.Name, c.Association.Municipalities, c.Association.Authorities
	case Initiative:
		x := association.FileInitiative{Initiative: *c.Initiative}
		x.ID, x.Version = parts[1], v.N
		f.Initiatives = append(f.Initiatives, x)
	case Plan:
		i := slices.IndexFunc(f.Initiatives, func(x association.FileInitiative) bool { return x.ID == parts[1] })
		p := *c.Plan
		p.Version = v.N
		if i >= 0 && o.Municipality == "" {
			f.Initiatives[i].Plan = p
		} else if i >= 0 {
			f.Initiatives[i].Plans = append(f.Initiatives[i].Plans, association.MunicipalPlan{Municipality: o.Municipality, Plan: p})
		}
	case Terms:
		f.Terms = *c.Terms
	case ConsentText:
		t := *c.ConsentText
		t.Version, t.Language = parts[1], parts[2]
		f.ConsentTexts = append(f.ConsentTexts, t)
	case CodeList:
		l := *c.CodeList
		l.ID = parts[1]
		f.CodeLists = append(f.CodeLists, l)
	case Site:
		s, w := *c.Site, weekOf(f, o.Municipality)
		s.ID, s.Municipality = parts[2], ""
		w.Sites = append(w.Sites, s)
	}
}

// weekOf returns the week of a municipality in a file.
func weekOf(f *association.File, municipality string) *association.Week {
	i := slices.IndexFunc(f.Weeks, func(w association.Week) bool { return w.Municipality == municipality })
	if i < 0 {
		i, f.Weeks = len(f.Weeks), append(f.Weeks, association.Week{Municipality: municipality})
	}
	return &f.Weeks[i]
}

// assembleForms adds to a file what series or closed days are from two years before a day on.
func (o *Object) assembleForms(f *association.File, on civil.Date, ended map[string]string, digest io.Writer) {
	var days []association.Calendar
	var series []association.Activity
	for _, p := range o.since(on.AddYears(-historyYears)) {
		fmt.Fprintln(digest, o.ID, p)
		from := p.From
		if from <= Beginning {
			from = ""
		}
		switch v := o.Version(p.Version); {
		case o.Kind == ClosedDays && v == nil:
			days = append(days, association.Calendar{Version: o.Versions[len(o.Versions)-1].N, Since: from})
		case o.Kind == ClosedDays:
			days = append(days, *v.Content.ClosedDays)
			days[len(days)-1].Version, days[len(days)-1].Since = v.N-1, from
		case v == nil:
			gone := series[len(series)-1]
			gone.Since, gone.Day, gone.Gone = from, "", true
			series = append(series, gone)
		default:
			x := *v.Content.Series
			x.GivenID, x.Since, x.Version = strings.TrimPrefix(o.ID, "series."), from, v.N
			if place := ended["site."+o.Municipality+"."+x.Site]; place != "" && p.last() < on {
				x.Site, x.Place = "", place
			}
			series = append(series, x)
		}
	}
	switch {
	case len(days) > 0 && o.Municipality == "":
		f.Calendar = days[0]
		f.Calendar.Later = days[1:]
	case len(days) > 0:
		days[0].Later = days[1:]
		weekOf(f, o.Municipality).Calendar = &days[0]
	case len(series) > 0:
		series[0].Later = series[1:]
		w := weekOf(f, o.Municipality)
		w.Activities = append(w.Activities, series[0])
	}
}

// since returns the periods that are not over on a day, and between and behind them those
// in which no version holds.
func (o *Object) since(day civil.Date) []Period {
	var all []Period
	for i, p := range o.Periods {
		if p.last() < day {
			continue
		}
		all = append(all, p)
		if p.Until != "" && (i+1 == len(o.Periods) || p.Until.AddDays(1) < o.Periods[i+1].From) {
			all = append(all, Period{From: p.Until.AddDays(1)})
		}
	}
	return all
}

// Export returns the file of what is active on a day as YAML, which says when series and
// closed days become another. Read again, it wants nothing that the objects have not.
func Export(objects []*Object, on civil.Date) ([]byte, error) {
	f := Assemble(objects, on)
	if len(f.Initiatives) == 1 {
		f.Initiative, f.Initiatives = &f.Initiatives[0], nil
	}
	for _, w := range f.Weeks {
		for i := range w.Activities {
			w.Activities[i] = w.Activities[i].Written()
		}
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(f); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}
