package attack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// attack is one row of the table.
type attack struct {
	id, name string
	env      []string      // beside the chart's limits
	isLarge  bool          // it is not run small: another row is the same then, or it has an environment of its own
	needs    string        // the way that has what it attacks; "": both
	stored   int           // referrals of each sender, in a whole attack; 0: 100
	only     bool          // one caller watches, 5 times a second: the attack asks as all others itself
	within3  bool          // what others wait at most is 3 times what they wait before; else 300 ms
	expect   string        // words that may be in a small attack's outcomes, which has no others
	lasts    time.Duration // 0: as long as -for says
	prepare  func(*ground) // nil: nothing
	run      func(context.Context, *ground)
}

// attacks are those of section G of the cases, in its order.
var attacks = []attack{
	{id: "G1", name: "500 to 4,000 unknown names in a body, 4 connections", expect: "400 429", run: func(ctx context.Context, g *ground) {
		g.send(ctx, fk, 4, "/referrals", unknownNames(500), unknownNames(1400), unknownNames(2500), unknownNames(4000))
	}},
	{id: "G2a", name: "1 MiB of wrong enum values, 4 connections", expect: "400 413 429", run: func(ctx context.Context, g *ground) {
		g.send(ctx, fk, 4, "/referrals", wrongEnums(g.of(64<<10, 1<<20-100)))
	}},
	{id: "G2b", name: "batches of 8 MiB of wrong items, 2 connections", expect: "200 400 413 429", run: func(ctx context.Context, g *ground) {
		g.send(ctx, fk, 2, "/referrals/batch", wrongItems(g.of(256<<10, 8<<20-100)))
	}},
	{id: "G2c", name: "600 bodies of 1 MB, all but the last byte", expect: "400 413 429 503 cut silent", run: func(ctx context.Context, g *ground) {
		head := fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", 1_000_000)
		g.hold(ctx, fk, g.of(20, 600), append(request("POST", "/referrals", g.Token(g.t, fk.Caller), head, nil), `{"reason":"`+strings.Repeat("x", 1_000_000-12)...), 0)
	}},
	{id: "G2d", name: "900 heads that declare 1 MiB, one byte sent", expect: "400 413 429 503 cut silent", run: func(ctx context.Context, g *ground) {
		head := fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", 1<<20)
		g.hold(ctx, fk, g.of(40, 900), append(request("POST", "/referrals", g.Token(g.t, fk.Caller), head, nil), '{'), 0)
	}},
	{id: "G2", name: "hostile bodies of 48 KB to 8 MiB, 4 connections", within3: true, expect: "200 400 413 422 429 503", run: func(ctx context.Context, g *ground) {
		var single, batch [][]byte
		for _, size := range []int{48 << 10, 200 << 10, 1<<20 - 100}[:g.of(1, 3)] {
			single = append(single, unknownNames(size/12), wrongEnums(size), deep(size), longText(size))
		}
		for _, size := range []int{48 << 10, 1 << 20, 8<<20 - 100}[:g.of(1, 3)] {
			batch = append(batch, wrongItems(size), deep(size), longText(size), fmt.Appendf(nil, `{"items":[{"referral":%s}]}`, wrongEnums(min(size, 1<<20))))
		}
		var both sync.WaitGroup
		both.Go(func() { g.send(ctx, fk, 2, "/referrals", single...) })
		both.Go(func() { g.send(ctx, fk, 2, "/referrals/batch", batch...) })
		both.Wait()
	}},
	{id: "G3", name: "Redis stopped without closing (SIGSTOP)", needs: "four processes", run: stopRedis},
	{id: "G4", name: "10,000 idle connections without a token", lasts: 15 * time.Second, expect: "200 429 503 refused cut", run: idle},
	{id: "G5a", name: "1,024 uploads, a byte a second", expect: "400 429 503 cut silent", run: func(ctx context.Context, g *ground) {
		const begin = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF-1.7 "
		head := fmt.Sprintf("Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n", 1<<20)
		g.hold(ctx, fk, g.of(20, 1024), append(request("POST", "/referrals/"+g.stored["fk"][0]+"/attachments", g.Token(g.t, fk.Caller), head, nil), begin...), time.Second)
	}},
	{id: "G5b", name: "256 long polls of one authority", expect: "200 429 503 silent", run: polls},
	{id: "G6", name: "20 webhooks at receivers that accept and stay silent", expect: "201 429", run: webhooks},
	{id: "G7a", name: "twice the sustainable load, 256 connections", only: true, expect: "200 201 429 503", run: overload(256)},
	{id: "G7b", isLarge: true, name: "twice the sustainable load, 1,000 connections", only: true, expect: "200 201 429 503", run: overload(1000)},
	{id: "G7c", isLarge: true, name: "twice the sustainable load, 2,000 connections", only: true, expect: "200 201 429 503", run: overload(2000)},
	{id: "G8", name: "430 bad tokens a second, good new ones from the same address", expect: "401 429", prepare: newTokens, run: badTokens},
	{id: "G9", name: "malformed chunked bodies", expect: "400", run: malformed},
	{id: "G15", name: "20 exports at once", expect: "200 429", stored: 1000, run: exports},
	{id: "G15b", isLarge: true, name: "four exports of 15 MiB at once, one for each authority", lasts: 20 * time.Second, env: []string{"FINSAM_RATE_PER_SECOND=1000000"}, expect: "200", prepare: manyRows, run: largeExports},
	{id: "rate", isLarge: true, name: "100 requests a second above its limit", env: []string{"FINSAM_RATE_PER_SECOND=200", "FINSAM_RATE_BURST=200"}, expect: "201", run: aboveLimit},
}

