package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// connection is how the API is reached, as the flags say.
type connection struct {
	url, tokenFile, clientID, secretFile, tokenURL, language string

	http  http.Client
	mu    sync.Mutex
	token string
	until time.Time // when the token is to be fetched anew; zero: never
}

// The client's patience and bounds.
const (
	callTime  = 60 * time.Second // longer than the longest long poll
	maxAnswer = 32 << 20
	attempts  = 8
	maxPause  = time.Minute
	early     = 30 * time.Second // before a token ends, it is fetched anew
)

// newConnection returns one that follows no redirect: it would take a person's number
// to another machine, or a token off https.
func newConnection() *connection {
	return &connection{http: http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// check says what is missing, and refuses to send a token or a secret in clear.
func (c *connection) check() error {
	switch u, err := url.Parse(c.url); {
	case c.url == "":
		return errors.New("say with --url where the API is, such as https://api.example.se/finsam/v1")
	case err != nil || !safe(u) || u.RawQuery != "":
		return errors.New("--url must be https (or http to this machine), such as https://api.example.se/finsam/v1")
	case (c.clientID != "") != (c.tokenURL != "") || (c.clientID != "") != (c.secretFile != ""):
		return errors.New("--client-id, --client-secret-file and --token-url belong together")
	}
	if u, err := url.Parse(c.tokenURL); c.tokenURL != "" && (err != nil || !safe(u)) {
		return errors.New("--token-url must be https (or http to this machine), such as https://login.example.se/token")
	}
	c.url = strings.TrimSuffix(c.url, "/")
	return nil
}

// safe reports whether what is sent to an address is read by nobody on the way.
func safe(u *url.URL) bool {
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost" || u.Hostname() == "::1"
	return u.Hostname() != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && local)
}

// bearer returns the token, fetched anew shortly before it ends.
func (c *connection) bearer(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && (c.until.IsZero() || time.Now().Before(c.until)) {
		return c.token, nil
	}
	if c.clientID != "" {
		return c.token, c.fetch(ctx)
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
		return "", errors.New("no access token: give --token-file, $FINSAM_TOKEN, or --client-id with --client-secret-file and --token-url")
	}
	if c.tokenFile == "" {
		c.token = text
	}
	return text, nil // a file is read anew each time: somebody else may keep it fresh
}

// fetch gets a token for client credentials (RFC 6749, 4.4).
func (c *connection) fetch(ctx context.Context) error {
	secret, err := os.ReadFile(c.secretFile)
	if err != nil {
		return fmt.Errorf("--client-secret-file: %w", err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.clientID}, "client_secret": {strings.TrimSpace(string(secret))}}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return errors.New("--token-url is no address")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("no token could be fetched: %w", cause(err))
	}
	defer resp.Body.Close()
	if redirect(resp.StatusCode) {
		return fmt.Errorf("no token could be fetched: %s answered %d, a redirect, which is not followed; give --token-url the address itself", c.tokenURL, resp.StatusCode)
	}
	var answer struct {
		Token   string `json:"access_token"`
		Seconds int    `json:"expires_in"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK || answer.Token == "" {
		return fmt.Errorf("no token could be fetched: %s answered %d", c.tokenURL, resp.StatusCode)
	}
	c.token = answer.Token
	life := time.Duration(max(answer.Seconds, 60)) * time.Second
	c.until = time.Now().Add(life - min(early, life/2))
	return nil
}

// cause drops the address from an error of package http: it says nothing new.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// problem is an answer of 300 and above (RFC 9457; of a redirect it is our own). Its sentences bear nothing
// of a person.
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

// call asks the API until there is an answer that is not "later": it waits as long
// as it is asked to, else ever longer, and gives up after some attempts. What is
// sent must be safe to repeat.
func (c *connection) call(ctx context.Context, method, path string, header map[string]string, body []byte, into any) error {
	var last error
	for n := range attempts {
		wait, err := c.once(ctx, method, path, header, body, into)
		if err == nil || wait < 0 {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if last = err; wait == 0 {
			wait = min(500*time.Millisecond<<n, maxPause)
		}
		if n == attempts-1 {
			break
		}
		pause := time.NewTimer(wait + rand.N(wait/4+time.Millisecond))
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
	return fmt.Errorf("given up after %d attempts: %w", attempts, last)
}

// once makes one call. wait is how long to wait before the next; negative: the
// answer stands, 0: as long as one likes.
func (c *connection) once(ctx context.Context, method, path string, header map[string]string, body []byte, into any) (wait time.Duration, err error) {
	token, err := c.bearer(ctx)
	if err != nil {
		return -1, err
	}
	limited, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	r, err := http.NewRequestWithContext(limited, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return -1, errors.New("--url is no address")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept-Language", c.language)
	r.Header.Set("User-Agent", "finsamctl/"+version)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, cause(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, cause(err)
	}
	if resp.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			return -1, fmt.Errorf("the answer is not what the contract says (%d bytes)", len(text))
		}
		return -1, nil
	}
	if redirect(resp.StatusCode) {
		return -1, &problem{Status: resp.StatusCode, Code: "redirect", Detail: "the answer is a redirect, which is not followed; give --url the address of the API itself"}
	}
	p := &problem{}
	if json.Unmarshal(text, p) != nil || p.Code == "" {
		p = &problem{Code: "no-problem", Detail: "the answer is none of finsam's"}
	}
	p.Status = resp.StatusCode
	if later(resp.StatusCode) {
		return retryAfter(resp), p
	}
	return -1, p
}

// redirect reports whether a status sends the caller elsewhere.
func redirect(status int) bool { return status >= 300 && status < 400 }

// later reports whether a status asks to come again.
func later(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, 10*time.Minute)
}
