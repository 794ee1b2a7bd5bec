package activity

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
)

// tuesday is noon at the walk of 17 November, which begins an hour later.
var tuesday = friday.AddDate(0, 0, -3)

var leader = history.Author{Subject: "leader-1", Authority: "molndal"}

// row is a row of the list of 17 November.
func row(client string, word Attendance, minutesLater int) Note {
	n := Note{Date: "2026-11-17", Attendance: word, Client: client, At: tuesday.Add(time.Duration(minutesLater) * time.Minute)}
	if word == Late {
		n.Minutes = 10
	}
	return n
}

func TestARowSaysWhatIsWrongWithIt(t *testing.T) {
	running := &Enrolment{Blocks: []Block{{Number: 1, First: "2026-10-05", Last: "2026-12-27"}}}
	for _, c := range []struct {
		sentence string
		change   func(*Note)
		want     error
	}{
		{"present", func(*Note) {}, nil},
		{"late by ten minutes", func(n *Note) { n.Attendance, n.Minutes = Late, 10 }, nil},
		{"late by nothing", func(n *Note) { n.Attendance = Late }, ErrMinutes},
		{"late by a day", func(n *Note) { n.Attendance, n.Minutes = Late, 1440 }, ErrMinutes},
		{"late by less than nothing", func(n *Note) { n.Attendance, n.Minutes = Late, -5 }, ErrMinutes},
		{"present, and late", func(n *Note) { n.Minutes = 10 }, ErrMinutes},
		{"present, and ill", func(n *Note) { n.Reason = "ill" }, ErrCame},
		{"present, and said that they would not come", func(n *Note) { n.Notified = true }, ErrCame},
		{"absent, nobody knows why", func(n *Note) { n.Attendance = Absent }, nil},
		{"absent, ill, as was said", func(n *Note) { n.Attendance, n.Reason, n.Notified = Absent, "ill", true }, nil},
		{"absent for a reason of one's own", func(n *Note) { n.Attendance, n.Reason = Absent, "football" }, ErrAbsenceReason},
		{"as old front ends say it", func(n *Note) { n.Attendance = AbsentNotified }, nil},
		{"noted in the future", func(n *Note) { n.At = friday.Add(11 * time.Minute) }, ErrClock},
		{"by a clock that is a little fast", func(n *Note) { n.At = friday.Add(9 * time.Minute) }, nil},
		{"noted more than a year ago", func(n *Note) { n.Attendance, n.Notified, n.At = Absent, true, friday.AddDate(-1, 0, -1) }, ErrNotedLongAgo},
		{"present the day before", func(n *Note) { n.At = tuesday.AddDate(0, 0, -1) }, ErrFuture},
		{"absent the day before, unsaid", func(n *Note) { n.Attendance, n.At = Absent, tuesday.AddDate(0, 0, -1) }, ErrFuture},
		{"absent the day before, as was said", func(n *Note) { n.Attendance, n.Notified, n.At = Absent, true, tuesday.AddDate(0, 0, -1) }, nil},
		{"a Wednesday", func(n *Note) { n.Date, n.At = "2026-11-18", friday }, ErrNoOccurrence},
		{"before the booking", func(n *Note) { n.Date = "2026-10-20" }, ErrNotCovered},
	} {
		b, n := booked(t), row("c1", Present, 5)
		c.change(&n)
		outcome, err := b.NoteRow(running, walk(t), n, false, leader, friday)
		if !errors.Is(err, c.want) || (outcome == OutcomeRefused) != (c.want != nil) || (len(b.Steps) == 2) != (c.want == nil) {
			t.Errorf("%s: %s, %v, want %v", c.sentence, outcome, err, c.want)
		}
	}
	paused := &Enrolment{Blocks: running.Blocks, Pauses: []Pause{{First: "2026-11-16"}}}
	if _, err := booked(t).NoteRow(paused, walk(t), row("c1", Present, 5), false, leader, friday); !errors.Is(err, ErrPaused) {
		t.Errorf("in a pause: %v", err)
	}
}

