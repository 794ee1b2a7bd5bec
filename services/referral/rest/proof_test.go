package rest_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/rest"
)

// TestWhateverManyDoAtOnceTheReferralsHold lets many actors do legal and illegal
// things at the same time, over the real handlers on a real store, repeat what
// they got no answer to, and give up in the middle, while another service publishes
// the enrolments; then it asks what must hold of everything that was stored, published
// and answered (proof_checks_test.go).
//
// FINSAM_PROOF_RUNS says how many worlds are tried (4), FINSAM_PROOF_SEED with
// which seed the first one begins: that of a failure is in its test's name,
// and plans the same acts, though not the same moments, again.
func TestWhateverManyDoAtOnceTheReferralsHold(t *testing.T) {
	number := func(name string, otherwise uint64) uint64 {
		n, err := strconv.ParseUint(os.Getenv(name), 10, 64)
		if err != nil {
			return otherwise
		}
		return n
	}
	seed := number("FINSAM_PROOF_SEED", rand.Uint64N(1_000_000))
	for n := range number("FINSAM_PROOF_RUNS", 4) {
		t.Run(fmt.Sprint("seed ", seed+n), func(t *testing.T) {
			// What comes of a plan depends on the moments: there is nothing to shrink.
			for name, value := range map[string]string{"rapid.checks": "1", "rapid.shrinktime": "0s", "rapid.nofailfile": "true", "rapid.seed": fmt.Sprint(seed + n + 1)} {
				if err := flag.Set(name, value); err != nil {
					t.Fatal(err)
				}
			}
			rapid.Check(t, func(rt *rapid.T) {
				p := newProof(t, plans.Draw(rt, "plan"))
				p.play(t)
				p.rest(t)
				p.check(t)
			})
		})
	}
}

// plan is what is tried in one world.
type plan struct {
	places     int
	maxWaiting int // 0: no bound
	moves      [][]move
}

// move is one thing that an actor tries.
type move struct {
	act    int // an index of acts; or one that the answer's links offer
	linked bool
	target int // which referral
	match  int // 0 to 6: as read; 7: an old version; 8: one that is not yet; 9: none
	lost   int // 0 to 5: the answer comes; 6, 7: lost, and asked again; 8, 9: given up in the middle, and asked again
	choice int // among the bodies
}

var moves = rapid.Custom(func(t *rapid.T) move {
	return move{
		act: rapid.IntRange(0, 99).Draw(t, "act"), linked: rapid.IntRange(0, 2).Draw(t, "linked") > 0, target: rapid.IntRange(0, 999).Draw(t, "target"),
		match: rapid.IntRange(0, 9).Draw(t, "match"), lost: rapid.IntRange(0, 9).Draw(t, "lost"), choice: rapid.IntRange(0, 99).Draw(t, "choice"),
	}
})

var plans = rapid.Custom(func(t *rapid.T) plan {
	return plan{
		places: rapid.IntRange(0, 5).Draw(t, "places"), maxWaiting: max(rapid.IntRange(-4, 8).Draw(t, "max waiting"), 0),
		moves: rapid.SliceOfN(rapid.SliceOfN(moves, 30, 40), len(cast), len(cast)).Draw(t, "moves"),
	}
})

// cast are those who act, each at its own pace; the last two are the clock, which
// finds what is overdue, and the participant service, which publishes enrolments.
var cast = []actor.Actor{
	referraltest.FK, referraltest.FK, referraltest.Officer, referraltest.OtherUnit, referraltest.AF, referraltest.Intake, referraltest.Intake2,
	referraltest.Intake, referraltest.Partille, referraltest.Coach, referraltest.Elsewhere, self, referraltest.Admin, clock, enrolments,
}

var (
	self       = referraltest.Person((&referraltest.People{}).Of(numbers[0]))
	clock      = actor.Actor{Subject: "clock"}
	enrolments = actor.Actor{Subject: "service:participant"}
)

// numbers are of invented people; the first one acts also for itself, and the
// last one is referred only once, at the beginning.
var numbers = func() (all []string) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 7 {
		all = append(all, persontest.Number(r, "2026-03-01"))
	}
	return all
}()

// answered is an act that was tried and what came of it.
type answered struct {
	who     actor.Actor
	op      string // of the contract
	id      string // of the referral; of a creation as answered
	key     string // Idempotency-Key of a creation
	version int64  // said in If-Match; 0: none
	status  int
	code    string // of the problem
	links   bool   // the act was among the links at that version
	cut     bool   // given up by the caller: the answer does not tell what became of it
	again   bool   // asked once more, by the same key
	made    string // what the answer names: of a file its id
	body    string
}

