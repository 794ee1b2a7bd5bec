package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/cache/redistest"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/suite"
)

// ground is a running suite under attack.
type ground struct {
	*suite.Suite
	t       testing.TB
	isWhole bool
	limit   int64               // of memory of each process, in bytes
	addr    string              // host:port of the front door
	stored  map[string][]string // ids of referrals, by their sender
	good    [][]byte            // requests with tokens that are new
	redis   *redistest.Server   // nil: the suite has none

	mu      sync.Mutex
	peak    map[string]int64 // of resident memory, by process
	killed  map[string]bool  // by the ground, because of their memory
	tally   map[string]int   // the attacker's requests, by outcome
	watched []sample         // of those who ask politely
	others  []sample         // what others than the attacker asked in the attack itself
	began   time.Time        // when what they wait began to count
	notes   []string         // what the attack measured itself
	failed  []string         // what it did not find as it should be
}

// caller is one of the seven authorities that ask, each from an address of its own.
type caller struct {
	suite.Caller
	from string
}

var (
	fk       = caller{suite.Caller{Role: "integration", Authority: "fk", Unit: "fk-molndal"}, "127.0.0.11"} // the attacker
	vgr      = caller{suite.Caller{Role: "integration", Authority: "vgr", Unit: "vgr-molndal"}, "127.0.0.12"}
	af       = caller{suite.Caller{Role: "integration", Authority: "af", Unit: "af-molndal"}, "127.0.0.13"}
	molndal  = caller{suite.Caller{Role: "intake", Authority: "molndal", Municipality: "1481"}, "127.0.0.14"}
	partille = caller{suite.Caller{Role: "intake", Authority: "partille", Municipality: "1402"}, "127.0.0.15"}
	harryda  = caller{suite.Caller{Role: "intake", Authority: "harryda", Municipality: "1401"}, "127.0.0.16"}
	lerum    = caller{suite.Caller{Role: "intake", Authority: "lerum", Municipality: "1441"}, "127.0.0.17"}
)

// of returns the small or the whole number.
func (g *ground) of(small, whole int) int {
	if g.isWhole {
		return whole
	}
	return small
}

// count adds to what came of the attacker's requests.
func (g *ground) count(outcome string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tally[outcome]++
}

// note adds what an attack measured itself.
func (g *ground) note(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.notes = append(g.notes, fmt.Sprintf(format, args...))
}

func (g *ground) fail(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failed = append(g.failed, fmt.Sprintf(format, args...))
}

// begin says that the attack begins now, after what it had to prepare.
func (g *ground) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.began = time.Now()
}

// wires returns connections of a caller, none of them open yet.
func (g *ground) wires(c caller, n int) (all []*wire) {
	for range n {
		all = append(all, &wire{to: g.addr, from: c.from})
	}
	return all
}

// asking returns requests as the caller's system sends them. A sender posts every fifth
// time and reads what it has sent; a municipality lists what it has received and reads its week.
func (g *ground) asking(c caller) func() []byte {
	token, chance, n, mu := g.Token(g.t, c.Caller), newChance(), 0, &sync.Mutex{}
	return func() []byte {
		mu.Lock()
		defer mu.Unlock()
		n++
		switch ids := g.stored[c.Authority]; {
		case c.Role == "integration" && n%5 == 0:
			return request("POST", "/referrals", token, "", referral(c, chance))
		case c.Role == "integration":
			return request("GET", "/referrals/"+ids[chance.IntN(len(ids))], token, "", nil)
		case n%2 == 0:
			return request("GET", "/municipalities/"+c.Municipality+"/week", token, "", nil)
		default:
			return request("GET", "/referrals?state=submitted&limit=20", token, "", nil)
		}
	}
}

func newChance() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) }

// referral is one of a new invented person.
func referral(c caller, chance *rand.Rand) []byte {
	today := time.Now().UTC().Format(time.DateOnly)
	p := persontest.New(chance, today)
	return fmt.Appendf(nil, `{"person":{"personalIdentityNumber":%q,"givenName":%q,"familyName":%q,"gender":"female"},`+
		`"unit":%q,"targetGroup":{"reasons":["long_absence"],"authoritiesConcerned":["social_insurance","region"]},`+
		`"consent":{"given":true,"givenOn":%q,"textVersion":"2026-1","authorities":[%q,"municipality"]},"wishedMunicipality":"1481","reason":%q}`,
		p.Number, p.GivenName, p.FamilyName, c.Unit, today, c.Authority, strings.Repeat("Påhittat exempel: sjukskriven länge. ", 10))
}