// send posts bodies in turn until ctx ends, each as soon as the answer to the last has come.
func (g *ground) send(ctx context.Context, c caller, connections int, path string, bodies ...[]byte) {
	token := g.Token(g.t, c.Caller)
	requests := make([][]byte, len(bodies))
	for i, b := range bodies {
		requests[i] = request("POST", path, token, "", b)
	}
	load(ctx, g.wires(c, connections), 0, func(wire, n int) (string, []byte) { return c.Authority, requests[(wire+n)%len(requests)] }, func(s sample) { g.count(s.outcome) })
}

// hold sends the beginning of a request on each of n connections and holds them until ctx
// ends; with an interval a further byte is sent so often.
func (g *ground) hold(ctx context.Context, c caller, n int, begin []byte, interval time.Duration) {
	var all sync.WaitGroup
	for _, w := range g.wires(c, n) {
		all.Go(func() {
			defer w.close()
			if err := w.dial(); err != nil {
				g.count(refused)
				return
			}
			end, _ := ctx.Deadline()
			_ = w.conn.SetWriteDeadline(end)
			_, err := w.conn.Write(begin)
			for err == nil && interval > 0 && ctx.Err() == nil {
				time.Sleep(interval)
				_, err = w.conn.Write([]byte("x"))
			}
			g.count(w.answer(max(time.Until(end), 10*time.Millisecond)))
		})
	}
	all.Wait()
}

func unknownNames(n int) []byte {
	b := []byte(`{`)
	for i := range n {
		b = fmt.Appendf(b, `"k%05d":1,`, i)
	}
	return append(b[:len(b)-1], '}')
}

func wrongEnums(size int) []byte {
	const item = `"x",`
	return []byte(`{"targetGroup":{"reasons":[` + strings.Repeat(item, size/len(item)-20) + `"x"]}}`)
}

func wrongItems(size int) []byte {
	const item = `{"a":1},`
	return []byte(`{"items":[` + strings.Repeat(item, size/len(item)-10) + `{"a":1}]}`)
}

func deep(size int) []byte {
	return []byte(`{"reason":` + strings.Repeat("[", size/2-20) + strings.Repeat("]", size/2-20) + `}`)
}

