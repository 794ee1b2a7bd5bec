package gateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/pkg/cache/redistest"
	"github.com/finsam/finsam/services/gateway/limit"
)

// wire is a way to a server on which each answer comes late, or another one, or none.
type wire struct {
	t            testing.TB
	addr, server string
	listener     net.Listener
	delay        atomic.Int64           // nanoseconds before each part of an answer
	says         atomic.Pointer[string] // instead of each part of an answer, and then no more; nil: what the server says
	isCut        atomic.Bool            // nobody listens
}

func wireTo(t testing.TB, server string) *wire {
	w := &wire{t: t, addr: "127.0.0.1:0", server: server}
	w.mend()
	t.Cleanup(w.cut)
	return w
}

// cut closes everything.
func (w *wire) cut() {
	w.isCut.Store(true)
	_ = w.listener.Close()
}

// mend makes the wire as good as new.
func (w *wire) mend() {
	w.t.Helper()
	w.delay.Store(0)
	w.says.Store(nil)
	if w.listener != nil && !w.isCut.Swap(false) {
		return
	}
	var err error
	if w.listener, err = net.Listen("tcp", w.addr); err != nil {
		w.t.Fatal(err)
	}
	w.addr = w.listener.Addr().String()
	go func(l net.Listener) {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", w.server)
			if err != nil {
				_ = c.Close()
				continue
			}
			go w.pass(c, s, false)
			go w.pass(s, c, true)
		}
	}(w.listener)
}

func (w *wire) pass(from, to net.Conn, isAnswer bool) {
	defer from.Close()
	defer to.Close()
	for b := make([]byte, 64<<10); ; {
		n, err := from.Read(b)
		if err != nil || w.isCut.Load() {
			return
		}
		text := b[:n]
		if isAnswer {
			for came := time.Now(); time.Since(came) < time.Duration(w.delay.Load()) && !w.isCut.Load(); {
				time.Sleep(time.Millisecond)
			}
			if says := w.says.Load(); says != nil {
				_, _ = to.Write([]byte(*says))
				return
			}
		}
		if _, err := to.Write(text); err != nil {
			return
		}
	}
}

