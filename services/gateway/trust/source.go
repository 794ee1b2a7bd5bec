package trust

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/finsam/finsam/pkg/jwks"
)

// source is where an issuer's keys come from, and the keys as last read.
type source struct {
	place  string // a path or a URL
	client *http.Client
	now    func() time.Time
	log    *slog.Logger
	keys   atomic.Pointer[keySet]

	mu     sync.Mutex
	text   []byte        // as last read
	read   time.Time     // when it was last tried
	forced time.Time     // when it was last fetched for an unknown key
	busy   chan struct{} // closed when the fetch under way has ended
	failed string        // the last failure told, so that it is told once
}

const (
	// refreshURL is how old a fetched key set may become.
	refreshURL = 5 * time.Minute
	// retryURL is how soon a failed fetch is tried again.
	retryURL = 15 * time.Second
	// unknownPause is the least time between two fetches for unknown keys, so
	// that a storm of made-up key ids reaches the issuer once.
	unknownPause = time.Minute
	// minPause is the least time between two readings of one file.
	minPause = 100 * time.Millisecond
	// fetchTime bounds one fetch.
	fetchTime = 5 * time.Second
	// maxKeys bounds a key set, in bytes.
	maxKeys = 256 << 10
)

// newClient creates the client that fetches key sets: a redirect is an answer of
// the wrong kind, and every wait has an end.
func newClient() *http.Client {
	return &http.Client{
		Timeout: fetchTime,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			TLSHandshakeTimeout:   2 * time.Second,
			ResponseHeaderTimeout: 3 * time.Second,
			IdleConnTimeout:       time.Minute,
			MaxConnsPerHost:       2,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// current returns the keys as last read, nil when they never were.
func (s *source) current() *keySet { return s.keys.Load() }

// find returns the key of that id. One that is not known may be new: its source is
// read again, a file at once, a URL at most once a minute.
func (s *source) find(ctx context.Context, kid string) (*keySet, jwks.Key, error) {
	keys := s.current()
	if keys != nil {
		if key, ok := keys.keys[kid]; ok {
			return keys, key, nil
		}
	}
	if err := s.renew(ctx); err != nil && ctx.Err() != nil {
		return nil, jwks.Key{}, ErrKeys.Because(err).After(time.Second)
	}
	if keys = s.current(); keys == nil {
		return nil, jwks.Key{}, ErrKeys.After(retryURL)
	}
	key, ok := keys.keys[kid]
	if !ok {
		return nil, jwks.Key{}, ErrToken.Because(errors.New("kid is not in the issuer's key set"))
	}
	return keys, key, nil
}

// renew reads the source for a key that is not known, or waits for anyone who does.
func (s *source) renew(ctx context.Context) error {
	s.mu.Lock()
	busy := s.busy
	if busy == nil {
		if !s.mayForce() {
			s.mu.Unlock()
			return nil
		}
		busy = s.start()
	}
	s.mu.Unlock()
	select {
	case <-busy:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mayForce reports whether an unknown key is a reason to read again now, and notes
// that it was; the caller holds mu.
func (s *source) mayForce() bool {
	now := s.now()
	switch {
	case !isURL(s.place):
		return now.Sub(s.read) >= minPause
	case s.current() == nil:
		return now.Sub(s.read) >= retryURL
	case now.Sub(s.forced) < unknownPause:
		return false
	}
	s.forced = now
	return true
}

// tick reads the source when it is due: a file at each tick, a URL when old.
func (s *source) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := minPause
	switch {
	case s.busy != nil:
		return
	case isURL(s.place) && s.current() == nil:
		due = retryURL
	case isURL(s.place):
		due = refreshURL
	}
	if s.read.IsZero() || s.now().Sub(s.read) >= due {
		s.start()
	}
}

// start reads in the background; the caller holds mu.
func (s *source) start() chan struct{} {
	busy := make(chan struct{})
	s.busy, s.read = busy, s.now()
	go func() {
		defer close(busy)
		ctx, cancel := context.WithTimeout(context.Background(), fetchTime)
		defer cancel()
		err := s.load(ctx)
		s.mu.Lock()
		s.busy = nil
		told := s.failed
		s.failed = fmt.Sprint(err)
		s.mu.Unlock()
		if err != nil && told != err.Error() {
			s.log.Error("could not read an issuer's keys; keeping the previous ones", "jwks", s.place, "error", err)
		}
	}()
	return busy
}

// load reads the source once; keys change only when its text did.
func (s *source) load(ctx context.Context) error {
	text, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	same := s.current() != nil && bytes.Equal(text, s.text)
	s.mu.Unlock()
	if same {
		return nil
	}
	keys, err := jwks.Parse(text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
	s.keys.Store(&keySet{keys})
	return nil
}

func (s *source) fetch(ctx context.Context) ([]byte, error) {
	if !isURL(s.place) {
		return os.ReadFile(s.place)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.place, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxKeys+1))
	if err == nil && len(text) > maxKeys {
		err = fmt.Errorf("answered more than %d bytes", maxKeys)
	}
	return text, err
}
