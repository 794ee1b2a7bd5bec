package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
)

// The outcomes of asking the cache.
const (
	hit  = "hit"
	miss = "miss"
)

// cachedResponse is an answer that is kept: only of status 200, only without personal
// data.
type cachedResponse struct {
	At          time.Time
	ETag        string
	ContentType string
	Language    string
	Body        []byte `json:"-"`
}

// encode returns the response as one line of JSON and the body.
func (c *cachedResponse) encode() ([]byte, error) {
	head, err := json.Marshal(c)
	return slices.Concat(head, []byte("\n"), c.Body), err
}

func decodeResponse(text []byte) (*cachedResponse, error) {
	head, body, ok := bytes.Cut(text, []byte("\n"))
	if !ok {
		return nil, errors.New("not a response")
	}
	c := &cachedResponse{}
	err := json.Unmarshal(head, c)
	c.Body = body
	return c, err
}

// fetched is what the service answered to all who asked the same: a response that may be
// kept, or one to pass on.
type fetched struct {
	kept   *cachedResponse
	status int
	header http.Header
	body   []byte
}

// fromCache answers from the cache, else asks the service once for all who ask the same
// at the same time.
func (x *request) fromCache() error {
	key, ok := cacheKey(x.op, x.actor.Roles, x.r.URL)
	if !ok {
		return x.forward()
	}
	c, version := x.find(key)
	if c != nil {
		x.kept = hit
		return x.serveCached(c)
	}
	x.kept = miss
	asked := false
	v, err, _ := x.g.flights.Do(x.actor.Association+" "+key+"\n"+x.r.Header.Get("Accept-Language"), func() (any, error) {
		asked = true
		return x.fetch(key, version)
	})
	if err != nil {
		return x.unanswered(err)
	}
	f := v.(*fetched)
	switch {
	case f.kept != nil:
		return x.serveCached(f.kept)
	case !asked:
		return x.forward() // a refusal is each caller's own: the service logs it
	}
	copyHeaders(x.Header(), f.header)
	x.WriteHeader(f.status)
	_, err = x.Write(f.body)
	return err
}

// cacheKey is the operation, the caller's roles, by which the service decides, and what
// exactly was asked for. The query's order means nothing; a query that cannot be read is
// refused by the service, and has no key.
func cacheKey(op *operation, roles []actor.Role, u *url.URL) (string, bool) {
	query := u.RawQuery
	if strings.ContainsAny(query, "&;%+") {
		values, err := url.ParseQuery(query)
		if err != nil {
			return "", false
		}
		query = values.Encode()
	}
	key := op.ID
	for _, role := range slices.Sorted(slices.Values(roles)) {
		key += " " + string(role)
	}
	return key + " " + u.Path + "?" + query, true
}

// find returns what is kept for a key, nil on a miss, and the version to keep the answer
// with.
func (x *request) find(key string) (*cachedResponse, string) {
	e, err := x.g.Cache.Get(x.ctx, x.actor.Association, key)
	if e.Value == nil || err != nil {
		return nil, e.Version
	}
	c, err := decodeResponse(e.Value)
	if err != nil || x.g.Now().Sub(c.At) > time.Duration(x.op.Cache.Seconds)*time.Second || x.g.before(c.At) {
		return nil, e.Version
	}
	return c, e.Version
}

// fetch asks the service, for everybody who waits: who asked first may go, the others
// still get the answer.
func (x *request) fetch(key, version string) (*fetched, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.ctx), x.g.Patience)
	defer cancel()
	r, err := x.request(ctx, true)
	if err != nil {
		return nil, err
	}
	resp, err := x.g.send(x.op.upstream, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("the answer is too large")
	}
	if err != nil {
		return nil, fault.ErrUnavailable.Because(fmt.Errorf("read the answer of %s: %w", x.op.upstream.name, err)).After(awayPause)
	}
	if resp.StatusCode != http.StatusOK {
		return &fetched{status: resp.StatusCode, header: resp.Header, body: body}, nil
	}
	c := &cachedResponse{At: x.g.Now(), ETag: resp.Header.Get("Etag"), ContentType: resp.Header.Get("Content-Type"),
		Language: resp.Header.Get("Content-Language"), Body: body}
	if c.ETag == "" {
		sum := sha256.Sum256(body)
		c.ETag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	}
	if text, err := c.encode(); err == nil && x.g.fresh() {
		err = x.g.Cache.Set(ctx, x.actor.Association, key, version, text, time.Duration(x.op.Cache.Seconds)*time.Second)
		if err != nil {
			x.g.Log.WarnContext(ctx, "the cache cannot be written", "error", err)
		}
	}
	return &fetched{kept: c}, nil
}

// serveCached answers with a response, or with 304 when the caller has it.
func (x *request) serveCached(c *cachedResponse) error {
	h := x.Header()
	h["Etag"] = []string{c.ETag}
	h["Cache-Control"] = revalidate
	h["Age"] = []string{strconv.Itoa(int(x.g.Now().Sub(c.At) / time.Second))}
	if has(x.r.Header.Get("If-None-Match"), c.ETag) {
		x.WriteHeader(http.StatusNotModified)
		return nil
	}
	h["Content-Type"] = []string{c.ContentType}
	if c.Language != "" {
		h["Content-Language"] = []string{c.Language}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(c.Body))}
	x.WriteHeader(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return nil
	}
	_, err := x.Write(c.Body)
	return err
}

// revalidate lets the caller keep an answer if it asks each time whether that is still
// current: an event can end it at any moment.
var revalidate = []string{"private, no-cache"}

// has reports whether If-None-Match names the tag (weak comparison, RFC 9110 13.1.2).
func has(ifNoneMatch, etag string) bool {
	if ifNoneMatch == "" {
		return false
	}
	etag = strings.TrimPrefix(etag, "W/")
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// empty drops an association's answers when an event makes one of them untrue.
func (g *Gateway) empty(ctx context.Context, e feed.Event) error {
	if !g.emptying[e.Type] {
		return nil
	}
	return g.Cache.Drop(ctx, e.Association)
}
