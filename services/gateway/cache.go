package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/cache"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/share"
)

// cachedAnswers serves answers without personal data from the cache. Events empty it, for
// one association at a time. While a feed is not followed, nothing is kept.
type cachedAnswers struct {
	cache     cache.Cache
	prefix    string // of the public address: links begin with it
	forwarder *forwarder
	followers []*follower     // of every service
	emptying  map[string]bool // the types of events that empty the cache
	flights   singleflight.Group
	log       *slog.Logger
	now       func() time.Time
	midnight  atomic.Pointer[day]
}

// day is the Swedish day on which something is asked, in Unix seconds.
type day struct{ from, until int64 }

// clockSkew is how late the clock of a service may be: what it answered so soon after
// midnight may be of the former day.
const clockSkew = 5 * time.Second

// isOfToday reports whether what a service answered at some time is of the day that it is now.
func (s *cachedAnswers) isOfToday(at time.Time) bool {
	now := s.now()
	d := s.midnight.Load()
	if d == nil || now.Unix() < d.from || d.until <= now.Unix() {
		today := civil.DateOf(now)
		d = &day{today.Start().Unix(), today.End().Unix()}
		s.midnight.Store(d)
	}
	return d.from <= at.Add(-clockSkew).Unix() && at.Unix() < d.until
}

// newCachedAnswers returns nil if nothing can be cached: there is no cache, or a service
// whose events are not followed.
func newCachedAnswers(c Config, prefix string, operations []*operation, f *forwarder) *cachedAnswers {
	if c.Cache == nil {
		return nil
	}
	s := &cachedAnswers{cache: c.Cache, prefix: prefix, forwarder: f, emptying: map[string]bool{}, log: c.Log, now: c.Now}
	for _, op := range operations {
		for _, event := range op.Cache.EmptiedBy {
			s.emptying[event] = true
		}
	}
	for _, service := range c.Services {
		if service.Feed == nil {
			return nil
		}
		s.followers = append(s.followers, &follower{
			service: service.Name, reader: service.Feed, log: c.Log, now: c.Now, progress: feed.NewFollowing("gateway", service.Name),
			handle: func(ctx context.Context, e feed.Event) error {
				if !s.emptying[e.Type] {
					return nil
				}
				return s.cache.Drop(ctx, e.Association)
			},
		})
	}
	return s
}

// isFresh reports whether every service was heard of a moment ago.
func (s *cachedAnswers) isFresh() bool {
	now := s.now().UnixNano()
	for _, f := range s.followers {
		if heard := f.heard.Load(); heard == 0 || now-heard >= int64(maxSilence) {
			return false
		}
	}
	return true
}

// The outcomes of asking the cache.
const (
	hit  = "hit"
	miss = "miss"
)

// cachedResponse is an answer that is kept: only of status 200.
type cachedResponse struct {
	At          time.Time // when it was asked for
	ETag        string
	ContentType string
	Language    string
	Body        []byte
}

// encode returns the response as a line for each field, and then the body. No header's
// value has an end of line.
func (c *cachedResponse) encode() []byte {
	return fmt.Appendf(nil, "%d\n%s\n%s\n%s\n%s", c.At.UnixNano(), c.ETag, c.ContentType, c.Language, c.Body)
}

func decodeResponse(text []byte) (*cachedResponse, error) {
	part := bytes.SplitN(text, []byte("\n"), 5)
	if len(part) < 5 {
		return nil, errors.New("not a response")
	}
	at, err := strconv.ParseInt(string(part[0]), 10, 64)
	return &cachedResponse{At: time.Unix(0, at), ETag: string(part[1]), ContentType: string(part[2]), Language: string(part[3]), Body: part[4]}, err
}

