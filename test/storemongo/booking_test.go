package storemongo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	api "github.com/finsam/finsam/pkg/api/activity"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/rest"
	"github.com/finsam/finsam/services/activity/service"
	"github.com/finsam/finsam/test/mongowire"
)

// replicas are how many processes serve at once.
const replicas = 4

// office is the activity service in several processes on one database, behind real handlers.
type office struct {
	*servicetest.World
	t     *testing.T
	faces []*servicetest.API
	peer  servicetest.Peer

	isWire bool // on MongoDB's wire
	people int  // who are enrolled
}

const walkLine = `{ name: Promenad, category: social, day: tuesday, from: "13:00", to: "14:00", place: Frölundagatan 49 }`

// onBothEngines runs a test on SQLite and on MongoDB's wire, which is slower. running are how many of the
// processes follow and publish.
func onBothEngines(t *testing.T, places int, people map[bool]int, running int, test func(o *office)) {
	uri := mongowire.Start(t).URI
	for name, engine := range map[string]store.Engine{"sqlite": nil, "mongo": newEngine(t, connect(t, uri), uri)} {
		t.Run(name, func(t *testing.T) {
			o := &office{t: t, isWire: engine != nil, people: people[engine != nil]}
			example := strings.Replace(string(servicetest.Example(t)), walkLine, strings.TrimSuffix(walkLine, " }")+fmt.Sprintf(", capacity: %d }", places), 1)
			o.World = servicetest.New(t, "activity", servicetest.Config{
				Engine: engine, Now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Associations: [][]byte{[]byte(example)},
			})
			o.Peers = map[string]feed.Reader{"participant": &o.peer}
			for n := range o.people {
				o.emit("planned", n, 1, "")
			}
			for n := range replicas {
				s, err := service.New(t.Context(), service.Config{Parts: o.Parts})
				servicetest.Must(t, err)
				if n < running {
					servicetest.Run(t, s.Run)
				}
				o.faces = append(o.faces, servicetest.NewAPI(t, o.World, api.Spec, func(c server.Config) (*echo.Echo, error) { return rest.New(s, c) }))
			}
			for n := range 10 { // each has its time
				servicetest.Eventually(t, "the enrolments are known", func() bool {
					return o.do(0, "GET", "/participants/"+o.id("4", (o.people-1)*(n+1)/10)+"/week", nil, "").Status == 200
				})
			}
			test(o)
		})
	}
}

// id is that of the n-th enrolment ("3") or participant ("4").
func (o *office) id(kind string, n int) string {
	return strings.Repeat(kind, 8) + "-3333-4333-8333-" + fmt.Sprintf("%012d", n)
}

func (o *office) emit(kind string, person, n int, on string) {
	e := o.id("3", person)
	o.peer.Add(feed.Event{
		ID: fmt.Sprintf("%s/%d", e, n), Type: "se.finsam.enrolment." + kind, Subject: e, Time: o.Clock.Now(), Association: activitytest.Tenant,
		Data: map[string]string{"enrolment": e, "participant": o.id("4", person), "municipality": activitytest.Molndal, "coach": "coach-1", "initiative": "activera", "on": on},
	})
}

// do asks the n-th process, as the coach.
func (o *office) do(n int, method, path string, body any, version string) *webtest.Response {
	r := webtest.Request{Method: method, Path: path, As: activitytest.Coach(activitytest.Molndal), Body: body}
	if version != "" {
		r.Header = map[string]string{"If-Match": version}
	}
	return o.faces[n%replicas].Do(o.t, r)
}

func (o *office) book(n int, from, until string, wait bool) *webtest.Response {
	body := map[string]any{"enrolment": o.id("3", n), "activity": activitytest.Walk, "from": from, "wait": wait}
	if until != "" {
		body["until"] = until
	}
	return o.do(n, "POST", "/bookings", body, "")
}

