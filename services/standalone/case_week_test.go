package standalone_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
	"github.com/finsam/finsam/services/standalone/example"
)

// dataWith returns a data folder whose association's file is the example with a training
// every day and what a case adds behind it.
func dataWith(t *testing.T, training, calendar string) standalone.Layout {
	t.Helper()
	data := newData(t)
	if _, err := association.Save(data.Associations(), fileWith(training, calendar)); err != nil {
		t.Fatal(err)
	}
	return data
}

// fileWith writes a line for each weekday: what training says behind its name and day.
func fileWith(training, calendar string) []byte {
	text := string(example.Insjoriket)
	const first = "    activities:\n"
	at := strings.Index(text, first) + len(first)
	var lines strings.Builder
	for _, day := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		fmt.Fprintf(&lines, "      - { name: Träning %s, category: health, day: %s%s }\n", day, day, training)
	}
	return []byte(text[:at] + lines.String() + text[at:] + "\n" + calendar + "\n")
}

const early = `, from: "08:00", to: "08:30"`

// training returns the id of the training on the weekday of a date.
func (o *office) training(d civil.Date) string {
	o.t.Helper()
	want := "Träning " + strings.ToLower(d.MidnightUTC().Weekday().String())
	all := o.list(coach1, "/activities?municipality=1481&limit=100")
	i := slices.IndexFunc(all, func(a map[string]any) bool { return a["name"] == want })
	return all[i]["id"].(string)
}

// holiday returns the nearest public holiday, looking from a day on by a step of days.
func holiday(from civil.Date, step int) civil.Date {
	for {
		if _, is := from.Holiday(); is {
			return from
		}
		from = from.AddDays(step)
	}
}

// ordinary returns the latest day that is no public holiday, up to so many days from today.
func ordinary(n int) civil.Date {
	d := civil.Date(day(n))
	for {
		if _, is := d.Holiday(); !is {
			return d
		}
		d = d.AddDays(-1)
	}
}

// runs returns the id of the participant and the enrolment of a person whose enrolment
// began on a day, once the activities know it and have booked the training of a date.
func (o *office) runs(n uint64, began, training civil.Date) (participant, booking string) {
	o.t.Helper()
	enrolment := o.enrolled(n, string(began))
	o.change(200, coach1, enrolment, "start", map[string]any{"startedOn": began})
	participant = o.want(200, coach1, http.MethodGet, enrolment, "", nil)["participant"].(string)
	var made map[string]any
	o.eventually("the person is booked", func() bool {
		w := o.ask(coach1, http.MethodPost, "/bookings", "", map[string]any{"enrolment": strings.TrimPrefix(enrolment, "/enrolments/"), "activity": o.training(training), "from": began})
		return w.Code == 201 && json.Unmarshal(w.Body.Bytes(), &made) == nil
	})
	return participant, "/bookings/" + made["id"].(string)
}

// calendar returns the address of a new calendar of the participant.
func (o *office) calendar(participant string) string {
	o.t.Helper()
	return "/calendars/" + o.want(201, coach1, http.MethodPost, "/participants/"+participant+"/calendar-feeds", "", nil)["token"].(string)
}

// events returns the events of a calendar by date.
func (o *office) events(address string) map[civil.Date]string {
	o.t.Helper()
	w := o.ask(demo.Claims{}, http.MethodGet, address, "", nil)
	if w.Code != 200 {
		o.t.Fatalf("%s: %d %s", address, w.Code, w.Body)
	}
	byDate := map[civil.Date]string{}
	for _, event := range strings.Split(w.Body.String(), "BEGIN:VEVENT")[1:] {
		_, start, _ := strings.Cut(event, "DTSTART;TZID=Europe/Stockholm:")
		byDate[civil.Date(start[:4]+"-"+start[4:6]+"-"+start[6:8])] = event
	}
	return byDate
}