func TestOldAbsenceIsReadInTodaysWords(t *testing.T) {
	b := booked(t)
	b.Steps = history.Append(b.Steps, Step{Kind: StepNoted, Date: "2026-11-10", Attendance: Absent}, coach, friday)
	b.Steps = history.Append(b.Steps, Step{Kind: StepNoted, Date: "2026-11-24", Attendance: AbsentNotified}, coach, friday)
	notes := b.Status().Notes
	if n := notes["2026-11-10"]; n.Attendance != Absent || n.Reason != AbsenceUnknown || n.Notified {
		t.Errorf("absent: %+v", n)
	}
	if n := notes["2026-11-24"]; n.Attendance != Absent || n.Reason != AbsenceUnknown || !n.Notified {
		t.Errorf("absent, notified: %+v", n)
	}
}

// said is one row that a phone has.
type said struct {
	by history.Author
	Note
}

// TestOfWhateverOrderTheSameBecomes sends what two leaders noted, on the phones of one and the
// other, in any order, and some of it again: the same counts, and the same contradicts it. What
// it should be is worked out from the rows in the order of their time.
func TestOfWhateverOrderTheSameBecomes(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 81))
	running := &Enrolment{Blocks: []Block{{Number: 1, First: "2026-10-05", Last: "2026-12-27"}}}
	words := []Attendance{Present, Late, Absent}
	contradicted := 0
	for range 400 {
		var rows []said
		for i := range 1 + r.IntN(6) {
			x := said{[]history.Author{leader, coach}[r.IntN(2)], row(fmt.Sprintf("c%d", i), words[r.IntN(3)], 10*i)}
			if r.IntN(4) == 0 {
				x.At = x.At.AddDate(0, 0, 1)
			}
			if r.IntN(6) == 0 {
				x.Attendance, x.Minutes, x.Notified, x.At = Absent, 0, true, x.At.AddDate(0, 0, -3)
			}
			rows = append(rows, x)
		}
		wantNote, wantOthers := judged(rows)
		for range 3 {
			b, sent := booked(t), 0
			for sent < len(rows)*2 {
				r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
				for _, x := range rows {
					before := len(b.Steps)
					outcome, err := b.NoteRow(running, walk(t), x.Note, false, x.by, friday)
					if err != nil || outcome == OutcomeNoted && len(b.Steps) == before {
						t.Fatalf("seed %d: %+v: %s, %v", seed, x, outcome, err)
					}
					sent++
				}
			}
			if len(b.Steps) != len(rows)+1 {
				t.Fatalf("seed %d: %d steps of %d rows", seed, len(b.Steps)-1, len(rows))
			}
			st := b.Status()
			var others []string
			for _, n := range st.Others["2026-11-17"] {
				others = append(others, n.Client)
			}
			if got := st.Notes["2026-11-17"].Client; got != wantNote || !slices.Equal(others, wantOthers) {
				t.Fatalf("seed %d: %+v:\n%s counts, %v contradict it; want %s, %v", seed, rows, got, others, wantNote, wantOthers)
			}
			contradicted += len(others)
		}
	}
	if contradicted == 0 {
		t.Error("nothing contradicted anything")
	}
}

// judged works out which row counts, and which contradict it, as a person would who has all
// of them on paper.
func judged(rows []said) (counts string, others []string) {
	pile := slices.Clone(rows)
	slices.SortFunc(pile, func(a, b said) int { return a.At.Compare(b.At) })
	last := map[string]said{} // of a person on one day, on the day of the walk or later
	var ahead, latest said
	for _, x := range pile {
		if x.Notified && civil.DateOf(x.At) < x.Date {
			ahead = x
			continue
		}
		last[x.by.Subject+string(civil.DateOf(x.At))], latest = x, x
	}
	if latest.Client == "" {
		return ahead.Client, nil
	}
	for _, x := range pile {
		if last[x.by.Subject+string(civil.DateOf(x.At))].Client == x.Client && x.Attendance != latest.Attendance {
			others = append(others, x.Client)
		}
	}
	return latest.Client, others
}