// serve answers from the cache, else asks the service once for all who ask the same at the
// same time. It returns hit, miss, or "" for a request that has no key.
func (s *cachedAnswers) serve(w http.ResponseWriter, r *http.Request, op *operation, who caller) (string, error) {
	key, ok := cacheKey(s.prefix, op, who.Actor, r.URL)
	if !ok {
		return "", s.forwarder.forward(w, r, op, who)
	}
	c, version := s.find(r.Context(), who.Association, key, op)
	if c != nil {
		return hit, s.write(w, r, c)
	}
	isFirst := false
	v, err, _ := s.flights.Do(who.Association+" "+key+"\n"+r.Header.Get("Accept-Language"), func() (any, error) {
		isFirst = true
		return s.fetch(r, op, who, key, version)
	})
	if err != nil && !isFirst && (errors.Is(err, share.ErrShare) || errors.Is(err, share.ErrFull)) { // another's share
		return miss, s.forwarder.forward(w, r, op, who)
	}
	if err != nil {
		return miss, faultOf(r.Context(), err)
	}
	switch f := v.(*fetched); {
	case f.response != nil:
		return miss, s.write(w, r, f.response)
	case !isFirst: // a refusal is each caller's own: the service must log it
		return miss, s.forwarder.forward(w, r, op, who)
	default:
		copyHeaders(w.Header(), f.header)
		w.WriteHeader(f.status)
		_, err = w.Write(f.body)
		return miss, err
	}
}

// cacheKey is the operation, the caller's roles and scopes, by which the service decides, and what
// exactly was asked for, below which prefix of the public address. The query's order means
// nothing; a query that cannot be read is the service's to refuse, and has no key.
func cacheKey(prefix string, op *operation, who actor.Actor, u *url.URL) (string, bool) {
	query := u.RawQuery
	if strings.ContainsAny(query, "&;%+") {
		values, err := url.ParseQuery(query)
		if err != nil {
			return "", false
		}
		query = values.Encode()
	}
	roles, limits := who.Roles, ""
	if len(roles) > 1 {
		roles = slices.Sorted(slices.Values(roles))
	}
	if who.Scopes != nil {
		limits = " only " + strings.Join(who.Scopes, ",")
	}
	return op.ID + " " + joinRoles(roles) + limits + " " + prefix + u.Path + "?" + query, true
}

// find returns what is kept for a key, nil on a miss, and the version to keep the answer
// under. What was kept before all feeds were followed may have missed events, and what is of a
// day ends with it.
func (s *cachedAnswers) find(ctx context.Context, association, key string, op *operation) (*cachedResponse, string) {
	e, err := s.cache.Get(ctx, association, key)
	if e.Value == nil || err != nil {
		return nil, e.Version
	}
	c, err := decodeResponse(e.Value)
	if err != nil || s.now().Sub(c.At) > time.Duration(op.Cache.Seconds)*time.Second || op.Cache.Until != "" && !s.isOfToday(c.At) ||
		slices.ContainsFunc(s.followers, func(f *follower) bool { return c.At.UnixNano() < f.start.Load() }) {
		return nil, e.Version
	}
	return c, e.Version
}

// fetched is the service's answer to all who asked the same: a response, or what is not
// kept.
type fetched struct {
	response *cachedResponse
	status   int
	header   http.Header
	body     []byte
}

// fetch asks the service for the whole answer, on behalf of all who wait: the first one may
// go, the others still get it.
func (s *cachedAnswers) fetch(r *http.Request, op *operation, who caller, key, version string) (*fetched, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), s.forwarder.timeout)
	defer cancel()
	places, err := s.forwarder.enter(ctx, op, classCall, who)
	if err != nil {
		return nil, err
	}
	took := time.Duration(0)
	defer func() { places.Leave(who.place(), took) }()
	out, err := s.forwarder.request(ctx, r, op, who.Actor)
	if err != nil {
		return nil, err
	}
	out.Method = http.MethodGet
	delete(out.Header, "If-None-Match")
	delete(out.Header, "If-Modified-Since")
	start, asked := time.Now(), s.now() // midnight may pass before the answer is here
	resp, err := s.forwarder.send(out, op.upstream)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	took = time.Since(start)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("more than %d bytes", maxAnswer)
	}
	if err != nil {
		return nil, s.forwarder.noAnswer(out, op.upstream, err)
	}
	s.forwarder.answered(ctx, op.upstream)
	if resp.StatusCode != http.StatusOK {
		return &fetched{status: resp.StatusCode, header: resp.Header, body: body}, nil
	}
	c := &cachedResponse{At: asked, ETag: resp.Header.Get("Etag"), ContentType: resp.Header.Get("Content-Type"),
		Language: resp.Header.Get("Content-Language"), Body: body}
	if c.ETag == "" {
		c.ETag = etagOf(body)
	}
	if s.isFresh() {
		if err := s.cache.Set(ctx, who.Association, key, version, c.encode(), time.Duration(op.Cache.Seconds)*time.Second); err != nil {
			s.log.WarnContext(ctx, "the cache cannot be written", "error", err)
		}
	}
	return &fetched{response: c}, nil
}

