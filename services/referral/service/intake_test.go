package service_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/mongo"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/rest"
	"github.com/finsam/finsam/services/referral/service"
)

// BenchmarkIntake reports whether intake and lists keep their speed as referrals
// gather: it fills a store to each of the sizes in FINSAM_BENCH_INTAKE, measures
// there, by turns with a store of 1,000, and prints the table of
// docs/performance.md. It runs once, on SQLite
// and, when FINSAM_TEST_MONGO_URI names one, on MongoDB: make bench-intake.
//
// Asked is the service's real handler, over its router: token, contract, access
// log and feed are as they ship; the network, the gateway and the vault are not
// there. What fills the store is written by the store itself, as the service
// would have written it: one in ten came in the last twelve days and is open, the
// others in three years and were withdrawn. All of it is published in the feed before
// anything is measured.
func BenchmarkIntake(b *testing.B) {
	var sizes []int
	for text := range strings.SplitSeq(os.Getenv("FINSAM_BENCH_INTAKE"), ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < intakeSmall {
			b.Skip("FINSAM_BENCH_INTAKE: name the sizes to measure at, such as 1000,10000,100000")
		}
		sizes = append(sizes, n)
	}
	engines := map[string]func(b *testing.B) *intake{"sqlite": func(b *testing.B) *intake { return newIntake(b, referraltest.New(b)) }}
	if uri := os.Getenv("FINSAM_TEST_MONGO_URI"); uri != "" {
		engines["mongo"] = func(b *testing.B) *intake { return newIntake(b, onMongo(b, uri)) }
	}
	for name, fresh := range engines {
		b.Run(name, func(b *testing.B) { compare(b, fresh(b), fresh, sizes) })
	}
}

func onMongo(b *testing.B, uri string) *referraltest.World {
	db, err := mongo.Open(context.Background(), uri, "finsam-test")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return referraltest.On(b, db.Engine("intake"+strconv.FormatInt(time.Now().UnixMilli(), 36)))
}

// How the intake is measured.
const (
	intakeSmall  = 1000
	intakeOpen   = 10  // one of so many is open
	intakeRounds = 7   // of which the median is printed
	intakePosts  = 300 // posts in one round
	intakeBatch  = 500 // referrals in one batch, the contract's most; two batches in one round
	intakeAskers = 32  // ask at the same time
	intakeReads  = 700 * time.Millisecond
)

// intake is a service that is filled and asked.
type intake struct {
	*referraltest.World
	trust   *webtest.Trust
	handler http.Handler
	stored  *store.Collection[referral.Referral]

	template *referral.Referral
	ids      []string
	middle   string // cursor of a place in the middle of a municipality's list
	posted   atomic.Int64
}