func longText(size int) []byte {
	const item = `\u00e5\ud83d\ude00`
	return []byte(`{"reason":"` + strings.Repeat(item, size/len(item)-10) + `"}`)
}

func stopRedis(ctx context.Context, g *ground) {
	if g.redis == nil {
		return
	}
	_, line, _ := strings.Cut(fmt.Sprint(g.redis.Must("INFO", "server")), "process_id:")
	line, _, _ = strings.Cut(line, "\r\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		g.t.Fatal(err)
	}
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	<-ctx.Done()
	_ = syscall.Kill(pid, syscall.SIGCONT)
}

// idle opens connections, reads the public page on each and holds them: half of them from
// one address, the others from twenty.
func idle(ctx context.Context, g *ground) {
	n, text := g.of(200, 10_000), request("GET", "/api-info", "", "", nil)
	all := make([]*wire, n)
	var opening sync.WaitGroup
	for worker := range 50 {
		opening.Go(func() {
			for i := worker; i < n && ctx.Err() == nil; i += 50 {
				w := &wire{to: g.addr, from: "127.0.1.1"}
				if i%2 == 0 {
					w.from = fmt.Sprintf("127.0.2.%d", i/2%20+1)
				}
				all[i] = w
				outcome := refused
				if w.dial() == nil {
					_ = w.write(text)
					outcome = w.answer(5 * time.Second)
				}
				g.count(outcome)
			}
		})
	}
	opening.Wait()
	<-ctx.Done()
	open := 0
	for _, w := range all {
		if w == nil || w.conn == nil {
			continue
		}
		if w.answer(time.Millisecond) == silent {
			open++
		}
		w.close()
	}
	g.note("%d of %d open at the end", open, n)
}

// polls waits for events on many connections of one authority, while another waits too.
func polls(ctx context.Context, g *ground) {
	poll := func(c caller, wait int) []byte {
		token, after := g.Token(g.t, c.Caller), ""
		for {
			a, err := g.Do(suite.Request{Method: "GET", Path: "/events?limit=200" + after, Token: token})
			if err != nil || a.Status != http.StatusOK {
				g.t.Fatalf("events: %d %v %s", a.Status, err, a.Raw)
			}
			after = "&after=" + a.Text("after")
			if events, _ := a.At("events").([]any); len(events) == 0 {
				return request("GET", fmt.Sprintf("/events?wait=%d%s", wait, after), token, "", nil)
			}
		}
	}
	many, one := poll(fk, 20), poll(harryda, 1)
	var all sync.WaitGroup
	all.Go(func() { g.hold(ctx, fk, g.of(24, 256), many, 0) })
	var mine []sample
	time.Sleep(100 * time.Millisecond)
	load(ctx, g.wires(harryda, 1), 0, func(int, int) (string, []byte) { return "", one }, func(s sample) { mine = append(mine, s) })
	all.Wait()
	g.noteTaken("another's polls of 1 s", 1300*time.Millisecond, mine)
}

// noteTaken says how many of the samples were taken, and how long those took; in a whole
// attack at most most.
func (g *ground) noteTaken(what string, most time.Duration, samples []sample) {
	var taken []sample
	for _, s := range samples {
		if s.isTaken() {
			taken = append(taken, s)
		}
	}
	g.note("%s: %d of %d, p99 %s", what, len(taken), len(samples), round(percentile(taken, 99)))
	if g.isWhole && percentile(taken, 99) > most {
		g.fail("%s took longer than %s", what, round(most))
	}
	g.others = append(g.others, samples...)
}

// receiver is of webhooks that are answered.
var receiver = sync.OnceValue(func() *httptest.Server {
	return httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			Data struct{ Referral string }
		}
		if body, err := io.ReadAll(r.Body); err == nil && json.Unmarshal(body, &event) == nil {
			delivered.LoadOrStore(event.Data.Referral, time.Now())
		}
		w.WriteHeader(http.StatusNoContent)
	}))
})

