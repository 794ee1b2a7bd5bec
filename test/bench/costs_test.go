package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// How an association uses the suite, and what a month of a machine costs.
var (
	participants = flag.Int("costs", 0, "instead of all else, the table of costs from so many and twice as many participants")
	requests     = flag.Float64("requests", 20, "costs: requests per participant and working day")
	peak         = flag.Float64("peak", 5, "costs: the busiest hour, in average ones")
	years        = flag.Float64("years", 5, "costs: how long everything is stored")
	vcpuSEK      = flag.Float64("cpu", 250, "costs: SEK for a vCPU and month")
	memorySEK    = flag.Float64("memory", 40, "costs: SEK for a GiB of memory and month")
	diskSEK      = flag.Float64("disk", 2, "costs: SEK for a GiB of disk and month")
)

const (
	lowRate, highRate = 50, 150 // requests a second
	rateTime          = 20 * time.Second
	pathDays          = 210 // ago that a path began

	// A working day has eight hours, here in seconds, and a year 220 of them.
	workingDay, workingDays = 8 * 3600, 220
)

// size is what was measured of one way to run the suite.
type size struct {
	way              string
	perPath, perRead float64 // bytes on disk
	calls            float64 // of one whole path
	idle             float64 // bytes of memory, of all processes
	busy             float64 // under the higher load
	base, each       float64 // cores: without requests, and for one request a second
}

// printNeeds measures a small association and prints what larger ones need.
func printNeeds(b *testing.B) {
	var sizes []size
	for _, w := range []struct {
		name  string
		start func(testing.TB, ...string) *suite.Suite
	}{{"standalone", suite.OneProcess}, {"services, one pod of each", suite.FourProcesses}} {
		b.Run(w.name, func(b *testing.B) {
			sizes = append(sizes, measureSize(b, w.start(b, "FINSAM_RATE_PER_SECOND=0", "FINSAM_UNAUTHENTICATED_PER_SECOND=0"), w.name))
		})
	}
	printCosts(os.Stdout, sizes)
}

func measureSize(b *testing.B, s *suite.Suite, way string) size {
	n := *participants
	z := size{way: way}
	p := newPaths(b, s)
	p.walk(b, n)
	first := storedBytes(b, s)
	p.calls.Store(0)
	p.walk(b, n)
	second := storedBytes(b, s)
	z.perPath, z.calls = float64(second-first)/float64(n), float64(p.calls.Load())/float64(n)

	z.idle = memoryOf(b, s)
	low := coresAt(b, p, lowRate)
	high := coresAt(b, p, highRate)
	z.busy = memoryOf(b, s)
	z.each = (high - low) / (highRate - lowRate)
	z.base = max(0, low-lowRate*z.each)
	z.perRead = float64(storedBytes(b, s)-second) / ((lowRate + highRate) * rateTime.Seconds())
	fmt.Fprintf(os.Stderr, "%s: %d and %d bytes on disk with %d and %d participants; %.3f cores at %d/s, %.3f at %d/s; %.0f and %.0f MiB\n",
		way, first, second, n, 2*n, low, lowRate, high, highRate, z.idle/(1<<20), z.busy/(1<<20))
	return z
}

// storedBytes returns the bytes of all databases after the programs have ended, with
// empty write-ahead logs, and starts the programs again.
func storedBytes(b *testing.B, s *suite.Suite) (bytes int64) {
	for _, p := range s.Processes {
		p.Stop()
	}
	files, err := filepath.Glob(filepath.Join(s.Data, "*.db*"))
	if err != nil || len(files) == 0 {
		b.Fatalf("no database in %s: %v", s.Data, err)
	}
	for _, f := range files {
		bytes += must(os.Stat(f))(b).Size()
	}
	for _, p := range s.Processes {
		p.Start(b)
	}
	for _, p := range s.Processes {
		p.WaitReady(b)
	}
	time.Sleep(2 * time.Second)
	return bytes
}

func memoryOf(b *testing.B, s *suite.Suite) (sum float64) {
	for _, p := range s.Processes {
		sum += float64(must(suite.Memory(p.Pid()))(b).Now)
	}
	return sum
}

// coresAt reads referrals at a rate and returns the cores that this took.
func coresAt(b *testing.B, p *paths, rate int) float64 {
	w := throughGateway(b, p.Suite, "costs")
	w.ids = p.ids
	before, began := cpuOf(b, w.processes), time.Now()
	collect(b, clientOf(nil, rate), rate, rateTime, vegeta.Rate{Freq: rate, Per: time.Second}, w.reading(), nil)
	return (cpuOf(b, w.processes) - before).Seconds() / time.Since(began).Seconds()
}

