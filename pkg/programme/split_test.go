package programme

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

const today civil.Date = "2026-11-30"

// chance invents files that are valid.
type chance struct{ *rand.Rand }

func (c chance) often(part int) bool { return c.IntN(part) > 0 }

func (c chance) some(words ...string) []string {
	var all []string
	for _, w := range words {
		if c.often(2) {
			all = append(all, w)
		}
	}
	return all
}

func oneOf[T any](c chance, all ...T) T { return all[c.IntN(len(all))] }

// file returns an invented association of so many municipalities, initiatives and series.
func (c chance) file(municipalities, initiatives, series int) *association.File {
	f := &association.File{Association: association.Name{ID: "pahittat", Name: "Påhittat förbund"}}
	for n := range municipalities {
		f.Municipalities = append(f.Municipalities, association.Municipality{Code: fmt.Sprint(1400 + n), Name: fmt.Sprintf("Kommun %d", n), Authority: fmt.Sprintf("kommun-%d", n)})
	}
	f.Authorities = []association.Authority{{ID: "fk", Name: "Försäkringskassan", Kind: "social_insurance"}, {ID: "af"}}[:c.IntN(3)]
	for n := range initiatives {
		f.Initiatives = append(f.Initiatives, c.initiative(fmt.Sprintf("insats-%02d", n), f.Municipalities))
	}
	if c.often(2) {
		f.Terms = association.Terms{Decision: 1 + c.IntN(30), Closing: c.IntN(30)}
	}
	if c.often(2) {
		f.Calendar = *c.calendar()
	}
	for n := range c.IntN(3) {
		f.ConsentTexts = append(f.ConsentTexts, association.ConsentText{Version: fmt.Sprintf("2026-%d", n), Language: oneOf(c, "sv", "en"), Title: "Samtycke", Text: "Påhittat.\n\nEtt stycke till: \"ja\".\n"})
	}
	if c.often(2) {
		f.CodeLists = []association.CodeList{{ID: "EndReason", Codes: []association.CodeWord{{ID: "work", SV: "Arbete", EN: "Work"}}}}
	}
	for n, m := range f.Municipalities {
		w := association.Week{Municipality: m.Code}
		if c.often(2) {
			w.Calendar = c.calendar()
			w.Calendar.DaysBeforeReceipt = nil
		}
		for k := range c.IntN(3) {
			w.Sites = append(w.Sites, association.Site{ID: fmt.Sprintf("plats-%d", k), Name: fmt.Sprintf("Plats %d", k), Address: oneOf(c, "", "Gatan 1"), WorkTraining: c.often(2), Areas: c.some("carpentry", "textile")})
			if c.often(2) {
				site := &w.Sites[len(w.Sites)-1]
				site.Later = []association.Site{{Since: "2026-07-01", Name: site.Name, Address: "Gatan 2"}, {Since: "2027-02-01", Name: "Ny plats", Areas: []string{"textile"}}}
			}
			if s := &w.Sites[k]; s.WorkTraining && len(s.Areas) > 0 {
				s.External, s.Supervisors = c.often(2), c.some("supervisor-1", "supervisor-2")
				s.Open = []association.OpeningHours{{Day: "monday", From: "08:00", To: "16:00"}, {Day: "friday", From: "08:00", To: "12:00"}}
				s.Places = []association.AreaPlaces{{Area: s.Areas[0], Places: c.IntN(5)}, {Area: s.Areas[0], Days: []string{"friday"}, Places: c.IntN(5)}}
				s.Agreement = oneOf(c, nil, &association.SiteAgreement{From: "2026-01-01", Until: oneOf(c, civil.Date(""), "2027-12-31"), Reference: oneOf(c, "", "Dnr 1")})
			}
		}
		for k := n; k < series; k += municipalities {
			w.Activities = append(w.Activities, c.series(k, w.Sites))
		}
		slices.SortFunc(w.Activities, inWeek)
		if c.often(3) { // one at which nothing is
			gone := association.Site{ID: "borta", Since: oneOf(c, "", civil.Date("2026-02-01")), Name: "Borta", Later: []association.Site{{Since: "2026-06-01", Gone: true}, {Since: "2027-01-01", Name: "Tillbaka"}, {Since: "2027-06-01", Gone: true}}[:1+c.IntN(3)]}
			w.Sites = append([]association.Site{gone}, w.Sites...)
		}
		if len(w.Sites)+len(w.Activities) > 0 || w.Calendar != nil {
			f.Weeks = append(f.Weeks, w)
		}
	}
	return f
}