// write answers with a response, which the caller may keep if it asks each time whether it
// is still current: an event can end it at any moment.
func (s *cachedAnswers) write(w http.ResponseWriter, r *http.Request, c *cachedResponse) error {
	h := w.Header()
	h["Etag"] = []string{c.ETag}
	h["Cache-Control"] = []string{"private, no-cache"}
	h["Age"] = []string{strconv.Itoa(int(s.now().Sub(c.At) / time.Second))}
	if c.Language != "" {
		h["Content-Language"] = []string{c.Language}
	}
	return writeUnlessKnown(w, r, c.ContentType, c.Body)
}

const (
	// followTimeout is how long one call to a feed waits for events.
	followTimeout = 5 * time.Second
	// maxSilence is how long after the last answer of a feed the cache is still used.
	maxSilence = followTimeout + 5*time.Second
)

// followRetry is the wait before a feed that failed is read again.
var followRetry = backoff.Backoff{First: 200 * time.Millisecond, Max: 5 * time.Second}

// follower follows one service's feed. Its position is in memory: it starts at the feed's
// end, and what was kept before it started is not served, as it missed the events until
// then.
type follower struct {
	service  string
	reader   feed.Reader
	handle   func(context.Context, feed.Event) error // empties the cache when an event makes an answer untrue
	log      *slog.Logger
	now      func() time.Time
	start    atomic.Int64 // Unix nanoseconds
	heard    atomic.Int64 // Unix nanoseconds of the last answer; 0 while not caught up
	progress *feed.Following
}

// run follows until ctx ends. While the feed fails, nothing is served from the cache.
func (f *follower) run(ctx context.Context) error {
	defer f.progress.Watch()()
	position, isStarted, failures := int64(0), false, 0
	for ctx.Err() == nil {
		var err error
		if !isStarted {
			f.start.Store(f.now().UnixNano())
			position, err = feed.End(ctx, f.reader)
			isStarted = err == nil
		}
		if err == nil {
			position, err = f.readPage(ctx, position)
		}
		if err == nil {
			if failures > 0 {
				f.log.InfoContext(ctx, "feed is followed again", "feed", f.service)
			}
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			break
		}
		f.heard.Store(0)
		f.progress.Failed(ctx)
		if failures++; failures == 1 {
			f.log.WarnContext(ctx, "feed cannot be followed; until it can, nothing is served from the cache", "feed", f.service, "error", err)
		}
		followRetry.Wait(ctx, failures)
	}
	return nil
}

// readPage handles one page of events and returns the position after the last one
// handled, also beside an error.
func (f *follower) readPage(ctx context.Context, position int64) (int64, error) {
	timeout := followTimeout
	if f.heard.Load() == 0 {
		timeout = 0 // to know soon whether the feed answers
	}
	f.progress.Begin(position)
	events, err := f.reader.After(ctx, position, feed.MaxLimit, timeout)
	if err != nil {
		return position, err
	}
	f.progress.Read(events)
	for i, e := range events {
		if err := f.handle(ctx, e); err != nil {
			return position, err
		}
		position = e.Sequence
		f.progress.Handled(ctx, events[i:])
	}
	if len(events) < feed.MaxLimit {
		f.heard.Store(f.now().UnixNano())
	}
	return position, nil
}