func printCosts(w io.Writer, sizes []size) {
	fmt.Fprintf(w, "\nMeasured with %d and %d participants who completed a whole path (referral to closing, 2 bookings, 12 attendances, 3 check-ins):\n\n", *participants, 2**participants)
	fmt.Fprintln(w, "| way | KiB on disk per path | requests per path | KiB on disk per further read | MiB idle | MiB at 150/s | m CPU per request/s | m CPU without |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, z := range sizes {
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f | %.0f |\n",
			z.way, z.perPath/1024, z.calls, z.perRead/1024, z.idle/(1<<20), z.busy/(1<<20), 1000*z.each, 1000*z.base)
	}
	fmt.Fprintf(w, "\nExtrapolated: %g requests per participant and working day, the busiest hour %g times the average one, all paths and reads stored %g years, half of each core left free;\n", *requests, *peak, *years)
	fmt.Fprintf(w, "a month of a vCPU costs %g SEK, of a GiB of memory %g SEK, of a GiB of disk %g SEK (assumed in November 2026; set your own by -cpu, -memory, -disk).\n\n", *vcpuSEK, *memorySEK, *diskSEK)
	fmt.Fprintln(w, "| participants | way | requests/s at the peak | vCPU | GiB memory | GiB disk | SEK a month |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	const gib = 1 << 30
	for _, n := range []float64{500, 5000, 50000} {
		for _, z := range sizes {
			rate := n * *requests / workingDay * *peak
			vcpu := 2 * (z.base + z.each*rate)
			mem := (z.idle + (z.busy-z.idle)/highRate*rate) / gib // grows with the load, by the measured slope
			disk := *years * n * (z.perPath + *requests*workingDays*z.perRead) / gib
			fmt.Fprintf(w, "| %s | %s | %.1f | %.2f | %.2f | %.1f | %.0f |\n", thousands(n), z.way, rate, vcpu, mem, disk, vcpu**vcpuSEK+mem**memorySEK+disk**diskSEK)
		}
	}
}

// The people of a whole path, beside the others. All are invented.
var (
	receiver = suite.Caller{Role: "intake", Authority: "molndal", Municipality: "1481", Subject: "costs-intake"}
	coach    = suite.Caller{Role: "coach", Authority: "molndal", Municipality: "1481", Subject: "coach-1"}
	officer  = suite.Caller{Role: "referrer", Authority: "fk", Unit: "fk-molndal", Subject: "costs-officer"}
)

// paths takes participants all the way: referred, accepted, enrolled, twice booked,
// 12 times present, three check-ins, closed.
type paths struct {
	*suite.Suite
	b          *testing.B
	activities []string
	dates      []string // past ones of the first activity
	calls      atomic.Int64
	mu         sync.Mutex
	ids        []string // of the referrals
}

func daysAgo(days int) string { return time.Now().UTC().AddDate(0, 0, -days).Format(time.DateOnly) }

func newPaths(b *testing.B, s *suite.Suite) *paths {
	p := &paths{Suite: s, b: b}
	for weeks := range 12 {
		year, week := time.Now().UTC().AddDate(0, 0, -pathDays+14+7*weeks).ISOWeek()
		a := s.Must(b, http.StatusOK, suite.Request{
			Method: "GET", Path: fmt.Sprintf("/municipalities/1481/week?week=%d-W%02d", year, week), Token: s.Token(b, coach),
		})
		items, _ := a.At("items").([]any)
		for _, name := range []string{"Utomhusträning", "Återhämtning"} {
			for _, i := range items {
				o, _ := i.(map[string]any)
				if o["name"] != name || o["state"] != "planned" {
					continue
				}
				if weeks == 0 {
					p.activities = append(p.activities, o["activity"].(string))
				}
				if name == "Utomhusträning" && o["activity"] == p.activities[0] {
					p.dates = append(p.dates, o["date"].(string))
				}
				break
			}
		}
	}
	if len(p.activities) != 2 || len(p.dates) == 0 {
		b.Fatalf("the example's weeks are not as expected: %d activities, %d dates", len(p.activities), len(p.dates))
	}
	for _, c := range []suite.Caller{sender, receiver, coach, officer} {
		s.Token(b, c)
	}
	return p
}

// walk takes n participants all the way, eight at a time.
func (p *paths) walk(b *testing.B, n int) {
	b.Helper()
	var wg sync.WaitGroup
	var next atomic.Int64
	failed := make(chan error, 8)
	for range cap(failed) {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := p.refer(); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		b.Fatal(err)
	default:
	}
}

// do sends a request until it is answered with the status and ok holds: what
// follows from events takes a moment.
func (p *paths) do(status int, q suite.Request, ok func(suite.Answer) bool) (suite.Answer, error) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		a, err := p.Do(q)
		p.calls.Add(1)
		if err == nil && a.Status == status && (ok == nil || ok(a)) {
			return a, nil
		}
		if time.Now().After(end) {
			return a, errors.Join(fmt.Errorf("%s %s: %d %s", q.Method, q.Path, a.Status, a.Raw), err)
		}
	}
}

