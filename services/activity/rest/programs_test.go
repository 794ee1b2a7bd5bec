package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	goical "github.com/emersion/go-ical"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/services/activity"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/service"
)

// staffs is a calendar of a municipality, or of a leader.
func staffs(municipality string, entries ...activity.CalendarEntry) *service.Calendar {
	c := &service.Calendar{Address: &activity.Address{Owner: "molndal/ledare-1", Leader: "ledare-1"}, Municipality: municipality, Entries: entries}
	if municipality != "" {
		c.Leader = ""
	}
	return c
}

// entry is one of a calendar, at 13:00 to 14:00, which changed last on 20 November 2026.
func entry(d civil.Date, sequence int, change func(e *activity.CalendarEntry)) activity.CalendarEntry {
	e := activity.CalendarEntry{
		UID: string(d) + "@finsam", Sequence: sequence, Date: d, Starts: d.At(13 * time.Hour), Ends: d.At(14 * time.Hour), ChangedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
	}
	if change != nil {
		change(&e)
	}
	return e
}

// programs are the common calendar programs, each with a calendar that shows what it needs.
var programs = map[string]struct {
	calendar *service.Calendar
	quirks   map[string]string // what the program does, and what of the text answers it; with "!" what is not in it
}{
	"outlook": {
		own(entry("2026-10-20", 0, nil), entry("2026-10-27", 0, nil), entry("2026-11-24", 1, func(e *activity.CalendarEntry) { e.Cancelled = true }), entry("2027-03-23", 0, nil), entry("2027-03-30", 0, nil)),
		map[string]string{
			"it knows no zone that the file does not define":        `(?s)BEGIN:VTIMEZONE\r\nTZID:Europe/Stockholm\r\n.*BEGIN:STANDARD.*END:STANDARD.*BEGIN:DAYLIGHT.*END:DAYLIGHT.*END:VTIMEZONE\r\nBEGIN:VEVENT`,
			"it keeps the wall clock over a clock change by TZID":   `DTSTART;TZID=Europe/Stockholm:20261027T130000\r\n`,
			"it shows what is CANCELLED as if it took place":        `SUMMARY:INSTÄLLT: Inbokad aktivitet\r\n`,
			"and keeps its time busy, unless it is transparent":     `SUMMARY:INSTÄLLT: (?:[^\r]*\r\n){1,4}TRANSP:TRANSPARENT\r\n`,
			"it asks again as X-PUBLISHED-TTL says":                 `\r\nX-PUBLISHED-TTL:PT1H\r\n`,
			"it takes another METHOD for an invitation":             `\r\nMETHOD:PUBLISH\r\n`,
			"it refuses an event without DTSTAMP":                   `\r\nDTSTAMP:20261120T090000Z\r\n`,
			"it names the calendar by X-WR-CALNAME":                 `\r\nX-WR-CALNAME:Min vecka\r\n`,
			"it reads lines that end with CRLF":                     `END:VCALENDAR\r\n$`,
			"nobody is invited: there is no organizer and attendee": `!ATTENDEE|ORGANIZER`,
		},
	},
	"google": {
		staffs("", entry("2026-11-24", 2, func(e *activity.CalendarEntry) {
			e.Title, e.Place = `Påhittat möte; frågor, svar`, `Frölundagatan 49, ingång A\B`
		}), entry("2026-11-25", 0, nil), entry("2026-12-01", 3, func(e *activity.CalendarEntry) {
			e.Title, e.Cancelled = "Påhittat möte", true
		})),
		map[string]string{
			"it shows CLASS:PRIVATE as busy, without a title; staff want the title": `!CLASS`,
			"it leaves out what is CANCELLED":                                       `\r\nSTATUS:CANCELLED\r\n`,
			"it reads the zone of the calendar in X-WR-TIMEZONE":                    `\r\nX-WR-TIMEZONE:Europe/Stockholm\r\n`,
			"it cuts a text at a comma or semicolon that is not escaped":            `SUMMARY:Påhittat möte\\; frågor\\, svar\r\n`,
			"and a backslash is escaped too":                                        `LOCATION:Frölundagatan 49\\, ingång A\\\\B\r\n`,
			"a booked slot has no name":                                             `\r\nSUMMARY:Bokad tid\r\n`,
		},
	},
	"apple": {
		staffs("Mölndal", entry("2026-12-31", 2, func(e *activity.CalendarEntry) {
			e.Starts, e.Ends = time.Time{}, time.Time{}
			e.Title = "Återhämtningsövningarförtröttaåländskaöverraskningsälskareåäöåäöåäöåäöåäöåäö🙂🙂🙂🙂🙂🙂🙂🙂 och mer"
		}), entry("2027-01-05", 2, func(e *activity.CalendarEntry) { e.Title, e.Place = "Promenad", "Frölundagatan 49" })),
		map[string]string{
			"it asks again as REFRESH-INTERVAL says (RFC 7986)":                `\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n`,
			"it names the calendar by NAME (RFC 7986)":                         `\r\nNAME:Veckan i Mölndal\r\n`,
			"a whole day is dates, and ends with the day after":                `DTSTART;VALUE=DATE:20261231\r\nDTEND;VALUE=DATE:20270101\r\n`,
			"a whole day keeps nobody busy":                                    `SUMMARY:Åter(?:[^\r]*\r\n){1,6}TRANSP:TRANSPARENT\r\n`,
			"it unfolds octets: no character is in two lines (wellFormed)":     `SUMMARY:Återhämtnings[^\r]*\r\n [^\r]*\r\n`,
			"the municipality's week keeps nobody busy, as it is nobody's own": `SUMMARY:Promenad\r\n(?:[^\r]*\r\n){1,4}TRANSP:TRANSPARENT\r\n`,
		},
	},
	"thunderbird": {
		own(entry("2026-11-24", 1, func(e *activity.CalendarEntry) { e.Cancelled = true }), entry("2026-12-01", 4, func(e *activity.CalendarEntry) {
			e.Starts, e.Ends = e.Date.At(8*time.Hour), e.Date.At(9*time.Hour)
		})),
		map[string]string{
			"it strikes through what is CANCELLED":                          `\r\nSTATUS:CANCELLED\r\n`,
			"it takes the event with the higher SEQUENCE":                   `\r\nSEQUENCE:4\r\n`,
			"and, where that is the same, the later LAST-MODIFIED":          `\r\nLAST-MODIFIED:20261120T090000Z\r\n`,
			"it hides what is private from whom one shares with":            `\r\nCLASS:PRIVATE\r\n`,
			"it refuses the whole calendar for one line that it can't read": `^BEGIN:VCALENDAR\r\nVERSION:2.0\r\n`,
		},
	},
}