func (c chance) initiative(id string, municipalities []association.Municipality) association.FileInitiative {
	var x association.FileInitiative
	x.ID, x.Name, x.Orientation, x.FollowUpMethod, x.ESF = id, "Påhittad "+id, oneOf(c, "individual", "structural"), oneOf(c, "", "Påhittad metod"), c.often(2)
	x.Ages = association.Ages{Lowest: 16, Highest: 20 + c.IntN(50)}
	x.TargetGroup = association.TargetGroup{Authorities: c.IntN(5), Reasons: c.some(association.Reasons...)}
	if c.often(2) {
		x.RightTime = []association.Question{{ID: "wants_to", SV: "Vill: ja?", EN: "Wants to?"}}
	}
	x.Plan = c.plan()
	for _, m := range municipalities {
		if c.often(2) {
			x.Agreements = append(x.Agreements, association.Agreement{Municipality: m.Code, From: "2026-01-01", Until: oneOf(c, civil.Date(""), "2027-12-31"), Reference: oneOf(c, "", "Dnr 1")})
		}
		if !c.often(4) {
			x.Plans = append(x.Plans, association.MunicipalPlan{Municipality: m.Code, Plan: c.plan()})
		}
	}
	return x
}

func (c chance) plan() association.Plan {
	p := association.Plan{MaxWeeks: 24, WeeksUsedBefore: oneOf(c, "", association.WeeksIgnored), CorrectionDays: c.IntN(9)}
	for n := range 1 + c.IntN(4) {
		p.Blocks = append(p.Blocks, association.Block{Number: n + 1, Name: oneOf(c, "", "Lära känna"), Weeks: 1 + c.IntN(6), CheckIn: true, Content: c.some(association.Categories...)})
	}
	last := &p.Blocks[len(p.Blocks)-1]
	last.CheckIn, last.Closing = false, true
	if c.often(2) {
		days := c.IntN(15)
		p.CheckInDays = &days
	}
	if c.often(2) {
		p.Introduction = &association.Introduction{Name: "Introduktion", Weeks: c.IntN(4), Content: c.some("health")}
	}
	if c.often(2) {
		p.Rules = []association.Rule{{ID: "fysisk", Category: "health", Times: 1, FromWeek: c.IntN(3), Blocks: []int{1}[:c.IntN(2)], SV: "En gång i veckan", EN: "Once a week"}}
	}
	return p
}

func (c chance) calendar() *association.Calendar {
	form := func(since civil.Date) association.Calendar {
		days := c.IntN(9)
		return association.Calendar{
			Since: since, PublicHolidays: oneOf(c, "open", "closed"), Open: []string{"2027-01-06"}[:c.IntN(2)], DaysBeforeReceipt: &days,
			Closed: []association.ClosedPeriod{{From: "2026-12-21", Until: "2027-01-08", SV: "Stängt", EN: "Closed"}}[:c.IntN(2)],
		}
	}
	k := form(oneOf(c, "", civil.Date("2026-03-01")))
	if c.often(2) {
		k.Later = append(k.Later, form("2026-12-24"))
	}
	return &k
}

func (c chance) series(n int, sites []association.Site) association.Activity {
	x := association.Activity{
		GivenID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), Since: oneOf(c, "", civil.Date("2026-02-01")), Name: fmt.Sprintf("Aktivitet %d", n), Category: oneOf(c, association.Categories...),
		Day: oneOf(c, "monday", "tuesday", "sunday", ""), From: "09:00", To: "10:00", Mode: oneOf(c, "", "digital"), Place: oneOf(c, "", "Gatan 2: huset"), Places: c.some("A", "B"), Rotating: c.often(2),
	}
	x.Leader, x.Capacity, x.DropIn = oneOf(c, "", "ledare-1"), c.IntN(3), c.often(2)
	if c.often(2) {
		x.Day, x.Rule, x.First = "", oneOf(c, "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "FREQ=MONTHLY;BYDAY=1TU"), "2026-01-06"
		x.Except, x.Contents = []civil.Date{"2026-07-07"}[:c.IntN(2)], []string{"Kost", "Sömn"}[:c.IntN(3)]
	}
	x.Extra, x.Holidays = []civil.Date{"2026-09-05"}[:c.IntN(2)], oneOf(c, "", "off", "on", "moved")
	if x.Holidays == "moved" {
		x.MovedTo = "wednesday"
	}
	if x.Mode == "digital" {
		x.Link = oneOf(c, "", "https://mote.example.se/rum")
	}
	if c.often(2) {
		x.Load = &association.Load{Physical: c.IntN(4), Travel: c.IntN(4)}
	}
	if len(sites) > 0 && c.often(3) {
		x.Place, x.Site = "", oneOf(c, sites...).ID
	}
	if c.often(3) {
		x.ClosedGroup, x.Capacity, x.DropIn = &association.ClosedGroup{Sessions: 6, Least: 6, Most: 8}, 0, false
	}
	form := x
	for _, since := range []civil.Date{"2026-06-01", "2026-12-08", "2027-02-01"} {
		if !c.often(3) {
			continue
		}
		form.Since = since
		switch c.IntN(4) {
		case 0:
			form.Day, form.Gone = "", true
		case 1:
			form.Rule, form.First, form.Contents, form.Except = "", "", nil, nil
			form.Day, form.Gone, form.Part, form.From, form.To = "friday", false, "", "13:00", oneOf(c, "14:00", "14:30")
		case 2:
			form.Gone, form.Gather, form.Leader = false, oneOf(c, "", "entrén"), oneOf(c, "", "ledare-1", "ledare-2")
		default: // another content, which no partial change can say
			form = association.Activity{Since: since, Name: "En annan", Category: "social", Part: "afternoon", Day: oneOf(c, "", "monday")}
		}
		form.GivenID = x.GivenID
		if form.Gone && (len(x.Later) == 0 || x.Later[len(x.Later)-1].Gone) && len(x.Later) > 0 {
			continue // twice
		}
		x.Later = append(x.Later, form)
	}
	return x
}