// bookings returns all bookings.
func (o *office) bookings() (all []api.Booking) {
	for page := 1; ; page++ {
		var list api.BookingList
		o.do(page, "GET", "/bookings?limit=200&page="+strconv.Itoa(page), nil, "").Into(o.t, 200, &list)
		if all = append(all, list.Items...); len(list.Items) < 200 {
			return all
		}
	}
}

// TestAThousandAskForTheLastEightPlaces at once, in four processes: eight get one, and all
// others are refused. On the wire, which answers a thousand at once too late, a hundred ask.
func TestAThousandAskForTheLastEightPlaces(t *testing.T) {
	const taken, left = 4, 8
	onBothEngines(t, taken+left, map[bool]int{false: 1000 + taken, true: 100 + taken}, 1, func(o *office) {
		people := o.people - taken
		asks := people
		for n := range taken {
			o.book(people+n, "2026-11-24", "", false).Into(o.t, 201, nil)
		}
		var asking sync.WaitGroup
		start := make(chan struct{})
		answers := make([]int, asks)
		for n := range asks {
			asking.Go(func() {
				<-start
				until := ""
				if n%2 == 0 {
					until = "2026-11-24"
				}
				answers[n] = o.book(n%people, "2026-11-24", until, false).Status
			})
		}
		begins := time.Now()
		close(start)
		asking.Wait()
		o.t.Logf("asked %d times in %s", asks, time.Since(begins).Round(time.Millisecond))
		got := map[int]int{}
		for _, status := range answers {
			got[status]++
		}
		if got[201] != left || got[409] != asks-left {
			o.t.Errorf("the answers: %v", got)
		}
		if all := o.bookings(); len(all) != taken+left {
			o.t.Errorf("%d bookings are stored", len(all))
		}
	})
}

// holds reports whether a booking has a place on a day, by what the API says of it alone.
func holds(b api.Booking, on string) bool {
	first := ""
	for _, s := range b.Timeline {
		switch s.Kind {
		case "booked":
			first = b.From
		case "accepted", "offered":
			if s.Kind == "accepted" || b.State == "offered" {
				first = max(*s.Date, b.From)
			}
		}
	}
	isAway := slices.ContainsFunc(b.Attendances, func(n api.AttendanceNote) bool {
		return n.Date == on && n.Attendance == "absent" && n.Notified != nil && *n.Notified
	})
	return first != "" && first <= on && (b.Until == nil || on <= *b.Until) && !isAway
}

// TestWhateverManyDoAtOnceNoOccurrenceHasTooMany lets people be booked, wait, leave, answer
// offers, be absent and have their enrolments end, many at once, in four processes. FINSAM_PROOF_SEED repeats a run.
func TestWhateverManyDoAtOnceNoOccurrenceHasTooMany(t *testing.T) {
	seed, _ := strconv.ParseUint(os.Getenv("FINSAM_PROOF_SEED"), 10, 64)
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("FINSAM_PROOF_SEED=%d", seed)
	const places, people, atOnce = 3, 40, 12
	onBothEngines(t, places, map[bool]int{false: people, true: people}, replicas, func(o *office) {
		r := rand.New(rand.NewPCG(seed, 14))
		closed, rounds := map[int]bool{}, 12
		if o.isWire {
			rounds = 3
		}
		for round := range rounds {
			today := civil.DateOf(o.Clock.Now())
			tuesday := func() string {
				d := today
				for d.MidnightUTC().Weekday() != time.Tuesday {
					d = d.AddDays(1)
				}
				return string(d.AddWeeks(r.IntN(4)))
			}
			all := o.bookings()
			var doing sync.WaitGroup
			for n := range atOnce {
				who, day, kind, wait := r.IntN(people), tuesday(), r.IntN(10), r.IntN(3) > 0
				until := ""
				if r.IntN(2) == 0 {
					until = day
				}
				var b api.Booking
				if len(all) > 0 {
					b = all[r.IntN(len(all))]
				}
				at, version := "/bookings/"+b.Id, ""
				if b.Version != nil {
					version = `"` + strconv.FormatInt(*b.Version, 10) + `"`
				}
				if kind == 9 && !closed[who] && r.IntN(3) == 0 {
					closed[who] = true
					o.emit("closed", who, 2, string(today.AddDays(r.IntN(14))))
				}
				doing.Go(func() {
					switch {
					case kind < 5 || b.Id == "":
						o.book(who, day, until, wait)
					case kind == 5:
						o.do(n, "POST", at+"/cancellation", map[string]any{"from": day}, version)
					case kind == 6:
						o.do(n, "POST", at+"/attendances", map[string]any{"date": day, "attendance": "absent_notified"}, version)
					case kind == 7:
						o.do(n, "POST", at+"/attendance-corrections", map[string]any{"date": day, "reason": "Påhittat."}, version)
					}
					for _, b := range all { // answers are given at once, by several
						if b.State == "offered" && n%3 > 0 {
							answer := []string{"", "/offer-acceptance", "/offer-refusal"}[n%3]
							o.do(n, "POST", "/bookings/"+b.Id+answer, nil, `"`+strconv.FormatInt(*b.Version, 10)+`"`)
						}
					}
				})
			}
			doing.Wait()
			o.settles(round, places, closed)
			o.Clock.Advance(time.Duration(r.IntN(60)) * time.Hour)
		}
	})
}

