// Package trust decides whose access tokens are accepted and who they speak for.
//
// The trust file names one issuer per member authority: where its public keys are, what
// its tokens must look like, and how its claims become an actor (RFC 9068, RFC 8725). The
// file and the keys are watched: a change applies within a second, also to tokens seen
// before. A key belongs to the issuer that published it and verifies no other's tokens.
package trust

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/fault"
)

// Config is what Open takes; only Path is required.
type Config struct {
	Path   string           // the trust file
	Log    *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: the clock
	Client *http.Client     // fetches key sets; nil: one that follows no redirect
}

const (
	// watchInterval is how often the trust file and the key files are read; with the
	// reading itself a change applies within a second.
	watchInterval = 400 * time.Millisecond
	// maxFile bounds the trust file, in bytes.
	maxFile = 1 << 20
	// maxTokens bounds the memory of verified tokens to some 40 MB.
	maxTokens = 65_536
)

// Verifier turns access tokens into actors. Its methods may be called concurrently.
type Verifier struct {
	config Config
	file   atomic.Pointer[version]
	// isInvalid: the trust file, as last read, is not the one in use.
	isInvalid atomic.Bool
	identify  atomic.Pointer[Identify]
	introduce atomic.Pointer[Introduce]
	tokens    *lru.Cache[[sha256.Size]byte, *verified]

	mu       sync.Mutex // guards the reading of the trust file
	text     []byte     // the trust file as last read
	lastRead time.Time
}

// version is one version of the trust file: its issuers by name. It does not change, but
// for its issuers' keys.
type version struct {
	issuers      map[string]*issuer
	pseudonymKey []byte // nil: no issuer needs one
}

// issuer is an Issuer with what its tokens are verified by.
type issuer struct {
	Issuer
	keys   *source
	parser *jwt.Parser
}

// verified is a token that was accepted: for whom, until when, and by which version of the
// trust file and which keys.
type verified struct {
	actor  actor.Actor
	issuer string
	until  time.Time
	file   *version
	source *source
	keys   *keySet
}

// Open reads the trust file and the key sets that are files; an invalid one is an error.
// Key sets named by URL are fetched by Run, or by the first token.
func Open(c Config) (*Verifier, error) {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Client = cmp.Or(c.Client, newClient())
	tokens, err := lru.New[[sha256.Size]byte, *verified](maxTokens)
	if err != nil {
		return nil, fmt.Errorf("memory of verified tokens: %w", err)
	}
	v := &Verifier{config: c, tokens: tokens}
	text, err := readFile(c.Path)
	if err != nil {
		return nil, err
	}
	return v, v.use(text)
}

// Verify returns the actor that the token speaks for and its issuer. The error is one of
// Faults; beside it the issuer is set once it is known to be a trusted one.
func (v *Verifier) Verify(ctx context.Context, token string) (actor.Actor, string, error) {
	if who, name, ok := v.Recall(token); ok {
		return who, name, nil
	}
	h, err := parseToken(token)
	if err != nil {
		return actor.Actor{}, "", ErrToken.Because(err)
	}
	file := v.file.Load()
	if file.issuers[h.issuer] == nil { // it may have been added a moment ago
		v.reload()
		file = v.file.Load()
	}
	is := file.issuers[h.issuer]
	if is == nil {
		return actor.Actor{}, "", ErrIssuer
	}
	if is.Disabled {
		return actor.Actor{}, h.issuer, ErrIssuer
	}
	keys, claims, err := is.verify(ctx, h, token)
	if err != nil {
		return actor.Actor{}, h.issuer, err
	}
	who, until, err := is.actor(claims, file.pseudonymKey)
	if err != nil {
		return actor.Actor{}, h.issuer, err
	}
	if err := v.own(ctx, is, claims, &who); err != nil {
		return actor.Actor{}, h.issuer, err
	}
	if len(who.Roles) == 0 {
		v.config.Log.WarnContext(ctx, "a token without any role; "+NoRole, "issuer", h.issuer)
	}
	v.name(ctx, is, claims, who)
	v.tokens.Add(sha256.Sum256([]byte(token)), &verified{actor: who, issuer: h.issuer, until: until, file: file, source: is.keys, keys: keys})
	return who, h.issuer, nil
}

// Identify returns the participant's id of somebody who is signed in with a personal
// identity number.
type Identify func(ctx context.Context, a actor.Actor, number string) (participant string, err error)