// delivered is when the receiver got the first event of a referral.
var delivered sync.Map

func receiverCA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receiver().Certificate().Raw})
}

// webhooks lets the events of one authority go to receivers that never answer, while
// another gets its own.
func webhooks(ctx context.Context, g *ground) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	defer dead.Close()
	hook := func(c caller, url string) {
		a, err := g.Do(suite.Request{Method: "POST", Path: "/webhooks", Token: g.Token(g.t, c.Caller), Body: map[string]any{"url": url, "active": true}})
		if err != nil {
			g.t.Fatal(err)
		}
		g.count(fmt.Sprint(a.Status))
	}
	for i := range g.of(5, 20) {
		hook(fk, fmt.Sprintf("https://%s/%d", dead.Addr(), i))
	}
	hook(vgr, receiver().URL)
	var mine []sample
	chance := newChance()
	for ctx.Err() == nil {
		for _, c := range []caller{fk, vgr} {
			a, err := g.Do(suite.Request{Method: "POST", Path: "/referrals", Token: g.Token(g.t, c.Caller), Body: referral(c, chance)})
			if err == nil && a.Status == http.StatusCreated && c == vgr {
				mine = append(mine, sample{who: a.Text("id"), due: time.Now(), outcome: silent})
			}
		}
		time.Sleep(300 * time.Millisecond)
	}
	for end := time.Now().Add(time.Duration(g.of(10, 3)) * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		missing := false
		for i, s := range mine {
			if at, ok := delivered.Load(s.who); ok {
				mine[i].took, mine[i].outcome = max(0, at.(time.Time).Sub(s.due)), "204"
			} else {
				missing = true
			}
		}
		if !missing {
			break
		}
	}
	g.noteTaken("another's deliveries", 2*time.Second, mine)
}

// overload asks as six authorities for twice of what the suite can take, over so many
// connections; a whole attack for as long as -overload says.
func overload(connections int) func(context.Context, *ground) {
	return func(ctx context.Context, g *ground) {
		callers := []caller{fk, af, molndal, partille, harryda, lerum}
		var next []func() []byte
		for _, c := range callers {
			next = append(next, g.asking(c))
		}
		ask := func(d time.Duration, connections int, perSecond float64) (all, taken []sample) {
			var wires []*wire
			for i := range g.of(min(connections, 24), connections) {
				wires = append(wires, &wire{to: g.addr, from: callers[i%len(callers)].from})
			}
			var mu sync.Mutex
			ctx, stop := context.WithTimeout(ctx, d)
			defer stop()
			load(ctx, wires, perSecond, func(wire, _ int) (string, []byte) { return "", next[wire%len(next)]() }, func(s sample) {
				mu.Lock()
				defer mu.Unlock()
				if all = append(all, s); s.isTaken() {
					taken = append(taken, s)
				}
			})
			return all, taken
		}
		if !g.isWhole {
			for all, _ := ask(time.Second, connections, 0); len(all) > 0; all = all[1:] {
				g.count(all[0].outcome)
			}
			return
		}
		_, unloaded := ask(3*time.Second, 24, 60)
		_, most := ask(3*time.Second, 24, 0)
		sustainable := float64(len(most)) / 3
		g.begin() // what the polite caller waits counts from here
		all, taken := ask(*overloadFor, connections, 2*sustainable)
		for _, s := range all {
			g.count(s.outcome)
		}
		before, under := percentile(unloaded, 99), percentile(taken, 99)
		g.note("sustainable %.0f/s, offered %.0f/s, taken %.0f/s; p99 of what is taken %s, unloaded %s", sustainable,
			float64(len(all))/overloadFor.Seconds(), float64(len(taken))/overloadFor.Seconds(), round(under), round(before))
		if under > 3*before {
			g.fail("what is taken waits %.1f times as long", float64(under)/float64(before))
		}
	}
}

