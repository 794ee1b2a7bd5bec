package gateway

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/web/server"
)

const (
	someEvents = "/finsam/v1/events"
	aPoll      = someEvents + "?wait=20"
)

func TestALongPollHasPlacesOfItsOwn(t *testing.T) {
	r := newRig(t, func(o *Config) { o.MaxInFlight = 4 }) // and one place for long polls
	gate := make(chan struct{})
	r.services["referral"].answer = func(w http.ResponseWriter, q *http.Request) {
		if q.URL.RawQuery == "wait=20" || q.URL.RawQuery == "after=taken" {
			<-gate
		}
		w.WriteHeader(http.StatusOK)
	}
	token, another := "Bearer "+r.token("fk", actor.Integration), "Bearer "+r.token("af", actor.Integration)
	late, done := "Bearer "+r.token("molndal", actor.Integration), make(chan int, 5)
	ask := func(target, token string) { done <- r.ask("GET", target, "", "Authorization", token).Code }
	go ask(aPoll, token)
	r.soon("the long poll waits", func() bool { return r.services["referral"].times() == 1 })
	if w := r.ask("GET", aPoll, "", "Authorization", late); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
		t.Errorf("one long poll too many: %d %v", w.Code, w.Header())
	}
	for _, token := range []string{token, token, another, another} {
		go ask(someEvents+"?after=taken", token)
	}
	r.soon("the long poll takes no other's place", func() bool { return r.services["referral"].times() == 5 })
	for _, target := range []string{someEvents, someEvents + "?wait=0", aReferral + "?wait=20"} {
		if w := r.ask("GET", target, "", "Authorization", late); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s does not wait and took a long poll's place: %d", target, w.Code)
		}
	}
	close(gate)
	for range 5 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("one of those that waited: %d", code)
		}
	}
	if w := r.ask("GET", aPoll, "", "Authorization", token); w.Code != http.StatusOK {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestALongPollHasItsWaitBesideTheUsualTimeout(t *testing.T) {
	const answerTimeout = time.Second
	r := newRig(t, func(o *Config) { o.AnswerTimeout = answerTimeout })
	var left time.Duration
	r.services["referral"].answer = func(w http.ResponseWriter, q *http.Request) {
		if end, bounded := q.Context().Deadline(); bounded {
			left = time.Until(end)
		}
		w.WriteHeader(http.StatusOK)
	}
	for target, within := range map[string][2]time.Duration{
		someEvents: {0, answerTimeout}, someEvents + "?wait=0": {0, answerTimeout}, aPoll: {answerTimeout, feed.MaxWait + answerTimeout},
	} {
		left = 0
		if w := r.as("fk", actor.Integration, "GET", target, ""); w.Code != http.StatusOK || left <= within[0] || left > within[1] {
			t.Errorf("%s: %d with %s to answer in", target, w.Code, left)
		}
	}
}

func TestALongPollDoesNotHoldUpAServerThatDrains(t *testing.T) {
	r := newRig(t)
	r.services["referral"].answer = func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	at, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- server.Server{Handler: r.g, Addr: "127.0.0.1:0", Started: func(addr, _ string) { at <- addr }}.Run(ctx)
	}()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+<-at+aPoll, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token("fk", actor.Integration))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second} // shorter than the poll
	answered := make(chan *http.Response, 1)
	go func() {
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
		} else {
			resp.Body.Close()
		}
		answered <- resp
	}()
	r.soon("the long poll waits", func() bool { return r.services["referral"].times() == 1 })
	stop()
	if resp := <-answered; resp != nil && (resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "") {
		t.Errorf("the caller is not asked to try again: %d %v", resp.StatusCode, resp.Header)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended by %v", err)
	}
}