func TestAPersonDecidesAmongContradictingNotes(t *testing.T) {
	running := &Enrolment{}
	contradicting := func() *Booking {
		b := booked(t)
		for _, x := range []said{{leader, row("a", Present, 0)}, {coach, row("b", Absent, 5)}} {
			if _, err := b.NoteRow(running, walk(t), x.Note, false, x.by, friday); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	b := contradicting()
	if st := b.Status(); st.Notes["2026-11-17"].Attendance != Absent || len(st.Others["2026-11-17"]) != 1 {
		t.Fatalf("got %+v", st)
	}
	if outcome, err := b.NoteRow(running, walk(t), row("a", Present, 0), false, leader, friday); outcome != OutcomeConflict || err != nil {
		t.Errorf("the same once more: %s, %v", outcome, err)
	}
	if outcome, err := b.NoteRow(running, walk(t), row("a", Late, 0), false, leader, friday); outcome != OutcomeRefused || !errors.Is(err, ErrClientReused) {
		t.Errorf("something else with the same id: %s, %v", outcome, err)
	}
	stranger := history.Author{Subject: "coach-9", Authority: "molndal"}
	decide := func(by history.Author, manages bool, n Note) error {
		n.Date = "2026-11-17"
		return b.CorrectAttendance(n, []byte("x"), nil, manages, 14, by, friday)
	}
	if err := decide(stranger, false, Note{Attendance: Present}); !errors.Is(err, history.ErrOthersStep) {
		t.Errorf("who noted neither: %v", err)
	}
	for who, n := range map[string]Note{"leader-1": {Attendance: Present}, "coach-1": {Attendance: Absent}, "head": {Attendance: Late, Minutes: 20}} {
		b = contradicting()
		if err := decide(history.Author{Subject: who, Authority: "molndal"}, who == "head", n); err != nil {
			t.Errorf("%s: %v", who, err)
		}
		st := b.Status()
		if got := st.Notes["2026-11-17"]; got.Attendance != n.Attendance || got.Minutes != n.Minutes || got.By != who || len(st.Others) != 0 || len(b.Steps) != 4 {
			t.Errorf("%s decides: %+v, %v", who, got, st.Others)
		}
	}
	b = contradicting()
	if err := decide(coach, false, Note{Attendance: Absent}); err != nil {
		t.Fatal(err)
	}
	// What comes later is shown, and nothing comes twice.
	if outcome, err := b.NoteRow(running, walk(t), row("b", Absent, 5), false, coach, friday); outcome != OutcomeAlready || err != nil {
		t.Errorf("what was decided on already: %s, %v", outcome, err)
	}
	if outcome, err := b.NoteRow(running, walk(t), row("c", Present, 7), false, stranger, friday); outcome != OutcomeConflict || err != nil || len(b.Status().Others["2026-11-17"]) != 1 {
		t.Errorf("what somebody else noted: %s, %v", outcome, err)
	}
}

func TestAReportedAbsenceHoldsUntilSomethingElseIsNoted(t *testing.T) {
	report := func(from, until civil.Date, at time.Time) *Absence {
		x, err := ReportAbsence("a1", "insjoriket", "p", Span{from, until, "ill"}, booked(t).Receipt, coach, at)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	on := func(b *Booking, d civil.Date, x ...*Absence) Mark {
		o, occurs := OccurrenceOn(walk(t), d, nil)
		if !occurs {
			t.Fatal(d)
		}
		return b.Status().On(o, x)
	}
	ill := report("2026-11-16", "2026-11-20", tuesday.AddDate(0, 0, -1))
	if m := on(booked(t), "2026-11-17", ill); m.Attendance != Absent || m.Reason != "ill" || !m.Notified || m.Absence != ill {
		t.Errorf("notified the day before: %+v", m)
	}
	if m := on(booked(t), "2026-11-10", ill); m.Attendance != "" || m.Absence != nil {
		t.Errorf("the week before: %+v", m)
	}
	if m := on(booked(t), "2026-11-17", report("2026-11-17", "2026-11-17", tuesday.Add(3*time.Hour))); m.Attendance != Absent || m.Notified {
		t.Errorf("notified when it had begun: %+v", m)
	}
	b := booked(t)
	for i, c := range []struct {
		n    Note
		want Note
	}{
		{row("a", Absent, 0), Note{Attendance: Absent, Reason: "ill", Notified: true}},
		{row("b", Present, 10), Note{Attendance: Present}},
	} {
		if _, err := b.NoteRow(&Enrolment{}, walk(t), c.n, false, leader, friday); err != nil {
			t.Fatal(err)
		}
		m := on(b, "2026-11-17", ill)
		if m.Attendance != c.want.Attendance || m.Reason != c.want.Reason || m.Notified != c.want.Notified {
			t.Errorf("%d: %+v", i, m)
		}
	}
	if changed, err := ill.Correct(Span{"2026-11-16", "2026-11-16", "ill"}, coach, friday); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if m := on(booked(t), "2026-11-17", ill); m.Attendance != "" {
		t.Errorf("it was for one day: %+v", m)
	}
	gone := report("2026-11-16", "2026-11-20", tuesday)
	if err := gone.Withdraw(coach, tuesday); err != nil {
		t.Fatal(err)
	}
	if m := on(booked(t), "2026-11-17", gone); m.Attendance != "" {
		t.Errorf("withdrawn: %+v", m)
	}
	if err := gone.Withdraw(coach, tuesday); !errors.Is(err, ErrAbsenceGone) {
		t.Errorf("again: %v", err)
	}
	if _, err := gone.Correct(Span{"2026-11-16", "2026-11-18", "ill"}, coach, tuesday); !errors.Is(err, ErrAbsenceGone) {
		t.Errorf("changed after that: %v", err)
	}
}

func TestAnAbsenceHasItsBounds(t *testing.T) {
	for _, c := range []struct {
		sentence string
		Span
		want error
	}{
		{"today", Span{"2026-11-20", "2026-11-20", "ill"}, nil},
		{"from a week ago", Span{"2026-11-13", "2026-11-20", "care"}, nil},
		{"from eight days ago", Span{"2026-11-12", "2026-11-20", "ill"}, ErrAbsenceFrom},
		{"from more than a year ahead", Span{"2027-11-22", "2027-11-22", "ill"}, ErrAbsenceFrom},
		{"92 days", Span{"2026-11-20", "2027-02-19", "ill"}, nil},
		{"93 days", Span{"2026-11-20", "2027-02-20", "ill"}, ErrAbsenceUntil},
		{"backwards", Span{"2026-11-20", "2026-11-19", "ill"}, ErrAbsenceUntil},
		{"no such day", Span{"2026-11-31", "2026-12-01", "ill"}, ErrDate},
		{"until no such day", Span{"2026-11-30", "2026-02-30", "ill"}, ErrDate},
		{"a reason of one's own", Span{"2026-11-20", "2026-11-20", "football"}, ErrAbsenceReason},
	} {
		if _, err := ReportAbsence("a", "insjoriket", "p", c.Span, booked(t).Receipt, coach, friday); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.sentence, err)
		}
	}
}

// turnouts reads one occurrence per letter, every other day: a absent, p present.
func turnouts(text string) (all []Turnout) {
	for i, c := range text {
		d := civil.Date("2026-10-05").AddDays(2 * i)
		all = append(all, Turnout{Starts: d.MidnightUTC(), On: d, Absent: c == 'a'})
	}
	return all
}

func TestPatternsOfAbsence(t *testing.T) {
	row := func(day civil.Date, n int) Pattern { return Pattern{PatternRow, day, n, n} }
	share := func(day civil.Date, n, of int) Pattern { return Pattern{PatternShare, day, n, of} }
	for _, c := range []struct {
		sentence, text string
		rule           association.AbsenceRule
		want           []Pattern
	}{
		{"nothing is known", "", association.DefaultAbsence, nil},
		{"one absence, of one", "a", association.DefaultAbsence, nil},
		{"two of four", "pap" + "a", association.DefaultAbsence, []Pattern{share("2026-10-11", 2, 4)}},
		{"two of five", "ppapa", association.DefaultAbsence, nil},
		{"two of seven in two weeks", "papppap", association.DefaultAbsence, nil},
		{"three in a row", "ppppaaa", association.DefaultAbsence, []Pattern{row("2026-10-17", 3)}},
		{"and both", "ppaaa", association.DefaultAbsence, []Pattern{row("2026-10-13", 3), share("2026-10-11", 2, 4)}},
		{"what was three weeks ago does not count", "aapppppppppa", association.AbsenceRule{InRow: 3, Percent: 60, Weeks: 2}, []Pattern{share("2026-10-07", 2, 2)}},
		{"the programme's numbers", "pppaa", association.AbsenceRule{InRow: 2, Percent: 90, Weeks: 2}, []Pattern{row("2026-10-13", 2)}},
		{"not in a row", "paapppaapppaap", association.AbsenceRule{InRow: 3, Percent: 80, Weeks: 2}, nil},
	} {
		if got := Patterns(turnouts(c.text), c.rule.Whole()); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.sentence, got, c.want)
		}
	}
}