// warned returns the lines of a log that warn, but for those of the calls.
func warned(log string) []string {
	return slices.DeleteFunc(strings.Split(log, "\n"), func(line string) bool {
		return !strings.Contains(line, `"level":"WARN"`) && !strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"msg":"access"`)
	})
}

// garbage has every key of ours hold something else, which nobody ever removes.
func garbage(s *redistest.Server, kind string) {
	s.Must("EVAL", "for _,k in ipairs(redis.call('KEYS','*')) do redis.call('DEL',k); "+kind+" end", 0)
}

// TestCase_G3_RedisIsNeverAReasonToWaitOrToDecideWrongly breaks Redis in each way while two
// authorities call: one stays below its limit, the other above it.
func TestCase_G3_RedisIsNeverAReasonToWaitOrToDecideWrongly(t *testing.T) {
	if redistest.Without(t, "that a gateway does not wait for a Redis that is away, slow or full of garbage") {
		return
	}
	delay := func(d time.Duration) func(*redistest.Server, *wire) {
		return func(_ *redistest.Server, w *wire) { w.delay.Store(int64(d)) }
	}
	say := func(text string) func(*redistest.Server, *wire) {
		return func(_ *redistest.Server, w *wire) { w.says.Store(&text) }
	}
	run := func(do func(*redistest.Server)) func(*redistest.Server, *wire) {
		return func(s *redistest.Server, _ *wire) { do(s) }
	}
	none := func(*redistest.Server, *wire) {}
	for name, c := range map[string]struct {
		fail, mend func(*redistest.Server, *wire)
		isAway     bool // not only without what it held
	}{
		"killed":                    {run((*redistest.Server).Kill), run((*redistest.Server).Start), true},
		"silent":                    {run((*redistest.Server).Stop), run((*redistest.Server).Continue), true},
		"two seconds late":          {delay(2 * time.Second), none, true},
		"just in time, and slow":    {delay(35 * time.Millisecond), none, true},
		"full":                      {run(func(s *redistest.Server) { s.Must("CONFIG", "SET", "maxmemory", "1") }), run(func(s *redistest.Server) { s.Must("CONFIG", "SET", "maxmemory", "0") }), true},
		"another server":            {say("HTTP/1.1 400 Bad Request\r\n\r\n"), none, true},
		"agreeing to everything":    {say("+OK\r\n"), none, true},
		"flushed":                   {run(func(s *redistest.Server) { s.Must("FLUSHALL") }), none, false},
		"full of other texts":       {run(func(s *redistest.Server) { garbage(s, "redis.call('SET',k,'garbage')") }), none, false},
		"full of lists":             {run(func(s *redistest.Server) { garbage(s, "redis.call('LPUSH',k,'garbage')") }), none, false},
		"full of times far ahead":   {run(func(s *redistest.Server) { garbage(s, "redis.call('SET',k,'99999999999')") }), none, false},
		"full of what is no number": {run(func(s *redistest.Server) { garbage(s, "redis.call('SET',k,'nan')") }), none, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			between := wireTo(t, server.Addr)
			const perSecond, burst = 10, 30
			r := newRig(t, func(o *Config) {
				cache, buckets, err := redis.Open("redis://"+between.addr, o.Log)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = cache.Close() })
				o.Cache, o.Limits = cache, limit.New(limit.Config{Policy: limit.Policy{PerSecond: perSecond, Burst: burst}, Redis: buckets})
			})
			n := counted(r.services["activity"])
			r.run()
			polite, greedy := "Bearer "+r.token("fk", actor.Integration), "Bearer "+r.token("af", actor.Integration)
			get := func(token string) (status int, asked int64, took time.Duration) {
				began := time.Now()
				w := r.ask("GET", aWeek, "", "Authorization", token)
				_, _ = fmt.Sscanf(w.Body.String(), `{"asked":%d}`, &asked)
				return w.Code, asked, time.Since(began)
			}
			isHit := func() bool {
				before := n.Load()
				status, _, _ := get(polite)
				time.Sleep(time.Second / perSecond)
				return status == http.StatusOK && n.Load() == before
			}
			r.soon("answers come from Redis", isHit)

			c.fail(server, between)
			began := time.Now()
			var all sync.WaitGroup
			var mu sync.Mutex
			var times []time.Duration
			var refused, served, stale atomic.Int64
			until := began.Add(1500 * time.Millisecond)
			r.services["activity"].feed.add(cancelled, "insjoriket") // what was kept is untrue from now on
			untrue := n.Load()
			for i := range 6 {
				all.Go(func() {
					for time.Now().Before(until) {
						token, pause := greedy, 20*time.Millisecond
						if i == 0 {
							token, pause = polite, time.Second/perSecond
						}
						status, asked, took := get(token)
						switch {
						case status == http.StatusOK && i > 0:
							served.Add(1)
						case status == http.StatusOK:
							if asked <= untrue && time.Since(began) > 700*time.Millisecond {
								stale.Add(1)
							}
						case i == 0 || status != http.StatusTooManyRequests:
							refused.Add(1)
						}
						mu.Lock()
						times = append(times, took)
						mu.Unlock()
						time.Sleep(pause)
					}
				})
			}
			all.Wait()
			slices.Sort(times)
			t.Logf("%d answers, median %s, 95 of 100 within %s, the longest %s; the greedy got %d", len(times), times[len(times)/2], times[len(times)*95/100], times[len(times)-1], served.Load())
			if refused.Load() > 0 || stale.Load() > 0 {
				t.Errorf("refused below the limit %d times, %d answers that an event had made untrue", refused.Load(), stale.Load())
			}
			// The shared bucket and the gateway's own: at most one burst of each.
			if limit := int64(2*burst + 4*perSecond); served.Load() > limit || served.Load() < burst {
				t.Errorf("above the limit %d were served, want %d to %d", served.Load(), burst, limit)
			}
			if longest := times[len(times)-1]; longest > time.Second || times[len(times)*95/100] > 100*time.Millisecond {
				t.Errorf("somebody waited for Redis: 95 of 100 within %s, the longest %s", times[len(times)*95/100], longest)
			}
			text := r.log.String() // on a busy machine Redis may be late before it fails
			if got := strings.Count(text, "Redis does not answer as it should"); got > 1 || c.isAway && got == 0 {
				t.Errorf("%d warnings that Redis is away", got)
			}
			if warnings := warned(text); len(warnings) > 2 { // the other one: that the cache cannot be emptied, or what was below a key
				t.Errorf("%d warnings: %s", len(warnings), strings.Join(warnings, "\n"))
			}

			c.mend(server, between)
			between.mend()
			for end := time.Now().Add(15 * time.Second); !isHit(); {
				if time.Now().After(end) {
					t.Fatal("never back")
				}
			}
			if _, asked, _ := get(polite); asked <= untrue {
				t.Error("an answer that an event had made untrue came back with Redis")
			}
			if server.Must("EXISTS", "rate:finsam:limit:insjoriket/fk") != int64(1) {
				t.Error("the limit is not shared again")
			}
		})
	}
}

// TestCase_G3_AServiceThatIsAwayIsNobodyElsesTrouble breaks one of the services behind the
// gateway in each way while others call it and the other services.
func TestCase_G3_AServiceThatIsAwayIsNobodyElsesTrouble(t *testing.T) {
	const timeout = 300 * time.Millisecond
	say := func(text string) func(*wire) { return func(w *wire) { w.says.Store(&text) } }
	for name, fail := range map[string]func(*wire){
		"killed":                 (*wire).cut,
		"silent":                 func(w *wire) { w.delay.Store(int64(time.Minute)) },
		"slower than its time":   func(w *wire) { w.delay.Store(int64(2 * timeout)) },
		"another protocol":       say("SSH-2.0-OpenSSH_9.9\r\n"),
		"half a head":            say("HTTP/1.1 200 OK\r\nContent-Le"),
		"half an answer":         say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"half\""),
		"half a chunk":           say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{"),
		"nothing":                say(""),
		"not believing the door": say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"ok":true}`)
			}))
			t.Cleanup(behind.Close)
			between := wireTo(t, behind.Listener.Addr().String())
			const places = 32
			r := newRig(t, func(o *Config) {
				o.AnswerTimeout, o.MaxInFlight = timeout, places
				toNetwork(t, o, "referral", "http://"+between.addr)
			})
			token := "Bearer " + r.token("fk", actor.Integration)
			get := func(path string) *httptest.ResponseRecorder { return r.ask("GET", path, "", "Authorization", token) }
			if w := get(aReferral); w.Code != http.StatusOK {
				t.Fatalf("before: %d %s", w.Code, w.Body)
			}

			fail(between)
			until := time.Now().Add(1500 * time.Millisecond)
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					for time.Now().Before(until) {
						path := aReferral
						if i == 0 {
							path = aWeek
						}
						began := time.Now()
						w := get(path)
						switch took := time.Since(began); {
						case i == 0 && (w.Code != http.StatusOK || took > timeout):
							t.Errorf("another service: %d after %s", w.Code, took)
						case i > 0 && (w.Code != http.StatusServiceUnavailable && w.Code != http.StatusGatewayTimeout || w.Header().Get("Retry-After") == ""):
							t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
						case took > timeout+time.Second:
							t.Errorf("waited %s", took)
						}
						time.Sleep(5 * time.Millisecond)
					}
				})
			}
			all.Wait()
			if warnings := warned(r.log.String()); len(warnings) != 1 || !strings.Contains(warnings[0], "a service does not answer as it should") {
				t.Errorf("%d warnings: %s", len(warnings), strings.Join(warnings[:min(3, len(warnings))], "\n"))
			}

			between.mend()
			r.soon("it answers again", func() bool { return get(aReferral).Code == http.StatusOK })
			if !strings.Contains(r.log.String(), "a service answers again") {
				t.Error("nobody reads that it is back")
			}
			for range places/4 + 1 { // those of one authority alone
				all.Go(func() {
					if w := get(aReferral); w.Code != http.StatusOK {
						t.Errorf("afterwards: %d %s", w.Code, w.Body)
					}
				})
			}
			all.Wait()
		})
	}
}