// IdentifyBy names who knows participants by their number. Without, nobody does.
func (v *Verifier) IdentifyBy(identify Identify) { v.identify.Store(&identify) }

// own sets the participant's id of a token that has the participant's number instead.
func (v *Verifier) own(ctx context.Context, is *issuer, claims jwt.MapClaims, who *actor.Actor) error {
	number := claimText(claims, is.Claims.PersonalIdentityNumber)
	identify := v.identify.Load()
	if number == "" || who.Participant != "" || !who.Has(actor.Participant) || identify == nil {
		return nil
	}
	id, err := (*identify)(ctx, *who, number)
	switch f := fault.Of(err); {
	case err == nil:
		who.Participant = id
		return nil
	case f.Status == fault.Invalid || f.Status == fault.Unprocessable:
		return ErrToken.Because(errors.New("the personal identity number is not valid"))
	}
	return fault.ErrUnavailable.Because(err)
}

// Introduce notes the name of a member of staff who is signed in.
type Introduce func(ctx context.Context, a actor.Actor, name string) error

// IntroduceBy names who keeps the names of staff. Without, nobody does.
func (v *Verifier) IntroduceBy(introduce Introduce) { v.introduce.Store(&introduce) }

// introduceTimeout bounds how long a first request waits for its name to be noted.
const introduceTimeout = 2 * time.Second

// name has the name of a member of staff noted, once for a token. Nothing depends on it: a
// name that cannot be noted is left out; the log says so without the name.
func (v *Verifier) name(ctx context.Context, is *issuer, claims jwt.MapClaims, who actor.Actor) {
	name := strings.TrimSpace(claimText(claims, is.Claims.Name))
	introduce := v.introduce.Load()
	if name == "" || introduce == nil || who.Has(actor.Participant) || !access.MayCall("listStaff", who) {
		return
	}
	if !isName(name) {
		v.config.Log.WarnContext(ctx, "the name in a token is ignored: it is no short line of text, or contains a personal identity number", "issuer", is.Issuer.Issuer)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, introduceTimeout)
	defer cancel()
	if err := (*introduce)(ctx, who, name); err != nil {
		v.config.Log.WarnContext(ctx, "the name in a token was not noted; the next token tries again", "issuer", is.Issuer.Issuer, "code", fault.Of(err).Code)
	}
}

// Recall returns what Verify returned for the token before, if that still applies. It does
// no signature work and never waits.
func (v *Verifier) Recall(token string) (actor.Actor, string, bool) {
	if len(token) > maxToken {
		return actor.Actor{}, "", false
	}
	var room [2 << 10]byte // for the usual token
	known, ok := v.tokens.Get(sha256.Sum256(append(room[:0], token...)))
	if !ok || known.file != v.file.Load() || known.keys != known.source.keys.Load() || !v.config.Now().Before(known.until) {
		return actor.Actor{}, "", false
	}
	return known.actor, known.issuer, true
}

// IsPlausible reports whether a token may be valid by all that can be seen without signature
// work: it is well formed, and its issuer has the key that it names.
func (v *Verifier) IsPlausible(token string) bool {
	h, err := parseToken(token)
	if err != nil {
		return false
	}
	is := v.file.Load().issuers[h.issuer]
	if is == nil || is.Disabled || !slices.Contains(is.Algorithms, h.algorithm) {
		return false
	}
	keys := is.keys.keys.Load()
	return keys != nil && fits((*keys)[h.kid], h.algorithm)
}

// Keys counts the public keys of an authority's issuers.
type Keys struct {
	Known   int // with 0 none of its tokens is accepted
	LeftOut int // published by its issuers, and not of use here
}

// KeysByAuthority returns the keys of each authority whose issuers are enabled.
func (v *Verifier) KeysByAuthority() map[string]Keys {
	all := map[string]Keys{}
	for _, is := range v.file.Load().issuers {
		if is.Disabled {
			continue
		}
		n := all[is.Authority]
		if keys := is.keys.keys.Load(); keys != nil {
			n.Known += len(*keys)
		}
		n.LeftOut += int(is.keys.leftOut.Load())
		all[is.Authority] = n
	}
	return all
}

