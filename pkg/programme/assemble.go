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

// Assemble returns the file of what is active on a day; series, sites and closed days have all
// their forms from two years before on, and texts of consent all their periods. It holds what
// the objects hold: neither is to be changed.
func Assemble(objects []*Object, on civil.Date) *association.File {
	f, digest := &association.File{}, sha256.New()
	sorted := slices.SortedFunc(slices.Values(objects), func(a, b *Object) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)), cmp.Compare(a.ID, b.ID))
	})
	for _, o := range sorted {
		f.Association.ID = o.Association
		for _, p := range o.Periods { // a referral is held against the text of the day of its consent
			if p.From <= Beginning {
				p.From = ""
			}
			if o.Kind == ConsentText {
				f.ConsentPeriods = append(f.ConsentPeriods, association.ConsentPeriod{Version: strings.Split(o.ID, ".")[1], From: p.From, Until: p.Until})
			}
		}
		switch v, active := o.On(on); {
		case o.Kind == ClosedDays || o.Kind == Series || o.Kind == Site:
			o.assembleForms(f, on, digest)
		case active:
			fmt.Fprintln(digest, o.ID, v.N)
			o.assemble(f, v)
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

// assembleForms adds to a file what series, a site or closed days are from two years before a
// day on.
func (o *Object) assembleForms(f *association.File, on civil.Date, digest io.Writer) {
	var days []association.Calendar
	var series []association.Activity
	var sites []association.Site
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
		case v == nil && len(series)+len(sites) == 0: // what ended before is not known any more
		case o.Kind == Site && v == nil:
			sites = append(sites, association.Site{Since: from, Gone: true})
		case o.Kind == Site:
			s := *v.Content.Site
			s.ID, s.Municipality, s.Since = "", "", from
			if len(sites) == 0 {
				s.ID = o.ID[strings.LastIndex(o.ID, ".")+1:]
				if p != o.Periods[0] { // nor what it was before
					s.Since = ""
				}
			}
			sites = append(sites, s)
		case v == nil:
			gone := series[len(series)-1]
			gone.Since, gone.Day, gone.Gone, gone.Version = from, "", true, o.Versions[len(o.Versions)-1].N
			series = append(series, gone)
		default:
			x := *v.Content.Series
			x.GivenID, x.Since, x.Version = strings.TrimPrefix(o.ID, "series."), from, v.N
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
	case len(sites) > 0:
		sites[0].Later = sites[1:]
		w := weekOf(f, o.Municipality)
		w.Sites = append(w.Sites, sites[0])
	case len(series) > 0:
		series[0].Later = series[1:]
		w := weekOf(f, o.Municipality)
		w.Activities = append(w.Activities, series[0])
	}
}

// since returns the periods that are not over on a day, and between and behind them those
// in which no version holds; also the one that goes on since all were over before the day.
func (o *Object) since(day civil.Date) []Period {
	var all []Period
	for i, p := range o.Periods {
		if p.last() >= day {
			all = append(all, p)
		}
		next := forever // the last day before something holds again
		if i+1 < len(o.Periods) {
			next = o.Periods[i+1].From.AddDays(-1)
		}
		if p.Until != "" && p.Until < next && next >= day {
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