// TestOneTextServesEachProgram is: for each of the programs there is a calendar that shows what it
// needs, read by go-ical here, and by ical.js in the golden file beside it.
func TestOneTextServesEachProgram(t *testing.T) {
	for name, p := range programs {
		text, err := calendar(p.calendar)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, text)
		for sentence, form := range p.quirks {
			form, isAbsent := strings.CutPrefix(form, "!")
			if regexp.MustCompile(form).Match(text) == isAbsent {
				t.Errorf("%s: %s: %s (absent: %t)\n%s", name, sentence, form, isAbsent, text)
			}
		}
		file := filepath.Join("testdata", "calendar", name+".ics")
		if *update {
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(file); err != nil || !bytes.Equal(text, want) {
			t.Errorf("%s (%v): the text is\n%s", file, err, text)
		}
		sameAsElsewhere(t, name, text)
	}
}

// wellFormed wants what every program wants: lines of at most 75 octets that end with CRLF, with
// whole characters in each; each event once, with what is required of it.
func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	for n, line := range strings.Split(strings.TrimSuffix(string(text), "\r\n"), "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") || line == "" {
			t.Errorf("line %d, %d octets: %q", n+1, len(line), line)
		}
	}
	if !bytes.HasSuffix(text, []byte("\r\n")) || bytes.Count(text, []byte("BEGIN:VTIMEZONE")) != 1 {
		t.Errorf("it does not end with a line, or has not one VTIMEZONE")
	}
	c, err := goical.NewDecoder(bytes.NewReader(text)).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	seen := map[string]bool{}
	for _, e := range c.Events() {
		uid := e.Props.Get(goical.PropUID).Value
		if seen[uid] {
			t.Errorf("%s is there twice", uid)
		}
		seen[uid] = true
		for _, name := range []string{goical.PropDateTimeStamp, goical.PropLastModified, goical.PropSequence, goical.PropSummary, goical.PropStatus, goical.PropDateTimeStart, goical.PropDateTimeEnd} {
			if len(e.Props[name]) != 1 {
				t.Errorf("%s has %d of %s", uid, len(e.Props[name]), name)
			}
		}
		for _, name := range []string{goical.PropDateTimeStart, goical.PropDateTimeEnd} {
			if p := e.Props.Get(name); p.Params.Get("TZID") != civil.ZoneName && p.ValueType() != goical.ValueDate {
				t.Errorf("%s: %s has neither a zone nor is a date: %+v", uid, name, p)
			}
		}
	}
}