func newIntake(b *testing.B, w *referraltest.World) *intake {
	in := &intake{World: w, trust: webtest.NewTrust(b, nil)}
	var err error
	in.handler, err = rest.New(w.Service, server.Config{Verifier: in.trust.Verifier, AccessLog: w.AccessLog, Feed: w.Feed, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	if in.stored, err = store.Open(b.Context(), w.Engine, service.Collection); err != nil {
		b.Fatal(err)
	}
	w.Clock.Advance(time.Now().UTC().Sub(w.Clock.Now()))
	w.Run(b)
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", in.submission())
	if err != nil {
		b.Fatal(err)
	}
	one, err := in.stored.Get(b.Context(), v.Referral.Association, v.Referral.ID)
	if err != nil {
		b.Fatal(err)
	}
	in.template, in.ids = one.Value, []string{one.Value.ID}
	return in
}

// submission is a referral of one more invented person.
func (in *intake) submission() referral.Submission {
	s, n := referraltest.Submission(), in.posted.Add(1)
	s.Person.PersonalIdentityNumber = persontest.Number(rand.New(rand.NewPCG(1, uint64(n))), "2026-03-01")
	s.ExternalReference = "FK-" + strconv.FormatInt(n, 10)
	s.Reason = strings.Repeat("Påhittad orsak, lång som en riktig. ", 12)
	return s
}

// towns are the member municipalities of the example.
var towns = []string{"1481", "1402", "1401", "1441", "1489"}

// old creates the n-th referral that fills the store.
func (in *intake) old(n int) (*referral.Referral, error) {
	r := *in.template
	r.ID, r.Participant = uuid.NewString(), uuid.NewString()
	r.RegistryNumber = fmt.Sprintf("2000-%06d", n) // of a year that no post comes in
	r.ExternalReference = "old-" + strconv.Itoa(n)
	r.WishedMunicipality = towns[n%len(towns)]
	at := in.Clock.Now().Add(-time.Duration(rand.IntN(12*24*60*60)) * time.Second)
	if n%intakeOpen != 0 {
		at = in.Clock.Now().Add(-time.Duration(rand.IntN(3*365*24*60*60)) * time.Second)
	}
	r.Receipt.At, r.Steps = at, slices.Clone(r.Steps)
	r.Steps[0].At = at
	if n%intakeOpen != 0 {
		s := r.Steps[0]
		s.N, s.Kind, s.At, s.Code = 2, referral.Withdrawn, at.Add(time.Hour), "referrer"
		r.Steps = append(r.Steps, s)
	}
	var err error
	if r.Reason, err = in.Service.Cipher.Encrypt(in.open(in.template.Reason, referral.TextContext(in.template.ID)), referral.TextContext(r.ID)); err != nil {
		return nil, err
	}
	r.Assessment, err = in.Service.Cipher.Encrypt(in.open(in.template.Assessment, referral.AssessmentContext(in.template.ID)), referral.AssessmentContext(r.ID))
	return &r, err
}

func (in *intake) open(sealed []byte, context string) []byte {
	text, err := in.Service.Cipher.Decrypt(sealed, context)
	if err != nil {
		panic(err) // sealed by this very service
	}
	return text
}

// fill stores referrals until there are n, and waits until all is published.
func (in *intake) fill(b *testing.B, n int) {
	began, from := time.Now(), len(in.ids)
	in.ids = append(in.ids, make([]string, n-from)...)
	var next atomic.Int64
	next.Store(int64(from))
	var all sync.WaitGroup
	for range 8 * intakeAskers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && !b.Failed(); i = next.Add(1) - 1 {
				r, err := in.old(int(i))
				if err == nil {
					_, err = in.stored.Insert(context.Background(), r)
				}
				if err != nil {
					b.Error(err)
					return
				}
				in.ids[i] = r.ID
				if i == int64(n/2) {
					in.middle = fmt.Sprintf("rd-%s", store.Cursor{Values: []any{in.Clock.Now().Add(-18 * 30 * 24 * time.Hour).UnixMilli()}, ID: r.ID})
				}
			}
		})
	}
	all.Wait()
	filled := time.Since(began)
	in.waitUntilPublished(b)
	fmt.Fprintf(os.Stderr, "%d stored in %.0f s, published in %.0f s more\n", n, filled.Seconds(), (time.Since(began) - filled).Seconds())
}

// question is what is asked of both stores.
type question struct {
	name string
	per  int // answers that one question counts for
	most int // questions in one round; 0: as many as fit
	ask  func(in *intake, n int64) webtest.Request
}

var intakeQuestions = []question{
	{"GET referral", 1, 0, func(in *intake, _ int64) webtest.Request {
		return webtest.Request{Method: "GET", Path: "/referrals/" + in.ids[rand.IntN(len(in.ids))], As: referraltest.FK}
	}},
	{"first page of 20", 1, 0, func(*intake, int64) webtest.Request {
		return webtest.Request{Method: "GET", Path: "/referrals?limit=20", As: referraltest.Intake}
	}},
	{"page of 20 in the middle", 1, 0, func(in *intake, _ int64) webtest.Request {
		return webtest.Request{Method: "GET", Path: "/referrals?limit=20&cursor=" + in.middle, As: referraltest.Intake}
	}},
	{"POST referral", 1, intakePosts, func(in *intake, n int64) webtest.Request {
		return webtest.Request{Method: "POST", Path: "/referrals", As: referraltest.FK, Body: in.body(),
			Header: map[string]string{"Idempotency-Key": strconv.FormatInt(n, 10)}}
	}},
	{"POST in batches of 500", intakeBatch, 2, func(in *intake, n int64) webtest.Request {
		items := make([]any, intakeBatch)
		for i := range items {
			items[i] = map[string]any{"referral": in.body()}
		}
		return webtest.Request{Method: "POST", Path: "/referrals/batch", As: referraltest.FK, Body: map[string]any{"items": items},
			Header: map[string]string{"Idempotency-Key": strconv.FormatInt(n, 10)}}
	}},
}

