package trust

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
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

const (
	// refreshInterval is how old a fetched key set may become.
	refreshInterval = 5 * time.Minute
	// retryInterval is how soon the first fetch is tried again if it failed.
	retryInterval = 15 * time.Second
	// unknownKeyInterval is the least time between two fetches for unknown keys, so that a
	// storm of made-up key ids reaches the issuer once.
	unknownKeyInterval = time.Minute
	// minReadInterval is the least time between two readings of one file.
	minReadInterval = 100 * time.Millisecond
	// fetchTimeout bounds one fetch.
	fetchTimeout = 5 * time.Second
	// maxKeySet bounds a key set, in bytes.
	maxKeySet = 256 << 10
	// minRSA is the shortest RSA modulus accepted, in bits (RFC 7518 section 3.3).
	minRSA = 2048
)

// keySet is one version of an issuer's public keys, by key id.
type keySet map[string]jwks.Key

// source is an issuer's key set in a file or behind a URL.
type source struct {
	location  string
	discovers string // the issuer whose configuration is there and names the key set; empty: the key set itself is there
	client    *http.Client
	now       func() time.Time
	log       *slog.Logger
	keys      atomic.Pointer[keySet] // as last read; nil: not read yet
	leftOut   atomic.Int64           // how many keys of the set cannot be used

	mu         sync.Mutex
	text       []byte // as last read
	lastRead   time.Time
	lastForced time.Time     // when it was last fetched for an unknown key
	reading    chan struct{} // closed when the reading in progress has ended; nil: none
	lastError  string        // so that a failure is logged once
}

// newClient creates the client that fetches key sets. It follows no redirect: another
// address could publish other keys.
func newClient() *http.Client {
	return &http.Client{
		Timeout: fetchTimeout,
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

// find returns the key of an id. An unknown one may be new, so the source is read again.
func (s *source) find(ctx context.Context, id string) (*keySet, jwks.Key, error) {
	keys := s.keys.Load()
	if keys == nil || (*keys)[id].Public == nil {
		if reading := s.refresh(true); reading != nil {
			select {
			case <-reading:
			case <-ctx.Done():
				return nil, jwks.Key{}, ErrKeys.Because(ctx.Err()).After(time.Second)
			}
		}
		if keys = s.keys.Load(); keys == nil {
			return nil, jwks.Key{}, ErrKeys.After(retryInterval)
		}
	}
	key := (*keys)[id]
	if key.Public == nil {
		return nil, jwks.Key{}, ErrToken.Because(errors.New("kid is not in the issuer's key set"))
	}
	return keys, key, nil
}

// refresh starts to read the source if that is due; an unknown key makes it due sooner. It
// returns a channel that is closed when the reading in progress has ended; nil if there is
// none.
func (s *source) refresh(isForUnknownKey bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading != nil {
		return s.reading
	}
	now, last, interval := s.now(), s.lastRead, minReadInterval
	switch {
	case !isURL(s.location):
	case s.keys.Load() == nil:
		interval = retryInterval
	case isForUnknownKey:
		last, interval = s.lastForced, unknownKeyInterval
	default:
		interval = refreshInterval
	}
	if now.Sub(last) < interval {
		return nil
	}
	if isForUnknownKey && s.keys.Load() != nil {
		s.lastForced = now
	}
	done := make(chan struct{})
	s.lastRead, s.reading = now, done
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
		defer cancel()
		err := s.read(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil && s.lastError != err.Error() {
			s.log.Error("could not read an issuer's keys; keeping the previous ones", "jwks", s.location, "error", err)
		}
		s.reading, s.lastError = nil, fmt.Sprint(err)
	}()
	return done
}

// read reads the source once; the keys change only when its text did.
func (s *source) read(ctx context.Context) error {
	text, err := s.fetch(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys.Load() != nil && bytes.Equal(text, s.text) {
		return nil
	}
	keys, leftOut, err := jwks.Parse(text)
	if err != nil {
		return err
	}
	if len(leftOut) > 0 {
		s.log.Warn("left out keys of an issuer that cannot be used; the others hold", "jwks", s.location, "keys", leftOut)
	}
	s.text = text
	s.leftOut.Store(int64(len(leftOut)))
	s.keys.Store((*keySet)(&keys))
	return nil
}

func (s *source) fetch(ctx context.Context) ([]byte, error) {
	if !isURL(s.location) {
		return os.ReadFile(s.location)
	}
	text, err := s.get(ctx, s.location)
	if err != nil || s.discovers == "" {
		return text, err
	}
	location, err := parseDiscovery(text, s.discovers)
	if err != nil {
		return nil, err
	}
	return s.get(ctx, location)
}

// discoveryPath is where an issuer has its configuration (OpenID Connect Discovery 1.0,
// section 4.1), behind its name.
const discoveryPath = "/.well-known/openid-configuration"

// parseDiscovery returns where the key set of an issuer is, by its configuration. One that
// names another issuer is not its own (section 4.3).
func parseDiscovery(text []byte, issuer string) (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return "", errors.New("the issuer's configuration is not a JSON object")
	}
	location, name := memberText(members["jwks_uri"]), memberText(members["issuer"])
	switch {
	case name != issuer:
		return "", errors.New("the configuration is that of another issuer")
	case !isFetchable(location):
		return "", errors.New("jwks_uri of the issuer's configuration is not an https URL")
	}
	return location, nil
}

func (s *source) get(ctx context.Context, location string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
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
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxKeySet+1))
	if err == nil && len(text) > maxKeySet {
		err = fmt.Errorf("answered more than %d bytes", maxKeySet)
	}
	return text, err
}

// fits reports whether a key may verify signatures of the algorithm.
func fits(k jwks.Key, algorithm string) bool {
	if k.Algorithm != "" && k.Algorithm != algorithm {
		return false
	}
	switch key := k.Public.(type) {
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && key.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return (algorithm == "RS256" || algorithm == "PS256") && key.N.BitLen() >= minRSA
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}