// TestCase_C22_NobodyJoinsACourseInItsMiddle is: a closed group is joined from a start of
// the course, and while none is set nobody is booked.
func TestCase_C22_NobodyJoinsACourseInItsMiddle(t *testing.T) {
	first := civil.Date(day(1))
	for first.MidnightUTC().Weekday() != time.Tuesday {
		first = first.AddDays(1)
	}
	set := strings.Replace(string(fileWith(early, "")), "closedGroup: { sessions: 8 }", `closedGroup: { sessions: 8, starts: ["`+string(first)+`"] }`, 1)
	for file, cases := range map[string]map[civil.Date]string{
		string(fileWith(early, "")): {first: "422 /activity group-not-open"},
		set:                         {first.AddDays(1): "422 /from group-running", first.AddDays(14): "422 /from group-running", first: "201  "},
	} {
		data := newData(t)
		if _, err := association.Save(data.Associations(), []byte(file)); err != nil {
			t.Fatal(err)
		}
		o := open(t, data)
		participant, _ := o.runs(22, civil.Date(day(-5)), civil.Date(day(-5)))
		enrolment := o.list(coach1, "/enrolments?participant="+participant)[0]["id"]
		all := o.list(coach1, "/activities?municipality=1481&limit=100")
		course := all[slices.IndexFunc(all, func(a map[string]any) bool { return a["closedGroup"] != nil })]["id"]
		for _, from := range []civil.Date{first.AddDays(1), first.AddDays(14), first} {
			want, asked := cases[from]
			if !asked {
				continue
			}
			w := o.ask(coach1, http.MethodPost, "/bookings", "", map[string]any{"enrolment": enrolment, "activity": course, "from": from})
			var answer map[string]any
			_ = json.Unmarshal(w.Body.Bytes(), &answer)
			pointer, code := "", ""
			if w.Code != 201 {
				pointer, code = fault(t, answer)
			}
			if got := fmt.Sprint(w.Code, " ", pointer, " ", code); got != want {
				t.Errorf("from %s: %s, want %s", from, got, want)
			}
		}
	}
}

// TestCase_C23_NobodyBeginsOnAClosedHolidayOrTooEarly is: what the calendar of the
// programme says of public holidays holds for the first day, and the answer says why; so
// does how long before the referral's receipt one may begin.
func TestCase_C23_NobodyBeginsOnAClosedHolidayOrTooEarly(t *testing.T) {
	feast := holiday(civil.Date(day(-1)), -1)
	name, _ := feast.Holiday()
	before := feast.AddDays(-1)
	for _, is := before.Holiday(); is; _, is = before.Holiday() {
		before = before.AddDays(-1)
	}
	consented := func(referral, _ map[string]any) {
		referral["consent"].(map[string]any)["givenOn"] = before.AddDays(-10)
	}
	for calendar, closed := range map[string]bool{"": false, "calendar: { publicHolidays: closed }": true, `calendar: { publicHolidays: closed, open: ["` + string(feast) + `"] }`: false} {
		o := open(t, dataWith(t, early, calendar))
		id, _ := o.refer(23, consented)
		at := "/referrals/" + id
		accept := func(status int, start civil.Date) map[string]any {
			t.Helper()
			return o.want(status, intake7, http.MethodPost, at+"/acceptance", o.version(intake7, at), map[string]any{"initiative": "activera", "startDate": start, "coach": "coach-1"})
		}
		if closed {
			answer := accept(422, feast)
			if pointer, code := fault(t, answer); pointer != "/startDate" || code != "start-on-holiday" || !strings.Contains(answer["detail"].(string), name.SV) {
				t.Errorf("%s: accepted from %s: %v", calendar, feast, answer)
			}
		}
		accept(200, before)
		e := o.enrolmentOf(id)
		if !closed {
			if told, _ := o.change(200, coach1, e, "start", map[string]any{"startedOn": feast})["startHoliday"].(map[string]any); told["sv"] != name.SV {
				t.Errorf("%q: the answer names the holiday as %v, not %s", calendar, told, name.SV)
			}
			continue
		}
		answer := o.change(422, coach1, e, "start", map[string]any{"startedOn": feast})
		if pointer, code := fault(t, answer); pointer != "/startedOn" || code != "start-on-holiday" || !strings.Contains(answer["detail"].(string), name.SV) {
			t.Errorf("begun on %s: %v", feast, answer)
		}
		if got := o.change(200, coach1, e, "start", map[string]any{"startedOn": before}); got["startHoliday"] != nil {
			t.Errorf("begun on an ordinary day: %v", got["startHoliday"])
		}
	}
	o := open(t, dataWith(t, early, "calendar: { daysBeforeReceipt: 2 }"))
	id, _ := o.refer(24, consented)
	at := "/referrals/" + id
	body := map[string]any{"initiative": "activera", "startDate": day(-3), "coach": "coach-1"}
	if pointer, code := fault(t, o.want(422, intake7, http.MethodPost, at+"/acceptance", o.version(intake7, at), body)); pointer != "/startDate" || code != "start-before-receipt" {
		t.Errorf("accepted from three days before the receipt: %s at %s", code, pointer)
	}
	body["startDate"] = day(-2)
	o.want(200, intake7, http.MethodPost, at+"/acceptance", o.version(intake7, at), body)
	e := o.enrolmentOf(id)
	if pointer, code := fault(t, o.change(422, coach1, e, "start", map[string]any{"startedOn": day(-3)})); pointer != "/startedOn" || code != "start-before-receipt" {
		t.Errorf("begun three days before the receipt: %s at %s", code, pointer)
	}
	o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-2)})
}