// proof is a world under trial, and all that it was seen to do.
type proof struct {
	*referraltest.World
	plan    plan
	trust   *webtest.Trust
	handler http.Handler
	engine  *recorder
	keys    atomic.Int64

	mu    sync.Mutex
	acts  []answered
	ids   []string // of referrals that were answered for
	taken []string // and of those that were accepted
	told  []telling
	first string // the referral about the last of numbers
}

// telling is an event that the participant service published.
type telling struct {
	event feed.Event
	known []string // the referrals that were answered for before
}

func newProof(t *testing.T, plan plan) *proof {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "proof.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	p := &proof{plan: plan, trust: webtest.NewTrust(t, nil), engine: &recorder{Engine: db.Engine("referral")}}
	p.World = referraltest.On(t, p.engine)
	p.handler, err = rest.New(p.Service, server.Config{Verifier: p.trust.Verifier, AccessLog: p.AccessLog, Feed: p.Feed, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p.Run(t)
	return p
}

// play lets all act at once.
func (p *proof) play(t *testing.T) {
	p.places(t, p.plan.places)
	p.create(t, referraltest.FK, move{}, len(numbers)-1)
	p.first = p.ids[0]
	for i := range 4 {
		p.create(t, referraltest.FK, move{}, i)
	}
	for act := range 3 {
		var all sync.WaitGroup
		for i, who := range cast {
			all.Go(func() {
				for n, m := range p.plan.moves[i] {
					if n%3 == act {
						p.move(t, who, m)
					}
				}
			})
		}
		all.Wait()
		// Days pass only while nothing is under way: what is lent for the time of a
		// request (a place, a number) is taken back after minutes.
		p.quiet(t)
		p.Clock.Advance(time.Duration(1+p.plan.places*act) * 26 * time.Hour)
	}
}

func (p *proof) move(t *testing.T, who actor.Actor, m move) {
	switch {
	case who.Subject == clock.Subject:
		if err := p.Service.MarkOverdue(context.Background()); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Millisecond)
	case who.Subject == enrolments.Subject:
		p.tell(m)
		time.Sleep(5 * time.Millisecond)
	case who.Subject == referraltest.Admin.Subject && m.act%3 == 0:
		p.places(t, m.choice%7)
	case m.act%9 == 8 && who.Association == "insjoriket" && who.Has(actor.Participant):
		p.create(t, who, m, 0)
	case m.act%9 == 8 && who.Association == "insjoriket" && (who.Unit != "" || who.Has(actor.Intake)):
		p.create(t, who, m, m.target%(len(numbers)-1))
	case m.act%9 == 7:
		p.file(t, who, m)
	default:
		p.try(t, who, m)
	}
}

// quiet waits until nobody writes any more.
func (p *proof) quiet(t *testing.T) {
	t.Helper()
	for deadline, last, since := time.Now().Add(time.Minute), int64(-1), time.Now(); ; time.Sleep(5 * time.Millisecond) {
		switch now := p.engine.moment.Load(); {
		case time.Now().After(deadline):
			t.Fatal("it does not come to rest")
		case now != last:
			last, since = now, time.Now()
		case time.Since(since) > 60*time.Millisecond:
			return
		}
	}
}

// places sets how many places there are in Mölndal; Partille's are without bound.
func (p *proof) places(t *testing.T, n int) {
	body := map[string]any{"places": n}
	if p.plan.maxWaiting > 0 {
		body["maxWaiting"] = p.plan.maxWaiting
	}
	const path = "/capacities/activera/1481"
	was := p.ask(t, referraltest.Admin, move{}, "GET", path, nil, nil)
	header := map[string]string{"If-Match": was.Header().Get("ETag")}
	if a := p.ask(t, referraltest.Admin, move{}, "PUT", path, header, body); a.Code != 200 {
		t.Errorf("set places: %d: %s", a.Code, a.Body)
	}
}

// ask makes one request. The clock goes on by a millisecond, so that no two come
// at the same time. A caller may give up within the first milliseconds.
func (p *proof) ask(t *testing.T, who actor.Actor, m move, method, path string, header map[string]string, body any) *httptest.ResponseRecorder {
	p.Clock.Advance(time.Millisecond)
	text, whole := body.([]byte)
	if !whole {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	if m.lost >= 8 {
		ctx, cancel = context.WithTimeout(context.Background(), time.Duration(m.choice*40)*time.Microsecond)
	}
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, web.BasePath+path, strings.NewReader(string(text)))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+p.trust.Token(t, who))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	if w.Code >= 500 && m.lost < 8 {
		t.Errorf("%s %s as %s: %d: %s", method, path, who.Subject, w.Code, w.Body)
	}
	return w
}

