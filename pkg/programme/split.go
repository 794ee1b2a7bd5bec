package programme

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
)

// Wanted is an object that a file wants to be there.
type Wanted struct {
	ID           string
	Kind         Kind
	Municipality string // four-digit code; empty: the association's
	Forms        []Form // in the order of time
}

// Form is what an object is in a span of days.
type Form struct {
	From    civil.Date
	Until   civil.Date // last day; empty: it goes on
	Content Content
}

// Equal reports whether two contents say the same.
func (c Content) Equal(d Content) bool {
	a, errA := json.Marshal(c.bare())
	b, errB := json.Marshal(d.bare())
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// bare returns the content without what the object's id and periods say.
func (c Content) bare() Content {
	if c.Initiative != nil {
		x := *c.Initiative
		x.ID, x.Version, x.Plan, x.Plans = "", 0, association.Plan{}, nil
		c.Initiative = &x
	}
	if c.Plan != nil {
		x := *c.Plan
		x.Version = 0
		c.Plan = &x
	}
	if c.ClosedDays != nil {
		x := *c.ClosedDays
		x.Since, x.Later = "", nil
		c.ClosedDays = &x
	}
	if c.ConsentText != nil {
		x := *c.ConsentText
		x.Version, x.Language = "", ""
		c.ConsentText = &x
	}
	if c.CodeList != nil {
		x := *c.CodeList
		x.ID = ""
		c.CodeList = &x
	}
	if c.Site != nil {
		x := *c.Site
		x.ID, x.Municipality, x.Since, x.Gone, x.Later = "", "", "", false, nil
		c.Site = &x
	}
	if c.Series != nil {
		x := *c.Series
		x.ID, x.GivenID, x.Municipality, x.Calendar, x.Version, x.Since, x.Later = "", "", "", association.Calendar{}, 0, "", nil
		c.Series = &x
	}
	return c
}

// Split returns the objects that a file wants, in the order of Kinds.
func Split(f *association.File) []Wanted {
	var all []Wanted
	add := func(kind Kind, municipality string, c Content, parts ...string) *Wanted {
		id := strings.Join(append([]string{string(kind)}, parts...), ".")
		all = append(all, Wanted{ID: id, Kind: kind, Municipality: municipality, Forms: []Form{{From: Beginning, Content: c.bare()}}})
		return &all[len(all)-1]
	}
	add(Association, "", Content{Association: &association.Members{Name: f.Association.Name, Municipalities: f.Municipalities, Authorities: f.Authorities}})
	for _, x := range f.Initiatives {
		add(Initiative, "", Content{Initiative: &x.Initiative}, x.ID)
		add(Plan, "", Content{Plan: &x.Plan}, x.ID)
		for _, p := range x.Plans {
			add(Plan, p.Municipality, Content{Plan: &p.Plan}, x.ID, p.Municipality)
		}
	}
	if f.Terms != (association.Terms{}) {
		add(Terms, "", Content{Terms: &f.Terms})
	}
	days := func(c *association.Calendar, municipality string, parts ...string) {
		w := add(ClosedDays, municipality, Content{ClosedDays: c}, parts...)
		w.Forms = nil
		for _, x := range append([]association.Calendar{*c}, c.Later...) {
			w.next(x.Since, Content{ClosedDays: &x})
		}
		if len(w.Forms) == 0 {
			all = all[:len(all)-1]
		}
	}
	days(&f.Calendar, "")
	for _, t := range f.ConsentTexts {
		add(ConsentText, "", Content{ConsentText: &t}, t.Version, t.Language)
	}
	for _, l := range f.CodeLists {
		add(CodeList, "", Content{CodeList: &l}, l.ID)
	}
	for _, w := range f.Weeks {
		if w.Calendar != nil {
			days(w.Calendar, w.Municipality, w.Municipality)
		}
		for _, s := range w.Sites {
			x := add(Site, w.Municipality, Content{Site: &s}, w.Municipality, s.ID)
			x.Forms = nil
			for _, form := range append([]association.Site{s}, s.Later...) {
				x.next(form.Since, Content{Site: &form})
			}
		}
		for _, a := range w.Activities {
			s := add(Series, w.Municipality, Content{Series: &a}, a.IDIn(f.Association.ID, w.Municipality))
			s.Forms = nil
			for _, x := range append([]association.Activity{a}, a.Later...) {
				s.next(x.Since, Content{Series: &x})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Wanted) int { return cmp.Compare(slices.Index(Kinds, a.Kind), slices.Index(Kinds, b.Kind)) })
	return all
}

// next ends the form before with the day before, and begins another: none where a series, a
// site or closed days are interrupted.
func (w *Wanted) next(since civil.Date, c Content) {
	if n := len(w.Forms); n > 0 && w.Forms[n-1].Until == "" {
		w.Forms[n-1].Until = since.AddDays(-1)
	}
	interrupted := c.Series != nil && c.Series.Gone || c.Site != nil && c.Site.Gone || c.ClosedDays != nil && c.Equal(Content{ClosedDays: &association.Calendar{}})
	if !interrupted {
		w.Forms = append(w.Forms, Form{From: cmp.Or(since, Beginning), Content: c.bare()})
	}
}