// TestCase_C26_AnotherTimeInTheFileOrphansNothing is: another time in the association's file
// orphans nothing. Written over the old one it is refused; written as a change it holds from
// its day on, and the past is as it was.
func TestCase_C26_AnotherTimeInTheFileOrphansNothing(t *testing.T) {
	data := dataWith(t, early, "")
	o := open(t, data)
	past, next := civil.Date(day(-7)), civil.Date(day(7))
	participant, booking := o.runs(26, civil.Date(day(-20)), past)
	o.want(200, coach1, http.MethodPost, booking+"/attendances", o.version(coach1, booking), map[string]any{"date": past, "attendance": "present"})
	address := o.calendar(participant)
	before := o.events(address)

	_, err := association.Save(data.Associations(), fileWith(`, from: "08:15", to: "08:45"`, ""))
	if err == nil || !strings.Contains(err.Error(), "Träning monday, monday 08:00") || !strings.Contains(err.Error(), "changes") {
		t.Fatalf("another time over the old one: %v", err)
	}
	if _, err := association.Save(data.Associations(), fileWith(early+fmt.Sprintf(`, changes: [{ on: %q, from: "08:15", to: "08:45" }]`, next), "")); err != nil {
		t.Fatal(err)
	}
	week := func(d civil.Date) map[string]any {
		year, number := d.MidnightUTC().ISOWeek()
		for _, item := range o.list(coach1, fmt.Sprintf("/participants/%s/week?week=%04d-W%02d", participant, year, number)) {
			if occurrence := item["occurrence"].(map[string]any); occurrence["date"] == string(d) {
				return item
			}
		}
		t.Fatalf("nothing on %s", d)
		return nil
	}
	starts := func(d civil.Date) string {
		at, _ := time.Parse(time.RFC3339, week(d)["occurrence"].(map[string]any)["startsAt"].(string))
		return at.In(civil.Zone).Format("15:04")
	}
	for range 3 { // the file is read again within five seconds
		if starts(next) == "08:15" {
			break
		}
		time.Sleep(2 * time.Second)
	}
	if starts(next) != "08:15" || starts(past) != "08:00" || starts(civil.Date(day(0))) != "08:00" {
		t.Errorf("from %s on at 08:15: %s; before at 08:00: %s, today %s", next, starts(next), starts(past), starts(civil.Date(day(0))))
	}
	if got := week(past)["attendance"]; got != "present" {
		t.Errorf("the attendance of %s: %v", past, got)
	}
	if got := o.want(200, coach1, http.MethodGet, booking, "", nil); got["state"] != "booked" {
		t.Errorf("the booking: %v", got)
	}
	after := o.events(address)
	if len(after) != len(before) || len(after) == 0 {
		t.Errorf("the calendar had %d events and has %d", len(before), len(after))
	}
	uid := func(event string) string { _, id, _ := strings.Cut(event, "UID:"); return id[:36] }
	for date, event := range after {
		if uid(event) != uid(before[date]) || strings.Contains(event, "T080000") == (date >= next) {
			t.Errorf("%s: %s", date, event)
		}
	}
}