// readAs returns a calendar's events, a line each, as read.mjs writes them; read by go-ical.
func readAs(t *testing.T, text []byte) (lines []string) {
	t.Helper()
	c, err := goical.NewDecoder(bytes.NewReader(text)).Decode()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.Events() {
		at := func(name string) string {
			p := e.Props.Get(name)
			when, err := p.DateTime(civil.Zone)
			if err != nil {
				t.Fatal(err)
			}
			if p.ValueType() == goical.ValueDate {
				return when.Format(time.DateOnly)
			}
			return when.UTC().Format("2006-01-02T15:04Z")
		}
		summary, err := e.Props.Text(goical.PropSummary)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Join([]string{
			e.Props.Get(goical.PropUID).Value, at(goical.PropDateTimeStart), at(goical.PropDateTimeEnd), e.Props.Get(goical.PropStatus).Value, e.Props.Get(goical.PropSequence).Value, summary,
		}, " "))
	}
	return lines
}

// sameAsElsewhere wants ical.js to have read the same of the same text, as its golden file says.
func sameAsElsewhere(t *testing.T, name string, text []byte) {
	t.Helper()
	golden, err := os.ReadFile(filepath.Join("testdata", "calendar", name+".golden"))
	if err != nil {
		t.Error(err)
	}
	sum := sha256.Sum256(text)
	digest, listed, _ := strings.Cut(strings.TrimSpace(string(golden)), "\n")
	if digest != hex.EncodeToString(sum[:]) {
		t.Errorf("%s.golden was written for another text: write it as testdata/calendar/read.mjs says", name)
	}
	if got := strings.Join(readAs(t, text), "\n"); got != listed {
		t.Errorf("%s: go-ical reads\n%s\nand ical.js\n%s", name, got, listed)
	}
}