// activated returns objects that have what is wanted, as of a day before everything.
func activated(all []Wanted) []*Object {
	var objects []*Object
	by, now := history.System("test"), time.Date(2020, 1, 1, 9, 0, 0, 0, time.UTC)
	for _, w := range all {
		o := &Object{Association: "pahittat", ID: w.ID, Kind: w.Kind, Municipality: w.Municipality, Origin: FromFile}
		for _, f := range w.Forms {
			o.Draw(Version{From: f.From, Until: f.Until, Content: f.Content}, by, now)
			o.Activate(by, now)
		}
		objects = append(objects, o)
	}
	return objects
}

// alike compares associations but for the numbers of versions and what is a matter of form.
var alike = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.IgnoreFields(association.Association{}, "Version"), cmpopts.IgnoreFields(association.Initiative{}, "Version"),
	cmpopts.IgnoreFields(association.Plan{}, "Version"), cmpopts.IgnoreFields(association.Calendar{}, "Version"), cmpopts.IgnoreFields(association.Activity{}, "Version", "GivenID"), cmpopts.IgnoreFields(association.Week{}, "Version"), cmpopts.IgnoreUnexported(association.Week{}),
}

func TestWhatIsSplitAndAssembledIsTheSameAssociation(t *testing.T) {
	for seed := range uint64(100) {
		c := chance{rand.New(rand.NewPCG(seed, 13))}
		f := c.file(1+c.IntN(5), 1+c.IntN(4), c.IntN(30))
		if problems := f.Check(); len(problems) > 0 {
			t.Fatalf("seed %d: %v", seed, problems)
		}
		again := Assemble(activated(Split(f)), today)
		if problems := again.Check(); len(problems) > 0 {
			t.Fatalf("seed %d: %v", seed, problems)
		}
		if diff := cmp.Diff(f.Build(), again.Build(), alike); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

func TestWhatIsExportedWantsNothingThatIsNotThere(t *testing.T) {
	for seed := range uint64(100) {
		c := chance{rand.New(rand.NewPCG(seed, 14))}
		wanted := Split(c.file(1+c.IntN(5), 1+c.IntN(4), c.IntN(30)))
		text, err := Export(activated(wanted), today)
		if err != nil {
			t.Fatal(err)
		}
		f, err := association.ParseFile(text)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		slices.SortFunc(wanted, byKindAndID)
		got := Split(f)
		slices.SortFunc(got, byKindAndID)
		if diff := cmp.Diff(wanted, got, cmp.Comparer(Content.Equal)); diff != "" {
			t.Fatalf("seed %d: %s\n%s", seed, diff, text)
		}
	}
}

func byKindAndID(a, b Wanted) int {
	return slices.Compare([]string{string(a.Kind), a.ID}, []string{string(b.Kind), b.ID})
}

func TestTheShippedFileIsTheSameAssociationAsObjects(t *testing.T) {
	data, err := os.ReadFile("../../services/standalone/example/insjoriket.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := association.ParseFile(data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Export(activated(Split(f)), today)
	if err != nil {
		t.Fatal(err)
	}
	again, err := association.ParseFile(text)
	if err != nil {
		t.Fatal(err)
	}
	want, got := f.Build(), again.Build()
	for _, a := range []*association.Association{want, got} {
		a.ID = "insjoriket"
		for _, w := range a.Weeks {
			slices.SortFunc(w.Activities, func(a, b association.Activity) int { return slices.Compare([]string{a.ID}, []string{b.ID}) })
			slices.SortFunc(w.Sites, func(a, b association.Site) int { return slices.Compare([]string{a.ID}, []string{b.ID}) })
		}
	}
	if diff := cmp.Diff(want, got, alike); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
}

func BenchmarkALargeFile(b *testing.B) {
	c := chance{rand.New(rand.NewPCG(1, 15))}
	objects := activated(Split(c.file(20, 30, 600)))
	text, err := Export(objects, today)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		f, err := association.ParseFile(text)
		if err != nil {
			b.Fatal(err)
		}
		if n := len(Assemble(activated(Split(f)), today).Build().Weeks); n != 20 {
			b.Fatal(n)
		}
	}
}