// TestCase_C27_ACalendarSaysWhatDoesNotTakePlace is: what does not take place is titled so,
// public holidays are as the association's calendar says, and the address is read as
// programs write it.
func TestCase_C27_ACalendarSaysWhatDoesNotTakePlace(t *testing.T) {
	feast := holiday(civil.Date(day(1)), 1)
	for calendar, closed := range map[string]bool{"": false, "calendar: { publicHolidays: closed }": true} {
		o := open(t, dataWith(t, early, calendar))
		participant, booking := o.runs(27, ordinary(-3), feast)
		address := o.calendar(participant)
		off := feast.AddDays(7)
		if _, also := off.Holiday(); also {
			off = feast.AddDays(14)
		}
		training := o.want(200, coach1, http.MethodGet, booking, "", nil)["activity"].(string)
		o.want(201, coach1, http.MethodPost, "/activities/"+training+"/cancellations", "", map[string]any{"date": off, "reason": "weather"})
		if head := o.ask(demo.Claims{}, http.MethodHead, address, "", nil); head.Code != 200 || head.Body.Len() > 0 {
			t.Errorf("HEAD: %d with %d bytes", head.Code, head.Body.Len())
		}
		events := o.events(address + ".ics?nocache=1")
		if e := events[off]; !strings.Contains(e, "SUMMARY:INSTÄLLT: Inbokad aktivitet") || !strings.Contains(e, "STATUS:CANCELLED") {
			t.Errorf("called off: %s", e)
		}
		if e := events[feast.AddDays(21)]; strings.Contains(e, "INSTÄLLT") || !strings.Contains(e, "STATUS:CONFIRMED") {
			if _, also := feast.AddDays(21).Holiday(); !also {
				t.Errorf("an ordinary day: %s", e)
			}
		}
		if e := events[feast]; strings.Contains(e, "SUMMARY:INSTÄLLT: ") != closed || strings.Contains(e, "STATUS:CANCELLED") != closed {
			t.Errorf("%q: %s is a holiday: %s", calendar, feast, e)
		}
	}
}

// TestCase_C28_NotifiedAbsenceIsNotedBeforeItsDay is: absence that is notified is noted
// before its day, and what did not take place can be said afterwards, unless somebody was
// there.
func TestCase_C28_NotifiedAbsenceIsNotedBeforeItsDay(t *testing.T) {
	o := open(t, dataWith(t, early, ""))
	past := civil.Date(day(-7))
	_, booking := o.runs(28, civil.Date(day(-20)), past)
	note := func(status int, date civil.Date, attendance string) map[string]any {
		t.Helper()
		return o.want(status, coach1, http.MethodPost, booking+"/attendances", o.version(coach1, booking), map[string]any{"date": date, "attendance": attendance})
	}
	note(200, civil.Date(day(7)), "absent_notified")
	if pointer, code := fault(t, note(422, civil.Date(day(7*60)), "absent_notified")); pointer != "/date" || code != "day-too-far" {
		t.Errorf("in more than a year: %s at %s", code, pointer)
	}
	for _, attendance := range []string{"present", "absent"} {
		if pointer, code := fault(t, note(422, civil.Date(day(14)), attendance)); pointer != "/date" || code != "day-in-future" {
			t.Errorf("%s in two weeks: %s at %s", attendance, code, pointer)
		}
	}
	training := o.want(200, coach1, http.MethodGet, booking, "", nil)["activity"].(string)
	off := func(status int, date civil.Date) map[string]any {
		t.Helper()
		return o.want(status, coach1, http.MethodPost, "/activities/"+training+"/cancellations", "", map[string]any{"date": date, "reason": "leader_absent"})
	}
	note(200, past, "present")
	if pointer, code := fault(t, off(409, past)); pointer != "/date" || code != "occurrence-attended" {
		t.Errorf("somebody was there: %s at %s", code, pointer)
	}
	o.change(200, coach1, booking, "attendance-corrections", map[string]any{"date": past, "attendance": "absent", "reason": "Påhittat: fel person."})
	off(201, past)
	if pointer, code := fault(t, note(422, past, "present")); pointer != "/date" || code != "occurrence-cancelled" {
		t.Errorf("present at what did not take place: %s at %s", code, pointer)
	}
	o.change(200, coach1, booking, "cancellation", map[string]any{"from": day(1)})
}

