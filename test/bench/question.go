package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/bench/load"
	"github.com/finsam/finsam/test/suite"
)

// The questions, as the tables name them.
const (
	postReferral = "POST referral"
	getReferral  = "GET referral"
	listOf20     = "list of 20"
	getWeek      = "GET week"
)

// Who asks. All of them are invented.
var (
	sender = suite.Caller{Role: "integration", Authority: "fk", Subject: "bench-sender"}
	intake = suite.Caller{Role: "intake", Authority: "molndal", Municipality: "1481", Subject: "bench-intake"}
)

// way is how the services are reached: where, and with which token.
type way struct {
	subject
	referrals, activities string // host:port
	token                 func(suite.Caller) string
	ids                   []string // of referrals that are stored
}

// bodySize is about how long the body of a referral is, in bytes.
const bodySize = 1500

// municipalities take turns as the one wished for.
var municipalities = []string{"1481", "1402", "1401", "1441", "1489"}

// connect gives askers that send what request makes, one connection each.
func (b *bench) connect(addr string, request func(worker int) load.Request, seen func(*load.Answer)) func(int) (load.Asker, error) {
	return func(worker int) (load.Asker, error) {
		return load.Dial(addr, b.warm+b.length+30*time.Second, request(worker), seen)
	}
}

// get gives the request of a path that changes from request to request.
func get(token func() string, path func(n int) string) load.Request {
	return func(to []byte, n int) []byte {
		to = append(append(to, "GET /finsam/v1/"...), path(n)...)
		to = append(append(to, " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAuthorization: Bearer "...), token()...)
		return append(to, "\r\n\r\n"...)
	}
}

func (w *way) as(c suite.Caller) func() string { return func() string { return w.token(c) } }

// reading is a referral that is stored, another one each time.
func (w *way) reading(worker int) load.Request {
	return get(w.as(sender), func(n int) string { return "referrals/" + w.ids[(worker*7919+n)%len(w.ids)] })
}

// listing is the first page of what has come in to one municipality.
func (w *way) listing(int) load.Request {
	return get(w.as(intake), func(int) string { return "referrals?state=submitted&municipality=1481&limit=20" })
}

// week is a municipality's current week, the same one each time.
func (w *way) week(int) load.Request {
	year, week := time.Now().ISOWeek()
	path := fmt.Sprintf("municipalities/1481/week?week=%d-W%02d", year, week)
	return get(w.as(intake), func(int) string { return path })
}

// posting is a new referral of a new person each time.
func (w *way) posting(worker int) load.Request {
	today := time.Now().UTC().Format(time.DateOnly)
	chance := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(worker)))
	run := fmt.Sprintf("%x-%d", chance.Uint64(), worker)
	rest := fmt.Sprintf(`"unit":"fk-molndal","targetGroup":{"reasons":["long_absence"],"authoritiesConcerned":["social_insurance","region"]},`+
		`"consent":{"given":true,"givenOn":%q,"textVersion":"2026-1","authorities":["fk","molndal"]},"reason":%q,"wishedMunicipality":`,
		today, strings.Repeat("Påhittat exempel: sjukskriven länge, vill tillbaka i egen takt. ", 16))
	body := make([]byte, 0, 2*bodySize)
	return func(to []byte, n int) []byte {
		p := persontest.New(chance, today)
		body = fmt.Appendf(body[:0], `{"person":{"personalIdentityNumber":%q,"givenName":%q,"familyName":%q,"gender":"female","email":%q,"phone":%q},`,
			p.Number, p.GivenName, p.FamilyName, p.Email, p.Phone)
		body = append(append(append(append(body, rest...), '"'), municipalities[n%len(municipalities)]...), `"}`...)
		to = fmt.Appendf(to, "POST /finsam/v1/referrals HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\n"+
			"Idempotency-Key: bench-%s-%d\r\nContent-Length: %d\r\nAuthorization: Bearer ", run, n, len(body))
		to = append(append(to, w.token(sender)...), "\r\n\r\n"...)
		return append(to, body...)
	}
}

// sow stores referrals and remembers their ids.
func (b *bench) sow(t *stage, w *way) {
	var mu sync.Mutex
	seen := func(a *load.Answer) {
		mu.Lock()
		defer mu.Unlock()
		w.ids = append(w.ids, a.Location[strings.LastIndexByte(a.Location, '/')+1:])
	}
	_, err := load.Run(load.Plan{Askers: 32, For: 2 * time.Minute, Most: b.seed, New: b.connect(w.referrals, w.posting, seen)})
	if err != nil {
		t.Fatalf("store referrals: %v", err)
	}
	w.quiet(t)
	t.Logf("%s: %d referrals stored", w.way, len(w.ids))
}

// ask measures the four questions. Writing comes last: what is read is the same
// for every way and every number of connections.
func (b *bench) ask(t *stage, w *way) {
	b.measure(t, getReferral, w.subject, b.connect(w.referrals, w.reading, nil))
	b.measure(t, listOf20, w.subject, b.connect(w.referrals, w.listing, nil))
	b.measure(t, getWeek, w.subject, b.connect(w.activities, w.week, nil))
	b.measure(t, postReferral, w.subject, b.connect(w.referrals, w.posting, nil))
}
