package programme

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/store"
)

const (
	// loadTries bounds how often a load meets others that load or plan at the same time.
	loadTries = 8
	// loadWriters is how many objects are written at once: the engine makes one durable
	// write of them.
	loadWriters = 32
)

// Load lets the associations be what files say, by name: what they name holds, and what
// they own and do not name any more ends from tomorrow. Nothing is written when a file is
// wrong, when the API owns an object with another content, or when bookings would be without
// their activity and that is not accepted; the report of each association says it. Loading
// the same again writes nothing.
func (s *Service) Load(ctx context.Context, files map[string][]byte, accept bool) (map[string]*Report, error) {
	return s.load(ctx, files, func(string) bool { return accept })
}

func (s *Service) load(ctx context.Context, files map[string][]byte, accept func(name string) bool) (map[string]*Report, error) {
	parsed, err := parseFiles(files)
	if err != nil {
		return nil, err
	}
	reports := map[string]*Report{}
	var refused []error
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		report, err := s.loadFile(ctx, name, files[name], parsed[name], accept(name))
		if err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", name, err))
		}
		reports[parsed[name].Association.ID] = report
	}
	return reports, errors.Join(refused...)
}

// parseFiles reads and checks files by name. The error names each that is wrong, and why.
func parseFiles(files map[string][]byte) (map[string]*association.File, error) {
	parsed, byID := map[string]*association.File{}, map[string]string{}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := association.ParseFile(files[name])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if byID[f.Association.ID] != "" {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, association.Problems{{Place: "association.id, which is configured twice", Want: "want each association in one file", SV: "Ange varje förbund i en enda fil."}}))
		}
		parsed[name], byID[f.Association.ID] = f, name
	}
	return parsed, errors.Join(wrong...)
}

func (s *Service) loadFile(ctx context.Context, name string, text []byte, f *association.File, accept bool) (*Report, error) {
	in := incoming{name: name, decision: name + " " + Digest(text)[:12], association: f.Association.ID, wanted: programme.Split(f)}
	isTurn := false
	for range loadTries {
		all, err := s.read(ctx, in.association)
		if err != nil {
			return nil, err
		}
		isOld, err := s.isSuperseded(ctx, in.association, Digest(text), all)
		if err != nil {
			return nil, err
		}
		now := s.Now()
		before, after, err := in.reconcile(all, history.System("activity"), now)
		if err != nil {
			return nil, err
		}
		if len(after) == 0 {
			if !isOld {
				err = s.noteLoad(ctx, in.association, Digest(text))
			}
			return &Report{}, errors.Join(err, s.serve(ctx, in.association))
		}
		if !isTurn {
			giveBack, err := s.takeTurn(ctx, in.association)
			defer giveBack()
			if err != nil {
				return nil, err
			}
			within, cancel := context.WithTimeout(ctx, turnTimeout)
			defer cancel()
			ctx, isTurn = within, true
			continue // with what others have made of it meanwhile
		}
		tomorrow := civil.DateOf(now).AddDays(1)
		c := compare(in.association, tomorrow, before, documentsOf(after))
		report, err := s.report(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, x := range report.Findings {
			if x.Prevents && c.before != nil { // what holds today is loaded as it is
				c.problems = append(c.problems, association.Problem{Place: x.Object, Want: x.Text.EN, SV: x.Text.SV})
			}
		}
		if len(c.problems) > 0 {
			return report, c.problems
		}
		if !accept && isOld {
			s.Log.WarnContext(ctx, "an older file than the one that was loaded last is not loaded again unless that is accepted", "association", in.association, "file", name, "digest", Digest(text))
			return report, fmt.Errorf("%w: %w", ErrSuperseded, association.Problems{{Place: "file", Want: "want the file that was loaded last, a new one, or this one accepted; got one that has been replaced since it was loaded", SV: ErrSuperseded.Text.SV}})
		}
		if !accept {
			if err := s.checkOrphans(ctx, after, tomorrow); err != nil {
				return report, err
			}
		}
		err = s.write(ctx, after)
		if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrStale) {
			continue // a planner was faster
		}
		if err == nil {
			err = s.noteLoad(ctx, in.association, Digest(text))
		}
		if err != nil {
			return nil, err
		}
		err = s.serve(ctx, in.association) // before the events say it
		s.Changed()
		s.Log.InfoContext(ctx, "a programme was loaded", "association", in.association, "file", name, "objects", len(after), "older", isOld)
		return report, err
	}
	return nil, fault.ErrUnavailable.Because(fmt.Errorf("%s: %d writers were faster", name, loadTries))
}

func documentsOf(all []store.Versioned[Document]) []*Document {
	documents := make([]*Document, len(all))
	for i, v := range all {
		documents[i] = v.Value
	}
	return documents
}

