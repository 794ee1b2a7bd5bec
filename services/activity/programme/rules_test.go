package programme

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/store"
)

var (
	coach = history.Author{Subject: "planner-1", Authority: "molndal"}
	chief = history.Author{Subject: "planner-2", Authority: "molndal"}
)

// numbered is the content of a series that has a number in its name.
func numbered(n int) programme.Content {
	return programme.Content{Series: &association.Activity{Name: fmt.Sprint("Påhittad aktivitet ", n)}}
}

// board is which content a series has on each day, kept by hand; 0: none.
type board struct {
	first civil.Date
	days  [90]int
}

func (b *board) set(from, until civil.Date, n int) {
	for i := range b.days {
		if d := b.first.AddDays(i); from <= d && (until == "" || d <= until) {
			b.days[i] = n
		}
	}
}

// differs says on which day the document has something else.
func (b *board) differs(d *Document) string {
	for i, n := range b.days {
		day := b.first.AddDays(i)
		v, holds := d.On(day)
		if holds != (n > 0) || holds && v.Content.Series.Name != numbered(n).Series.Name {
			return fmt.Sprintf("on %s it is not number %d: %+v", day, n, d.Periods)
		}
	}
	return ""
}

// ends lets an object end from a day on, by two people.
func ends(d *Document, on civil.Date, now time.Time) error {
	if err := d.Draw(programme.Version{From: on, Ends: true, Decision: "§ 1"}, coach, now); err != nil {
		return err
	}
	return d.Activate(chief, now)
}

