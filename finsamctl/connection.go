package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// connection reaches the API as the flags say. bearer may be called at once.
type connection struct {
	url, tokenFile, clientID, secretFile, tokenURL string
	language

	notices io.Writer // what is waited for, and how far a command is
	http    http.Client
	mu      sync.Mutex
	token   string
	until   time.Time // when to fetch the next token; zero: never
}

const (
	callTimeout  = 60 * time.Second // longer than the longest long poll
	dialTimeout  = 10 * time.Second
	slowAfter    = 10 * time.Second // when it is said that an answer is waited for
	maxAway      = 90 * time.Second // how long a server that does not answer is waited for
	maxAnswer    = 32 << 20
	maxAttempts  = 8
	maxPause     = time.Minute
	renewalGrace = 30 * time.Second // how long before a token expires the next one is fetched
)

// newConnection returns a connection that follows no redirect, which could take a
// person's number to another machine, or a token off https.
func newConnection() *connection {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	return &connection{notices: io.Discard, language: "sv", http: http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// notice prints a line about what happens.
func (c *connection) notice(sv, en string, values ...any) {
	fmt.Fprintln(c.notices, c.say(sv, en, values...))
}

// check returns what is missing or would send a token or a secret unencrypted.
func (c *connection) check() error {
	switch u, err := url.Parse(c.url); {
	case c.url == "":
		return errors.New("--url is missing; set it to the address of the API, such as https://api.example.se/finsam/v1")
	case err != nil || !safe(u) || u.RawQuery != "":
		return errors.New("--url must be https (or http to this machine), such as https://api.example.se/finsam/v1")
	case c.language != "sv" && c.language != "en":
		return errors.New("--language must be sv or en")
	case (c.clientID != "") != (c.tokenURL != "") || (c.clientID != "") != (c.secretFile != ""):
		return errors.New("--client-id, --client-secret-file and --token-url must be set together")
	}
	if u, err := url.Parse(c.tokenURL); c.tokenURL != "" && (err != nil || !safe(u)) {
		return errors.New("--token-url must be https (or http to this machine), such as https://login.example.se/token")
	}
	c.url = strings.TrimSuffix(c.url, "/")
	return nil
}

// safe reports whether nobody can read on the way what is sent to an address.
func safe(u *url.URL) bool {
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost" || u.Hostname() == "::1"
	return u.Hostname() != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && local)
}

// bearer returns a token that is still valid for a while.
func (c *connection) bearer(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && (c.until.IsZero() || time.Now().Before(c.until)) {
		return c.token, nil
	}
	if c.clientID != "" {
		err := c.fetch(ctx)
		return c.token, err
	}
	text := os.Getenv("FINSAM_TOKEN")
	if c.tokenFile != "" {
		b, err := os.ReadFile(c.tokenFile)
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		text = string(b)
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", errors.New("no access token: set --token-file, $FINSAM_TOKEN, or --client-id with --client-secret-file and --token-url")
	}
	if c.tokenFile == "" {
		c.token = text
	}
	return text, nil // a file is read each time: another program may renew it
}

// fetch gets a token for client credentials (RFC 6749, 4.4).
func (c *connection) fetch(ctx context.Context) error {
	secret, err := os.ReadFile(c.secretFile)
	if err != nil {
		return fmt.Errorf("--client-secret-file: %w", err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.clientID}, "client_secret": {strings.TrimSpace(string(secret))}}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("--token-url is not an address such as https://login.example.se/token")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.http.Do(r)
	if err != nil {
		return errors.New(c.say("kunde inte hämta en åtkomsttoken: %s", "could not fetch a token: %s", cause(err)))
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 3 {
		return fmt.Errorf("could not fetch a token: %s answered %d, a redirect, which is not followed; set --token-url to the final address", c.tokenURL, resp.StatusCode)
	}
	var answer struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK || answer.Token == "" {
		return fmt.Errorf("could not fetch a token: %s answered %d", c.tokenURL, resp.StatusCode)
	}
	c.token = answer.Token
	life := time.Duration(max(answer.Seconds, 60)) * time.Second
	c.until = time.Now().Add(life - min(renewalGrace, life/2))
	return nil
}

// cause removes the address from an error of package http, which the caller knows.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// problem is an answer of 300 and above (RFC 9457; for a redirect it is made here). Its
// sentences contain no personal data.
type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Errors []struct {
		Pointer string `json:"pointer"`
		Code    string `json:"code"`
		Detail  string `json:"detail"`
	} `json:"errors"`
}

func (p *problem) Error() string {
	text := fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail)
	for _, e := range p.Errors {
		text += fmt.Sprintf(" (%s: %s)", e.Pointer, e.Detail)
	}
	return text
}