// TestCase_D5_BookingsAreRefreshedByWhatHasChanged reads which bookings have changed since an
// instant, what changed first before the rest.
func TestCase_D5_BookingsAreRefreshedByWhatHasChanged(t *testing.T) {
	o := open(t, dataWith(t, early, ""))
	past := civil.Date(day(-7))
	var all []string
	for n := range 3 {
		_, booking := o.runs(uint64(80+n), civil.Date(day(-20)), past)
		all = append(all, booking)
	}
	noted := o.want(200, coach1, http.MethodPost, all[0]+"/attendances", o.version(coach1, all[0]), map[string]any{"date": past, "attendance": "present"})
	since := o.want(200, coach1, http.MethodGet, all[1], "", nil)["changedAt"].(string)
	asked := "/bookings?changedSince=" + since
	found := func(path string) (ids []string) {
		for _, item := range o.list(coach1, path) {
			ids = append(ids, "/bookings/"+item["id"].(string))
		}
		return ids
	}
	if got := found(asked); !slices.Equal(got, []string{all[1], all[2], all[0]}) {
		t.Errorf("since the second was made: %v of %v", got, all)
	}
	if got := found("/bookings?changedSince=" + noted["changedAt"].(string)); !slices.Equal(got, all[:1]) {
		t.Errorf("since the note: %v", got)
	}
	var turned []string
	cursor := ""
	for next := asked + "&limit=1"; next != ""; {
		page := o.do(coach1, 200, http.MethodGet, next, nil, nil)
		turned = append(turned, "/bookings/"+page["items"].([]any)[0].(map[string]any)["id"].(string))
		next = ""
		if link, more := page["_links"].(map[string]any)["next"].(map[string]any); more {
			next, cursor = strings.TrimPrefix(link["href"].(string), "/finsam/v1"), page["_meta"].(map[string]any)["nextCursor"].(string)
		}
	}
	if !slices.Equal(turned, []string{all[1], all[2], all[0]}) {
		t.Errorf("page by page: %v of %v", turned, all)
	}
	o.want(400, coach1, http.MethodGet, "/bookings?limit=1&cursor="+cursor, "", nil) // of the other order
	o.want(400, coach1, http.MethodGet, "/bookings?changedSince=yesterday", "", nil)
	if got := found(asked + "&state=cancelled"); len(got) != 0 {
		t.Errorf("cancelled: %v", got)
	}
}

// TestCase_C28_AnOccurrenceIsCalledOffOrAttendedAndNeverBoth is: of a note that somebody came
// and a cancellation in the same moment the first holds, and the other is refused with what
// is true.
func TestCase_C28_AnOccurrenceIsCalledOffOrAttendedAndNeverBoth(t *testing.T) {
	o := open(t, newData(t))
	var bookings []string
	var date string
	for n := range uint64(2) {
		e := o.enrolled(281+n, day(-30))
		o.change(200, coach1, e, "start", map[string]any{"startedOn": day(-30)})
		at := ""
		at, date = o.booked(e, "Utomhusträning")
		bookings = append(bookings, at)
	}
	activity := "/activities/" + o.want(200, coach1, http.MethodGet, bookings[0], "", nil)["activity"].(string) + "/cancellations"
	won := map[string]int{}
	for round := range 25 {
		versions := []string{o.version(coach1, bookings[0]), o.version(coach1, bookings[1])}
		var off *httptest.ResponseRecorder
		notes := make([]*httptest.ResponseRecorder, len(bookings))
		var all sync.WaitGroup
		all.Go(func() {
			off = o.ask(coach1, http.MethodPost, activity, "", map[string]any{"date": date, "reason": "weather"})
		})
		for i, at := range bookings {
			all.Go(func() {
				notes[i] = o.ask(coach1, http.MethodPost, at+"/attendances", versions[i], map[string]any{"date": date, "attendance": "present"})
			})
		}
		all.Wait()
		isOff := off.Code == 201
		if !isOff && (off.Code != 409 || !strings.Contains(off.Body.String(), "occurrence-attended")) {
			t.Fatalf("round %d: the cancellation: %d %s", round, off.Code, off.Body)
		}
		came := 0
		for i, w := range notes {
			switch {
			case w.Code == 200:
				came++
				o.change(200, coach1, bookings[i], "attendance-corrections", map[string]any{"date": date, "reason": "Påhittat."})
			case w.Code != 422 || !strings.Contains(w.Body.String(), "occurrence-cancelled"):
				t.Fatalf("round %d: the note: %d %s", round, w.Code, w.Body)
			}
		}
		switch {
		case isOff == (came > 0):
			t.Fatalf("round %d: called off: %t, and %d came", round, isOff, came)
		case isOff:
			won["cancellation"]++
			_, at, _ := strings.Cut(off.Header().Get("Location"), gateway.BasePath)
			o.change(200, coach1, at, "restoration", nil)
		default:
			won["attendance"]++
		}
	}
	t.Log(won)
}