func TestASignalIsNoticedOnceAndFollowedUp(t *testing.T) {
	e := &Enrolment{ID: "e", Participant: "p", Municipality: "1481", Coach: "coach-1"}
	x, system := &Signal{ID: "e"}, history.System("activity")
	follow := func(text string) bool {
		return x.Follow(e, Patterns(x.Counted(turnouts(text)), association.DefaultAbsence), "e/1", system, friday)
	}
	if follow("ppp") || x.State() != "" {
		t.Error("nothing to notice")
	}
	if !follow("ppppaaa") || x.State() != SignalOpen || len(x.Open()) != 1 || follow("ppppaaa") || follow("ppppaaap") {
		t.Errorf("noticed once: %+v", x)
	}
	if err := x.FollowUp("football", coach, friday); !errors.Is(err, ErrFollowUp) {
		t.Errorf("a word of one's own: %v", err)
	}
	if !follow("pppp") || x.State() != SignalOver || len(x.Open()) != 0 {
		t.Errorf("corrected: %+v", x)
	}
	if err := x.FollowUp("contacted", coach, friday); !errors.Is(err, ErrSignalDone) {
		t.Errorf("of what is over: %v", err)
	}
	if !follow("ppppaaa") || x.State() != SignalOpen {
		t.Error("noted again")
	}
	if err := x.FollowUp("contacted", coach, friday); err != nil || x.State() != SignalDone {
		t.Fatal(err)
	}
	if follow("ppppaaa") || x.State() != SignalDone {
		t.Error("what was followed up is not noticed again")
	}
	if x.Assign("coach-1", "e/3", system, friday) || !x.Assign("coach-2", "e/3", system, friday) || x.State() != SignalDone || x.Coach != "coach-2" {
		t.Errorf("another coach: %+v", x)
	}
	for _, s := range x.Steps {
		if !signalTable.By(s.Kind, map[bool]Party{true: PartyService, false: PartyCoach}[s.By == system.Subject]) {
			t.Errorf("by whom: %+v", s)
		}
	}
	// What comes after that day is.
	late := []Turnout{{On: "2026-11-24", Absent: true}, {On: "2026-11-26", Absent: true}, {On: "2026-11-27", Absent: true}}
	if !x.Follow(e, Patterns(x.Counted(append(turnouts("aaa"), late...)), association.DefaultAbsence), "e/2", system, friday) || x.State() != SignalOpen {
		t.Error("absent again")
	}
}

