package bench

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/test/mongowire"
	"github.com/finsam/finsam/test/suite"
)

var (
	warmUp      = flag.Duration("warm", time.Second, "ask so long before counting")
	length      = flag.Duration("for", 4*time.Second, "count at most so long")
	maxCounted  = flag.Int("most", 100_000, "count at most so many requests")
	stored      = flag.Int("seed", 10_000, "referrals stored before anything is counted, at least 100")
	starts      = flag.Int("starts", 9, "how often each program is started to measure the time it takes")
	connections = flag.String("connections", "128,16", "how many ask at the same time, one run each")
	machine     = flag.String("machine", "", "what the figures are of, printed above the tables: commit, machine, time")
	page        = flag.String("page", "", "the page between whose markers the tables are written")
	only        = flag.String("only", "", "only the cases that match this expression, such as 'POST referral/one process'")
)

// The questions and the ways to ask them, in the order of the table's rows.
const (
	postReferral = "POST referral"
	getReferral  = "GET referral"
	listOf20     = "list of 20"
	getWeek      = "GET week"
)

var (
	questions = []string{postReferral, getReferral, listOf20, getWeek}
	ways      = []string{"engine", "service alone", "one process", "four processes", "four on MongoDB", "gateway alone", "generator alone"}
)

// environment is that of every measured process: no limit of an authority, and no
// wait at the end.
var environment = []string{"FINSAM_RATE_PER_SECOND=0", "FINSAM_LINGER=0s"}

// BenchmarkSuite measures everything and prints the tables; with -costs it prints
// the table of costs instead. It runs once (-benchtime 1x).
func BenchmarkSuite(b *testing.B) {
	if *participants > 0 {
		printNeeds(b)
		return
	}
	if *page != "" && *only != "" {
		b.Fatal("-page needs all cases: leave -only out")
	}
	if *stored < 100 {
		b.Fatal("-seed: with fewer than 100 no list has 20")
	}
	m := &measurement{only: regexp.MustCompile(*only)}
	for part := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > 1000 {
			b.Fatalf("-connections: %q is not a number from 1 to 1000", part)
		}
		m.connections = append(m.connections, n)
	}
	for _, p := range []struct {
		ways []string
		run  func(*measurement, *testing.B)
	}{
		{[]string{"engine"}, (*measurement).engine},
		{[]string{"generator alone"}, (*measurement).generatorAlone},
		{[]string{"gateway alone"}, (*measurement).gatewayAlone},
		{[]string{"service alone", "four processes"}, (*measurement).services},
		{[]string{"one process"}, (*measurement).oneProcess},
		{[]string{"four on MongoDB"}, (*measurement).onMongoDB},
	} {
		if m.wants(p.ways) {
			b.Run(p.ways[0], func(b *testing.B) { p.run(m, b) })
		}
	}
	m.print(os.Stdout)
	if *page != "" && b.Failed() {
		b.Fatalf("%s is left as it is, because a part has failed", *page)
	}
	if *page != "" {
		var text bytes.Buffer
		m.print(&text)
		must(0, suite.WritePage(*page, "make bench", text.Bytes()))(b)
	}
}

// measurement collects what was measured.
type measurement struct {
	connections []int
	only        *regexp.Regexp // of "<question>/<way>"
	rows        []row
	programs    []program
}

// row is one measured case.
type row struct {
	question, way string
	connections   int
	vegeta.Metrics
	server, generator time.Duration // processor time
	heap              heap          // allocated by the measured processes
	quietAfter        time.Duration // until the measured processes were quiet again
	strangers         float64       // cores that others used meanwhile; below 0: not known
}

// maxStrangers is how many cores others may use beside a figure that can be believed.
const maxStrangers = 0.1

// program is how long one program takes to start, and its resident memory: after
// the load, and two seconds after a start on the same data.
type program struct {
	name         string
	loaded, idle int64
	ready        []time.Duration
}

func (m *measurement) wants(ways []string) bool {
	for _, way := range ways {
		for _, question := range questions {
			if m.only.MatchString(question + "/" + way) {
				return true
			}
		}
	}
	return false
}