// A service that has all of a body has no more time than for a request without one, while
// one whose caller is slow has done nothing wrong.
func TestCase_G3_AServiceThatHangsWithEveryBodyIsTakenForSilentToo(t *testing.T) {
	for name, c := range map[string]struct {
		early, late string
		want        int
	}{
		"the body has come":           {"{}", "", http.StatusServiceUnavailable},
		"the last byte came too late": {"{", "}", http.StatusGatewayTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(o *Config) { o.AnswerTimeout = 400 * time.Millisecond })
			r.services["referral"].answer = func(_ http.ResponseWriter, q *http.Request) {
				_, _ = io.Copy(io.Discard, q.Body)
				<-q.Context().Done()
			}
			token := r.token("fk", actor.Integration)
			post := func() int {
				in, out := io.Pipe()
				go func() {
					_, _ = io.WriteString(out, c.early)
					if c.late != "" {
						time.Sleep(3 * r.config.AnswerTimeout / 4)
					}
					_, _ = io.WriteString(out, c.late)
					_ = out.Close()
				}()
				q := httptest.NewRequest(http.MethodPost, "/finsam/v1/referrals", in)
				q.Header.Set("Content-Type", "application/json")
				q.Header.Set("Idempotency-Key", "k-1")
				q.Header.Set("Authorization", "Bearer "+token)
				w := httptest.NewRecorder()
				r.g.ServeHTTP(w, q)
				_ = in.Close()
				return w.Code
			}
			for range maxTimeouts {
				if code := post(); code != http.StatusGatewayTimeout {
					t.Errorf("%d", code)
				}
			}
			if code := post(); code != c.want {
				t.Errorf("the next one: %d", code)
			}
		})
	}
}

// Who reads slowly has its answer cut, and that says nothing of the service.
func TestCase_G3_AnAnswerThatIsReadTooSlowlyIsNoFaultOfTheService(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Config) { o.AnswerTimeout = 600 * time.Millisecond })
	front := httptest.NewServer(r.g)
	defer front.Close()
	r.services["referral"].answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxAnswer)) }
	token := r.token("fk", actor.Integration)
	for range maxTimeouts {
		q, err := http.NewRequest(http.MethodGet, front.URL+aReferral, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * r.config.AnswerTimeout)
		if n, err := io.Copy(io.Discard, a.Body); err == nil {
			t.Fatalf("the answer of %d bytes was not cut", n)
		}
		a.Body.Close()
	}
	r.services["referral"].answer = nil
	if w := r.as("fk", actor.Integration, "GET", aReferral, ""); w.Code != http.StatusOK {
		t.Errorf("the next one: %d %s", w.Code, w.Body)
	}
	if all := warned(r.log.String()); len(all) > 0 {
		t.Errorf("the service is blamed: %s", all)
	}
}