// Issuers returns the names of the issuers that are enabled, in order.
func (v *Verifier) Issuers() []string {
	var names []string
	for name, is := range v.file.Load().issuers {
		if !is.Disabled {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// IsFileInvalid reports whether the trust file is invalid, so that the previous one is
// used.
func (v *Verifier) IsFileInvalid() bool { return v.isInvalid.Load() }

// Run watches the trust file and the key sets until ctx ends.
func (v *Verifier) Run(ctx context.Context) error {
	for {
		v.reload()
		for _, is := range v.file.Load().issuers {
			if !is.Disabled {
				is.keys.refresh(false)
			}
		}
		if !backoff.Sleep(ctx, watchInterval) {
			return nil
		}
	}
}

// reload reads the trust file again, unless that was done a moment ago. An invalid file
// changes nothing and is logged once.
func (v *Verifier) reload() {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.config.Now()
	if now.Sub(v.lastRead) < minReadInterval {
		return
	}
	v.lastRead = now
	text, err := readFile(v.config.Path)
	if err != nil {
		text = []byte(err.Error()) // so that it is logged once
	}
	if bytes.Equal(text, v.text) {
		return
	}
	if err == nil {
		err = v.use(text)
	}
	v.text = text
	v.isInvalid.Store(err != nil)
	if err != nil {
		v.config.Log.Error("invalid trust file; keeping the previous one", "error", err)
		return
	}
	v.config.Log.Info("trust file reloaded", "issuers", len(v.file.Load().issuers))
}

// use puts a text of the trust file into use; the caller holds mu, or has the only
// reference. Issuers that did not change keep their keys.
func (v *Verifier) use(text []byte) error {
	file, err := ParseFile(text)
	if err != nil {
		return err
	}
	next := &version{issuers: make(map[string]*issuer, len(file.Issuers))}
	if file.PseudonymKey != "" {
		if next.pseudonymKey, err = readPseudonymKey(v.pathOf(file.PseudonymKey)); err != nil {
			return err
		}
	}
	for _, is := range file.Issuers {
		if next.issuers[is.Issuer], err = v.prepare(is); err != nil {
			return err
		}
	}
	v.text = text
	v.file.Store(next)
	return nil
}

// minPseudonymKey is how long the text of a key of 32 random bytes is, at least.
const minPseudonymKey = 43

// readPseudonymKey reads a key. It is needed for as long as what was written under it is
// kept: with another key everybody is somebody else.
func readPseudonymKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	text = bytes.TrimSpace(text)
	if err == nil && len(text) < minPseudonymKey {
		err = fmt.Errorf("%s has fewer than %d characters; make one by: openssl rand -base64 32", path, minPseudonymKey)
	}
	if err != nil {
		return nil, fmt.Errorf("pseudonymKey of the trust file: %w", err)
	}
	return text, nil
}

// pathOf returns the path of a file that the trust file names.
func (v *Verifier) pathOf(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(v.config.Path), path)
}

func (v *Verifier) prepare(is Issuer) (*issuer, error) {
	location, discovers := is.JWKS, ""
	switch {
	case location == "":
		location, discovers = strings.TrimSuffix(is.Issuer, "/")+discoveryPath, is.Issuer
	case !isURL(location):
		location = v.pathOf(location)
	}
	// The parser checks the issuer's algorithms, name and audience, that there is a time of
	// expiry, and that no time is in the future.
	next := &issuer{Issuer: is, parser: jwt.NewParser(
		jwt.WithValidMethods(is.Algorithms), jwt.WithIssuer(is.Issuer), jwt.WithAudience(is.Audience), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(v.config.Now), jwt.WithStrictDecoding(),
	)}
	if file := v.file.Load(); file != nil {
		if old := file.issuers[is.Issuer]; old != nil && old.keys.location == location {
			if reflect.DeepEqual(old.Issuer, is) {
				return old, nil
			}
			next.keys = old.keys
			return next, nil
		}
	}
	next.keys = &source{location: location, discovers: discovers, client: v.config.Client, now: v.config.Now, log: v.config.Log}
	if !isURL(location) && !is.Disabled {
		if err := next.keys.read(context.Background()); err != nil {
			return nil, fmt.Errorf("jwks of issuer %q: %w", is.Issuer, err)
		}
	}
	return next, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the trust file: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("the trust file %s is larger than %d bytes", path, maxFile)
	}
	return os.ReadFile(path)
}
