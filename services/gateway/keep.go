package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
)

// What the cache can say.
const (
	hit  = "hit"
	miss = "miss"
)

// cachedResponse is an answer that is kept: only of status 200, only without personal data.
type cachedResponse struct {
	at       time.Time
	etag     string
	media    string
	language string
	body     []byte
}

// fetched is what a flight came back with: a page, or an answer to pass on.
type fetched struct {
	page   *cachedResponse
	status int
	header http.Header
	body   []byte
}

// fromCache answers from what is kept, else asks the service once for all who
// ask the same at the same time.
func (x *request) fromCache() error {
	key, ok := x.key()
	if !ok {
		return x.forward()
	}
	if p, ok := x.find(key); ok {
		x.kept = hit
		return x.serveCached(p)
	}
	x.kept = miss
	v, err, _ := x.g.flights.Do(key+"\n"+x.r.Header.Get("Accept-Language"), func() (any, error) { return x.fetch(key) })
	if err != nil {
		return x.unanswered(err)
	}
	f := v.(*fetched)
	if f.page != nil {
		return x.serveCached(f.page)
	}
	copyHeaders(x.Header(), f.header)
	x.WriteHeader(f.status)
	_, err = x.Write(f.body)
	return err
}

// key is the association, the operation, and what exactly was asked for. The
// query's order means nothing; a query that cannot be read is the service's to
// refuse.
func (x *request) key() (string, bool) {
	query := x.r.URL.RawQuery
	if strings.ContainsAny(query, "&;%+") {
		values, err := url.ParseQuery(query)
		if err != nil {
			return "", false
		}
		query = values.Encode()
	}
	return x.actor.Association + " " + x.op.ID + " " + x.r.URL.Path + "?" + query, true
}

func (x *request) find(key string) (*cachedResponse, bool) {
	text, ok, err := x.g.Cache.Get(x.ctx, key)
	if err != nil {
		x.g.Log.WarnContext(x.ctx, "the cache cannot be read", "error", err)
	}
	if !ok || err != nil {
		return nil, false
	}
	p, err := readPage(text)
	if err != nil || x.g.Now().Sub(p.at) > time.Duration(x.op.Cache.Seconds)*time.Second || x.g.before(p.at) {
		return nil, false
	}
	return p, true
}

// fetch asks the service, for everybody who waits: anyone who asked first may go,
// the others still get the answer. It is kept unless an event has emptied the
// operation's answers in the meantime.
func (x *request) fetch(key string) (*fetched, error) {
	epoch := x.op.emptied.Load()
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
	p := &cachedResponse{at: x.g.Now(), etag: resp.Header.Get("Etag"), media: resp.Header.Get("Content-Type"),
		language: resp.Header.Get("Content-Language"), body: body}
	if p.etag == "" {
		sum := sha256.Sum256(body)
		p.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	}
	if x.op.emptied.Load() == epoch && x.g.fresh() {
		ttl := time.Duration(x.op.Cache.Seconds) * time.Second
		if err := x.g.Cache.Set(ctx, key, p.write(), ttl, tag(x.op.ID, x.actor.Association)); err != nil {
			x.g.Log.WarnContext(ctx, "the cache cannot be written", "error", err)
		}
	}
	return &fetched{page: p}, nil
}

// serveCached answers with a page, or with 304 when the caller has it.
func (x *request) serveCached(p *cachedResponse) error {
	h := x.Header()
	h["Etag"] = []string{p.etag}
	h["Cache-Control"] = revalidate
	h["Age"] = []string{strconv.Itoa(int(x.g.Now().Sub(p.at) / time.Second))}
	if has(x.r.Header.Get("If-None-Match"), p.etag) {
		x.WriteHeader(http.StatusNotModified)
		return nil
	}
	h["Content-Type"] = []string{p.media}
	if p.language != "" {
		h["Content-Language"] = []string{p.language}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(p.body))}
	x.WriteHeader(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return nil
	}
	_, err := x.Write(p.body)
	return err
}

// revalidate lets the caller keep an answer if it asks again each time whether it
// still holds: an event can end it at any moment.
var revalidate = []string{"private, no-cache"}

// has reports whether If-None-Match names the tag (weak comparison, RFC 9110 13.1.2).
func has(ifNoneMatch, etag string) bool {
	if ifNoneMatch == "" {
		return false
	}
	etag = strings.TrimPrefix(etag, "W/")
	for one := range strings.SplitSeq(ifNoneMatch, ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == etag {
			return true
		}
	}
	return false
}

// tag names what is kept of an operation for an association.
func tag(operation, association string) string { return operation + "/" + association }

// empty drops what an event makes untrue.
func (g *Gateway) empty(ctx context.Context, e feed.Event) error {
	var errs []error
	for _, op := range g.emptiedBy[e.Type] {
		op.emptied.Add(1)
		errs = append(errs, g.Cache.Drop(ctx, tag(op.ID, e.Association)))
	}
	return errors.Join(errs...)
}

// write and readPage are the form of a page in the cache: a version, the time in
// Unix milliseconds, three short texts with their lengths, the body.
func (p *cachedResponse) write() []byte {
	b := make([]byte, 0, 1+8+6+len(p.etag)+len(p.media)+len(p.language)+len(p.body))
	b = append(b, pageVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(p.at.UnixMilli()))
	for _, s := range []string{p.etag, p.media, p.language} {
		b = binary.BigEndian.AppendUint16(b, uint16(min(len(s), 1<<16-1)))
		b = append(b, s[:min(len(s), 1<<16-1)]...)
	}
	return append(b, p.body...)
}

const pageVersion = 1

var errPage = errors.New("not a page of this version")

func readPage(b []byte) (*cachedResponse, error) {
	if len(b) < 9 || b[0] != pageVersion {
		return nil, errPage
	}
	p := &cachedResponse{at: time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:])))}
	b = b[9:]
	for _, s := range []*string{&p.etag, &p.media, &p.language} {
		if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
			return nil, errPage
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		*s, b = string(b[2:n]), b[n:]
	}
	p.body = b
	return p, nil
}