// unsure is the failure of a call that the server may have carried out all the same.
type unsure struct{ error }

func (e unsure) Unwrap() error { return e.error }

// call sends a request until the answer is not "try later": it waits as long as the
// answer says, otherwise longer each time, and says so. It fails after maxAttempts, or
// when nobody has answered for maxAway; the error is unsure unless the server has carried
// out nothing. The request must be safe to repeat.
func (c *connection) call(ctx context.Context, method, path string, header map[string]string, body []byte, into any) error {
	maybe := false
	failed := func(err error) error {
		if maybe {
			return unsure{err}
		}
		return err
	}
	for n, began := 1, time.Now(); ; n++ {
		slow := time.AfterFunc(slowAfter, func() {
			if method == http.MethodPost { // a request for events waits for them
				c.notice("Väntar på serverns svar, högst %s.", "Waiting for the server's answer, at most %s.", callTimeout)
			}
		})
		wait, arrived, err := c.once(ctx, method, path, header, body, into)
		slow.Stop()
		if err == nil {
			return nil
		}
		maybe = maybe || arrived
		if wait < 0 || ctx.Err() != nil {
			return failed(err)
		}
		wait = cmp.Or(wait, min(500*time.Millisecond<<(n-1), maxPause))
		wait += rand.N(wait/4 + time.Millisecond)
		var answer *problem
		isAway := !errors.As(err, &answer)
		if away := time.Since(began); n == maxAttempts || isAway && away+wait > maxAway {
			return failed(fmt.Errorf("%s: %w", c.say("gav upp efter %d försök på %s", "gave up after %d attempts in %s", n, away.Round(time.Second)), err))
		}
		why := c.say("Servern ber om väntan (%s)", "The server asks to wait (%s)", err)
		if isAway {
			why = c.say("Servern svarar inte (%s)", "The server does not answer (%s)", err)
		}
		c.notice("%s. Nytt försök, %d av %d, om %s.", "%s. Next attempt, %d of %d, in %s.", why, n+1, maxAttempts, wait.Round(100*time.Millisecond))
		if err := pause(ctx, wait); err != nil {
			return failed(err)
		}
	}
}

// pause waits; it returns the error of a context that ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return ctx.Err()
	}
}

// once makes one call. wait is how long to wait before the next one; negative: the
// answer is final, 0: the caller chooses. arrived reports whether the server may have
// carried the call out although it failed.
func (c *connection) once(ctx context.Context, method, path string, header map[string]string, body []byte, into any) (wait time.Duration, arrived bool, err error) {
	token, err := c.bearer(ctx)
	if err != nil {
		return -1, false, err
	}
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	limited = httptrace.WithClientTrace(limited, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { arrived = true }})
	r, err := http.NewRequestWithContext(limited, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return -1, false, errors.New("--url is not an address such as https://api.example.se/finsam/v1")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept-Language", string(c.language))
	r.Header.Set("User-Agent", "finsamctl/"+version)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, arrived, cause(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, true, cause(err)
	}
	if resp.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			return -1, true, errors.New(c.say("oväntat svar: det följer inte kontraktet (%d byte)", "unexpected answer: it does not follow the contract (%d bytes)", len(text)))
		}
		return -1, true, nil
	}
	arrived = resp.StatusCode >= 500 // anything below has refused the call
	if resp.StatusCode/100 == 3 {
		return -1, arrived, &problem{Status: resp.StatusCode, Code: "redirect", Detail: c.say(
			"svaret är en omdirigering, som inte följs; ange API:ets egen adress i --url", "the answer is a redirect, which is not followed; set --url to the address of the API itself")}
	}
	p := &problem{}
	if json.Unmarshal(text, p) != nil || p.Code == "" {
		p = &problem{Code: "no-problem", Detail: c.say("svaret kommer inte från finsam; kontrollera --url", "the answer is not from finsam; check --url")}
	}
	p.Status = resp.StatusCode
	if !later(resp.StatusCode) {
		return -1, arrived, p
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0, arrived, p
	}
	return time.Duration(min(seconds, 600)) * time.Second, arrived, p
}

// later reports whether a status means that the request can be repeated later.
func later(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}
