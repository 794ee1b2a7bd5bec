package programme_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/programme"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	. "github.com/finsam/finsam/services/activity/programme"
	"github.com/finsam/finsam/services/activity/service"
)

const file = "insjoriket.yaml"

func system() context.Context { return servicetest.As(actor.ForService("referral", Tenant)) }

// with is the example file, with pieces and their replacements by turns.
func with(t testing.TB, changes ...string) map[string][]byte {
	t.Helper()
	text := string(servicetest.Example(t))
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("the example does not say %q", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return map[string][]byte{file: []byte(text)}
}

// load loads the example file, and returns how many steps the objects have taken since.
func load(t testing.TB, s *Suite, accept bool, changes ...string) (map[string]*Report, int, error) {
	t.Helper()
	before := steps(t, s)
	r, err := s.Service.Programme.Load(system(), with(t, changes...), accept)
	return r, steps(t, s) - before, err
}

func steps(t testing.TB, s *Suite) (n int) {
	t.Helper()
	all, err := s.Service.Programme.Fetch(system(), Tenant, nil)
	servicetest.Must(t, err)
	for _, o := range all {
		n += int(o.Writes)
	}
	return n
}

func served(t testing.TB, s *Suite) *association.Association {
	t.Helper()
	in, err := s.Associations.Get(Tenant)
	servicetest.Must(t, err)
	return in
}

func TestTheFolderOfTodayLoadsWithTheSameActivities(t *testing.T) {
	s := Start(t)
	before := served(t, s)
	if _, n, err := load(t, s, false); err != nil || n == 0 {
		t.Fatalf("%d steps, %v", n, err)
	}
	after := served(t, s)
	if after == before || after.Name != before.Name || len(after.Municipalities) != len(before.Municipalities) {
		t.Errorf("it is not served from the objects: %+v", after)
	}
	for _, w := range before.Weeks {
		for _, x := range w.Activities {
			y, ok := after.Activity(x.ID)
			if y = y.At("2001-01-01"); !ok || y.Name != x.Name || y.Day != x.Day || y.From != x.From || y.To != x.To || y.Place != x.Place {
				t.Errorf("%s is %+v, %t", x.Name, y, ok)
			}
		}
	}
	if _, n, err := load(t, s, false); err != nil || n != 0 {
		t.Errorf("the same again: %d steps, %v", n, err)
	}
	all, _ := s.Service.Programme.Fetch(system(), Tenant, nil)
	text, err := programme.Export(all, "2026-11-20")
	if err != nil {
		t.Fatal(err)
	}
	was := steps(t, s)
	if _, err := s.Service.Programme.Load(system(), map[string][]byte{file: text}, false); err != nil || steps(t, s) != was {
		t.Errorf("what is exported and loaded changes something: %v", err)
	}
}

// TestALoadThatEndedHalfwayIsCompleted is also of a replica that loads while another one
// writes: the association itself is written last.
func TestALoadThatEndedHalfwayIsCompleted(t *testing.T) {
	s := Start(t)
	if _, _, err := load(t, s, false); err != nil {
		t.Fatal(err)
	}
	whole := steps(t, s)
	for _, id := range []string{"association", "plan.activera"} {
		servicetest.Must(t, s.Service.Programme.Forget(t.Context(), Tenant, id))
	}
	r, n, err := load(t, s, false, "name: Promenad, category: social, day: tuesday", "name: Promenad, category: social, day: wednesday")
	if err != nil || n == 0 || steps(t, s) < whole {
		t.Fatalf("%d steps of %d, %+v, %v", n, whole, r, err)
	}
	if in := served(t, s); len(in.Municipalities) != 5 || len(in.Initiatives[0].Plan.Blocks) != 4 {
		t.Errorf("it is served as %+v", in)
	}
}

func TestEachChangeOfAFileIsOneEvent(t *testing.T) {
	s := Start(t)
	servicetest.Run(t, s.Service.Run)
	if _, _, err := load(t, s, false); err != nil {
		t.Fatal(err)
	}
	all, _ := s.Service.Programme.Fetch(system(), Tenant, nil)
	published := func() (events []feed.Event) {
		found, err := s.Feed.After(t.Context(), 0, 1000, 0)
		servicetest.Must(t, err)
		for _, e := range found {
			if strings.HasPrefix(e.Type, Events) {
				events = append(events, e)
			}
		}
		return events
	}
	servicetest.Eventually(t, "all are published", func() bool { return len(published()) == len(all) })
	ids := map[string]bool{}
	for _, e := range published() {
		if ids[e.ID] = true; e.Type != Events+"activated" || e.Data["version"] != "1" || e.Data["object"] == "" || e.Data["kind"] == "" || len(e.Data) != 4 {
			t.Errorf("%+v", e)
		}
	}
	if len(ids) != len(all) {
		t.Errorf("%d ids of %d events", len(ids), len(all))
	}
	if _, n, err := load(t, s, false, "maxWeeks: 24", "maxWeeks: 30"); err != nil || n != 1 || served(t, s).Initiatives[0].Plan.MaxWeeks != 30 {
		t.Errorf("%d steps, %v", n, err)
	}
	servicetest.Eventually(t, "the change is published", func() bool { return len(published()) == len(all)+1 })
	if e := published()[len(all)]; e.Data["object"] != "plan.activera" || e.Data["version"] != "2" {
		t.Errorf("%+v", e)
	}
}

const walkLine = "      - { name: Promenad, category: social, day: tuesday, from: \"13:00\", to: \"14:00\", place: Frölundagatan 49 }\n"

func TestAFileThatOrphansBookingsIsRefusedUnlessThatIsAccepted(t *testing.T) {
	s := Start(t)
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	if _, _, err := load(t, s, false); err != nil {
		t.Fatal(err)
	}
	b, err := s.Service.Book(servicetest.As(Coach(Molndal)), activity.BookingRequest{Enrolment: Enrolment, Activity: Walk, From: "2026-11-20"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, n, err := load(t, s, false, walkLine, ""); !errors.Is(err, ErrOrphans) || n != 0 || !strings.Contains(err.Error(), Walk) {
		t.Errorf("%d steps, %v", n, err)
	}
	if _, n, err := load(t, s, true, walkLine, ""); err != nil || n != 1 {
		t.Fatalf("%d steps, %v", n, err)
	}
	s.Clock.Advance(31 * 24 * time.Hour)
	x, ok := served(t, s).Activity(Walk)
	if !ok || x.At("2026-11-17").Day != "tuesday" || x.At("2026-11-24").Day != "" {
		t.Errorf("the activity of a booking: %+v, %t", x, ok)
	}
	if v, err := s.Service.Booking(servicetest.As(Coach(Molndal)), b.ID); err != nil || v.Booking.Activity != Walk {
		t.Errorf("the booking: %v", err)
	}
	if _, n, err := load(t, s, true); err != nil || n != 1 { // the file of before
		t.Errorf("%d steps, %v", n, err)
	}
	if x, _ := served(t, s).Activity(Walk); x.At("2026-12-22").Day != "tuesday" || x.At("2026-12-01").Day != "" {
		t.Errorf("the activity again: %+v", x)
	}
}

func TestTwoReplicasThatLoadAtOnceLoadOnce(t *testing.T) {
	s := Start(t)
	replicas := []*service.Service{s.Service}
	for range 3 {
		other := s.Parts
		var err error
		other.Associations, err = association.NewRegistry()
		servicetest.Must(t, err)
		other.Associations.Now = s.Clock.Now
		r, err := service.New(t.Context(), service.Config{Parts: other})
		servicetest.Must(t, err)
		replicas = append(replicas, r)
	}
	var loading sync.WaitGroup
	for _, r := range replicas {
		loading.Go(func() {
			if _, err := r.Programme.Load(system(), with(t), false); err != nil {
				t.Error(err)
			}
		})
	}
	loading.Wait()
	all, err := s.Service.Programme.Fetch(system(), Tenant, nil)
	servicetest.Must(t, err)
	for _, o := range all {
		if o.Writes != 1 || len(o.Versions) != 1 || len(o.Periods) != 1 || o.Periods[0].From != programme.Beginning {
			t.Errorf("%s was written %d times: %+v", o.ID, o.Writes, o.Periods)
		}
	}
	for _, r := range replicas {
		if in, err := r.Associations.Get(Tenant); err != nil || len(in.Weeks) == 0 {
			t.Errorf("a replica does not serve it: %v", err)
		}
	}
	servicetest.Run(t, s.Service.Run)
	servicetest.Run(t, replicas[1].Programme.Run)
	if _, err := s.Service.Programme.Load(system(), with(t, "maxWeeks: 24", "maxWeeks: 30"), false); err != nil {
		t.Fatal(err)
	}
	servicetest.Eventually(t, "another replica serves the change", func() bool {
		in, err := replicas[1].Associations.Get(Tenant)
		return err == nil && in.Initiatives[0].Plan.MaxWeeks == 30
	})
	// The event has emptied caches: what is cached next must not be what was before.
	if in, err := replicas[2].Reference(admin("admin-1"), "listInitiatives", ""); err != nil || in.Initiatives[0].Plan.MaxWeeks != 30 {
		t.Errorf("a replica that does not follow yet answers with what was before: %v", err)
	}
}

// A replica that has not followed for a while reads its feed in several answers.
func TestAReplicaThatIsFarBehindCatchesUpWithAll(t *testing.T) {
	s := Start(t)
	other := func(n int) map[string][]byte {
		return map[string][]byte{"annat.yaml": []byte(strings.Replace(string(with(t, "Samordningsförbundet Insjöriket", fmt.Sprint("Påhittat ", n))[file]), "id: insjoriket", "id: annat", 1))}
	}
	for _, files := range []map[string][]byte{with(t), other(0)} {
		_, err := s.Service.Programme.Load(system(), files, false)
		servicetest.Must(t, err)
	}
	servicetest.Run(t, s.Service.Run)
	others, err := s.Service.Programme.Fetch(system(), "annat", nil)
	servicetest.Must(t, err)
	written := int64(steps(t, s) + len(others))
	published := func() {
		t.Helper()
		servicetest.Eventually(t, "all that was written is published", func() bool {
			end, err := feed.End(t.Context(), s.Parts.Feed)
			return err == nil && end == written
		})
	}
	published()
	parts := s.Parts
	parts.Associations, err = association.NewRegistry()
	servicetest.Must(t, err)
	parts.Feed, err = feed.OpenLog(t.Context(), parts.Engine, "/services/activity")
	servicetest.Must(t, err)
	behind, err := service.New(t.Context(), service.Config{Parts: parts})
	servicetest.Must(t, err)
	for n := range 20 {
		_, err := s.Service.Programme.Load(system(), other(n+1), false)
		servicetest.Must(t, err)
		written++
		published() // by itself
	}
	_, err = s.Service.Programme.Load(system(), with(t, "maxWeeks: 24", "maxWeeks: 30"), false)
	servicetest.Must(t, err)
	written++
	published()
	behind.Programme.CatchUp(t.Context())
	if in, err := behind.Associations.Get(Tenant); err != nil || in.Initiatives[0].Plan.MaxWeeks != 30 {
		t.Errorf("it serves what was before: %v", err)
	}
}

func TestAChangedFolderIsLoadedOnceItIsStable(t *testing.T) {
	s, dir := Start(t), t.TempDir()
	write := func(text string) { servicetest.Must(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600)) }
	write(string(with(t)[file]))
	open := func() (*service.Service, error) {
		parts := s.Parts
		parts.Associations, _ = association.NewRegistry()
		return service.New(t.Context(), service.Config{Parts: parts, Folder: dir})
	}
	r, err := open()
	servicetest.Must(t, err)
	servicetest.Run(t, r.Run)
	weeks := func() int {
		in, err := r.Associations.Get(Tenant)
		servicetest.Must(t, err)
		return in.Initiatives[0].Plan.MaxWeeks
	}
	if weeks() != 24 {
		t.Fatalf("%d weeks", weeks())
	}
	write(string(with(t, "maxWeeks: 24", "maxWeeks: 30")[file]))
	servicetest.Eventually(t, "the change is loaded", func() bool { return weeks() == 30 })
	write("association: {}")
	if _, err := open(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a service started with a wrong file: %v", err)
	}
	write(string(with(t)[file]))
	servicetest.Eventually(t, "the file of before is loaded", func() bool { return weeks() == 24 })
}

// large is the file of an association of 20 municipalities, 30 initiatives and 600 series.
func large() []byte {
	var b strings.Builder
	fmt.Fprint(&b, "association: { id: insjoriket, name: Påhittade förbundet }\nmunicipalities:\n")
	for m := range 20 {
		fmt.Fprintf(&b, "  - { code: \"%d\", name: Påhittad %d, authority: m%d }\n", 1400+m, m, m)
	}
	fmt.Fprint(&b, "initiatives:\n")
	for i := range 30 {
		fmt.Fprintf(&b, "  - id: insats%d\n    name: Påhittad insats %d\n    orientation: individual\n    maxWeeks: 24\n    ages: [16, 64]\n    blocks:\n", i, i)
		for n := 1; n <= 4; n++ {
			fmt.Fprintf(&b, "      - { number: %d, weeks: 6, checkIn: %t, closing: %t, content: [health, act, social] }\n", n, n < 4, n == 4)
		}
	}
	fmt.Fprint(&b, "weeks:\n")
	for m := range 20 {
		fmt.Fprintf(&b, "  - municipality: \"%d\"\n    activities:\n", 1400+m)
		for a := range 30 {
			fmt.Fprintf(&b, "      - { name: Påhittad %d, category: health, day: %s, from: \"%02d:00\", to: \"%02d:00\", place: Påhittade gatan %d }\n",
				a, []string{"monday", "tuesday", "wednesday", "thursday", "friday"}[a%5], 8+a/5, 9+a/5, a)
		}
	}
	return []byte(b.String())
}

// TestTheFormerFileIsLoadedAgain is: what a file had added is taken back by the former one, also
// sites at which activities have been for a day.
func TestTheFormerFileIsLoadedAgain(t *testing.T) {
	s := Start(t)
	whole, err := os.ReadFile("../../standalone/example/insjoriket-whole.yaml")
	servicetest.Must(t, err)
	for n, text := range [][]byte{servicetest.Example(t), whole, servicetest.Example(t)} {
		if _, err := s.Service.Programme.Load(system(), map[string][]byte{file: text}, n == 2); err != nil {
			t.Fatalf("load %d: %v", n+1, err)
		}
		s.Clock.Advance(24 * time.Hour)
	}
	text, err := s.Service.Programme.Export(system(), Tenant, civil.DateOf(s.Clock.Now()))
	servicetest.Must(t, err)
	if _, err := association.ParseFile(text); err != nil {
		t.Errorf("the export of the next day: %v", err)
	}
}

// BenchmarkLoad loads an association of 20 municipalities, 30 initiatives and 600 series.
func BenchmarkLoad(b *testing.B) {
	files := map[string][]byte{file: large()}
	for b.Loop() {
		b.StopTimer()
		s := Start(b)
		b.StartTimer()
		if _, err := s.Service.Programme.Load(system(), files, false); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAFolderWaitsUntilNothingIsOrphaned refuses a file of a folder that would orphan a
// booking, until that content is accepted, or the booking ends.
func TestAFolderWaitsUntilNothingIsOrphaned(t *testing.T) {
	for _, way := range []string{"it is accepted", "the booking ends"} {
		s, dir := Start(t), t.TempDir()
		servicetest.Run(t, s.Service.Run)
		s.Enrolled(t, Person, Molndal)
		_, _, err := load(t, s, false)
		servicetest.Must(t, err)
		coach := servicetest.As(Coach(Molndal))
		b, err := s.Service.Book(coach, activity.BookingRequest{Enrolment: Enrolment, Activity: Walk, From: "2026-11-20"}, "")
		servicetest.Must(t, err)
		text := with(t, walkLine, "")[file]
		write := func(name, text string) {
			servicetest.Must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		write(file, string(text))
		parts := s.Parts
		parts.Associations, err = association.NewRegistry()
		servicetest.Must(t, err)
		parts.Associations.Now = s.Clock.Now
		r, err := service.New(t.Context(), service.Config{Parts: parts, Folder: dir})
		servicetest.Must(t, err)
		takesPlace := func() bool {
			for range 3 {
				servicetest.Must(t, r.Programme.Look(t.Context()))
			}
			in, err := parts.Associations.Get(Tenant)
			servicetest.Must(t, err)
			x, _ := in.Activity(Walk)
			return x.At("2026-11-24").Day == "tuesday"
		}
		if !takesPlace() || !r.Programme.IsInvalid() {
			t.Error("a service that starts with a file that orphans bookings does not serve what is stored")
		}
		if way == "it is accepted" {
			if write(file+AcceptedSuffix, Digest(servicetest.Example(t))); !takesPlace() {
				t.Error("what was accepted of another file ends bookings")
			}
			write(file+AcceptedSuffix, Digest(text)+"\n")
		} else {
			_, err = s.Service.Cancel(coach, b.ID, b.Version(), "2026-11-20")
			servicetest.Must(t, err)
			s.Clock.Advance(5 * time.Minute)
		}
		if takesPlace() || r.Programme.IsInvalid() {
			t.Errorf("%s, and the file is not loaded", way)
		}
	}
}

func TestAnActivityThatGoesOnAfterABreakOrphansNobody(t *testing.T) {
	s := Start(t)
	servicetest.Run(t, s.Service.Run)
	s.Enrolled(t, Person, Molndal)
	_, _, err := load(t, s, false)
	servicetest.Must(t, err)
	_, err = s.Service.Book(servicetest.As(Coach(Molndal)), activity.BookingRequest{Enrolment: Enrolment, Activity: Walk, From: "2026-11-20"}, "")
	servicetest.Must(t, err)
	line := strings.Replace(walkLine, " }\n", ", id: "+Walk+", changes: [{ on: 2026-11-21, off: true }, { on: 2027-01-12, day: tuesday }] }\n", 1)
	if _, n, err := load(t, s, false, walkLine, line); err != nil || n == 0 {
		t.Errorf("%d steps, %v", n, err)
	}
	if x, _ := served(t, s).Activity(Walk); x.At("2026-12-01").Day != "" || x.At("2027-01-12").Day != "tuesday" {
		t.Errorf("the activity: %+v", x)
	}
}

// TestAnOlderFileDoesNotReplaceALaterOne is: what was loaded before and has been replaced is
// loaded again only if that is accepted, by whichever replica, also when it changed nothing.
func TestAnOlderFileDoesNotReplaceALaterOne(t *testing.T) {
	s := Start(t)
	first, remarked, later := with(t), with(t, "association:", "# Påhittad anmärkning\nassociation:"), with(t, "maxWeeks: 24", "maxWeeks: 30")
	load := func(files map[string][]byte, accept bool) error {
		t.Helper()
		s.Clock.Advance(time.Minute)
		_, err := s.Service.Programme.Load(system(), files, accept)
		return err
	}
	weeks := func() int { return served(t, s).Initiatives[0].Plan.MaxWeeks }
	for _, files := range []map[string][]byte{first, remarked, later, later} {
		servicetest.Must(t, load(files, false))
	}
	for what, files := range map[string]map[string][]byte{"the first file": first, "one that changed nothing then": remarked} {
		if err := load(files, false); !errors.Is(err, ErrSuperseded) || weeks() != 30 || !strings.Contains(err.Error(), "ersatts") {
			t.Errorf("%s: %v, %d weeks", what, err, weeks())
		}
	}
	servicetest.Must(t, load(first, true))
	if err := load(later, false); !errors.Is(err, ErrSuperseded) || weeks() != 24 {
		t.Errorf("the later file is the older one now: %v, %d weeks", err, weeks())
	}
	if err := load(with(t, "maxWeeks: 24", "maxWeeks: 31"), false); err != nil || weeks() != 31 {
		t.Errorf("a new file: %v, %d weeks", err, weeks())
	}
}

func TestWhatIsWrongWithAFileIsSaidInBothLanguages(t *testing.T) {
	s := Start(t)
	for what, c := range map[string]struct{ was, is, en, sv string }{
		"YAML itself":      {"association:", "association: [", "want YAML", "kan inte läsas"},
		"an unknown field": {"maxWeeks: 24", "maxWeek: 24", "want only known fields, got field maxWeek", "Ange bara kända fält"},
		"a list":           {"maxWeeks: 24", "maxWeeks: [24]", "want another kind of value", "Ange ett annat slags värde"},
		"a value":          {"code: \"1481\"", "code: Tolvan", "want four digits", "Ange fyra siffror"},
	} {
		_, err := s.Service.Programme.Load(system(), with(t, c.was, c.is), false)
		if err == nil || !strings.Contains(err.Error(), c.en) || !strings.Contains(err.Error(), " / ") || !strings.Contains(err.Error(), c.sv) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := (Impact{Enrolments: 12, Bookings: 1}).String(); got != "12 enrolments, 1 booking / 12 inskrivningar, 1 bokning" {
		t.Errorf("an impact is %q", got)
	}
}