// measure runs one case for each number of connections. Without processes this
// process itself is measured.
func (m *measurement) measure(b *testing.B, question, way string, processes []*suite.Process, transport http.RoundTripper, ask vegeta.Targeter) {
	if !m.only.MatchString(question + "/" + way) {
		return
	}
	for _, n := range m.connections {
		client := clientOf(transport, n)
		attack(b, client, n, *warmUp, *maxCounted, ask)
		// /metrics is read outside of the two readings of processor time.
		heapBefore := allocatedBy(b, processes)
		allBefore, serverBefore, ownBefore := must(suite.Busy())(b), cpuOf(b, processes), must(suite.CPU(os.Getpid()))(b)
		begin := time.Now()
		r := row{question: question, way: way, connections: n, Metrics: attack(b, client, n, *length, *maxCounted, ask)}
		r.server, r.generator = cpuOf(b, processes)-serverBefore, must(suite.CPU(os.Getpid()))(b)-ownBefore
		r.strangers = max(0, (must(suite.Busy())(b)-allBefore-r.server-r.generator).Seconds()/time.Since(begin).Seconds())
		if way == "four on MongoDB" { // the database would count as one
			r.strangers = -1
		}
		r.heap = allocatedBy(b, processes)
		r.heap.objects, r.heap.bytes = r.heap.objects-heapBefore.objects, r.heap.bytes-heapBefore.bytes
		r.quietAfter = waitQuiet(b, processes)
		m.rows = append(m.rows, r)
		fmt.Fprintf(os.Stderr, "%-14s %-18s %4d: %8.0f/s\n", question, way, n, r.Throughput)
	}
}

func clientOf(transport http.RoundTripper, connections int) *http.Client {
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
	}
	return &http.Client{Transport: transport}
}

// attack asks with so many workers, each as soon as its last answer has come, until
// the time or the number of requests is reached.
func attack(b *testing.B, client *http.Client, workers int, d time.Duration, most int, ask vegeta.Targeter) vegeta.Metrics {
	b.Helper()
	return collect(b, client, workers, d, unpaced(most), ask, nil)
}

// unpaced is a vegeta.Pacer that lets the workers ask as fast as they can, so many
// times.
type unpaced uint64

// Pace implements vegeta.Pacer.
func (most unpaced) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	return 0, hits >= uint64(most)
}

// Rate implements vegeta.Pacer.
func (unpaced) Rate(time.Duration) float64 { return 0 }

// collect runs an attack. An answer other than 2xx fails the run and is shown.
func collect(b *testing.B, client *http.Client, workers int, d time.Duration, pace vegeta.Pacer, ask vegeta.Targeter, seen func(*vegeta.Result)) vegeta.Metrics {
	b.Helper()
	a := vegeta.NewAttacker(vegeta.Client(client), vegeta.Workers(uint64(workers)), vegeta.MaxWorkers(uint64(workers)), vegeta.MaxBody(2000))
	var m vegeta.Metrics
	var failed *vegeta.Result
	for r := range a.Attack(ask, pace, d, "") {
		if r.Error != "" && failed == nil {
			failed = r
			a.Stop()
		}
		if m.Add(r); seen != nil {
			seen(r)
		}
	}
	if m.Close(); failed != nil {
		b.Fatalf("%s %s: %s\n%s", failed.Method, failed.URL, failed.Error, failed.Body)
	}
	return m
}

// Who asks. All of them are invented.
var (
	sender = suite.Caller{Role: "integration", Authority: "fk", Subject: "bench-sender"}
	intake = suite.Caller{Role: "intake", Authority: "molndal", Municipality: "1481", Subject: "bench-intake"}
)

// way is how the services are reached: where, and with which token.
type way struct {
	name                  string
	processes             []*suite.Process
	referrals, activities string // addresses, such as http://127.0.0.1:4711/finsam/v1
	token                 func(suite.Caller) string
	ids                   []string // of stored referrals
}

// askAll measures the four questions. Writing comes last: what is read is the same
// for every way and every number of connections.
func (m *measurement) askAll(b *testing.B, w *way) {
	year, week := time.Now().ISOWeek()
	m.measure(b, getReferral, w.name, w.processes, nil, w.reading())
	m.measure(b, listOf20, w.name, w.processes, nil, w.get(intake, func(uint64) string { return w.referrals + "/referrals?state=submitted&municipality=1481&limit=20" }))
	m.measure(b, getWeek, w.name, w.processes, nil, w.get(intake, func(uint64) string {
		return fmt.Sprintf("%s/municipalities/1481/week?week=%d-W%02d", w.activities, year, week)
	}))
	m.measure(b, postReferral, w.name, w.processes, nil, w.posting())
}

// reading reads a stored referral, another one each time.
func (w *way) reading() vegeta.Targeter {
	return w.get(sender, func(n uint64) string { return w.referrals + "/referrals/" + w.ids[n*7919%uint64(len(w.ids))] })
}