// store posts referrals of the three senders.
func (g *ground) store(each int) {
	g.t.Helper()
	g.stored = map[string][]string{}
	var all sync.WaitGroup
	for _, c := range []caller{fk, vgr, af} {
		token, ids, chance := g.Token(g.t, c.Caller), make([]string, each), newChance()
		bodies := make([][]byte, each)
		for i := range bodies {
			bodies[i] = referral(c, chance)
		}
		for worker := range 4 {
			all.Go(func() {
				for i := worker; i < each; i += 4 {
					a, err := g.Do(suite.Request{Method: "POST", Path: "/referrals", Token: token, Body: bodies[i]})
					for tries := 0; tries < 100 && err == nil && a.Header.Get("Retry-After") != ""; tries++ { // on a slow machine
						time.Sleep(100 * time.Millisecond)
						a, err = g.Do(suite.Request{Method: "POST", Path: "/referrals", Token: token, Body: bodies[i]})
					}
					if ids[i] = a.Text("id"); err != nil || a.Status != 201 {
						g.t.Errorf("a referral was not stored: %d %v %s", a.Status, err, a.Raw)
						return
					}
				}
			})
		}
		g.stored[c.Authority] = ids
	}
	if all.Wait(); g.t.Failed() {
		g.t.FailNow()
	}
}

// watch lets callers ask politely until ctx ends, each so often a second.
func (g *ground) watch(ctx context.Context, callers []caller, perSecond float64) {
	var all sync.WaitGroup
	for _, c := range callers {
		next := g.asking(c)
		all.Go(func() {
			load(ctx, g.wires(c, 8), perSecond, func(int, int) (string, []byte) { return c.Authority, next() }, func(s sample) {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.watched = append(g.watched, s)
			})
		})
	}
	all.Wait()
}

// weigh reads the memory of the processes every 20 ms until ctx ends. In a whole attack
// it kills one that takes more than its limit, as the platform would.
func (g *ground) weigh(ctx context.Context) {
	for ctx.Err() == nil {
		for name, p := range g.Processes {
			memory, _ := suite.Memory(p.Pid()) // an error: it has ended
			g.mu.Lock()
			g.peak[name] = max(g.peak[name], memory.Peak)
			isOver := g.isWhole && memory.Now > g.limit && !g.killed[name]
			if isOver {
				g.killed[name] = true
			}
			g.mu.Unlock()
			if isOver {
				p.Kill()
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// way is how the suite runs.
type way struct {
	name     string
	limit    int64 // of memory of each process, as in the chart
	hasRedis bool
	start    func(testing.TB, ...string) *suite.Suite
}

var ways = []way{
	{"one process", 512 << 20, false, suite.OneProcess},
	{"four processes", 256 << 20, true, suite.FourProcesses},
}

// newGround starts a suite under the limits of the chart, with something stored.
func newGround(t testing.TB, w way, isWhole bool, stored int, env ...string) *ground {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, receiverCA(), 0o600); err != nil {
		t.Fatal(err)
	}
	env = append([]string{
		fmt.Sprint("FINSAM_MEMORY_LIMIT=", w.limit), "FINSAM_WEBHOOK_ALLOW=127.0.0.0/8", "SSL_CERT_FILE=" + ca,
	}, env...)
	var cache *redistest.Server
	if w.hasRedis && !redistest.Without(t, "that a suite with Redis withstands an attack") {
		cache = redistest.Start(t)
		env = append(env, "FINSAM_REDIS_URL="+cache.URL)
	}
	g := &ground{Suite: w.start(t, env...), t: t, redis: cache, isWhole: isWhole, limit: w.limit, peak: map[string]int64{}, killed: map[string]bool{}, tally: map[string]int{}}
	g.addr = strings.TrimSuffix(strings.TrimPrefix(g.Base, "http://"), "/finsam/v1")
	g.store(stored)
	return g
}

// percentile returns the time that so many percent of the samples stay within.
func percentile(samples []sample, percent int) time.Duration {
	if len(samples) == 0 {
		return 0
	}
	all := make([]time.Duration, len(samples))
	for i, s := range samples {
		all[i] = s.took
	}
	slices.Sort(all)
	return all[min(len(all)-1, len(all)*percent/100)]
}
