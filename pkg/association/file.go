package association

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"
)

// maxFile is the most bytes that a configuration may have; the real one has 4 KB.
const maxFile = 1 << 20

// namespace is that of the activities' ids (UUID version 5, RFC 9562). It must never
// change: bookings and calendars refer to the ids.
var namespace = uuid.MustParse("6f3a4c7e-52f5-5d0c-9a43-0c5f0d1b7e11")

// File is what an association has decided, as one document: the form of a YAML file.
type File struct {
	Association    Name             `json:"association" yaml:"association"`
	Municipalities []Municipality   `json:"municipalities" yaml:"municipalities"`
	Authorities    []Authority      `json:"authorities,omitempty" yaml:"authorities,omitempty"`
	Initiative     *FileInitiative  `json:"-" yaml:"initiative,omitempty"` // where there is one only; ParseFile puts it before the others
	Initiatives    []FileInitiative `json:"initiatives" yaml:"initiatives,omitempty"`
	Terms          Terms            `json:"terms,omitzero" yaml:"terms,omitempty"`
	Calendar       Calendar         `json:"calendar,omitzero" yaml:"calendar,omitempty"`
	ConsentTexts   []ConsentText    `json:"consentTexts,omitempty" yaml:"consentTexts,omitempty"`
	CodeLists      []CodeList       `json:"codeLists,omitempty" yaml:"codeLists,omitempty"`
	Weeks          []Week           `json:"weeks,omitempty" yaml:"weeks,omitempty"`
	// ConsentPeriods say when each of ConsentTexts holds, and others besides; none: each always.
	ConsentPeriods []ConsentPeriod `json:"-" yaml:"-"`
	// Version is twelve hex digits of a SHA-256 of all that it was made from.
	Version string `json:"-" yaml:"-"`

	single bool // it has an initiative, not initiatives
}

// Name is what an association is called.
type Name struct {
	ID   string `json:"id" yaml:"id"`
	Name string `json:"name" yaml:"name"`
}

// FileInitiative is an initiative with its plans.
type FileInitiative struct {
	Initiative `yaml:",inline"`
	Plans      []MunicipalPlan `json:"plans,omitempty" yaml:"plans,omitempty"` // of the municipalities that follow another one
}

// MunicipalPlan is the plan by which a municipality runs an initiative.
type MunicipalPlan struct {
	Municipality string           `json:"municipality" yaml:"municipality"`
	Plan         `yaml:",inline"` // without blocks: those of the initiative
}

// Problem is one thing wrong with a file.
type Problem struct {
	Place  string `json:"place"`            // such as "weeks[0].activities[2].day"; a line number where YAML itself is at fault
	Want   string `json:"want"`             // what is wanted there, and what was found
	Object string `json:"object,omitempty"` // of the programme, such as "site.1481.neon"; empty: of none
	Field  string `json:"field,omitempty"`  // in the object, such as "day"
	SV     string `json:"-"`                // the same as a sentence in Swedish
}

// Problems is everything wrong with a configuration, in the order of the file.
type Problems []Problem

// Error returns one line per problem, in English and Swedish.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = strings.TrimSuffix(x.Place+": "+x.Want+" / "+x.SV, " / ")
	}
	return "association configuration: " + strings.Join(lines, "\nassociation configuration: ")
}

// Parse reads and checks a file, and returns the association that it describes.
func Parse(data []byte) (*Association, error) {
	f, err := ParseFile(data)
	if err != nil {
		return nil, err
	}
	return f.Build(), nil
}