// twoYears are series that recur in every way, on closed days and holidays.
func twoYears() []association.Activity {
	closed := association.Calendar{Version: 1, PublicHolidays: "closed", Closed: []association.ClosedPeriod{{From: "2027-07-05", Until: "2027-07-18", SV: "Sommarstängt", EN: "Closed"}}}
	var all []association.Activity
	for n, x := range []association.Activity{
		{Name: "Varje tisdag", Day: "tuesday", From: "13:00", To: "14:00"},
		{Name: "Varannan vecka", Rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", First: "2026-06-30", Contents: []string{"Kost", "Sömn", "Stress"}, From: "09:00", To: "10:30"},
		{Name: "Med undantag", Day: "wednesday", From: "10:00", To: "11:00", Extra: []civil.Date{"2026-12-30", "2027-02-19", "2027-10-31"}, Except: []civil.Date{"2026-12-23", "2027-03-31"}},
		{Name: "Flyttas", Day: "thursday", From: "15:00", To: "16:00", Holidays: association.HolidaysMoved, MovedTo: "wednesday"},
		{Name: "Trots helgdag", Rule: "FREQ=MONTHLY;BYDAY=-1FR", First: "2026-01-30", From: "08:15", To: "09:00", Holidays: association.HolidaysOn},
		{Name: "Utan tid", Day: "monday", Part: "morning"},
		{Name: "Nattvandring", Day: "sunday", From: "01:30", To: "04:30"},
		{Name: "Blir en annan", Day: "friday", From: "13:00", To: "14:00"},
	} {
		x.ID, x.Category, x.Municipality, x.Calendar, x.Version = fmt.Sprintf("0a000000-0000-4000-8000-%012d", n), "health", Molndal, closed, 1
		all = append(all, x)
	}
	later := all[len(all)-1]
	later.Since, later.Version, later.From, later.To, later.Name = "2027-05-03", 2, "11:00", "12:00", "Blev en annan"
	all[len(all)-1].Later = []association.Activity{later}
	return all
}

// TestTwoYearsAreReadAsTheyAre is: what a program fetches in two years is, occurrence by occurrence and read by two
// independent parsers, what the weeks of the API show: over four clock changes and a week 53.
func TestTwoYearsAreReadAsTheyAre(t *testing.T) {
	offered, by := twoYears(), history.Author{Subject: "coach-1"}
	called, cancelled := map[activity.OccurrenceKey][]*activity.Cancellation{}, activity.Cancellations{}
	for _, d := range []civil.Date{"2026-12-29", "2027-03-30", "2027-08-31"} {
		now := d.AddDays(-9).At(9 * time.Hour)
		c, err := activity.CallOff("c", Tenant, offered[0], activity.CancellationRequest{Date: d, Reason: "weather"}, idempotency.Receipt{}, by, now)
		if err != nil {
			t.Fatal(err)
		}
		k := activity.OccurrenceKey{Activity: offered[0].ID, Date: d}
		called[k], cancelled[k] = []*activity.Cancellation{c}, c
	}
	var bookings []*activity.Booking
	for _, x := range offered {
		r := activity.BookingRequest{Activity: x.ID, From: "2026-07-01"}
		bookings = append(bookings, activity.Book("b/"+x.ID, &activity.Enrolment{}, r, activity.PlanOf(x, r.From), idempotency.Receipt{}, by, r.From.At(9*time.Hour)))
	}
	find := func(id string) (association.Activity, bool) {
		i := slices.IndexFunc(offered, func(x association.Activity) bool { return x.ID == id })
		return offered[i], true
	}
	for name, c := range map[string]struct {
		*service.Calendar
		entries func(now time.Time) []activity.CalendarEntry
		title   func(o activity.Occurrence) string
	}{
		"two-years": {staffs("Mölndal"), func(now time.Time) []activity.CalendarEntry {
			return activity.OfferedCalendar(offered, func(*association.Activity) bool { return true }, called, now)
		}, func(o activity.Occurrence) string {
			if o.Content != "" {
				return o.Activity.Name + ": " + o.Content
			}
			return o.Activity.Name
		}},
		"two-years-own": {own(), func(now time.Time) []activity.CalendarEntry {
			return activity.CalendarOf(bookings, find, called, now)
		}, func(activity.Occurrence) string { return "Inbokad aktivitet" }},
	} {
		c.Entries = fetched(t, c.entries)
		text, err := calendar(c.Calendar)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, text)
		if out := os.Getenv("FINSAM_CALENDAR_OUT"); out != "" {
			if err := os.WriteFile(filepath.Join(out, name+".ics"), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		left := map[string]int{} // of what takes place, that is not read
		for w := firstWeek; w != endWeek; w = w.Add(1) {
			for _, o := range activity.OccurrencesIn(w, offered, cancelled) {
				begins, ends, state := o.Starts.Format("2006-01-02T15:04Z"), o.Ends.Format("2006-01-02T15:04Z"), "CONFIRMED "
				if o.Starts.IsZero() {
					begins, ends = string(o.Date), string(o.Date.AddDays(1))
				}
				if o.Closed || o.Cancelled != nil {
					state = "CANCELLED INSTÄLLT: "
				}
				left[begins+" "+ends+" "+state+c.title(o)]++
			}
		}
		read := readAs(t, text)
		for _, line := range read {
			f := strings.SplitN(line, " ", 6) // without UID and sequence
			left[strings.Join([]string{f[1], f[2], f[3], f[5]}, " ")]--
		}
		for line, n := range left {
			if n != 0 {
				t.Errorf("%s: %d more take place than are read: %s", name, n, line)
			}
		}
		if len(read) < 600 {
			t.Errorf("%s: %d events", name, len(read))
		}
		sameAsElsewhere(t, name, text)
	}
}

// The weeks of the two years.
var firstWeek, endWeek = activity.WeekOf("2026-07-06"), activity.WeekOf("2028-07-03")

// fetched returns the entries of the two years, as a program has them that fetches every three weeks.
func fetched(t *testing.T, entries func(now time.Time) []activity.CalendarEntry) (all []activity.CalendarEntry) {
	last := map[string]activity.CalendarEntry{}
	for now := time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC); now.Before(time.Date(2028, 1, 10, 0, 0, 0, 0, time.UTC)); now = now.AddDate(0, 0, 21) {
		for _, e := range entries(now) {
			if was, known := last[e.UID]; known && (was.Sequence > e.Sequence || was.Date != e.Date) {
				t.Fatalf("%+v became %+v", was, e)
			}
			last[e.UID] = e
		}
	}
	for _, e := range last {
		if e.Date >= firstWeek.Monday() && e.Date < endWeek.Monday() {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, activity.CalendarEntry.Compare)
	return all
}

// FuzzATitleIsReadBack is: whatever an activity is called, the lines are folded between characters, and a program
// reads the name that it has.
func FuzzATitleIsReadBack(f *testing.F) {
	for _, s := range []string{"Promenad", "a;b,c\\d", strings.Repeat("åäö", 40), strings.Repeat("🙂 ", 50), "x " + strings.Repeat("y", 200), "\\n", " blank", "<a>" + strings.Repeat("b", 80) + "<c>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, title string) {
		if !utf8.ValidString(title) || strings.ContainsFunc(title, func(r rune) bool { return r < ' ' || r == 0x7f }) || title == "" {
			return // no name that the check of a programme lets through
		}
		text, err := calendar(staffs("", entry("2026-11-24", 0, func(e *activity.CalendarEntry) { e.Title = title })))
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, text)
		c, err := goical.NewDecoder(bytes.NewReader(text)).Decode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Events()[0].Props.Text(goical.PropSummary); err != nil || got != title {
			t.Errorf("%q is read as %q, %v", title, got, err)
		}
	})
}

// BenchmarkYearAsText is the text of a year's calendar of a person with ten bookings.
func BenchmarkYearAsText(b *testing.B) {
	c := own()
	for n := range 530 {
		c.Entries = append(c.Entries, entry(civil.Date("2026-11-23").AddDays(n*7/10), n%3, func(e *activity.CalendarEntry) { e.UID = fmt.Sprint(n, "@finsam") }))
	}
	before := cpu(b)
	for b.Loop() {
		text, err := calendar(c)
		if err != nil || service.Digest(text) == 0 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}