func (w *way) get(c suite.Caller, address func(n uint64) string) vegeta.Targeter {
	w.token(c) // the first one starts a program, which no question must wait for
	var n atomic.Uint64
	return func(t *vegeta.Target) error {
		t.Method, t.URL = http.MethodGet, address(n.Add(1))
		t.Header = http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + w.token(c)}}
		return nil
	}
}

// municipalities take turns as the preferred one.
var municipalities = []string{"1481", "1402", "1401", "1441", "1489"}

// posting posts a new referral of a new person each time, with a body of 1.5 KB.
func (w *way) posting() vegeta.Targeter {
	today, run := time.Now().UTC().Format(time.DateOnly), rand.Uint64()
	rest := fmt.Sprintf(`"unit":"fk-molndal","targetGroup":{"reasons":["long_absence"],"authoritiesConcerned":["social_insurance","region"]},`+
		`"consent":{"given":true,"givenOn":%q,"textVersion":"2026-1","authorities":["fk","municipality"]},"reason":%q,"wishedMunicipality":`,
		today, strings.Repeat("Påhittat exempel: sjukskriven länge, vill tillbaka i egen takt. ", 16))
	w.token(sender) // as in get
	var last atomic.Uint64
	return func(t *vegeta.Target) error {
		n := last.Add(1)
		p := persontest.New(rand.New(rand.NewPCG(run, n)), today)
		t.Method, t.URL = http.MethodPost, w.referrals+"/referrals"
		t.Header = http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"},
			"Idempotency-Key": {fmt.Sprintf("bench-%x-%d", run, n)}, "Authorization": {"Bearer " + w.token(sender)}}
		t.Body = fmt.Appendf(nil, `{"person":{"personalIdentityNumber":%q,"givenName":%q,"familyName":%q,"gender":"female","email":%q,"phone":%q},%s%q}`,
			p.Number, p.GivenName, p.FamilyName, p.Email, p.Phone, rest, municipalities[n%uint64(len(municipalities))])
		return nil
	}
}

// storeReferrals posts referrals and keeps their ids. No more ask at a time than are
// measured: a slow database would not answer them in time.
func (w *way) storeReferrals(b *testing.B, most int) {
	workers := min(32, most)
	collect(b, clientOf(nil, workers), workers, 2*time.Minute, unpaced(*stored), w.posting(), func(r *vegeta.Result) {
		location := r.Headers.Get("Location")
		w.ids = append(w.ids, location[strings.LastIndexByte(location, '/')+1:])
	})
	waitQuiet(b, w.processes)
	fmt.Fprintf(os.Stderr, "%s: %d referrals stored\n", w.name, len(w.ids))
}

// oneProcess measures the whole suite in one process.
func (m *measurement) oneProcess(b *testing.B) {
	s := suite.OneProcess(b, environment...)
	w := throughGateway(b, s, "one process")
	w.storeReferrals(b, slices.Max(m.connections))
	m.askAll(b, w)
	m.start(b, s, "finsam")
}

// services measures the four processes: first each service addressed directly,
// then the whole way through the gateway, on the same stored referrals.
func (m *measurement) services(b *testing.B) {
	s := suite.FourProcesses(b, environment...)
	through := throughGateway(b, s, "four processes")
	through.storeReferrals(b, slices.Max(m.connections))
	direct := directly(b, s)
	direct.ids = through.ids
	m.askAll(b, direct)
	m.askAll(b, through)
	m.start(b, s, suite.Services...)
}

// onMongoDB measures the four processes on the MongoDB of FINSAM_TEST_MONGO_URI, with the
// Redis of FINSAM_TEST_REDIS_URL if there is one. It does nothing without a MongoDB.
func (m *measurement) onMongoDB(b *testing.B) {
	uri := os.Getenv("FINSAM_TEST_MONGO_URI")
	if uri == "" {
		fmt.Fprintln(os.Stderr, "FINSAM_TEST_MONGO_URI is not set: nothing is measured on MongoDB")
		return
	}
	databases := []string{"finsam-participant", "finsam-referral", "finsam-activity"}
	mongowire.Drop(b, uri, databases...) // what another run left has other keys
	b.Cleanup(func() { mongowire.Drop(b, uri, databases...) })
	s := suite.FourProcesses(b, append([]string{"FINSAM_STORE=" + uri, "FINSAM_REDIS_URL=" + os.Getenv("FINSAM_TEST_REDIS_URL")}, environment...)...)
	w := throughGateway(b, s, "four on MongoDB")
	w.storeReferrals(b, slices.Max(m.connections))
	m.askAll(b, w)
}

