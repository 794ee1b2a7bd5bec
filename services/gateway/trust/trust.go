// Package trust decides whose access tokens are taken and who they speak for.
//
// The trust file names one issuer per member authority: where its public keys
// are, what its tokens must look like, and how its claims become an actor
// (RFC 9068, RFC 8725). The file and the keys are watched: what is changed there
// holds within a second, for tokens already seen as well. A key belongs to the
// issuer that published it and verifies no other issuer's tokens.
package trust

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/maypok86/otter/v2"

	"github.com/finsam/finsam/pkg/actor"
)

// Options are the parts of a Verifier; only Path is needed.
type Options struct {
	Path   string           // the trust file
	Log    *slog.Logger     // where reloads and failures are told
	Now    func() time.Time // the clock
	Client *http.Client     // fetches key sets; nil: one that follows no redirect
	Tokens int              // verified tokens remembered; zero: 65,536
}

// leeway is the clock difference between an issuer and us that is forgiven.
const leeway = 15 * time.Second

// defaultTokens bounds the memory of verified tokens to some 40 MB.
const defaultTokens = 65_536

// Verifier turns access tokens into actors. It is safe for concurrent use.
type Verifier struct {
	options Options
	set     atomic.Pointer[set]
	wrong   atomic.Bool // the trust file as last read could not be taken
	tokens  *otter.Cache[[sha256.Size]byte, *verified]

	mu       sync.Mutex // guards the reading of the trust file
	text     []byte     // the trust file as last read
	lastRead time.Time
}

// set is one version of the trust file, immutable but for its issuers' keys.
type set struct {
	issuers map[string]*issuer
}

// issuer is an Issuer made ready.
type issuer struct {
	Issuer
	keys   *source
	parser *jwt.Parser
}

// verified is a token that passed: who it speaks for, until when, and by which
// version of the trust file and which keys that was found.
type verified struct {
	actor  actor.Actor
	issuer string
	until  time.Time
	set    *set
	source *source
	keys   *keySet
}

// Open reads the trust file and the key sets that are files; a fault in any is
// an error. Key sets named by URL are fetched by Run, or by the first token.
func Open(o Options) (*Verifier, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Client == nil {
		o.Client = newClient()
	}
	if o.Tokens == 0 {
		o.Tokens = defaultTokens
	}
	tokens, err := otter.New(&otter.Options[[sha256.Size]byte, *verified]{MaximumSize: o.Tokens})
	if err != nil {
		return nil, fmt.Errorf("memory of verified tokens: %w", err)
	}
	v := &Verifier{options: o, tokens: tokens}
	return v, v.load()
}

// Verify returns the actor that the token speaks for and the issuer that it came
// from; the error is one of this package's faults. The issuer is empty until it
// is known to be a trusted one.
func (v *Verifier) Verify(ctx context.Context, token string) (actor.Actor, string, error) {
	if len(token) > maxToken {
		return actor.Actor{}, "", ErrToken
	}
	key := sha256.Sum256([]byte(token))
	if known, ok := v.remembered(key); ok {
		return known.actor, known.issuer, nil
	}
	return v.verify(ctx, key, token)
}

// Recall returns what Verify gave for the token before, if that still holds; it
// does no signature work and never waits.
func (v *Verifier) Recall(token string) (actor.Actor, string, bool) {
	if len(token) > maxToken {
		return actor.Actor{}, "", false
	}
	known, ok := v.remembered(sha256.Sum256([]byte(token)))
	if !ok {
		return actor.Actor{}, "", false
	}
	return known.actor, known.issuer, true
}

func (v *Verifier) remembered(key [sha256.Size]byte) (*verified, bool) {
	known, ok := v.tokens.GetIfPresent(key)
	if !ok || known.set != v.set.Load() || known.keys != known.source.current() || !v.options.Now().Before(known.until) {
		return nil, false
	}
	return known, true
}

func (v *Verifier) verify(ctx context.Context, key [sha256.Size]byte, token string) (actor.Actor, string, error) {
	form, err := parseForm(token)
	if err != nil {
		return actor.Actor{}, "", ErrToken.Because(err)
	}
	trusted, is := v.find(form.issuer)
	if is == nil {
		return actor.Actor{}, "", ErrIssuer
	}
	if is.Disabled {
		return actor.Actor{}, is.Issuer.Issuer, ErrIssuer
	}
	keys, claims, err := is.claims(ctx, form, token)
	if err != nil {
		return actor.Actor{}, is.Issuer.Issuer, err
	}
	a, until, err := is.actor(claims)
	if err != nil {
		return actor.Actor{}, is.Issuer.Issuer, err
	}
	v.tokens.Set(key, &verified{actor: a, issuer: form.issuer, until: until, set: trusted, source: is.keys, keys: keys})
	return a, is.Issuer.Issuer, nil
}

// find returns the issuer of that name; one that is not known may have been added
// to the file a moment ago, so the file is looked at once more.
func (v *Verifier) find(name string) (*set, *issuer) {
	s := v.set.Load()
	if is, ok := s.issuers[name]; ok {
		return s, is
	}
	v.reload(minPause)
	s = v.set.Load()
	return s, s.issuers[name]
}