// newTokens makes good tokens that the suite has not seen.
func newTokens(g *ground) {
	g.good = make([][]byte, g.of(4, 40))
	var making sync.WaitGroup
	for i := range g.good {
		making.Go(func() {
			c := vgr.Caller
			c.Subject = fmt.Sprint("new-", i)
			g.good[i] = request("GET", "/referrals?limit=1", g.Token(g.t, c), "", nil)
		})
	}
	making.Wait()
}

// badTokens sends tokens that nobody signed, while callers with new good ones come from the
// same address, as behind an ingress.
func badTokens(ctx context.Context, g *ground) {
	end, _ := ctx.Deadline()
	pace := float64(len(g.good)) / time.Until(end).Seconds()
	token := g.Token(g.t, fk.Caller)
	bad := request("GET", "/referrals?limit=1", token[:len(token)-20]+strings.Repeat("A", 20), "", nil)
	var all sync.WaitGroup
	all.Go(func() {
		load(ctx, g.wires(fk, 16), float64(g.of(100, 430)), func(int, int) (string, []byte) { return "", bad }, func(s sample) { g.count(s.outcome) })
	})
	var mine []sample
	var turn atomic.Int64
	load(ctx, g.wires(fk, 1), pace, func(int, int) (string, []byte) { return "", g.good[int(turn.Add(1)-1)%len(g.good)] }, func(s sample) { mine = append(mine, s) })
	all.Wait()
	g.noteTaken("good new tokens", 300*time.Millisecond, mine)
}

