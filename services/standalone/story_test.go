package standalone_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/freeport"
	"github.com/finsam/finsam/pkg/launch"
	activity "github.com/finsam/finsam/services/activity/program"
	"github.com/finsam/finsam/services/gateway"
	front "github.com/finsam/finsam/services/gateway/program"
	participant "github.com/finsam/finsam/services/participant/program"
	referral "github.com/finsam/finsam/services/referral/program"
	"github.com/finsam/finsam/services/standalone"
	"github.com/finsam/finsam/services/standalone/demo"
)

// A person's 24 weeks, from the first Monday to the closing, with a group, a site of work
// training, illness, holidays and a series that is moved. The programs are stopped between the
// days on which something happens, and begin again on the next one.
func TestAPersonsTwentyFourWeeksInOneProcess(t *testing.T) {
	t.Parallel()
	data := dataOfAYear(t)
	theTwentyFourWeeks(t, func(ctx context.Context) *office { return openIn(ctx, t, data, "") })
}

func TestAPersonsTwentyFourWeeksOverFourPrograms(t *testing.T) {
	t.Parallel()
	data := dataOfAYear(t)
	theTwentyFourWeeks(t, func(ctx context.Context) *office { return openFour(ctx, t, data) })
}

// dataOfAYear returns a data folder whose association has, in Mölndal, a training on every
// weekday that is no holiday, a group of two to three and a site with two places for carpentry.
func dataOfAYear(t *testing.T) standalone.Layout {
	t.Helper()
	data := newData(t)
	file := string(fileWith(`, from: "10:00", to: "10:30", holidays: "off"`, ""))
	file = strings.Replace(file, "closedGroup: { sessions: 8 }", "closedGroup: { sessions: 6, least: 2, most: 3 }", 1)
	file = strings.Replace(file, "    workTraining:\n      - { site: Neon Resurscenter, areas: [carpentry, textile, cafe_conference, garden_property] }\n      - { site: Torrekullagården, areas: [carpentry, textile, cafe_conference, garden_property] }\n", "", 1)
	file = strings.Replace(file, "    activities:\n", `    sites:
      - id: pahittad-verkstad
        name: Påhittade verkstaden
        workTraining: true
        areas: [carpentry]
        supervisors: [supervisor-1]
        open: [{ day: monday, from: "08:00", to: "16:00" }, { day: thursday, from: "08:00", to: "16:00" }]
        places: [{ area: carpentry, places: 2 }]
    activities:
`, 1)
	if _, err := association.Save(data.Associations(), []byte(file)); err != nil {
		t.Fatal(err)
	}
	return data
}