func TestWhichRulesHoldForAWeek(t *testing.T) {
	plan := association.Plan{Rules: []association.Rule{
		{ID: "always", Category: "health", Times: 1}, {ID: "later", Category: "act", Times: 1, FromWeek: 3}, {ID: "second", Category: "social", Times: 2, Blocks: []int{2}},
	}}
	blocks := []Block{{Number: 1, First: "2026-10-05", Last: "2026-11-15"}, {Number: 2, First: "2026-11-16", Last: "2026-12-27"}}
	for _, c := range []struct {
		sentence, week string
		e              Enrolment
		want           string
	}{
		{"before it begins", "2026-W40", Enrolment{Blocks: blocks}, "[]"},
		{"the first week", "2026-W41", Enrolment{Blocks: blocks}, "[always]"},
		{"the third", "2026-W43", Enrolment{Blocks: blocks}, "[always later]"},
		{"the second block", "2026-W47", Enrolment{Blocks: blocks}, "[always later second]"},
		{"it begins on a Wednesday", "2026-W41", Enrolment{Blocks: []Block{{Number: 1, First: "2026-10-07"}}}, "[]"},
		{"a pause of a day", "2026-W47", Enrolment{Blocks: blocks, Pauses: []Pause{{First: "2026-11-20", Last: "2026-11-20"}}}, "[]"},
		{"a pause since last week", "2026-W47", Enrolment{Blocks: blocks, Pauses: []Pause{{First: "2026-11-10"}}}, "[]"},
		{"after a pause", "2026-W47", Enrolment{Blocks: blocks, Pauses: []Pause{{First: "2026-11-10", Last: "2026-11-15"}}}, "[always later second]"},
		{"closed on its Friday", "2026-W47", Enrolment{Blocks: blocks, Closed: true, LastDay: "2026-11-20"}, "[]"},
		{"closed on its Sunday", "2026-W47", Enrolment{Blocks: blocks, Closed: true, LastDay: "2026-11-22"}, "[always later second]"},
		{"not begun", "2026-W47", Enrolment{}, "[]"},
	} {
		w, err := ParseWeek(c.week)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, r := range c.e.RulesIn(w, plan) {
			ids = append(ids, r.ID)
		}
		if got := fmt.Sprint(ids); got != c.want {
			t.Errorf("%s: %s, want %s", c.sentence, got, c.want)
		}
	}
}