// malformed sends bodies whose framing is wrong. None of them is a failure of the suite.
func malformed(ctx context.Context, g *ground) {
	failures := func() (n int) {
		logs, _ := filepath.Glob(filepath.Join(g.Data, "*.log"))
		for _, path := range logs {
			text, err := os.ReadFile(path)
			if err != nil {
				g.t.Error(err)
			}
			n += bytes.Count(text, []byte(`"level":"ERROR"`))
		}
		return n
	}
	before := failures()
	head := request("POST", "/referrals", g.Token(g.t, fk.Caller), "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", nil)
	for i := 0; ctx.Err() == nil; i++ {
		chunks := []string{"zz\r\n", "5\r\n{\"a\":1}\r\n0\r\n\r\n", "-1\r\n{}\r\n", "fffffffffffffffff\r\n{}", "2\r\n{}3\r\n", "\r\n\r\n", "2\n{}\n0x\n\n"}
		for _, w := range g.wires(fk, 1) {
			g.count(w.ask(append(bytes.Clone(head), chunks[i%len(chunks)]...)))
			w.close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := failures() - before; n > 0 {
		g.fail("%d lines of errors in the logs", n)
	}
}

func exports(ctx context.Context, g *ground) {
	export := func(c caller) []byte {
		return request("GET", "/referral-exports?format=csv", g.Token(g.t, c.Caller), "", nil)
	}
	many, one := export(fk), export(af)
	var all sync.WaitGroup
	all.Go(func() {
		load(ctx, g.wires(fk, 20), 0, func(int, int) (string, []byte) { return "", many }, func(s sample) { g.count(s.outcome) })
	})
	var mine []sample
	load(ctx, g.wires(af, 1), 2, func(int, int) (string, []byte) { return "", one }, func(s sample) { mine = append(mine, s) })
	all.Wait()
	g.noteTaken("another's exports", time.Second, mine)
}

// largeRows are how many referrals of a sender fill a file of 15 MiB, as the name of its unit
// is as long as it may be.
const largeRows = 16_800

// manyRows stores as many referrals of each sender.
func manyRows(g *ground) {
	admin := g.Token(g.t, suite.Caller{Role: "association_admin", Authority: "forbundet", Subject: "admin-1"})
	register := g.Must(g.t, 200, suite.Request{Method: "GET", Path: "/units", Token: admin})
	for _, c := range []caller{fk, vgr, af} {
		register = g.Must(g.t, 200, suite.Request{Method: "PUT", Path: "/units/" + c.Unit, Token: admin, Header: map[string]string{"If-Match": register.Header.Get("Etag")},
			Body: map[string]any{"name": strings.Repeat("𝒜", 200), "kind": "other", "authority": c.Authority, "active": true}})
	}
	var all sync.WaitGroup
	for _, c := range []caller{fk, vgr, af} {
		token, chance := g.Token(g.t, c.Caller), newChance()
		all.Go(func() {
			const each = 100
			for n := 0; n < largeRows; {
				items := make([]string, each)
				for i := range items {
					items[i] = fmt.Sprintf(`{"key":"%d","referral":%s}`, n+i, referral(c, chance))
				}
				a, err := g.Do(suite.Request{Method: "POST", Path: "/referrals/batch", Token: token, Body: []byte(`{"items":[` + strings.Join(items, ",") + `]}`)})
				switch {
				case err == nil && a.Status == 200:
					n += each
				case err == nil && a.Header.Get("Retry-After") != "":
					time.Sleep(time.Second)
				default:
					g.t.Errorf("a batch was not stored: %d %v %.300s", a.Status, err, a.Raw)
					return
				}
			}
		})
	}
	all.Wait()
}

// largeExports has each of four authorities fetch its file again and again.
func largeExports(ctx context.Context, g *ground) {
	var all sync.WaitGroup
	if m, err := suite.Memory(cmp.Or(g.Processes["referral"], g.Processes["finsam"]).Pid()); err == nil {
		g.note("before at most %d MiB", m.Peak>>20)
	}
	for _, c := range []caller{fk, vgr, af, molndal} {
		path, token := "/referral-exports?format=csv&unit="+cmp.Or(c.Unit, fk.Unit), g.Token(g.t, c.Caller)
		all.Go(func() {
			if a, err := g.Do(suite.Request{Method: "GET", Path: path, Token: token}); err == nil {
				g.note("%d of %.1f MiB", a.Status, float64(len(a.Raw))/(1<<20))
			}
			load(ctx, g.wires(c, 1), 0, func(int, int) (string, []byte) { return "", request("GET", path, token, "", nil) }, func(s sample) { g.count(s.outcome) })
		})
	}
	all.Wait()
}

// aboveLimit posts first as often as the limit allows, then 100 times a second more, while
// five others ask below their own limits.
func aboveLimit(ctx context.Context, g *ground) {
	end, _ := ctx.Deadline()
	half := time.Until(end) / 2
	served := func(perSecond float64) int {
		ctx, stop := context.WithTimeout(ctx, half)
		defer stop()
		var taken atomic.Int64
		var all sync.WaitGroup
		for _, c := range []caller{af, molndal, partille, harryda, lerum} {
			next := g.asking(c)
			all.Go(func() {
				load(ctx, g.wires(c, 4), float64(g.of(20, 150)), func(int, int) (string, []byte) { return "", next() }, func(s sample) {
					if s.isTaken() {
						taken.Add(1)
					}
				})
			})
		}
		token, chance, mu := g.Token(g.t, fk.Caller), newChance(), &sync.Mutex{}
		load(ctx, g.wires(fk, 32), perSecond, func(int, int) (string, []byte) {
			mu.Lock()
			defer mu.Unlock()
			return "", request("POST", "/referrals", token, "", referral(fk, chance))
		}, func(s sample) { g.count(s.outcome) })
		all.Wait()
		return int(taken.Load())
	}
	limit := float64(g.of(20, 200))
	at, above := served(limit), served(limit+float64(g.of(20, 100)))
	g.note("others' throughput %.0f/s at the limit, %.0f/s above it", float64(at)/half.Seconds(), float64(above)/half.Seconds())
	if g.isWhole && above*10 < at*9 {
		g.fail("others lose more than a tenth of their throughput")
	}
}