// openFour starts the four programs on a data folder, each service on a database of its own, and
// returns what is reached through their gateway. The context may have a clock.
func openFour(ctx context.Context, t *testing.T, data standalone.Layout) *office {
	t.Helper()
	issuer, err := demo.Open(data.Demo(), "")
	if err != nil {
		t.Fatal(err)
	}
	common := map[string]string{
		"FINSAM_KEYS_DIR": data.Keys(), "FINSAM_TRUST_FILE": issuer.TrustFile(), "FINSAM_BLOBS": "folder:" + data.Attachments(),
		"FINSAM_LOG_LEVEL": "error", "FINSAM_LINGER": "0s", "FINSAM_RATE_PER_SECOND": "0",
	}
	addrs, admins := map[string]string{}, map[string]string{}
	for _, name := range []string{"referral", "participant", "activity", "gateway"} {
		addrs[name], admins[name] = freeport.Addr(t), freeport.Addr(t)
		common["FINSAM_"+strings.ToUpper(name)+"_URL"] = "http://" + addrs[name]
	}
	delete(common, "FINSAM_GATEWAY_URL")
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for name, run := range map[string]func(context.Context, map[string]string) error{
		"activity": activity.Run, "participant": participant.Run, "referral": referral.Run, "gateway": front.Run,
	} {
		environ, ctx := maps.Clone(common), ctx
		environ["FINSAM_ADDR"], environ["FINSAM_ADMIN_ADDR"] = addrs[name], admins[name]
		switch name {
		case "activity":
			environ["FINSAM_ASSOCIATIONS_DIR"] = data.Associations()
			fallthrough
		case "participant", "referral":
			environ["FINSAM_STORE"] = "sqlite:" + filepath.Join(filepath.Dir(string(data)), name+".db")
		case "gateway": // the tokens that it verifies go by the time of today
			ctx = launch.WithClock(ctx, time.Now)
		}
		running.Go(func() {
			if err := run(ctx, environ); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	stop := sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	at, err := url.Parse("http://" + addrs["gateway"])
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t, httputil.NewSingleHostReverseProxy(at), issuer, stop}
	for name, admin := range admins {
		o.eventually(name+" is ready", func() bool {
			answer, err := http.Get("http://" + admin + "/readyz")
			return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
		})
	}
	return o
}

// life is a suite in the days on which something happens, and what a person came by.
type life struct {
	*office
	open func(context.Context) *office

	person, enrolment, calendar    string
	walk, walking, training        string // an object of the programme, and bookings
	course, group, grouped, placed string
	checkedBlocks                  int
}

// on stops the programs and starts them again at a time of a day in Sweden.
func (l *life) on(day civil.Date, clock string) {
	if l.office != nil {
		l.stop()
	}
	then, err := time.ParseInLocation("2006-01-02 15:04", string(day)+" "+clock, civil.Zone)
	if err != nil {
		panic(err)
	}
	began := time.Now()
	l.office = l.open(launch.WithClock(context.Background(), func() time.Time { return then.Add(time.Since(began)) }))
}

// made sends something new as a coach, and returns its address. What an event has to bring
// first is waited for.
func (l *life) made(path string, body map[string]any) (at string) {
	l.t.Helper()
	l.eventually("a new one of "+path, func() bool {
		w := l.ask(coach1, "POST", path, "", body)
		_, at, _ = strings.Cut(w.Header().Get("Location"), gateway.BasePath)
		return w.Code == 201
	})
	return at
}

// becomes waits until something has a state.
func (l *life) becomes(at, state string) {
	l.t.Helper()
	l.eventually(at+" is "+state, func() bool { return l.want(200, coach1, "GET", at, "", nil)["state"] == state })
}

func bare(at string) string { return at[strings.LastIndex(at, "/")+1:] }

// occurrence is what a participant's week says of one day.
type occurrence struct{ date, from, state, attendance string }

// weeks returns what the person's weeks have, from a day on.
func (l *life) weeks(from civil.Date, n int) (all []occurrence) {
	l.t.Helper()
	for range n {
		year, week := from.MidnightUTC().ISOWeek()
		for _, x := range l.want(200, coach1, "GET", fmt.Sprintf("/participants/%s/week?week=%d-W%02d", l.person, year, week), "", nil)["items"].([]any) {
			item := x.(map[string]any)
			o := item["occurrence"].(map[string]any)
			at, err := time.Parse(time.RFC3339, o["startsAt"].(string))
			if err != nil {
				l.t.Fatal(err)
			}
			came, _ := item["attendance"].(string)
			all = append(all, occurrence{o["date"].(string), at.In(civil.Zone).Format("15:04"), o["state"].(string), came})
		}
		from = from.AddWeeks(1)
	}
	return all
}

// week returns the Monday of a week of the story, whose first is 2 March 2026.
func week(n int) civil.Date { return civil.Date("2026-03-02").AddWeeks(n - 1) }

// theTwentyFourWeeks runs until Sunday 16 August, the last day of week 24.
func theTwentyFourWeeks(t *testing.T, open func(context.Context) *office) {
	l := &life{open: open}
	l.begins()
	l.isInAGroup()
	l.isMoved()
	l.worksAndCloses()
	got, want := l.weeks(week(1), 24), theStory()
	order := func(a, b occurrence) int { return strings.Compare(a.date+a.from, b.date+b.from) }
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if !slices.Equal(got, want) {
		for n := range min(len(got), len(want)) {
			if got[n] != want[n] {
				t.Fatalf("got %v, want %v", got[n], want[n])
			}
		}
		t.Fatalf("the weeks have %d occurrences, want %d", len(got), len(want))
	}
	if later := l.weeks(week(25), 4); len(later) > 0 {
		t.Errorf("after the closing there is %v", later)
	}
}

// theStory returns what the weeks should have.
func theStory() (all []occurrence) {
	add := func(day civil.Date, from, state, attendance string) {
		all = append(all, occurrence{string(day), from, state, attendance})
	}
	came := map[civil.Date]string{"2026-03-11": "present", "2026-03-13": "late", "2026-03-17": "present", "2026-05-25": "present"}
	for n := 1; n <= 24; n++ {
		for day := week(n); day < week(n+1); day = day.AddDays(1) {
			attendance := came[day]
			if day >= "2026-03-24" && day <= "2026-03-27" || day == week(15) { // ill, and a visit to a doctor
				attendance = "absent"
			}
			state := "planned"
			switch day { // Good Friday and the first of May, and the walk that was called off
			case "2026-04-03", "2026-05-01", "2026-07-15":
				state = "cancelled"
			}
			switch weekday := day.MidnightUTC().Weekday(); {
			case (weekday == time.Monday || weekday == time.Thursday) && n >= 13:
				add(day, "09:00", state, attendance)
			case weekday == time.Tuesday && n >= 3 && n <= 8:
				add(day, "09:30", state, attendance)
			case weekday == time.Wednesday && n < 12:
				add(day, "08:00", state, attendance)
			case weekday == time.Wednesday:
				add(day, "09:15", state, attendance)
			case weekday == time.Friday && day <= "2026-05-15":
				add(day, "10:00", state, attendance)
			}
		}
	}
	return all
}

func walkFrom(from, to string) map[string]any {
	return map[string]any{"name": "Påhittad vandring", "category": "health", "day": "wednesday", "from": from, "to": to, "holidays": "off"}
}

var planner1, planner2 = plans("molndal", "1481", "planner-1"), plans("molndal", "1481", "planner-2")

// begins is weeks 1 and 2: two persons start, and a walk on Wednesdays is planned; one is booked
// into it, into the training on Fridays and into a group, and is late once.
func (l *life) begins() {
	l.on(week(1), "07:00")
	l.enrolment = l.enrolled(401, string(week(1)))
	other := l.enrolled(402, string(week(1)))
	for _, e := range []string{l.enrolment, other} {
		l.change(200, coach1, e, "start", map[string]any{"startedOn": week(1)})
	}
	l.person = l.want(200, coach1, "GET", l.enrolment, "", nil)["participant"].(string)
	l.calendar = l.office.calendar(l.person)
	made := l.want(201, planner1, "POST", "/programme-objects", "", map[string]any{"kind": "series", "municipality": "1481", "validFrom": week(1), "decision": "Påhittat beslut 1", "series": walkFrom("08:00", "09:00")})
	l.walk = "/programme-objects/" + made["id"].(string)
	l.want(200, planner2, "POST", l.walk+"/activation", `"1"`, nil)
	l.walking = l.made("/bookings", map[string]any{"enrolment": bare(l.enrolment), "activity": l.walks(), "from": week(1)})
	l.training = l.made("/bookings", map[string]any{"enrolment": bare(l.enrolment), "activity": l.office.training(week(1).AddDays(4)), "from": week(1), "until": "2026-05-15"})
	for _, a := range l.list(coach1, "/activities?municipality=1481&limit=100") {
		if a["closedGroup"] != nil {
			l.course = a["id"].(string)
		}
	}
	l.group = l.made("/activities/"+l.course+"/groups", map[string]any{"from": week(3).AddDays(1)})
	l.change(200, coach1, l.group, "opening", nil)
	l.grouped = l.made("/bookings", map[string]any{"enrolment": bare(l.enrolment), "activity": l.course, "from": week(3)})
	l.made("/bookings", map[string]any{"enrolment": bare(other), "activity": l.course, "from": week(3)})

	l.on(week(2).AddDays(4), "15:00")
	l.change(200, coach1, l.walking, "attendances", map[string]any{"date": week(2).AddDays(2), "attendance": "present"})
	l.change(200, coach1, l.training, "attendances", map[string]any{"date": week(2).AddDays(4), "attendance": "late", "minutes": 10})
}

// walks returns the id of the activity that the walk is.
func (l *life) walks() string { return strings.TrimPrefix(bare(l.walk), "series.") }

// isInAGroup is weeks 3 to 9: the group starts, the whole list of its first session is noted,
// the person is ill for a week, block 1 ends, and the group.
func (l *life) isInAGroup() {
	l.on(week(3).AddDays(1), "09:00")
	l.change(200, coach1, l.group, "start", nil)
	l.change(409, coach1, l.group, "start", nil)
	l.on(week(3).AddDays(1), "14:00")
	l.want(200, coach1, "POST", "/activities/"+l.course+"/days/"+string(week(3).AddDays(1))+"/attendances", "", map[string]any{"items": []map[string]any{
		{"clientId": "0b1f6a52-4f0e-4a63-9d0c-2f6a6c1f0a01", "notedAt": "2026-03-17T11:00:00Z", "booking": bare(l.grouped), "attendance": "present"},
	}})
	l.on(week(4).AddDays(1), "08:00")
	l.want(201, coach1, "POST", "/participants/"+l.person+"/absences", "", map[string]any{"from": week(4).AddDays(1), "until": week(4).AddDays(4), "reason": "ill"})
	l.on(week(7), "10:00")
	l.checksIn()
	l.on(week(9), "07:00")
	l.becomes(l.group, "ended")
	for _, m := range l.want(200, coach1, "GET", l.group, "", nil)["members"].([]any) {
		if m := m.(map[string]any); m["participant"] == l.person && m["present"] != 1.0 {
			l.t.Errorf("the group has, of who came once, %v", m)
		}
	}
}

// checksIn holds the check-in of the block that has ended, and begins the next one.
func (l *life) checksIn() {
	l.becomes(l.enrolment, "check_in_due")
	l.checkedBlocks++
	at, next := fmt.Sprintf("check-ins/%d/", l.checkedBlocks), week(6*l.checkedBlocks+1)
	l.change(200, officer, l.enrolment, at+"answer", map[string]any{"readiness": "ready"})
	l.change(200, coach1, l.enrolment, at+"decision", map[string]any{"decision": "continue", "decidedOn": next})
	l.change(200, coach1, l.enrolment, fmt.Sprintf("blocks/%d/start", l.checkedBlocks+1), map[string]any{"startedOn": next})
}

// isMoved is week 10: the walk begins later from week 12 on, and a place at the site is agreed.
func (l *life) isMoved() {
	l.on(week(10), "07:00")
	l.want(200, planner1, "PUT", l.walk+"/draft", l.version(planner1, l.walk), map[string]any{"validFrom": week(12), "decision": "Påhittat beslut 2", "series": walkFrom("09:15", "10:15")})
	l.want(200, planner2, "POST", l.walk+"/activation", l.version(planner2, l.walk), nil)
	l.placed = l.made("/placements", map[string]any{
		"enrolment": bare(l.enrolment), "site": "site.1481.pahittad-verkstad", "area": "carpentry", "from": week(13), "until": week(24).AddDays(6), "answerBy": week(11), "extent": 15,
		"days": []map[string]any{{"day": "monday", "from": "09:00", "to": "12:00"}, {"day": "thursday", "from": "09:00", "to": "12:00"}},
	})
	l.change(200, coach1, l.placed, "agreement", nil)
}

// worksAndCloses is weeks 13 to 25: block 3 and the first day at the site, a day away, block 4, a walk that
// is called off, and the closing, with which what was booked ends.
func (l *life) worksAndCloses() {
	l.on(week(13), "13:00")
	l.checksIn()
	l.on(week(13), "13:30")
	l.becomes(l.placed, "running")
	leader := demo.Claims{Roles: []actor.Role{actor.Supervisor}, Authority: "molndal", Municipality: "1481", Subject: "supervisor-1", Lifetime: time.Hour}
	l.want(200, leader, "POST", l.placed+"/attendances", l.version(coach1, l.placed), map[string]any{"date": week(13), "attendance": "present"})

	l.on(week(15), "07:00")
	l.want(201, coach1, "POST", "/participants/"+l.person+"/absences", "", map[string]any{"from": week(15), "until": week(15), "reason": "health_care"})
	day := l.want(200, leader, "GET", "/sites/site.1481.pahittad-verkstad/days/"+string(week(15)), "", nil)["items"].([]any)
	if x := day[0].(map[string]any); len(day) != 1 || x["attendance"] != "absent" || x["reason"] != "health_care" {
		l.t.Errorf("on the site's list of who is away: %v", day)
	}
	l.on(week(19), "07:00")
	l.checksIn()
	l.want(201, coach1, "POST", "/activities/"+l.walks()+"/cancellations", "", map[string]any{"date": week(20).AddDays(2), "reason": "weather"})
	l.eventually("the calendar has the cancellation", func() bool {
		event := l.events(l.calendar)[week(20).AddDays(2)]
		return strings.Contains(event, "INSTÄLLT:") && strings.Contains(event, "STATUS:CANCELLED") && strings.Contains(event, "T091500")
	})

	l.on(week(25), "09:00")
	l.becomes(l.enrolment, "closing")
	l.change(200, coach1, l.enrolment, "closing-conversation", map[string]any{"heldOn": week(25), "text": "Påhittat samtal."})
	l.change(200, coach1, l.enrolment, "closing-documentation", map[string]any{
		"closedOn": week(25), "endReason": "according_to_plan", "occupationAfter": map[string]any{"kind": "works", "extent": 50}, "livelihoodAfter": []string{"salary"}, "summary": "Påhittat.",
	})
	l.becomes(l.placed, "ended")
	l.becomes(l.walking, "ended")
}
