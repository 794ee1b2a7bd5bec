//go:build cluster

package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
)

// load asks the front door 100 times a second, each time over a new connection,
// for what bears no person and so writes nothing, and posts a referral a second
// beside it, until it is stopped. The wire server takes no more: it looks through
// whole collections and writes one thing at a time.
type load struct {
	room
	base, coach, sender string
	client              *http.Client

	wg      sync.WaitGroup
	ended   chan struct{}
	mu      sync.Mutex
	asked   int
	failed  []string
	created []string // the referrals that were acknowledged
}

// under begins the load on a Service.
func (r room) under(service string) *load {
	r.Helper()
	finsam := filepath.Join(programs, "finsam")
	token := func(args ...string) string {
		return must(r.T, time.Minute, finsam, append([]string{"token", "--data", r.data}, args...)...)
	}
	l := &load{
		room: r, base: r.address(service) + "/finsam/v1", ended: make(chan struct{}),
		coach:  token("--role", "coach", "--authority", "molndal", "--municipality", "1481", "--subject", "coach-1"),
		sender: token("--role", "integration", "--authority", "fk"),
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	l.wg.Go(l.asks)
	l.wg.Go(l.posts)
	return l
}

func (l *load) asks() {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
			l.wg.Go(func() { l.send("GET", "/activities?municipality=1481", l.coach, http.StatusOK, "", nil) })
		}
	}
}

// posts sends one referral after the other: an acknowledged one must be there
// afterwards, whatever happened.
func (l *load) posts() {
	numbers := rand.New(rand.NewPCG(3, 3))
	today := time.Now().UTC().Format(time.DateOnly)
	for n := 0; ; n++ {
		select {
		case <-l.ended:
			return
		case <-time.After(time.Second):
		}
		body, err := json.Marshal(map[string]any{
			"person": map[string]any{"personalIdentityNumber": persontest.NumberAged(numbers, today, 40, false), "givenName": "Tolvan", "familyName": "Påhittad"},
			"unit":   "fk-molndal", "wishedMunicipality": "1481", "reason": "Påhittat exempel.",
			"targetGroup": map[string]any{"reasons": []string{"long_absence"}, "authoritiesConcerned": []string{"social_insurance", "region"}},
			"consent":     map[string]any{"given": true, "givenOn": today, "textVersion": "2026-1", "authorities": []string{"fk", "molndal"}},
		})
		if err != nil {
			l.Error(err)
			return
		}
		var made struct {
			ID string `json:"id"`
		}
		if l.send("POST", "/referrals", l.sender, http.StatusCreated, fmt.Sprint("load-", n), body, &made) {
			l.mu.Lock()
			l.created = append(l.created, made.ID)
			l.mu.Unlock()
		}
	}
}

func (l *load) send(method, path, token string, want int, key string, body []byte, into ...any) bool {
	req, err := http.NewRequest(method, l.base+path, bytes.NewReader(body))
	if err != nil {
		l.Error(err)
		return false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := l.client.Do(req)
	what := fmt.Sprint(err)
	if err == nil {
		text, readErr := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		for _, v := range into {
			_ = json.Unmarshal(text, v)
		}
		if err = readErr; err == nil && resp.StatusCode != want {
			err = fmt.Errorf("%d", resp.StatusCode)
		}
		what = fmt.Sprintf("%v %.200s", err, text)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if err != nil {
		l.failed = append(l.failed, fmt.Sprintf("%s %s %s: %s", time.Now().Format("15:04:05.000"), method, path, what))
	}
	return err == nil
}

// stop ends the load and tells what failed; every acknowledged referral must be there.
func (l *load) stop() (asked int, failed []string) {
	l.Helper()
	close(l.ended)
	l.wg.Wait()
	asked, failed = l.asked, l.failed
	for _, id := range l.created {
		if !l.send("GET", "/referrals/"+id, l.sender, http.StatusOK, "", nil) {
			l.Errorf("referral %s was acknowledged and is lost", id)
		}
	}
	l.Logf("%d requests, %d failed, %d referrals acknowledged and found again", asked, len(failed), len(l.created))
	return asked, failed
}