// measured is what rounds of one question came to.
type measured struct {
	rates   []float64
	answers float64
	cpu     time.Duration // of the whole process, what follows in the background included
}

func (m *measured) median() float64 {
	slices.Sort(m.rates)
	return m.rates[len(m.rates)/2]
}

// perThousand is the processor time of a thousand answers, in milliseconds.
func (m *measured) perThousand() float64 { return float64(m.cpu.Milliseconds()) / m.answers * 1000 }

// compare fills big to each size, measures there by turns with a store of 1,000
// made for it, so that what else the machine does slows both, and prints the figures.
func compare(b *testing.B, big *intake, small func(b *testing.B) *intake, sizes []int) {
	fmt.Printf("\n| stored | question | per second | at %d | slower | CPU ms per 1,000 | at %d | more |\n|---|---|---|---|---|---|---|---|\n", intakeSmall, intakeSmall)
	for _, size := range sizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			big.fill(b, size)
			base := small(b)
			base.fill(b, intakeSmall)
			for _, q := range intakeQuestions {
				var at [2]measured
				for n := range 1 + intakeRounds {
					for i, in := range []*intake{base, big} {
						if rate, cpu, answers := in.round(b, q); n > 0 { // the first is to warm
							at[i].rates = append(at[i].rates, rate)
							at[i].cpu += cpu
							at[i].answers += answers
						}
					}
				}
				fmt.Printf("| %d | %s | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f |\n", size, q.name, at[1].median(), at[0].median(),
					at[0].median()/at[1].median(), at[1].perThousand(), at[0].perThousand(), at[1].perThousand()/at[0].perThousand())
			}
		})
	}
}

// body is a new referral as a client sends it.
func (in *intake) body() map[string]any {
	s := in.submission()
	return map[string]any{
		"person": map[string]any{
			"personalIdentityNumber": s.Person.PersonalIdentityNumber, "givenName": "Påhittad", "familyName": "Exempelsson", "gender": "female",
		},
		"unit": s.Unit, "wishedMunicipality": towns[rand.IntN(len(towns))], "reason": s.Reason, "externalReference": s.ExternalReference,
		"targetGroup": map[string]any{"reasons": []any{"long_absence"}, "authoritiesConcerned": []any{"social_insurance", "region"}},
		"consent":     map[string]any{"given": true, "givenOn": "2026-02-27", "textVersion": "2026-1", "authorities": []any{"fk", "molndal"}},
	}
}

// round asks one question by many callers, and returns the rate of the answers, the
// processor time until all is published, and how many answers there were.
func (in *intake) round(b *testing.B, q question) (rate float64, cpu time.Duration, answers float64) {
	var asked, answered atomic.Int64
	var all sync.WaitGroup
	began, used := time.Now(), processorTime(b)
	for range intakeAskers {
		all.Go(func() {
			for !b.Failed() {
				n := asked.Add(1)
				if q.most > 0 && n > int64(q.most) || q.most == 0 && time.Since(began) > intakeReads {
					return
				}
				in.Clock.Advance(time.Millisecond)
				a := in.trust.Do(b, in.handler, q.ask(in, in.posted.Add(1)))
				if a.Status/100 != 2 || strings.Contains(string(a.Body), `"problem"`) {
					b.Errorf("%d: %.500s", a.Status, a.Body)
					return
				}
				answered.Add(1)
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	in.waitUntilPublished(b)
	answers = float64(answered.Load()) * float64(q.per)
	return answers / took.Seconds(), processorTime(b) - used, answers
}

// waitUntilPublished waits until every step is published in the feed.
func (in *intake) waitUntilPublished(b *testing.B) {
	for deadline := time.Now().Add(20 * time.Minute); ; time.Sleep(2 * time.Millisecond) {
		left, err := in.stored.Unpublished(context.Background(), 1)
		if err != nil || b.Failed() || time.Now().After(deadline) {
			b.Fatal("what is stored was not published", err)
		}
		if len(left) == 0 {
			return
		}
	}
}

// processorTime is what this process has used so far (Linux; ticks of 10 ms).
func processorTime(b *testing.B) time.Duration {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		b.Skip("the processor time is read as on Linux: ", err)
	}
	_, behind, _ := strings.Cut(string(text), ") ")
	fields, ticks := strings.Fields(behind), 0
	for _, f := range fields[11:13] { // utime and stime of proc(5)
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