// ParseFile reads and checks a file. Fields that it does not know are refused. The error is
// Problems: all that is wrong, not only the first.
func ParseFile(data []byte) (*File, error) {
	c, f := &checker{}, new(File)
	d := yaml.NewDecoder(bytes.NewReader(data[:min(len(data), maxFile)]))
	d.KnownFields(true)
	switch err := d.Decode(f); {
	case len(data) > maxFile:
		c.want(false, "file", "want at most %d bytes, got %d", maxFile, len(data))
	case errors.Is(err, io.EOF):
		c.want(false, "file", "want a YAML document, got nothing")
	case err != nil:
		c.yaml(err)
	case !errors.Is(d.Decode(new(yaml.Node)), io.EOF):
		c.want(false, "file", "want one YAML document, got more behind it")
	default:
		c.normalise(f)
		c.file(f)
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	sum := sha256.Sum256(data)
	f.Version = hex.EncodeToString(sum[:6])
	return f, nil
}

// normalise puts what a file can write in two ways into one form.
func (c *checker) normalise(f *File) {
	if f.Initiative != nil {
		f.single = len(f.Initiatives) == 0
		f.Initiatives, f.Initiative = slices.Concat([]FileInitiative{*f.Initiative}, f.Initiatives), nil
	}
	for n := range f.Weeks {
		w := &f.Weeks[n]
		for i := range w.Activities {
			x, place := &w.Activities[i], fmt.Sprintf("weeks[%d].activities[%d]", n, i)
			c.in(place, "series", x.IDIn(f.Association.ID, w.Municipality))
			c.later(x, place)
		}
		for _, t := range w.WorkTraining {
			id := siteID(t.Site)
			for slices.ContainsFunc(w.Sites, func(s Site) bool { return s.ID == id }) {
				id += "-2"
			}
			w.Sites = append(w.Sites, Site{ID: id, Name: t.Site, WorkTraining: true, Areas: t.Areas})
		}
		w.trained, w.WorkTraining = len(w.WorkTraining), nil
	}
}

// siteID makes a word of a name.
func siteID(name string) string {
	plain := strings.NewReplacer("å", "a", "ä", "a", "ö", "o", "é", "e").Replace(strings.ToLower(name))
	words := strings.FieldsFunc(plain, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	id := strings.Join(words, "-")
	if id == "" || id[0] < 'a' {
		id = "site-" + id
	}
	return strings.TrimRight(id[:min(len(id), 32)], "-")
}

// yaml turns "line 7: field x not found in type …" into a place and a sentence without Go's
// type names.
func (c *checker) yaml(err error) {
	var te *yaml.TypeError
	texts := []string{err.Error()}
	if errors.As(err, &te) {
		texts = te.Errors
	}
	for _, t := range texts {
		t = strings.TrimPrefix(t, "yaml: ")
		place, what, ok := strings.Cut(t, ": ")
		if !ok || !strings.HasPrefix(place, "line ") {
			place, what = "file", t
		}
		if name, _, found := strings.Cut(what, " not found in type "); found {
			c.want(false, place, "want only known fields, got %s", name)
		} else if value, _, found := strings.Cut(what, " into "); found {
			c.want(false, place, "want another kind of value, %s", value)
		} else {
			c.want(false, place, "want YAML, got what cannot be read: %s", what)
		}
	}
}

// Build returns the association that a checked file describes.
func (f *File) Build() *Association {
	a := &Association{
		ID: f.Association.ID, Name: f.Association.Name, Version: f.Version, Municipalities: f.Municipalities, Authorities: f.Authorities,
		Terms: f.Terms, Calendar: f.Calendar, ConsentTexts: f.ConsentTexts, ConsentPeriods: f.ConsentPeriods, CodeLists: f.CodeLists,
	}
	if len(f.ConsentPeriods) == 0 {
		for _, t := range f.ConsentTexts {
			a.ConsentPeriods = append(a.ConsentPeriods, ConsentPeriod{Version: t.Version})
		}
	}
	for _, x := range f.Initiatives {
		a.Initiatives = append(a.Initiatives, x.build())
	}
	for _, w := range f.Weeks {
		w.Sites, w.Activities = slices.Clone(w.Sites), slices.Clone(w.Activities)
		for n := range w.Sites {
			w.Sites[n].Municipality = w.Municipality
		}
		calendar := f.Calendar.with(w.Calendar)
		for n := range w.Activities {
			w.Activities[n] = w.Activities[n].build(w.Activities[n].IDIn(a.ID, w.Municipality), w, calendar)
		}
		w.Version = versionOf(w, f.Calendar)
		a.Weeks = append(a.Weeks, w)
	}
	return a
}

// versionOf returns twelve hex digits of a SHA-256 of what is JSON.
func versionOf(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil {
		panic(err) // of a file, which JSON has
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

func (x FileInitiative) build() Initiative {
	i := x.Initiative
	i.Plans = map[string]Plan{}
	i.TargetGroup.Authorities = cmp.Or(i.TargetGroup.Authorities, 2)
	if len(i.TargetGroup.Reasons) == 0 {
		i.TargetGroup.Reasons = Reasons
	}
	for _, p := range x.Plans {
		i.Plans[p.Municipality] = p.over(i.Plan)
	}
	return i
}

// over returns a municipality's plan with what it leaves to the initiative's own.
func (p Plan) over(own Plan) Plan {
	if len(p.Blocks) == 0 {
		p.Blocks = own.Blocks
	}
	if len(p.Rules) == 0 {
		p.Rules = own.Rules
	}
	p.MaxWeeks, p.CorrectionDays = cmp.Or(p.MaxWeeks, own.MaxWeeks), cmp.Or(p.CorrectionDays, own.CorrectionDays)
	p.WeeksUsedBefore, p.CheckInDays = cmp.Or(p.WeeksUsedBefore, own.WeeksUsedBefore), cmp.Or(p.CheckInDays, own.CheckInDays)
	p.Introduction, p.Absence = cmp.Or(p.Introduction, own.Introduction), cmp.Or(p.Absence, own.Absence)
	return p
}

// build returns an activity of a week with what follows from where it is: a form for each
// place of its site.
func (a Activity) build(id string, w Week, calendar Calendar) Activity {
	var forms []Activity
	for n, x := range append([]Activity{a}, a.Later...) {
		x.ID, x.Municipality, x.Calendar, x.Version, x.Later = id, w.Municipality, calendar, cmp.Or(x.Version, n+1), nil
		i := slices.IndexFunc(w.Sites, func(s Site) bool { return s.ID == x.Site })
		if i >= 0 {
			x.Place = w.Sites[i].At(x.Since).Place()
		}
		forms = append(forms, x)
		if i < 0 {
			continue
		}
		for _, moved := range w.Sites[i].Later {
			y := forms[len(forms)-1]
			y.Since, y.Place = moved.Since, w.Sites[i].At(moved.Since).Place()
			if y.Place != forms[len(forms)-1].Place && x.Since < y.Since && (n == len(a.Later) || y.Since < a.Later[n].Since) {
				forms = append(forms, y)
			}
		}
	}
	built := forms[0]
	if len(forms) > 1 {
		built.Later = forms[1:]
	}
	return built
}

// IDIn returns the id of a file's activity, the same id on every machine and after every reload, so that
// bookings stay valid when other lines of the week come and go.
func (a Activity) IDIn(association, municipality string) string {
	if uuid.Validate(a.GivenID) == nil {
		return a.GivenID
	}
	if a.GivenID != "" {
		return uuid.NewSHA1(namespace, []byte(association+"/"+municipality+"/"+a.GivenID)).String()
	}
	name := strings.Join([]string{association, municipality, a.Name, a.Day, a.From}, "/")
	return uuid.NewSHA1(namespace, []byte(name)).String()
}