func (p *proof) note(a answered, w *httptest.ResponseRecorder) { p.noted(a, w.Code, w.Body.String()) }

func (p *proof) noted(a answered, status int, body string) {
	a.status, a.body = status, body
	var says struct{ ID, Code string }
	_ = json.Unmarshal([]byte(body), &says) // an answer of another form has neither
	if a.code, a.made = says.Code, says.ID; a.id == "" {
		a.id = says.ID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acts = append(p.acts, a)
	if a.op == "createReferral" && a.status == 201 && !slices.Contains(p.ids, a.id) {
		p.ids = append(p.ids, a.id)
	}
	if a.op == "acceptReferral" && a.status == 200 {
		p.taken = append(p.taken, a.id)
	}
}

// create sends a referral, and once more when no answer came.
func (p *proof) create(t *testing.T, who actor.Actor, m move, person int) {
	body := unreferenced()
	body["person"].(map[string]any)["personalIdentityNumber"] = numbers[person]
	body["unit"] = who.Unit
	authorities := []any{"fk", "af", "molndal", "partille"}
	if m.choice%7 == 0 {
		body["wishedMunicipality"] = "1402"
		authorities = []any{"fk", "af", "partille", "molndal"}
	}
	if m.choice%5 == 0 && who.Unit != "" {
		authorities = authorities[:3] // of the municipalities only the receiving one
	}
	body["consent"].(map[string]any)["authorities"] = authorities
	if who.Has(actor.Intake) {
		delete(body, "unit")
		body["source"] = "self_referral"
		body["wishedMunicipality"] = who.Municipality
	}
	if who.Has(actor.Participant) {
		delete(body, "unit")
	} else if m.choice%11 == 1 {
		body["externalReference"] = fmt.Sprint("case-", m.target%5) // some are taken
	}
	key := fmt.Sprint("key-", p.keys.Add(1))
	a := answered{who: who, op: "createReferral", key: key, cut: m.lost >= 8}
	switch m.choice % 4 {
	case 1:
		p.batch(t, a, m, body)
		return
	case 2:
		if who.Has(actor.Referrer) || who.Has(actor.Intake) {
			p.draft(t, a, m, body)
			return
		}
	}
	header := map[string]string{"Idempotency-Key": key}
	p.note(a, p.ask(t, who, m, "POST", "/referrals", header, body))
	if m.lost > 5 {
		a.cut = false
		p.note(a, p.ask(t, who, move{}, "POST", "/referrals", header, body))
	}
}

// some returns a referral, of the latest mostly.
func (p *proof) some(m move) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[len(p.ids)-1-m.target%min(len(p.ids), 1+m.target/100)]
}

// versionOf returns the version in an answer; 0: it has none.
func versionOf(w *httptest.ResponseRecorder) int64 {
	version, _ := strconv.ParseInt(strings.Trim(servicetest.Version(w.Header()), `"`), 10, 64)
	return version
}

// try reads a referral and does something to it, and once more when no answer
// came.
func (p *proof) try(t *testing.T, who actor.Actor, m move) {
	id := p.some(m)
	read := p.ask(t, who, move{}, "GET", "/referrals/"+id, nil, nil)
	version := versionOf(read)
	act := acts[m.act%len(acts)]
	var shown struct {
		Links map[string]any `json:"_links"`
	}
	_ = json.Unmarshal(read.Body.Bytes(), &shown)
	offers := func(a deed) bool { return shown.Links[a.link] != nil }
	if offered := slices.DeleteFunc(slices.Clone(acts), func(a deed) bool { return !offers(a) }); m.linked && len(offered) > 0 {
		act = offered[m.act%len(offered)]
		if ends[act.kind] && m.choice%4 > 0 { // most go on
			act = offered[(m.act+1)%len(offered)]
		}
	}
	a := answered{who: who, op: act.op, id: id, version: max(version, 1), cut: m.lost >= 8, links: offers(act)}
	switch {
	case m.match == 7 && !m.linked:
		a.version, a.links = max(a.version-1, 1), false
	case m.match == 8 && !m.linked:
		a.version, a.links = a.version+50, false
	case m.match == 9 && !m.linked:
		a.version, a.links = 0, false
	}
	var header map[string]string
	if a.version > 0 {
		header = map[string]string{"If-Match": fmt.Sprintf(`"%d"`, a.version)}
	}
	path, body := "/referrals/"+id+"/"+act.path, act.body(m.choice)
	p.note(a, p.ask(t, who, m, "POST", path, header, body))
	if m.lost > 5 {
		a.cut = false
		p.note(a, p.ask(t, who, move{}, "POST", path, header, body))
	}
}