// settles waits until nobody waits for a place that is free, and wants that no occurrence has
// more people than places at any time.
func (o *office) settles(round, places int, closed map[int]bool) {
	o.t.Helper()
	var all []api.Booking
	full := func(b api.Booking) bool { // on one of its days
		first, last := civil.Date(max(b.From, string(civil.DateOf(o.Clock.Now())))), civil.DateOf(o.Clock.Now()).AddWeeks(12)
		if b.Until != nil {
			last = min(last, civil.Date(*b.Until))
		}
		for d := first; d <= last; d = d.AddDays(1) {
			n := 0
			for _, other := range all {
				if d.MidnightUTC().Weekday() == time.Tuesday && other.Id != b.Id && holds(other, string(d)) {
					n++
				}
			}
			if n >= places {
				return true
			}
		}
		return last < first
	}
	servicetest.Eventually(o.t, fmt.Sprintf("nobody waits for what is free, in round %d", round), func() bool {
		all = o.bookings()
		for d := civil.DateOf(o.Clock.Now()); d < civil.DateOf(o.Clock.Now()).AddWeeks(12); d = d.AddDays(1) {
			n := 0
			for _, b := range all {
				if holds(b, string(d)) {
					n++
				}
			}
			if d.MidnightUTC().Weekday() == time.Tuesday && n > places {
				text, _ := json.Marshal(all)
				o.t.Fatalf("%d people have a place on %s: %s", n, d, text)
			}
		}
		for _, b := range all {
			rests := slices.ContainsFunc(b.Timeline, func(s api.BookingStep) bool {
				return s.Kind == "offer_expired" && o.Clock.Now().Sub(s.At) < 24*time.Hour
			})
			if b.State == "waiting" && !rests && !full(b) {
				return false
			}
		}
		return true
	})
	// Of those who want the same, the first is served first.
	for _, a := range all {
		if n, _ := strconv.Atoi(strings.TrimLeft(a.Enrolment[24:], "0")); closed[n] {
			continue
		}
		for _, b := range all {
			same := a.From == b.From && (a.Until == nil) == (b.Until == nil) && a.Timeline[0].Kind == "waitlisted" && b.Timeline[0].Kind == "waitlisted" && a.Timeline[0].At.Before(b.Timeline[0].At)
			if same && a.State == "waiting" && len(a.Timeline) == 1 && len(b.Timeline) > 1 && b.Timeline[1].Kind == "offered" {
				o.t.Errorf("in round %d %s waits since %s, and %s, who came later, was offered a place", round, a.Id, a.Timeline[0].At, b.Id)
			}
		}
	}
}