func TestWhatAWeekLacks(t *testing.T) {
	rule := []association.Rule{{ID: "physical", Category: "health", Times: 2}}
	w := WeekOf("2026-11-17")
	at := func(category string, a Attendance, change ...func(*BookedOccurrence)) BookedOccurrence {
		o := BookedOccurrence{Occurrence: Occurrence{Activity: association.Activity{Category: category}}, Mark: Mark{Note: Note{Attendance: a}}}
		for _, c := range change {
			c(&o)
		}
		return o
	}
	closed := func(o *BookedOccurrence) { o.Closed = true }
	off := func(o *BookedOccurrence) { o.Cancelled = &Cancellation{} }
	for _, c := range []struct {
		sentence string
		booked   []BookedOccurrence
		today    civil.Date
		want     string
	}{
		{"nothing is booked", nil, "2026-11-18", "0 0 planned"},
		{"one is", []BookedOccurrence{at("health", "")}, "2026-11-18", "1 0 planned"},
		{"two are", []BookedOccurrence{at("health", ""), at("health", "")}, "2026-11-18", ""},
		{"one of another kind", []BookedOccurrence{at("health", ""), at("act", "")}, "2026-11-18", "1 0 planned"},
		{"one is called off", []BookedOccurrence{at("health", ""), at("health", "", off)}, "2026-11-18", "1 0 planned"},
		{"one is on a closed day", []BookedOccurrence{at("health", ""), at("health", "", closed)}, "2026-11-18", "1 0 planned"},
		{"missed one", []BookedOccurrence{at("health", Absent), at("health", "")}, "2026-11-18", "2 0 attended"},
		{"missed one of three", []BookedOccurrence{at("health", Absent), at("health", ""), at("health", Late)}, "2026-11-18", ""},
		{"the week is over, and one is not noted", []BookedOccurrence{at("health", Present), at("health", "")}, "2026-11-23", "2 1 attended"},
		{"the week is over, and both are", []BookedOccurrence{at("health", Present), at("health", Late)}, "2026-11-23", ""},
	} {
		got := ""
		for _, x := range ShortfallsIn(w, rule, c.booked, c.today) {
			got += fmt.Sprint(x.Planned, " ", x.Attended, " ", x.Lacks)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.sentence, got, c.want)
		}
	}
}