// write stores what has changed, those of version zero as new, and the association itself
// last: an association without it is not whole, and not served.
func (s *Service) write(ctx context.Context, changed []store.Versioned[Document]) error {
	isLast := func(v store.Versioned[Document]) bool { return v.Value.Kind == programme.Association }
	for _, last := range []bool{false, true} {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(loadWriters)
		for _, v := range changed {
			if isLast(v) != last {
				continue
			}
			g.Go(func() (err error) {
				if v.Version == 0 {
					_, err = s.objects.Insert(ctx, v.Value)
				} else {
					_, err = s.objects.Replace(ctx, v)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// checkOrphans returns ErrOrphans when a series ends that bookings reach beyond.
func (s *Service) checkOrphans(ctx context.Context, changed []store.Versioned[Document], from civil.Date) error {
	var orphaned association.Problems
	for _, v := range changed {
		goesOn := func(p programme.Period) bool { return p.Until == "" || p.Until >= from } // if only after a break
		if v.Value.Kind != programme.Series || slices.ContainsFunc(v.Value.Periods, goesOn) {
			continue
		}
		n, err := s.Bookings.CountUpTo(ctx, v.Value.Association, []store.Cond{
			store.Equals("activity", strings.TrimPrefix(v.Value.ID, string(programme.Series)+".")), store.AtLeast("lastDay", string(from)),
		}, store.MaxCounted)
		if err != nil {
			return err
		}
		if n > 0 {
			x := v.Value.Versions[len(v.Value.Versions)-1].Content.Series
			orphaned = append(orphaned, association.Problem{Place: v.Value.ID, Want: fmt.Sprintf("want the activity (%s, %s %s) kept, as %d of its bookings go on; write what is another from a day on "+
				"under changes, or its last day as until, or accept that the bookings end; got another one, or none", x.Name, x.Day, x.From, n),
				SV: fmt.Sprintf("Behåll aktiviteten (%s, %s %s): %d av dess bokningar går vidare. Skriv det som är annorlunda från en dag under changes, eller dess sista dag som until, eller godkänn att bokningarna upphör.", x.Name, x.Day, x.From, n)})
		}
	}
	if orphaned == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrOrphans, orphaned)
}

// incoming is what a file wants of its association.
type incoming struct {
	name, decision, association string
	wanted                      []programme.Wanted
}

// reconcile returns the objects as they were, and those that are another with the file. What was before today stays as it was, and so does an
// occurrence of today that has begun; only a new association holds from the days that the file says.
func (in incoming) reconcile(all []store.Versioned[Document], by history.Author, now time.Time) (before []*programme.Object, changed []store.Versioned[Document], err error) {
	today := civil.DateOf(now)
	first, byID := programme.Beginning, map[string]store.Versioned[Document]{}
	begun := map[string]bool{} // municipalities in which an activity of today has begun, and all of them
	for _, v := range all {
		if v.Value.hasBegun(now) {
			begun[v.Value.Municipality], begun[""] = true, true
		}
		before, byID[v.Value.ID] = append(before, &v.Value.Object), v
		if v.Value.Kind == programme.Association { // it is written last: the association is not new
			first = today
		}
	}
	var refused, wrong association.Problems
	for _, w := range in.wanted {
		v, known := byID[w.ID]
		delete(byID, w.ID)
		d, from := &Document{Object: programme.Object{Association: in.association, ID: w.ID, Kind: w.Kind, Municipality: w.Municipality, Origin: programme.FromFile, File: in.name}}, first
		isPlanned := known && (v.Value.Origin == programme.FromAPI && len(v.Value.Versions) > 0 || v.Value.Draft != nil)
		if known {
			copied := *v.Value
			d, from = &copied, today
			d.Origin = programme.FromFile
			isOfAll := w.Kind == programme.Site || w.Kind == programme.ClosedDays
			if d.hasBegun(now) || isOfAll && begun[d.Municipality] { // what has been stays
				from = today.AddDays(1)
			}
		}
		if isPlanned && w.Kind != programme.Series && w.Kind != programme.ClosedDays && w.Kind != programme.Site { // of others, a file says what holds on the day that it was exported
			if have, holds := v.Value.On(today); holds && have.Content.Equal(w.Forms[0].Content) {
				continue
			}
		}
		if known {
			wrong = append(wrong, d.checkWanted(w)...)
		}
		isAnother, err := d.follow(w.Forms, from, in.decision, by, now)
		switch {
		case err != nil:
			t := fault.Of(err).Text
			wrong = append(wrong, association.Problem{Place: w.ID, Want: t.EN, SV: t.SV})
		case !isAnother:
		case isPlanned:
			refused = append(refused, association.Problem{Place: w.ID, Want: "want what the API has planned; take it from what finsam export writes, or leave it out of the file; got another content",
				SV: "Ange det som är planerat i API:et, så som finsam export skriver det, eller utelämna det ur filen."})
		default:
			d.File, v.Value = in.name, d
			changed = append(changed, v)
		}
	}
	if refused != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrOwnedByAPI, refused)
	}
	if wrong != nil {
		return nil, nil, wrong
	}
	for _, v := range byID {
		if !v.Value.byFile(today) {
			continue
		}
		d := *v.Value
		if d.end(today.AddDays(1), in.decision, by, now) == nil {
			v.Value = &d
			changed = append(changed, v)
		}
	}
	return before, changed, nil
}

// checkWanted returns why an object that is there cannot be what a file wants. The method of
// follow-up that a file does not give, as one of before, stays.
func (d *Document) checkWanted(w programme.Wanted) (wrong association.Problems) {
	if w.Municipality != d.Municipality {
		wrong = append(wrong, association.Problem{Place: w.ID, Want: fmt.Sprintf("want it in the municipality %s, whose id it is; give it another id, or none; got %s", d.Municipality, w.Municipality),
			SV: fmt.Sprintf("Ange kommunen %s, som har id:t, eller ett annat id, eller inget; nu står det %s.", d.Municipality, w.Municipality)})
	}
	for i := range w.Forms {
		c := &w.Forms[i].Content
		if was := d.fixed(); was != nil && c.Initiative.FollowUpMethod == "" {
			kept := *c.Initiative
			kept.FollowUpMethod, kept.ESF = was.FollowUpMethod, was.ESF || kept.ESF
			c.Initiative = &kept
		}
		if err := d.checkFixed(*c); err != nil {
			wrong = append(wrong, association.Problem{Place: w.ID, Want: "want orientation, followUpMethod and esf as they were when the initiative was created; give another one another id; got another",
				SV: "Ange orientation, followUpMethod och esf som de var när insatsen skapades, eller ge en ny insats ett annat id."})
		}
	}
	return wrong
}

// follow lets the object hold, from a day on, what the forms of a file say. It reports
// whether something changes, or why the object has no room for it.
func (d *Document) follow(forms []programme.Form, from civil.Date, decision string, by history.Author, now time.Time) (changed bool, err error) {
	days := []civil.Date{from} // on which something may begin or end
	for _, p := range d.Periods {
		days = append(days, p.From, after(p.Until))
	}
	for _, f := range forms {
		days = append(days, f.From, after(f.Until))
	}
	slices.Sort(days)
	for _, day := range slices.Compact(days) {
		if day < from {
			continue
		}
		i := slices.IndexFunc(forms, func(f programme.Form) bool { return f.From <= day && (f.Until == "" || day <= f.Until) })
		have, holds := d.On(day)
		switch {
		case i < 0 && holds:
			_ = d.end(day, decision, by, now) // something holds
		case i < 0 || holds && have.Content.Equal(forms[i].Content):
			continue
		default:
			if err := d.checkSize(forms[i].Content); err != nil {
				return false, err
			}
			d.put(programme.Version{From: day, Until: forms[i].Until, Content: forms[i].Content, Decision: decision}, by, now)
		}
		changed = true
	}
	return changed, nil
}

// after returns the day after a last day; empty: it goes on.
func after(until civil.Date) civil.Date {
	if until == "" {
		return ""
	}
	return until.AddDays(1)
}

// Export returns the file of what is active of an association on a day, for an operator.
func (s *Service) Export(ctx context.Context, association string, on civil.Date) ([]byte, error) {
	if !on.Valid() {
		return nil, ErrFrom.AtField("on")
	}
	objects, err := s.Fetch(ctx, association, nil)
	if err == nil && len(objects) == 0 {
		err = fault.ErrNotFound.Because(fmt.Errorf("no programme of %q is stored", association))
	}
	if err != nil {
		return nil, err
	}
	return programme.Export(objects, on)
}

// String returns what an operator reads of a report, one line for each part.
func (r *Report) String() string {
	text := r.Impact.String()
	for _, f := range r.Findings {
		text += "\n  " + f.Object + ": " + f.Text.EN + " / " + f.Text.SV
	}
	return text
}

// String returns the counts as words, such as "12 enrolments, 1 booking", in English and
// Swedish.
func (i Impact) String() string {
	var en, sv []string
	for _, x := range []struct {
		n                     int
		one, many, ett, flera string
	}{
		{i.Enrolments, "enrolment", "enrolments", "inskrivning", "inskrivningar"}, {i.Bookings, "booking", "bookings", "bokning", "bokningar"},
		{i.Calendars, "calendar", "calendars", "kalender", "kalendrar"}, {i.Cancellations, "cancellation", "cancellations", "inställt tillfälle", "inställda tillfällen"},
		{i.Conflicts, "conflict", "conflicts", "krock", "krockar"},
	} {
		switch {
		case x.n > 1:
			en, sv = append(en, fmt.Sprint(x.n, " ", x.many)), append(sv, fmt.Sprint(x.n, " ", x.flera))
		case x.n == 1:
			en, sv = append(en, "1 "+x.one), append(sv, "1 "+x.ett)
		}
	}
	return cmp.Or(strings.Join(en, ", "), "nobody is affected") + " / " + cmp.Or(strings.Join(sv, ", "), "ingen berörs")
}