func processesOf(s *suite.Suite) (all []*suite.Process) {
	for _, p := range s.Processes {
		all = append(all, p)
	}
	return all
}

// throughGateway is the way of every caller outside: with an access token.
func throughGateway(b *testing.B, s *suite.Suite, name string) *way {
	return &way{name: name, processes: processesOf(s), referrals: s.Base, activities: s.Base,
		token: func(c suite.Caller) string { return s.Token(b, c) }}
}

// directly is the way past the gateway, with the internal token that it would make.
func directly(b *testing.B, s *suite.Suite) *way {
	signer, err := (launch.Keys{Dir: s.Data + "/keys"}).Signer("gateway", time.Now)
	if err != nil {
		b.Fatal(err)
	}
	kindOf := map[string]actor.AuthorityKind{"fk": actor.SocialInsurance, "molndal": actor.Municipality}
	return &way{
		name: "service alone", processes: processesOf(s),
		referrals: "http://" + s.Addrs["referral"] + "/finsam/v1", activities: "http://" + s.Addrs["activity"] + "/finsam/v1",
		token: func(c suite.Caller) string {
			return must(signer.Token(actor.Actor{
				Subject: c.Subject, Association: "insjoriket", Authority: c.Authority, AuthorityKind: kindOf[c.Authority],
				Unit: c.Unit, Municipality: c.Municipality, Roles: []actor.Role{actor.Role(c.Role)},
			}))(b)
		},
	}
}

// prepared answers every request with a body of about the length of a referral, and
// a feed with no events after a while.
var prepared = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if strings.HasPrefix(r.URL.Path, "/internal/feed") {
		time.Sleep(5 * time.Second)
		fmt.Fprint(w, `{"events":[]}`)
		return
	}
	fmt.Fprint(w, preparedBody)
})

var preparedBody = `{"id":"00000000-0000-4000-8000-000000000000","reason":"` + strings.Repeat("x", 1400) + `"}`

// generatorAlone measures this program against a server that does nothing.
func (m *measurement) generatorAlone(b *testing.B) {
	server := httptest.NewServer(prepared)
	b.Cleanup(server.Close)
	w := &way{referrals: server.URL, ids: []string{"1"}, token: func(suite.Caller) string { return strings.Repeat("t", 700) }}
	m.measure(b, getReferral, "generator alone", nil, nil, w.reading())
	m.measure(b, postReferral, "generator alone", nil, nil, w.posting())
}

// gatewayAlone measures the gateway in front of a server that does nothing.
func (m *measurement) gatewayAlone(b *testing.B) {
	server := httptest.NewServer(prepared)
	b.Cleanup(server.CloseClientConnections)
	s := suite.GatewayAlone(b, strings.TrimPrefix(server.URL, "http://"), environment...)
	w := throughGateway(b, s, "gateway alone")
	w.ids = []string{"00000001-0000-4000-8000-000000000000"}
	m.measure(b, getReferral, w.name, w.processes, nil, w.reading())
}

// document is as large and as much indexed as a referral.
type document struct {
	ID           string    `json:"id"`
	Authority    string    `json:"authority"`
	Unit         string    `json:"unit"`
	Municipality string    `json:"municipality"`
	State        string    `json:"state"`
	Participant  string    `json:"participant"`
	At           time.Time `json:"at"`
	Text         string    `json:"text"`
}

func newDocument(n uint64) *document {
	return &document{
		ID: uuid.NewString(), Authority: "fk", Unit: "fk-molndal", Municipality: municipalities[n%uint64(len(municipalities))],
		State: "received", Participant: uuid.NewString(), At: time.Now().UTC().Truncate(time.Millisecond),
		Text: strings.Repeat("An invented example of an encrypted text ", 34),
	}
}

// call is a transport that calls a function instead of a server.
type call func(n uint64) error

var calls atomic.Uint64

// RoundTrip implements http.RoundTripper.
func (c call) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, c(calls.Add(1))
}