// TestWhatHasBeenNeverChanges takes any sequence of drafts, activations, splits and ends by
// people, and compares each day with a board that is kept by hand.
func TestWhatHasBeenNeverChanges(t *testing.T) {
	for seed := range uint64(200) {
		chance := rand.New(rand.NewPCG(seed, 13))
		b := &board{first: "2026-11-30"}
		now := b.first.At(9 * time.Hour)
		d, err := newDocument("insjoriket", "series.walk", programme.Series, "1481", programme.FromAPI)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 25; n++ {
			today := civil.DateOf(now)
			on := today.AddDays(chance.IntN(40) - 8)
			switch chance.IntN(6) {
			case 0:
				now = now.AddDate(0, 0, 1+chance.IntN(4))
			case 1:
				err := ends(d, on, now)
				if on < today != errors.Is(err, ErrFrom) {
					t.Fatalf("seed %d: ended on %s, today is %s: %v", seed, on, today, err)
				}
				if err == nil {
					b.set(on, "", 0)
				}
			default:
				v := programme.Version{From: on, Content: numbered(n)}
				if chance.IntN(2) == 0 {
					v.Until = on.AddDays(chance.IntN(20))
				}
				err := d.Draw(v, coach, now)
				if on < today != errors.Is(err, ErrFrom) {
					t.Fatalf("seed %d: drafted from %s, today is %s: %v", seed, on, today, err)
				}
				if err != nil {
					continue
				}
				if err := d.Activate(coach, now); !errors.Is(err, ErrOwnDraft) {
					t.Fatalf("activated by its author: %v", err)
				}
				if chance.IntN(4) == 0 {
					now = now.AddDate(0, 0, chance.IntN(9)) // it may be too late then
				}
				if err := d.Activate(chief, now); err == nil {
					b.set(v.From, v.Until, n)
				} else if !errors.Is(err, ErrFrom) || v.From >= civil.DateOf(now) {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			if problem := b.differs(d); problem != "" {
				t.Fatalf("seed %d: %s", seed, problem)
			}
			if int64(len(d.Steps)) != d.Writes || len(d.Steps) > 0 && d.Steps[len(d.Steps)-1].N != d.Writes {
				t.Fatalf("%d steps, %d writes", len(d.Steps), d.Writes)
			}
		}
	}
}

// randomForms are those of a file, disjoint and in order, as a board has them from a day on.
func randomForms(chance *rand.Rand, first civil.Date, n int) (forms []programme.Form) {
	from := first.AddDays(-20 + chance.IntN(30))
	for i := range 1 + chance.IntN(3) {
		f := programme.Form{From: from, Until: from.AddDays(1 + chance.IntN(30)), Content: numbered(n + i%2)}
		from = f.Until.AddDays(1 + chance.IntN(2)*5)
		forms = append(forms, f)
	}
	if chance.IntN(2) == 0 {
		forms[len(forms)-1].Until = ""
	}
	return forms
}

func TestAFileChangesOnlyWhatIsToCome(t *testing.T) {
	by := history.System("activity")
	for seed := range uint64(200) {
		chance := rand.New(rand.NewPCG(seed, 14))
		b := &board{first: "2026-11-30"}
		now := b.first.At(9 * time.Hour)
		var stored []store.Versioned[Document]
		load := func(wanted ...programme.Wanted) int {
			in := incoming{name: "a.yaml", decision: "a.yaml", association: "insjoriket", wanted: wanted}
			_, changed, err := in.reconcile(stored, by, now)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changed {
				if c.Version = c.Value.Writes; len(stored) == 0 {
					stored = append(stored, c)
				}
				stored[0] = c
			}
			return len(changed)
		}
		for n := 1; n <= 40; n += 2 {
			today := civil.DateOf(now)
			if chance.IntN(5) == 0 && len(stored) > 0 {
				load()
				b.set(today.AddDays(1), "", 0)
			} else {
				forms := randomForms(chance, today, n)
				w := programme.Wanted{ID: "series.walk", Kind: programme.Series, Municipality: "1481", Forms: forms}
				from := today
				if len(stored) == 0 {
					from = programme.Beginning
				}
				b.set(from, "", 0)
				for i, f := range forms {
					if f.Until == "" || f.Until >= from {
						b.set(max(f.From, from), f.Until, n+i%2)
					}
				}
				load(w)
				if again := load(w); again > 0 {
					t.Fatalf("seed %d: the same file again changes something", seed)
				}
			}
			if len(stored) == 0 {
				continue
			}
			if problem := b.differs(stored[0].Value); problem != "" {
				t.Fatalf("seed %d: %s", seed, problem)
			}
			now = now.AddDate(0, 0, chance.IntN(4))
		}
	}
}

func TestAFileAndTheAPIDoNotOwnOneObject(t *testing.T) {
	now := civil.Date("2026-11-30").At(9 * time.Hour)
	planned, _ := newDocument("insjoriket", "series.walk", programme.Series, "1481", programme.FromAPI)
	if err := errors.Join(planned.Draw(programme.Version{From: "2026-11-30", Content: numbered(1)}, coach, now), planned.Activate(chief, now)); err != nil {
		t.Fatal(err)
	}
	wants := func(n int) error {
		in := incoming{name: "a.yaml", association: "insjoriket", wanted: []programme.Wanted{
			{ID: "series.walk", Kind: programme.Series, Municipality: "1481", Forms: []programme.Form{{From: programme.Beginning, Content: numbered(n)}}}}}
		_, changed, err := in.reconcile([]store.Versioned[Document]{{Value: planned, Version: planned.Writes}}, history.System("activity"), now)
		if len(changed) > 0 {
			t.Errorf("it wrote over what the API owns")
		}
		return err
	}
	if err := wants(1); err != nil {
		t.Errorf("the same content: %v", err)
	}
	if err := wants(2); !errors.Is(err, ErrOwnedByAPI) {
		t.Errorf("another content: %v", err)
	}
	planned.Origin, planned.File = programme.FromFile, "a.yaml"
	for what, err := range map[string]error{
		"drafted": planned.Draw(programme.Version{From: "2026-12-01", Content: numbered(3)}, coach, now), "ended": ends(planned, "2026-12-01", now),
	} {
		if !errors.Is(err, ErrOwnedByFile) {
			t.Errorf("%s by the API though a file owns it: %v", what, err)
		}
	}
	if err := planned.end("2026-12-01", "a.yaml", coach, now); err != nil {
		t.Fatal(err)
	}
	if err := planned.Draw(programme.Version{From: "2026-12-01", Content: numbered(3)}, coach, now); err != nil {
		t.Errorf("what the file does not name any more cannot be planned: %v", err)
	}
}

func TestTheIDOfAnObjectBelongsToItsKindAndMunicipality(t *testing.T) {
	for id, c := range map[string]struct {
		kind         programme.Kind
		municipality string
		ok           bool
	}{
		"terms":                     {programme.Terms, "", true},
		"terms.x":                   {programme.Terms, "", false},
		"initiative.activera":       {programme.Initiative, "", true},
		"initiative":                {programme.Initiative, "", false},
		"plan.activera":             {programme.Plan, "", true},
		"plan.activera.1441":        {programme.Plan, "1441", true},
		"plan.activera.1481":        {programme.Plan, "1441", false},
		"closed_days":               {programme.ClosedDays, "", true},
		"closed_days.1481":          {programme.ClosedDays, "1481", true},
		"closed_days.1489":          {programme.ClosedDays, "", false},
		"consent_text.2026-1.sv":    {programme.ConsentText, "", true},
		"consent_text.2026-1":       {programme.ConsentText, "", false},
		"code_list.EndReason":       {programme.CodeList, "", true},
		"site.1481.neon":            {programme.Site, "1481", true},
		"site.1481.neon.":           {programme.Site, "1481", false},
		"series.walk":               {programme.Series, "1481", true},
		"series.stroll":             {programme.Series, "", false},
		"initiative.påhittad":       {programme.Initiative, "", false},
		"anything":                  {"anything", "", false},
		"plan.activera.1441.lerum":  {programme.Plan, "1441", false},
		"initiative.plan.activera.": {programme.Plan, "", false},
	} {
		d, err := newDocument("insjoriket", id, c.kind, c.municipality, programme.FromAPI)
		if (err == nil) != c.ok || c.ok && d.Municipality != c.municipality {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestAContentIsOfOneKind(t *testing.T) {
	if !isOf(programme.Content{Terms: &association.Terms{}}, programme.Terms) || isOf(programme.Content{}, programme.Terms) ||
		isOf(programme.Content{Terms: &association.Terms{}, Site: &association.Site{}}, programme.Terms) || isOf(numbered(1), programme.Site) {
		t.Error("a content passes for that of another kind")
	}
}

// loads is what becomes of an object when a file that wants it is loaded.
func loads(d *Document, now time.Time, w programme.Wanted) (*Document, error) {
	in := incoming{name: "a.yaml", association: "insjoriket", wanted: []programme.Wanted{w}}
	members := &Document{Object: programme.Object{ID: "association", Kind: programme.Association}}
	_, changed, err := in.reconcile([]store.Versioned[Document]{{Value: d, Version: d.Writes}, {Value: members}}, history.System("activity"), now)
	if len(changed) == 0 {
		return nil, err
	}
	return changed[0].Value, err
}

func TestAnOccurrenceOfTodayThatHasBegunStays(t *testing.T) {
	const monday civil.Date = "2026-11-30"
	walk := func(day, from, to, name string) programme.Content {
		return programme.Content{Series: &association.Activity{Name: name, Category: "social", Day: day, From: from, To: to}}
	}
	before, during := monday.At(12*time.Hour+59*time.Minute), monday.At(13*time.Hour)
	w := programme.Wanted{ID: "series.walk", Kind: programme.Series, Municipality: "1481", Forms: []programme.Form{{From: programme.Beginning, Content: walk("monday", "13:00", "14:00", "Promenad")}}}
	owned := func(o programme.Origin) *Document {
		d, err := loads(&Document{Object: programme.Object{ID: w.ID, Kind: w.Kind, Municipality: w.Municipality, Origin: programme.FromFile}}, monday.AddDays(-20).At(0), w)
		if err != nil {
			t.Fatal(err)
		}
		d.Origin = o
		return d
	}
	for _, c := range []struct {
		sentence string
		now      time.Time
		content  programme.Content
		refused  bool
	}{
		{"before it begins", before, walk("monday", "15:00", "16:00", "Promenad"), false},
		{"another time", during, walk("monday", "15:00", "16:00", "Promenad"), true},
		{"another day", during, walk("tuesday", "13:00", "14:00", "Promenad"), true},
		{"another name", during, walk("monday", "13:00", "14:00", "Rask promenad"), false},
	} {
		d := owned(programme.FromAPI)
		v := programme.Version{From: monday, Content: c.content}
		if err := d.Draw(v, coach, c.now); errors.Is(err, ErrFrom) != c.refused {
			t.Errorf("%s: drafted: %v", c.sentence, err)
		}
		if err := errors.Join(d.Draw(v, coach, before), d.Activate(chief, c.now)); errors.Is(err, ErrFrom) != c.refused {
			t.Errorf("%s: activated: %v", c.sentence, err)
		}
		v.From = monday.AddDays(1)
		if err := errors.Join(d.Draw(v, coach, c.now), d.Activate(chief, c.now)); err != nil {
			t.Errorf("%s, from tomorrow on: %v", c.sentence, err)
		}
		of := w
		of.Forms = []programme.Form{{From: programme.Beginning, Content: c.content}}
		d, err := loads(owned(programme.FromFile), c.now, of)
		if err != nil {
			t.Fatal(err)
		}
		v1, _ := d.On(monday)
		v2, _ := d.On(monday.AddDays(1))
		if stays := v1.Content.Equal(w.Forms[0].Content); stays != (c.now == during) || !v2.Content.Equal(c.content) {
			t.Errorf("%s, by a file: %+v", c.sentence, d.Periods)
		}
	}
	if err := ends(owned(programme.FromAPI), monday, during); !errors.Is(err, ErrFrom) {
		t.Errorf("ended: %v", err)
	}
	if err := ends(owned(programme.FromAPI), monday, before); err != nil {
		t.Errorf("ended before it began: %v", err)
	}
}

func TestWhatNeverHeldIsInNoFilesWay(t *testing.T) {
	now := civil.Date("2026-11-30").At(9 * time.Hour)
	site := programme.Content{Site: &association.Site{Name: "Påhittad plats"}}
	w := programme.Wanted{ID: "site.1481.plats", Kind: programme.Site, Municipality: "1481", Forms: []programme.Form{{From: programme.Beginning, Content: site}}}
	d, err := newDocument("insjoriket", w.ID, w.Kind, w.Municipality, programme.FromAPI)
	if err = errors.Join(err, d.Draw(programme.Version{From: "2026-12-01", Content: site}, coach, now)); err != nil {
		t.Fatal(err)
	}
	if _, err := loads(d, now, w); !errors.Is(err, ErrOwnedByAPI) {
		t.Errorf("a draft is there: %v", err)
	}
	if err := d.Discard(coach, now); err != nil {
		t.Fatal(err)
	}
	is, err := loads(d, now, w)
	if err != nil || is == nil || is.Origin != programme.FromFile || is.File != "a.yaml" || !is.byFile("2026-11-30") {
		t.Errorf("it was discarded: %+v, %v", is, err)
	}
}

func TestAFileThatWasExportedSaysNothingOfWhatIsToCome(t *testing.T) {
	now := civil.Date("2026-11-30").At(9 * time.Hour)
	plan := func(weeks int) programme.Content { return programme.Content{Plan: &association.Plan{MaxWeeks: weeks}} }
	d, err := newDocument("insjoriket", "plan.activera", programme.Plan, "", programme.FromAPI)
	for n, from := range []civil.Date{"2026-11-30", "2027-01-01"} {
		err = errors.Join(err, d.Draw(programme.Version{From: from, Content: plan(24 + 6*n)}, coach, now), d.Activate(chief, now))
	}
	if err != nil {
		t.Fatal(err)
	}
	for weeks, want := range map[int]error{24: nil, 30: ErrOwnedByAPI} {
		w := programme.Wanted{ID: d.ID, Kind: d.Kind, Forms: []programme.Form{{From: programme.Beginning, Content: plan(weeks)}}}
		if changed, err := loads(d, now, w); !errors.Is(err, want) || changed != nil {
			t.Errorf("%d weeks: %+v, %v", weeks, changed, err)
		}
	}
}

func TestAFileChangesNothingThatIsFixed(t *testing.T) {
	now := civil.Date("2026-11-30").At(9 * time.Hour)
	first := programme.Wanted{ID: "initiative.activera", Kind: programme.Initiative, Forms: []programme.Form{{From: programme.Beginning, Content: programme.Content{Initiative: &association.Initiative{Name: "Påhittad", Orientation: "individual", FollowUpMethod: "påhittad", ESF: true}}}}}
	d, err := loads(&Document{Object: programme.Object{ID: first.ID, Kind: first.Kind, Origin: programme.FromFile}}, now, first)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		content association.Initiative
		refused bool
	}{
		"another orientation": {association.Initiative{Name: "Påhittad", Orientation: "structural"}, true},
		"another method":      {association.Initiative{Name: "Påhittad", Orientation: "individual", FollowUpMethod: "en annan", ESF: true}, true},
		"another financing":   {association.Initiative{Name: "Påhittad", Orientation: "individual", FollowUpMethod: "påhittad"}, true},
		"another name":        {association.Initiative{Name: "Annan påhittad", Orientation: "individual", FollowUpMethod: "påhittad", ESF: true}, false},
		"no method given":     {association.Initiative{Name: "Påhittad", Orientation: "individual"}, false},
	} {
		w := first
		w.Forms = []programme.Form{{From: programme.Beginning, Content: programme.Content{Initiative: &c.content}}}
		var wrong association.Problems
		if _, err := loads(d, now, w); errors.As(err, &wrong) != c.refused || err != nil && !c.refused {
			t.Errorf("%s: %v", what, err)
		}
	}
	walk := programme.Wanted{ID: "series.walk", Kind: programme.Series, Municipality: "1481", Forms: []programme.Form{{From: programme.Beginning, Content: numbered(1)}}}
	if d, err = loads(&Document{Object: programme.Object{ID: walk.ID, Kind: walk.Kind, Municipality: "1481", Origin: programme.FromFile}}, now, walk); err != nil {
		t.Fatal(err)
	}
	walk.Municipality = "1402"
	var wrong association.Problems
	if _, err := loads(d, now, walk); !errors.As(err, &wrong) {
		t.Errorf("an activity of another municipality: %v", err)
	}
}

// TestAFileMovesNothingUnderAnOccurrenceThatHasBegun is: a site's new address, and closed days,
// hold from tomorrow once an activity of the municipality has begun.
func TestAFileMovesNothingUnderAnOccurrenceThatHasBegun(t *testing.T) {
	const monday civil.Date = "2026-11-30"
	of := func(id string, kind programme.Kind, municipality string, c programme.Content) programme.Wanted {
		return programme.Wanted{ID: id, Kind: kind, Municipality: municipality, Forms: []programme.Form{{From: programme.Beginning, Content: c}}}
	}
	made := func(w programme.Wanted) *Document {
		d, err := loads(&Document{Object: programme.Object{ID: w.ID, Kind: w.Kind, Municipality: w.Municipality, Origin: programme.FromFile}}, monday.AddDays(-20).At(0), w)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	walk := of("series.walk", programme.Series, "1481", programme.Content{Series: &association.Activity{Name: "Promenad", Category: "social", Day: "monday", From: "13:00", To: "14:00"}})
	for _, c := range []struct {
		sentence string
		object   programme.Wanted
		is       programme.Content
		hour     int
		stays    bool
	}{
		{"a site, before it begins", of("site.1481.neon", programme.Site, "1481", programme.Content{Site: &association.Site{Name: "Neon"}}), programme.Content{Site: &association.Site{Name: "Neon 2"}}, 12, false},
		{"a site, once it has begun", of("site.1481.neon", programme.Site, "1481", programme.Content{Site: &association.Site{Name: "Neon"}}), programme.Content{Site: &association.Site{Name: "Neon 2"}}, 13, true},
		{"a site elsewhere", of("site.1489.neon", programme.Site, "1489", programme.Content{Site: &association.Site{Name: "Neon"}}), programme.Content{Site: &association.Site{Name: "Neon 2"}}, 13, false},
		{"closed days of all", of("closed_days", programme.ClosedDays, "", programme.Content{ClosedDays: &association.Calendar{PublicHolidays: "open"}}), programme.Content{ClosedDays: &association.Calendar{PublicHolidays: "closed"}}, 13, true},
		{"terms", of("terms", programme.Terms, "", programme.Content{Terms: &association.Terms{Decision: 7}}), programme.Content{Terms: &association.Terms{Decision: 8}}, 13, false},
	} {
		in := incoming{name: "a.yaml", association: "insjoriket", wanted: []programme.Wanted{walk, of(c.object.ID, c.object.Kind, c.object.Municipality, c.is)}}
		members := &Document{Object: programme.Object{ID: "association", Kind: programme.Association}}
		_, changed, err := in.reconcile([]store.Versioned[Document]{{Value: made(walk), Version: 1}, {Value: made(c.object), Version: 1}, {Value: members}}, history.System("activity"), monday.At(time.Duration(c.hour)*time.Hour))
		if err != nil || len(changed) != 1 {
			t.Fatalf("%s: %d changes, %v", c.sentence, len(changed), err)
		}
		today, _ := changed[0].Value.On(monday)
		tomorrow, _ := changed[0].Value.On(monday.AddDays(1))
		if stays := !today.Content.Equal(c.is); stays != c.stays || !tomorrow.Content.Equal(c.is) {
			t.Errorf("%s: %+v", c.sentence, changed[0].Value.Periods)
		}
	}
}

// TestAnObjectHasABound is: a version, and a document with all of them.
func TestAnObjectHasABound(t *testing.T) {
	now := civil.Date("2026-11-30").At(9 * time.Hour)
	text := func(n int) programme.Version {
		return programme.Version{From: civil.DateOf(now), Content: programme.Content{ConsentText: &association.ConsentText{Title: "Påhittad", Text: strings.Repeat("x", n)}}}
	}
	d, err := newDocument("insjoriket", "consent_text.2026-1.sv", programme.ConsentText, "", programme.FromAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Draw(text(maxVersion), coach, now); !errors.Is(err, ErrTooLarge) || fault.Of(err).Fields[0].Pointer != "/consentText" {
		t.Errorf("a content that is too large: %v", err)
	}
	size := func() int {
		all, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	const many = 40
	for range many { // each takes all days of the one before
		now = now.Add(time.Second)
		if err := errors.Join(d.Draw(text(maxVersion-100), coach, now), d.Activate(chief, now)); err != nil {
			t.Fatal(err)
		}
	}
	if last := d.Versions[len(d.Versions)-1]; size() > maxObject || len(d.Steps) != 2*many || d.Versions[0].N != 1 || last.N != many || d.Periods[0].Version != many {
		t.Errorf("%d bytes of %d steps and %d versions, from %d to %d", size(), len(d.Steps), len(d.Versions), d.Versions[0].N, last.N)
	}
	// Versions that all hold on some day cannot be forgotten.
	for range many {
		now = now.AddDate(0, 0, 1)
		if err = d.Draw(text(maxVersion-100), coach, now); err != nil {
			break
		}
		if err = d.Activate(chief, now); err != nil {
			t.Fatal(err)
		}
	}
	if !errors.Is(err, ErrTooMany) || size() > 8<<20 {
		t.Errorf("at %d bytes: %v", size(), err)
	}
}

func TestAFileWithoutAFollowUpMethodKeepsIt(t *testing.T) {
	now := civil.Date("2026-11-30").At(9 * time.Hour)
	of := func(method string, esf bool) programme.Wanted {
		return programme.Wanted{ID: "initiative.ung", Kind: programme.Initiative, Forms: []programme.Form{{From: programme.Beginning, Content: programme.Content{
			Initiative: &association.Initiative{Name: "Påhittad " + method, Orientation: "individual", FollowUpMethod: method, ESF: esf},
		}}}}
	}
	made, err := loads(&Document{Object: programme.Object{ID: "initiative.ung", Kind: programme.Initiative, Origin: programme.FromFile}}, now, of("skapa", false))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := loads(made, now.AddDate(0, 0, 1), of("", false))
	if err != nil {
		t.Fatal(err)
	}
	if is := kept.Versions[1].Content.Initiative; is.FollowUpMethod != "skapa" || is.Name != "Påhittad " {
		t.Errorf("it has become %+v", is)
	}
	for what, w := range map[string]programme.Wanted{"another method": of("bip", false), "a financing of before": of("", true)} {
		if _, err := loads(kept, now.AddDate(0, 0, 2), w); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}
