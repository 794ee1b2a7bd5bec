package association

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"
)

// maxFile is the most bytes that a configuration may have; the real one has 4 KB.
const maxFile = 1 << 20

// namespace is that of the activities' ids (UUID version 5, RFC 9562). It must never
// change: bookings and calendars refer to the ids.
var namespace = uuid.MustParse("6f3a4c7e-52f5-5d0c-9a43-0c5f0d1b7e11")

// Problem is one thing wrong with a configuration.
type Problem struct {
	Place string // such as "weeks[0].activities[2].day"; a line number where YAML itself is at fault
	Want  string // what is wanted there, and what was found
}

// Problems is everything wrong with a configuration, in the order of the file.
type Problems []Problem

// Error returns one line per problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = x.Place + ": " + x.Want
	}
	return "association configuration: " + strings.Join(lines, "\nassociation configuration: ")
}

// Parse reads and checks a configuration. Fields that it does not know are
// refused. The error is Problems: all that is wrong, not only the first.
func Parse(data []byte) (*Association, error) {
	if len(data) > maxFile {
		return nil, Problems{{"file", fmt.Sprintf("want at most %d bytes, got %d", maxFile, len(data))}}
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	f := new(file)
	if err := d.Decode(f); errors.Is(err, io.EOF) {
		return nil, Problems{{"file", "want a YAML document, got nothing"}}
	} else if err != nil {
		return nil, yamlProblems(err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, Problems{{"file", "want one YAML document, got more behind it"}}
	}
	c := &checker{}
	c.file(f)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	sum := sha256.Sum256(data)
	return build(f, hex.EncodeToString(sum[:6])), nil
}

// yamlProblems turns "line 7: field x not found in type …" into a place and a
// sentence without Go's type names.
func yamlProblems(err error) Problems {
	var te *yaml.TypeError
	texts := []string{err.Error()}
	if errors.As(err, &te) {
		texts = te.Errors
	}
	var all Problems
	for _, t := range texts {
		t = strings.TrimPrefix(t, "yaml: ")
		place, what, ok := strings.Cut(t, ": ")
		if !ok || !strings.HasPrefix(place, "line ") {
			place, what = "file", t
		}
		if name, _, found := strings.Cut(what, " not found in type "); found {
			what = "want only known fields, got " + name
		}
		if value, _, found := strings.Cut(what, " into "); found {
			what = "want another kind of value, " + value
		}
		all = append(all, Problem{place, what})
	}
	return all
}

// build returns the association that a checked file describes.
func build(f *file, version string) *Association {
	i := f.Initiative.Initiative
	i.MinAge, i.MaxAge, i.Plans = f.Initiative.Ages[0], f.Initiative.Ages[1], map[string]Plan{}
	i.TargetGroup.Authorities = cmp.Or(i.TargetGroup.Authorities, 2)
	if len(i.TargetGroup.Reasons) == 0 {
		i.TargetGroup.Reasons = Reasons
	}
	for _, p := range f.Initiative.Plans {
		if len(p.Blocks) == 0 {
			p.Blocks = i.Plan.Blocks
		}
		p.WeeksUsedBefore = cmp.Or(p.WeeksUsedBefore, i.Plan.WeeksUsedBefore)
		p.CorrectionDays = cmp.Or(p.CorrectionDays, i.Plan.CorrectionDays)
		if p.CheckInDays == nil {
			p.CheckInDays = i.Plan.CheckInDays
		}
		i.Plans[p.Municipality] = p.Plan
	}
	for _, w := range f.Weeks {
		for n := range w.Activities {
			x := &w.Activities[n]
			x.ID, x.Municipality, x.Calendar = activityID(f.Association.ID, w.Municipality, *x), w.Municipality, f.Calendar
		}
	}
	return &Association{ID: f.Association.ID, Name: f.Association.Name, Version: version, Municipalities: f.Municipalities, Authorities: f.Authorities,
		Initiatives: []Initiative{i}, Weeks: f.Weeks, Terms: f.Terms, Calendar: f.Calendar}
}

// activityID returns the same id on every machine and after every reload, so that
// bookings stay valid when other lines of the week come and go.
func activityID(association, municipality string, x Activity) string {
	if uuid.Validate(x.GivenID) == nil {
		return x.GivenID
	}
	if x.GivenID != "" {
		return uuid.NewSHA1(namespace, []byte(association+"/"+municipality+"/"+x.GivenID)).String()
	}
	name := strings.Join([]string{association, municipality, x.Name, x.Day, x.From}, "/")
	return uuid.NewSHA1(namespace, []byte(name)).String()
}

// file is the shape of the YAML file.
type file struct {
	Association struct {
		ID   string `yaml:"id"`
		Name string `yaml:"name"`
	} `yaml:"association"`
	Municipalities []Municipality `yaml:"municipalities"`
	Authorities    []Authority    `yaml:"authorities"`
	Initiative     fileInitiative `yaml:"initiative"`
	Weeks          []Week         `yaml:"weeks"`
	Terms          Terms          `yaml:"terms"`
	Calendar       Calendar       `yaml:"calendar"`
}

type fileInitiative struct {
	Initiative `yaml:",inline"`
	Ages       []int      `yaml:"ages"`
	Plans      []filePlan `yaml:"plans"` // of the municipalities that follow another one
}

type filePlan struct {
	Municipality string           `yaml:"municipality"`
	Plan         `yaml:",inline"` // without blocks: those of the initiative
}