func (p *paths) get(c suite.Caller, path string, ok func(suite.Answer) bool) (suite.Answer, error) {
	return p.do(http.StatusOK, suite.Request{Method: "GET", Path: path, Token: p.Token(p.b, c)}, ok)
}

func (p *paths) post(c suite.Caller, path, key string, body map[string]any) (suite.Answer, error) {
	return p.do(http.StatusCreated, suite.Request{Method: "POST", Path: path, Token: p.Token(p.b, c), Header: map[string]string{"Idempotency-Key": key}, Body: body}, nil)
}

// step is one operation: its resource is read for the version, and until it is in
// the state.
type step struct {
	who                    suite.Caller
	path, state, operation string
	body                   map[string]any
}

func (p *paths) take(steps ...step) error {
	for _, s := range steps {
		got, err := p.get(s.who, s.path, func(x suite.Answer) bool { return s.state == "" || x.Text("state") == s.state })
		if err != nil {
			return fmt.Errorf("before %s: %w", s.operation, err)
		}
		if _, err = p.do(http.StatusOK, suite.Request{
			Method: "POST", Path: s.path + "/" + s.operation, Token: p.Token(p.b, s.who), Body: s.body, Header: map[string]string{"If-Match": got.Header.Get("ETag")},
		}, nil); err != nil {
			return err
		}
	}
	return nil
}

const longText = "Påhittat exempel: sjukskriven länge, vill tillbaka i egen takt. "

// refer takes one new participant from the referral to the end of the enrolment.
func (p *paths) refer() error {
	chance := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	who := persontest.New(chance, daysAgo(0))
	made, err := p.post(sender, "/referrals", fmt.Sprintf("path-%x", chance.Uint64()), map[string]any{
		"person": map[string]any{"personalIdentityNumber": who.Number, "givenName": who.GivenName, "familyName": who.FamilyName, "email": who.Email, "phone": who.Phone},
		"unit":   "fk-molndal", "wishedMunicipality": "1481", "reason": strings.Repeat(longText, 8),
		"targetGroup": map[string]any{"reasons": []string{"long_absence"}, "authoritiesConcerned": []string{"social_insurance", "region"}},
		"consent":     map[string]any{"given": true, "givenOn": daysAgo(pathDays + 10), "textVersion": "2026-1", "authorities": []string{"fk", "molndal"}},
	})
	if err != nil {
		return err
	}
	referral := "/referrals/" + made.Text("id")
	if err := p.take(step{receiver, referral, "submitted", "acceptance", map[string]any{"initiative": "activera", "startDate": daysAgo(pathDays), "coach": "coach-1"}}); err != nil {
		return err
	}
	seen, err := p.get(receiver, referral, func(a suite.Answer) bool { return a.Text("progress.enrolment") != "" })
	if err != nil {
		return err
	}
	if err := p.enrol(seen.Text("progress.enrolment")); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids = append(p.ids, made.Text("id"))
	return nil
}

// enrol takes an enrolment from its start to its end.
func (p *paths) enrol(id string) error {
	e, text := "/enrolments/"+id, strings.Repeat(longText, 8)
	if err := p.take(step{coach, e, "", "start", map[string]any{"startedOn": daysAgo(pathDays)}}); err != nil {
		return err
	}
	for i, a := range p.activities {
		booking, err := p.post(coach, "/bookings", fmt.Sprint("path-", i, id), map[string]any{"enrolment": id, "activity": a, "from": daysAgo(pathDays)})
		if err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		for _, d := range p.dates {
			if err := p.take(step{coach, "/bookings/" + booking.Text("id"), "", "attendances", map[string]any{"date": d, "attendance": "present"}}); err != nil {
				return err
			}
		}
	}
	var steps []step
	for n := 1; n <= 3; n++ {
		on := daysAgo(pathDays - 42*n)
		steps = append(steps,
			step{officer, e, "check_in_due", fmt.Sprintf("check-ins/%d/answer", n), map[string]any{"readiness": "ready", "text": text}},
			step{coach, e, "", fmt.Sprintf("check-ins/%d/decision", n), map[string]any{"decision": "continue", "decidedOn": on}},
			step{coach, e, "", fmt.Sprintf("blocks/%d/start", n+1), map[string]any{"startedOn": on}})
	}
	return p.take(append(steps,
		step{coach, e, "closing", "closing-conversation", map[string]any{"heldOn": daysAgo(40), "text": text}},
		step{coach, e, "", "closing-documentation", map[string]any{
			"closedOn": daysAgo(40), "endReason": "according_to_plan", "occupationAfter": map[string]any{"kind": "works", "extent": 50},
			"livelihoodAfter": []string{"salary"}, "summary": text,
		}})...)
}