// engine measures the bare engine, in this process: no service can be faster.
func (m *measurement) engine(b *testing.B) {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, b.TempDir()+"/bench.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	c, err := store.Open(ctx, db.Engine("bench"), store.Schema[document]{
		Name:    "documents",
		Indexes: []store.Index{{"municipality", "at"}, {"municipality", "state", "at"}, {"authority", "at"}, {"authority", "unit", "at"}, {"participant", "at"}},
		ID:      func(d *document) (string, string) { return "insjoriket", d.ID },
		Keys: func(d *document) store.Keys {
			return store.Keys{"municipality": d.Municipality, "state": d.State, "authority": d.Authority, "unit": d.Unit,
				"participant": d.Participant, "at": d.At.UnixMilli()}
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	target := func(t *vegeta.Target) error { t.Method, t.URL = http.MethodGet, "http://engine/"; return nil }
	ids := make([]string, *stored)
	var next atomic.Int64
	attack(b, clientOf(call(func(n uint64) error {
		d := newDocument(n)
		ids[next.Add(1)-1] = d.ID
		_, err := c.Insert(ctx, d)
		return err
	}), 0), 64, time.Minute, *stored, target)
	ids = ids[:next.Load()]
	m.measure(b, getReferral, "engine", nil, call(func(n uint64) error {
		_, err := c.Get(ctx, "insjoriket", ids[n*7919%uint64(len(ids))])
		return err
	}), target)
	m.measure(b, listOf20, "engine", nil, call(func(uint64) error {
		page, err := c.Find(ctx, store.Query{
			Association: "insjoriket",
			Where:       []store.Cond{{Key: "municipality", Op: store.Eq, Value: "1481"}, {Key: "state", Op: store.Eq, Value: "received"}},
			Sort:        []store.Order{{Key: "at", Desc: true}}, Limit: 20,
		})
		if err == nil && len(page.Items) != 20 {
			err = fmt.Errorf("a list of %d", len(page.Items))
		}
		return err
	}), target)
	m.measure(b, postReferral, "engine", nil, call(func(n uint64) error {
		_, err := c.Insert(ctx, newDocument(n))
		return err
	}), target)
}

// start measures the programs of the suite, which have just been under load: the
// memory they hold, then how long a start on this data takes. The others keep
// running.
func (m *measurement) start(b *testing.B, s *suite.Suite, names ...string) {
	for _, name := range names {
		p, g := s.Processes[name], program{name: name}
		g.loaded = must(suite.Memory(p.Pid()))(b).Now
		for range *starts {
			p.Stop()
			begin := time.Now()
			p.Start(b)
			waitReady(b, p.Admin)
			g.ready = append(g.ready, time.Since(begin))
		}
		slices.Sort(g.ready)
		time.Sleep(2 * time.Second)
		g.idle = must(suite.Memory(p.Pid()))(b).Now
		m.programs = append(m.programs, g)
	}
}

// print writes the tables in Markdown, as in docs/performance.md.
func (m *measurement) print(w io.Writer) {
	slices.SortStableFunc(m.rows, func(x, y row) int {
		return cmp.Or(y.connections-x.connections, slices.Index(questions, x.question)-slices.Index(questions, y.question), slices.Index(ways, x.way)-slices.Index(ways, y.way))
	})
	fmt.Fprintf(w, "\n%s\n\n| connections | question | way | per second | p50 ms | p99 ms | CPU s per 1,000: server | generator | allocations | KB | quiet after | strangers |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n", *machine)
	disturbed := 0
	for _, r := range m.rows {
		n, server, strangers := float64(r.Requests), "–", "–"
		if r.server > 0 {
			server = fmt.Sprintf("%.3f", r.server.Seconds()/n*1000)
		}
		if r.strangers >= 0 {
			strangers = fmt.Sprintf("%.2f", r.strangers)
		}
		if r.strangers > maxStrangers {
			strangers, disturbed = "**"+strangers+"**", disturbed+1
		}
		fmt.Fprintf(w, "| %d | %s | %s | %s | %.2f | %.2f | %s | %.3f | %.0f | %.1f | %.1f s | %s |\n",
			r.connections, r.question, r.way, thousands(r.Throughput), ms(r.Latencies.P50), ms(r.Latencies.P99),
			server, r.generator.Seconds()/n*1000, r.heap.objects/n, r.heap.bytes/n/1000, r.quietAfter.Seconds(), strangers)
	}
	if disturbed > 0 {
		fmt.Fprintf(w, "\n%d of these rows (bold) are not to be believed: other programs used more than %.1f cores meanwhile. Measure again on a quiet machine.\n", disturbed, maxStrangers)
	}
	fmt.Fprintf(w, "\n| program | ready after ms: median | best | worst | idle MB | loaded MB |\n|---|---|---|---|---|---|\n")
	for _, p := range m.programs {
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %.0f | %.0f | %.0f |\n", p.name, ms(p.ready[len(p.ready)/2]), ms(p.ready[0]),
			ms(p.ready[len(p.ready)-1]), float64(p.idle)/1e6, float64(p.loaded)/1e6)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// thousands formats a whole number with commas.
func thousands(f float64) string {
	n := int64(f + 0.5)
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(float64(n/1000)), n%1000)
}
