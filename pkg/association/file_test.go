package association

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// realFile is the configuration that the product ships as its example.
func realFile(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../../services/standalone/example/insjoriket.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTheRealAssociationIsReadAsItIs(t *testing.T) {
	a, err := Parse(realFile(t))
	if err != nil {
		t.Fatal(err)
	}
	if a.ID != "insjoriket" || a.Name != "Samordningsförbundet Insjöriket" || len(a.Municipalities) != 5 || len(a.Version) != 12 {
		t.Errorf("got %s %s with %d municipalities, version %q", a.ID, a.Name, len(a.Municipalities), a.Version)
	}
	i, ok := a.Initiative("activera")
	if !ok || i.Plan.MaxWeeks != 24 || i.Ages != (Ages{16, 64}) || len(i.Plan.Blocks) != 4 || !i.Plan.Blocks[3].Closing || !i.Plan.Blocks[2].CheckIn {
		t.Errorf("got initiative %+v", i)
	}
	molndal, alingsas := a.Week("1481"), a.Week("1489")
	if len(molndal.Activities) != 10 || len(molndal.Sites) != 2 || !molndal.Sites[1].WorkTraining || len(alingsas.Activities) != 7 {
		t.Errorf("got %d, %d and %d", len(molndal.Activities), len(molndal.Sites), len(alingsas.Activities))
	}
	if len(a.Week("1402").Activities) != 0 {
		t.Error("Partille has published no week")
	}
	walk := molndal.Activities[3]
	if day, ok := walk.Weekday(); !ok || day != time.Tuesday || walk.From != "13:00" || !walk.Timed() {
		t.Errorf("got %+v", walk)
	}
	if g := molndal.Activities[2].ClosedGroup; g == nil || g.Sessions != 8 {
		t.Errorf("the ACT course has 8 sessions, got %+v", g)
	}
	if x := alingsas.Activities[0]; x.Scheduled() || !x.Rotating {
		t.Errorf("Alingsås has no weekdays yet, got %+v", x)
	}
}

func TestActivityIdsAreStable(t *testing.T) {
	a, err := Parse(realFile(t))
	if err != nil {
		t.Fatal(err)
	}
	// Bookings and calendars out there point at this id: it may never change.
	const want = "fb5fa133-7031-548c-88db-384e1fc1f78d"
	if got := a.Week("1481").Activities[3].ID; got != want {
		t.Errorf("Promenad in Mölndal: got %s, want %s", got, want)
	}
	seen := map[string]bool{}
	for _, w := range a.Weeks {
		for _, x := range w.Activities {
			found, ok := a.Activity(x.ID)
			if seen[x.ID] || !ok || !cmp.Equal(found, x) {
				t.Errorf("%s: id %s is not its own", x.Name, x.ID)
			}
			seen[x.ID] = true
		}
	}
}

// change replaces one piece of the real file; it must be there.
func change(t *testing.T, old, new string) []byte {
	t.Helper()
	text := string(realFile(t))
	if !strings.Contains(text, old) {
		t.Fatalf("the example has no %q", old)
	}
	return []byte(strings.Replace(text, old, new, 1))
}

func TestABadFileNamesThePlaceAndWhatIsWanted(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"an unknown field", "maxWeeks: 24", "maxWeek: 24", "line 17: want only known fields, got field maxWeek"},
		{"a field twice", "maxWeeks: 24", "maxWeeks: 24\n  maxWeeks: 24", "already defined"},
		{"a word for a number", "maxWeeks: 24", "maxWeeks: many", "line 17: want another kind of value, cannot unmarshal !!str `many`"},
		{"no YAML", "weeks:", "weeks: [", "line"},
		{"an id with blanks", "id: insjoriket", "id: insjö riket", `association.id: want lower-case letters`},
		{"a name that is empty", "name: ACTivera", `name: ""`, "initiative.name: want a text, got nothing"},
		{"a name over two lines", "name: ACTivera", `name: "ACT\nivera"`, "initiative.name: want at most 200 bytes of printable text"},
		{"a name that is too long", "name: ACTivera", "name: " + strings.Repeat("x", 201), "initiative.name: want at most 200 bytes"},
		{"a code of three digits", `code: "1481"`, `code: "148"`, `municipalities[0].code: want four digits, got "148"`},
		{"a municipality twice", `code: "1402"`, `code: "1481"`, `municipalities[1].code: want each municipality once, got "1481" again`},
		{"an authority with capitals", "[{ id: fk,", "[{ id: FK,", `authorities[0]: want the id of an authority`},
		{"an authority of a kind of one's own", "kind: region", "kind: county", `authorities[2].kind: want one of employment_service, social_insurance, region`},
		{"an authority with an unknown field", "kind: region", "sort: region", `want only known fields, got field sort`},
		{"an authority twice", "[{ id: fk,", "[fk, { id: fk,", `authorities[1]: want each authority once, got "fk" again`},
		{"an orientation of its own", "orientation: individual", "orientation: both", "initiative.orientation: want one of individual, structural"},
		{"ages turned round", "[16, 64]", "[64, 16]", "initiative.ages: want [lowest, highest]"},
		{"one age", "[16, 64]", "[16]", "initiative.ages: want [lowest, highest]"},
		{"corrections without an end", "maxWeeks: 24", "maxWeeks: 24\n  correctionDays: 366", "initiative.correctionDays: want 1 to 365 days, or none given, got 366"},
		{"a check-in before its block", "maxWeeks: 24", "maxWeeks: 24\n  checkInDays: 43", "initiative.checkInDays: want 0 to 42 days before a block's last day, got 43"},
		{"no weeks at all", "maxWeeks: 24", "maxWeeks: 0", "initiative.maxWeeks: want 1 to 260 weeks, got 0"},
		{"blocks longer than the most weeks", "maxWeeks: 24", "maxWeeks: 23", "initiative.blocks: want at most maxWeeks (23) weeks together, got 24"},
		{"a gap in the blocks", "number: 2", "number: 5", "initiative.blocks[1].number: want 2"},
		{"a block without weeks", "number: 2, weeks: 6", "number: 2, weeks: 0", "initiative.blocks[1].weeks: want 1 to 52"},
		{"a last block that does not close", "closing: true", "closing: false", "initiative.blocks[3].closing: want true"},
		{"a check-in after the last block", "checkIn: false", "checkIn: true", "initiative.blocks[3].checkIn: want false"},
		{"a plan of a stranger", "blocks:\n", "plans: [{ municipality: \"1480\", maxWeeks: 24 }]\n  blocks:\n", "initiative.plans[0].municipality: want the code of a municipality above"},
		{"a plan twice", "blocks:\n", "plans: [{ municipality: \"1481\", maxWeeks: 24 }, { municipality: \"1481\", maxWeeks: 30 }]\n  blocks:\n", "initiative.plans[1].municipality: want one plan per municipality"},
		{"a plan shorter than its blocks", "blocks:\n", "plans: [{ municipality: \"1481\", maxWeeks: 23 }]\n  blocks:\n", "initiative.plans[0].blocks: want at most maxWeeks (23) weeks together, got 24"},
		{"a plan that does not close", "blocks:\n", "plans: [{ municipality: \"1481\", maxWeeks: 9, blocks: [{ number: 1, weeks: 9 }] }]\n  blocks:\n", "initiative.plans[0].blocks[0].closing: want true"},
		{"content that is no category", "content: [health, act]", "content: [sport]", "initiative.blocks[0].content[0]: want one of health"},
		{"a week of a stranger", `municipality: "1481"`, `municipality: "1480"`, "weeks[0].municipality: want the code of a municipality above"},
		{"a week twice", `municipality: "1489"`, `municipality: "1481"`, `weeks[1].municipality: want one week per municipality`},
		{"a day of its own", "day: monday", "day: måndag", `weeks[0].activities[0].day: want one of monday`},
		{"a category of its own", "category: health", "category: sport", "weeks[0].activities[0].category: want one of"},
		{"an impossible time", `from: "11:00"`, `from: "25:00"`, `weeks[0].activities[0].from: want a time such as "09:30", got "25:00"`},
		{"a time without an end", `to: "12:00", mode`, `mode`, `weeks[0].activities[0].to: want a time such as "12:00", got ""`},
		{"an end before the start", `to: "12:00"`, `to: "10:00"`, "weeks[0].activities[0].to: want a time after from (11:00)"},
		{"times and a part of the day", `day: monday, from`, `day: monday, part: morning, from`, "weeks[0].activities[0].part: want no part of the day"},
		{"neither time nor individual", "part: afternoon, individual: true, ", "", `weeks[0].activities[1].from: want a time such as "09:30", or individual`},
		{"a mode of its own", "mode: digital", "mode: telepathy", "weeks[0].activities[0].mode: want one of digital"},
		{"sessions below zero", "sessions: 8", "sessions: -8", "weeks[0].activities[2].closedGroup.sessions: want 1 to 200"},
		{"a term of too many days", "weeks:\n", "terms: { transfer: 366 }\nweeks:\n", "terms.transfer: want 1 to 365 days, or none given, got 366"},
		{"a term below zero", "weeks:\n", "terms: { decision: -1 }\nweeks:\n", "terms.decision: want 1 to 365 days, or none given, got -1"},
		{"a change without a day", "mode: digital }", "mode: digital, changes: [{ from: \"11:15\" }] }", `weeks[0].activities[0].changes[0].on: want a date`},
		{"a change of nothing", "mode: digital }", "mode: digital, changes: [{ on: \"2027-01-04\" }] }", `weeks[0].activities[0].changes[0]: want what is another from that day on`},
		{"a change before the one before", "mode: digital }", "mode: digital, changes: [{ on: \"2027-01-04\", place: A }, { on: \"2027-01-03\", place: B }] }", `weeks[0].activities[0].changes[1].on: want a later day`},
		{"a change that leaves an end before its start", "mode: digital }", "mode: digital, changes: [{ on: \"2027-01-04\", from: \"12:15\" }] }", `weeks[0].activities[0].changes[0].to: want a time after from (12:15)`},
		{"a last day in words", "mode: digital }", "mode: digital, until: soon }", `weeks[0].activities[0].until: want a date`},
		{"an id of words", "{ name: Promenad", "{ id: Lugn promenad, name: Promenad", `want lower-case letters, digits and "-"`},
		{"a course that starts on another weekday", "sessions: 8 }", "sessions: 8, starts: [\"2026-12-02\"] }", `weeks[0].activities[2].closedGroup.starts[0]: want a date on which the activity takes place`},
		{"a calendar of its own", "weeks:\n", "calendar: { publicHolidays: some }\nweeks:\n", "calendar.publicHolidays: want one of closed, open"},
		{"an ordinary day that is open", "weeks:\n", "calendar: { publicHolidays: closed, open: [\"2026-12-24\"] }\nweeks:\n", "calendar.open[0]: want the date of a public holiday"},
		{"days before receipt below zero", "weeks:\n", "calendar: { daysBeforeReceipt: -1 }\nweeks:\n", "calendar.daysBeforeReceipt: want 0 to 365 days"},
		{"an area with capitals", "[carpentry", "[Carpentry", "weeks[0].workTraining[0].areas[0]: want lower-case letters"},
		{"places in an area that the site has not", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, workTraining: true, areas: [textile], places: [{ area: carpentry, places: 2 }] }]\n    workTraining:\n      - {", "weeks[0].sites[0].places[0].area: want one of the site's areas, got \"carpentry\""},
		{"fewer places than none", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, workTraining: true, areas: [textile], places: [{ area: textile, places: -2 }] }]\n    workTraining:\n      - {", "weeks[0].sites[0].places[0].places: want 0 to 500 places, got -2"},
		{"places on a day on which the site is closed", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, workTraining: true, areas: [textile], places: [{ area: textile, days: [monday], places: 2 }] }]\n    workTraining:\n      - {", "weeks[0].sites[0].places[0].days[0]: want a day on which the site is open, got \"monday\""},
		{"places of an area twice", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, workTraining: true, areas: [textile], places: [{ area: textile, places: 2 }, { area: textile, places: 3 }] }]\n    workTraining:\n      - {", "weeks[0].sites[0].places[1]: want the places of an area and a day once"},
		{"a day twice", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, open: [{ day: monday, from: \"08:00\", to: \"16:00\" }, { day: monday, from: \"08:00\", to: \"16:00\" }] }]\n    workTraining:\n      - {", "weeks[0].sites[0].open[1].day: want each day once"},
		{"a site that closes before it opens", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, open: [{ day: monday, from: \"16:00\", to: \"08:00\" }] }]\n    workTraining:\n      - {", "weeks[0].sites[0].open[0].to: want a time after from (16:00)"},
		{"a supervisor of what is no site of work training", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, supervisors: [supervisor-1] }]\n    workTraining:\n      - {", "weeks[0].sites[0].workTraining: want workTraining: true"},
		{"a supervisor twice", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, workTraining: true, supervisors: [supervisor-1, supervisor-1] }]\n    workTraining:\n      - {", "weeks[0].sites[0].supervisors[1]: want each supervisor once"},
		{"an agreement that ends before it begins", "workTraining:\n      - {", "sites: [{ id: neon, name: Neon, workTraining: true, agreement: { from: 2027-01-01, until: 2026-12-31 } }]\n    workTraining:\n      - {", "weeks[0].sites[0].agreement.until: want a day from the first one (2027-01-01) on"},
		{"the same activity twice", "name: Promenad, category: social, day: tuesday", "name: ACT - att hantera stress och främja hälsa, category: act, day: tuesday, from: \"09:30\", to: \"12:00\" }\n      - { name: Promenad, category: social, day: tuesday",
			"weeks[0].activities[3]: want another name, day or time than activities[2], got the same"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(change(t, c.old, c.new))
			var p Problems
			if !errors.As(err, &p) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAMunicipalityMayFollowAPlanOfItsOwn(t *testing.T) {
	a, err := Parse(change(t, "blocks:\n", `plans:
    - { municipality: "1402", maxWeeks: 30 }
    - { municipality: "1401", maxWeeks: 12, blocks: [{ number: 1, weeks: 4, checkIn: true }, { number: 2, weeks: 8, closing: true }] }
  blocks:
`))
	if err != nil {
		t.Fatal(err)
	}
	i, _ := a.Initiative("activera")
	for municipality, want := range map[string]struct{ maxWeeks, blocks int }{"1481": {24, 4}, "1402": {30, 4}, "1401": {12, 2}} {
		if p := i.PlanIn(municipality); p.MaxWeeks != want.maxWeeks || len(p.Blocks) != want.blocks {
			t.Errorf("%s: got %+v, want %+v", municipality, p, want)
		}
	}
}

func TestTheTimeForCorrectionsIsTheProgrammes(t *testing.T) {
	// Who took a step corrects it within a time that the programme sets: a municipality's
	// plan goes before the initiative, that before the association, and then there are two weeks.
	oracle := func(ofPlan, ofInitiative, ofAssociation int) int {
		for _, days := range []int{ofPlan, ofInitiative, ofAssociation} {
			if days > 0 {
				return days
			}
		}
		return 14
	}
	for _, ofPlan := range []int{0, 3, 365} {
		for _, ofInitiative := range []int{0, 5} {
			for _, ofAssociation := range []int{0, 7} {
				file := string(change(t, "blocks:\n", fmt.Sprintf(`correctionDays: %d
  plans:
    - { municipality: "1402", maxWeeks: 30, correctionDays: %d }
  blocks:
`, ofInitiative, ofPlan)))
				a, err := Parse([]byte(strings.Replace(file, "\nweeks:\n", fmt.Sprintf("\nterms: { correction: %d }\nweeks:\n", ofAssociation), 1)))
				if err != nil {
					t.Fatal(err)
				}
				for _, initiative := range []string{"", "activera"} {
					if got, want := a.DaysToCorrect(initiative, "1402"), oracle(ofPlan, ofInitiative, ofAssociation); got != want {
						t.Errorf("plan %d, initiative %d, association %d: %d days, want %d", ofPlan, ofInitiative, ofAssociation, got, want)
					}
					if got, want := a.DaysToCorrect(initiative, "1481"), oracle(0, ofInitiative, ofAssociation); got != want {
						t.Errorf("without a plan, initiative %d, association %d: %d days, want %d", ofInitiative, ofAssociation, got, want)
					}
				}
				if got, want := a.DaysToCorrect("another", "1402"), oracle(0, 0, ofAssociation); got != want {
					t.Errorf("an initiative that is not there: %d days, want %d", got, want)
				}
			}
		}
	}
}

func TestOnlyAFileThatNamesItsAuthoritiesKnowsWhoIsOne(t *testing.T) {
	in, err := Parse(realFile(t))
	if err != nil || in.HasAuthority("nosuch") || !in.HasAuthority("fk") || !in.HasAuthority("molndal") {
		t.Errorf("with them: %v", err)
	}
	in, err = Parse(change(t, "authorities: [{ id: fk, name: Försäkringskassan, kind: social_insurance }, { id: af, name: Arbetsförmedlingen, kind: employment_service }, { id: vgr, name: Västra Götalandsregionen, kind: region }]\n", ""))
	if err != nil || !in.HasAuthority("nosuch") {
		t.Errorf("without them: %v", err)
	}
}

func TestTermsThatAreNotGivenAreLeftToTheDefault(t *testing.T) {
	a, err := Parse(change(t, "weeks:\n", "terms: { decision: 10, closing: 30 }\nweeks:\n"))
	if want := (Terms{Decision: 10, Closing: 30}); err != nil || a.Terms != want {
		t.Errorf("got %+v, %v, want %+v", a.Terms, err, want)
	}
}

func TestAllFaultsAreReportedAtOnce(t *testing.T) {
	_, err := Parse([]byte("association: { id: X }\ninitiative: { maxWeeks: -1 }\nweeks: [{ municipality: \"1\", activities: [{}] }]"))
	var p Problems
	if !errors.As(err, &p) || len(p) < 10 {
		t.Errorf("got %d problems: %v", len(p), err)
	}
}

func TestOnlyOneDocumentOfABoundedSizeIsRead(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":       nil,
		"two documents": append(realFile(t), []byte("\n---\nassociation: {}\n")...),
		"too much":      make([]byte, maxFile+1),
	} {
		if _, err := Parse(data); err == nil || !strings.Contains(err.Error(), "file: want") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestClockReadsOnlyWholeTimesOfDay(t *testing.T) {
	for s, want := range map[string]time.Duration{"00:00": 0, "09:30": 570 * time.Minute, "23:59": 1439 * time.Minute} {
		if got, ok := Clock(s); !ok || got != want {
			t.Errorf("%s: got %v %t", s, got, ok)
		}
	}
	for _, s := range []string{"", "9:30", "24:00", "12:60", "+1:00", "12.00", "1２:0", "12:000"} {
		if got, ok := Clock(s); ok {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}
