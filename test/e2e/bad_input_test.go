package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// wrongCall is a request that the contract does not allow.
type wrongCall struct {
	what         string
	method, path string
	header       map[string]string
	body         string
	want         []int  // statuses that may answer
	pointer      string // that the problem must name; empty: any
	unsized      bool   // the body comes in chunks, its length not known in advance
	twice        string // the header that is sent twice, with different values
}

// critic sends wrong calls to a suite and judges the answers.
type critic struct {
	*suite.Suite
	t      *testing.T
	doc    *document
	tokens map[string]string // by operation: of somebody who may call it
	mu     sync.Mutex
	calls  int
	wrong  int
}

func newCritic(t *testing.T) *critic {
	s := suite.OneProcess(t, unlimited...)
	k := &critic{Suite: s, t: t, doc: theContract(t, s), tokens: map[string]string{}}
	for _, op := range k.doc.Operations {
		if len(op.Roles) > 0 {
			k.tokens[op.ID] = s.Token(t, callerOf(op.Roles[0], variants[0], thing{
				authority: "fk", unit: "fk-molndal", municipality: "1481", participant: nobodys,
			}))
		}
	}
	return k
}

// theUsual returns a right call of an operation, to be spoilt.
func (k *critic) theUsual(op operation) wrongCall {
	w := &world{activity: nobodys, cancellation: nobodys, date: day(-1)}
	c := wrongCall{
		method: op.Method, header: map[string]string{"Authorization": "Bearer " + k.tokens[op.ID]}, want: []int{400},
		path: w.path(op, thing{
			referral: nobodys, participant: nobodys, enrolment: nobodys, booking: nobodys, webhook: nobodys, draft: nobodys, placement: nobodys, wait: nobodys, feed: nobodys, secret: strings.Repeat("0", 64),
		}),
	}
	if takes(op, "If-Match") {
		c.header["If-Match"] = `"1"`
	}
	if op.Form {
		c.body, c.header["Content-Type"] = string(form("Påhittat", "", pdf)), formType
	}
	if op.Body != nil {
		text, err := json.Marshal(k.doc.Sample(op.Body, true))
		if err != nil {
			k.t.Fatal(err)
		}
		c.body, c.header["Content-Type"] = string(text), "application/json"
	}
	return c
}

func (c wrongCall) with(header, value string) wrongCall {
	all := map[string]string{header: value}
	for k, v := range c.header {
		if k != header {
			all[k] = v
		}
	}
	if value == "" {
		delete(all, header)
	}
	c.header = all
	return c
}

func (c wrongCall) says(what string, want ...int) wrongCall {
	c.what, c.want = what, want
	return c
}

// bodies returns wrong bodies: every rule of the schema broken once, and what is
// no JSON of ours at all.
func (k *critic) bodies(op operation) (calls []wrongCall) {
	good := k.theUsual(op)
	for _, b := range k.doc.BadValues(op.Body) {
		c := good.says(b.Pointer+" "+b.Why, 400)
		text, err := json.Marshal(b.Value)
		if err != nil {
			k.t.Fatal(err)
		}
		c.body, c.pointer = string(text), b.Pointer
		calls = append(calls, c)
	}
	nul := good.says("the body has a NUL", 422)
	nul.body = "{\"\\u0000\":1}" // of a value nothing is kept where its name is unknown
	calls = append(calls, nul)
	for what, body := range map[string]string{
		"nothing": "", "blanks": "  \n", "no JSON": secret, "half of an object": good.body[:len(good.body)/2],
		"two values": good.body + good.body, "no UTF-8": "{\"" + secret + "\":\"\xff\xfe\"}",
		"a repeated name": `{"a":1,"a":2,` + good.body[1:], "40 arrays in one another": strings.Repeat("[", 40) + strings.Repeat("]", 40),
		"100,000 arrays": strings.Repeat("[", 100_000), "a comment": "/*" + secret + "*/" + good.body,
		"a number without end": `{"a":1` + strings.Repeat("0", 5000) + "}", "a byte order mark": "\ufeff" + good.body,
	} {
		c := good.says("the body is "+what, 400)
		c.body = body
		calls = append(calls, c)
	}
	huge := good.says("the body is larger than 1 MiB, or than its operation says", 413)
	huge.body = `{"a":"` + strings.Repeat(secret, 120_000+op.BodyLimit/len(secret)) + `"}`
	calls = append(calls, huge)
	endless := huge.says("the body has no known length and is larger than allowed", 413)
	endless.unsized = true
	calls = append(calls, endless)
	for _, kind := range []string{"text/plain", "application/xml", "application/json; charset=latin1", "multipart/form-data", secret, "", "application/jsonp"} {
		calls = append(calls, good.with("Content-Type", kind).says("the Content-Type is "+kind, 415))
	}
	return append(calls, good.with("Content-Encoding", "gzip").says("the body is not compressed as it says", 415))
}

// forms returns wrong forms of a file.
func (k *critic) forms(op operation) (calls []wrongCall) {
	good := k.theUsual(op)
	for what, body := range map[string]string{
		"nothing": "", "no form": secret, "half of a form": good.body[:len(good.body)/2],
		"a form of another boundary": strings.ReplaceAll(good.body, boundary, secret),
		"a form without a file":      strings.ReplaceAll(good.body, `name="file"`, `name="`+secret+`"`),
	} {
		c := good.says("the body is "+what, 400)
		c.body = body
		calls = append(calls, c)
	}
	huge := good.says("the body is larger than 10 MiB", 413)
	huge.body = string(form("", "", pdf+strings.Repeat(secret, 1_200_000)))
	// No referral is looked up before a body of unknown length has been read.
	endless := huge.says("the body has no known length and is larger than 10 MiB", 413, 404)
	endless.unsized = true
	calls = append(calls, huge, endless)
	for _, kind := range []string{"text/plain", "application/json", "multipart/form-data", "multipart/mixed; boundary=" + boundary, secret, ""} {
		calls = append(calls, good.with("Content-Type", kind).says("the Content-Type is "+kind, 415))
	}
	return append(calls, good.with("Content-Encoding", "gzip").says("the body is not compressed as it says", 415))
}

// parameters returns wrong parameters, each alone.
func (k *critic) parameters(op operation) (calls []wrongCall) {
	good := k.theUsual(op)
	for _, p := range op.Params {
		for _, b := range k.doc.BadValues(p.Schema) {
			text, ok := b.Value.(string)
			if n, isNumber := b.Value.(float64); isNumber {
				text, ok = fmt.Sprint(n), true
			}
			if ok {
				calls = append(calls, k.parameter(good, op, p, b.Why, text)...)
			}
		}
		if p.In == "query" && k.doc.Follow(p.Schema)["type"] != "array" {
			c := good.says("the query has "+p.Name+" twice", 400)
			c.path = query(good.path, p.Name, fmt.Sprint(k.doc.Sample(p.Schema, true)))
			c.path = query(c.path, p.Name, fmt.Sprint(k.doc.Sample(p.Schema, true)))
			calls = append(calls, c)
		}
	}
	unknown := good.says("the query has an unknown name", 400)
	unknown.path = query(good.path, "nosuch", secret)
	broken := good.says("the query cannot be read", 400)
	broken.path += "?%zz" + secret
	if op.Public { // programs that read a calendar add their own names to its address
		return append(calls, broken)
	}
	return append(calls, unknown, broken)
}

// tolerated are headers that the gateway reads for itself: a wrong one is passed
// over, as their own standards want it.
var tolerated = []string{"traceparent", "X-Request-Id", "Accept-Language", "If-None-Match"}

func (k *critic) parameter(good wrongCall, op operation, p parameter, why, text string) []wrongCall {
	c := good.says(p.In+" "+p.Name+" is "+why, 400)
	switch {
	case p.In == "path":
		if text == "" || strings.ContainsAny(text, "\x01") {
			return nil
		}
		c.path = fill(op, good.path, p.Name, url.PathEscape(text))
		c.want = []int{400, 404}
	case p.In == "query":
		c.path, c.pointer = query(good.path, p.Name, text), p.Name
	case slices.Contains(tolerated, p.Name) || strings.ContainsAny(text, "\x01") || text == "" || text != strings.TrimSpace(text):
		return nil // no HTTP client can send it as it is, or it is no mistake
	default:
		c = c.with(p.Name, text)
		c.want = []int{400, 412}
	}
	return []wrongCall{c}
}

// fill puts a text in the place of one parameter of a path that is filled in.
func fill(op operation, path, name, text string) string {
	path, _, _ = strings.Cut(path, "?")
	template, parts := strings.Split(op.Path, "/"), strings.Split(path, "/")
	for i := range template {
		if template[i] == "{"+name+"}" {
			parts[i] = text
		}
	}
	return strings.Join(parts, "/")
}

// query adds a value to a query; it replaces the limit that lists are asked with.
func query(path, name, value string) string {
	path = strings.TrimSuffix(path, "?limit=200")
	sign := "?"
	if strings.Contains(path, "?") {
		sign = "&"
	}
	return path + sign + name + "=" + url.QueryEscape(value)
}

func TestNoBadInputIsAnsweredOtherwiseThanByAProblemThatDoesNotRepeatIt(t *testing.T) {
	t.Parallel()
	k := newCritic(t)
	var calls []wrongCall
	for _, op := range k.doc.Operations {
		if op.Body != nil {
			calls = append(calls, k.bodies(op)...)
		}
		if op.Form {
			calls = append(calls, k.forms(op)...)
		}
		if op.Tag != "about" {
			calls = append(calls, k.parameters(op)...)
		}
		calls = append(calls, k.missing(op)...)
	}
	calls = append(calls, k.elsewhere()...)
	var wg sync.WaitGroup
	queue := make(chan wrongCall)
	for range 6 {
		wg.Go(func() {
			for c := range queue {
				k.judge(c)
			}
		})
	}
	for _, c := range calls {
		queue <- c
	}
	close(queue)
	wg.Wait()
	t.Logf("%d operations, %d wrong calls, %d of them answered wrongly", len(k.doc.Operations), k.calls, k.wrong)
	if k.calls < 2000 {
		t.Errorf("only %d wrong calls were made of the contract: too few", k.calls)
	}
	if a := k.Must(t, 200, suite.Request{Method: "GET", Path: "/referrals", Token: k.tokens["listReferrals"]}); len(a.Raw) == 0 {
		t.Error("the suite does not serve any more")
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// missing returns calls without what they need, or by another method.
func (k *critic) missing(op operation) (calls []wrongCall) {
	good := k.theUsual(op)
	for header, want := range map[string]int{"Authorization": 401, "Idempotency-Key": 400} {
		if header == "Authorization" && !op.Public || takes(op, header) {
			c := good.with(header, or(good.header[header], "a")).says("two headers "+header, want)
			c.twice = header
			calls = append(calls, c)
		}
	}
	if takes(op, "If-Match") {
		calls = append(calls, good.with("If-Match", "").says("without If-Match", 404, 428))
		for _, tag := range []string{secret, `"1", *`, `1`, `"-1"`, `"99999999999999999999"`} {
			calls = append(calls, good.with("If-Match", tag).says("If-Match is "+tag, 400, 404, 412))
		}
	}
	for _, method := range []string{"PUT", "PATCH", "TRACE", "NONSENSE"} {
		if slices.ContainsFunc(k.doc.Operations, func(o operation) bool { return o.Path == op.Path && o.Method == method }) {
			continue
		}
		other := good.says("by the method "+method, 405)
		other.method = method
		calls = append(calls, other)
	}
	return calls
}

// elsewhere returns calls of what is no operation.
func (k *critic) elsewhere() (calls []wrongCall) {
	token := map[string]string{"Authorization": "Bearer " + k.tokens["listReferrals"]}
	for _, path := range []string{
		"/nosuch", "/referrals/", "//referrals", "/referrals/../referrals", "/%2e%2e/referrals", "/referrals/" + nobodys + "/nosuch",
		"/REFERRALS", "/referrals;a=" + secret, "/" + strings.Repeat(secret, 500), "/internal/feed", "/internal/persons",
		"/referrals/%00", "/docs/problems/" + secret, "/docs/problems/../../etc/passwd",
	} {
		calls = append(calls, wrongCall{what: "no such path", method: "GET", path: path, header: token, want: []int{400, 404}})
	}
	usual := wrongCall{method: "GET", path: "/referrals", header: token}
	for _, bad := range []string{"Bearer", "Bearer ", "Basic " + secret, secret, "Bearer a.b.c", "Bearer " + strings.Repeat("a", 20_000), "Bearer " + secret + " x"} {
		calls = append(calls, usual.with("Authorization", bad).says("not a token", 401))
	}
	return calls
}

// judge creates a call in both languages and holds the answers against what every
// problem must be (RFC 9457, and the API's own rules).
func (k *critic) judge(c wrongCall) {
	var details []string
	for _, language := range []string{"sv", "en"} {
		wrong, detail := k.one(c.with("Accept-Language", language), language)
		details = append(details, detail)
		k.note(c, language, wrong)
	}
	if details[0] == details[1] {
		k.note(c, "sv and en", []string{"both languages say " + details[0]})
	}
}

func (k *critic) note(c wrongCall, language string, wrong []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	for _, w := range wrong {
		if k.wrong++; k.wrong <= 12 {
			k.t.Errorf("%s %.120s (%s): %s: %s", c.method, c.path, language, c.what, w)
		}
	}
}

func (k *critic) one(c wrongCall, language string) (wrong []string, detail string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	req, err := http.NewRequest(c.method, k.Base+c.path, strings.NewReader(c.body))
	if err != nil {
		req = &http.Request{Method: c.method, URL: opaque(k.Base, c.path), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body))}
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	if c.twice != "" {
		req.Header.Add(c.twice, req.Header.Get(c.twice)+"0")
	}
	if c.unsized {
		req.ContentLength = -1
	}
	resp, err := plain.Do(req)
	if err != nil {
		say("no answer: %v", err)
		return wrong, language
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		say("half an answer: %v", err)
	}
	var p struct {
		Type, Title, Detail, Instance, Code string
		Status                              int
		Errors                              []struct{ Pointer, Code, Detail string }
	}
	if err := json.Unmarshal(raw, &p); err != nil || resp.Header.Get("Content-Type") != "application/problem+json" {
		say("%d %s, not a problem: %.200s", resp.StatusCode, resp.Header.Get("Content-Type"), raw)
		return wrong, language
	}
	if !slices.Contains(c.want, resp.StatusCode) || p.Status != resp.StatusCode {
		say("%d (%d in the body), want %v: %s", resp.StatusCode, p.Status, c.want, raw)
	}
	if p.Type == "" || p.Title == "" || p.Detail == "" || p.Instance == "" || p.Code == "" || !strings.HasSuffix(p.Type, "/"+p.Code) {
		say("not a whole problem: %s", raw)
	}
	if got := resp.Header.Get("Content-Language"); got != language {
		say("in %q", got)
	}
	if c.pointer != "" && resp.StatusCode == 400 && !strings.Contains(string(raw), `"pointer":"`+c.pointer) {
		say("does not name %s: %s", c.pointer, raw)
	}
	if secret := secret; bytes.Contains(raw, []byte(secret)) || bytes.Contains(raw, []byte("191212121212")) {
		say("repeats what was sent: %s", raw)
	}
	return wrong, p.Detail
}

// opaque creates an address that net/url would not read, as a rude client sends it.
func opaque(base, path string) *url.URL {
	u, _ := url.Parse(base)
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Opaque: "//" + u.Host + u.Path + path}
}

func TestHeadersWithoutMeasureDoNoHarm(t *testing.T) {
	t.Parallel()
	k := newCritic(t)
	good := wrongCall{method: "GET", path: "/referrals", header: map[string]string{"Authorization": "Bearer " + k.tokens["listReferrals"]}}
	for _, header := range []string{"X-Request-Id", "traceparent", "tracestate", "baggage", "Accept-Language", "Cookie", "User-Agent", "If-None-Match"} {
		for _, value := range []string{strings.Repeat("a", 30_000), "00-" + strings.Repeat("0", 32) + "-" + strings.Repeat("0", 16) + "-01", secret + "\u00e5", strings.Repeat("sv;q=0.5,", 2000)} {
			c := good.with(header, value)
			req, err := http.NewRequest(c.method, k.Base+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range c.header {
				req.Header.Set(name, v)
			}
			resp, err := plain.Do(req)
			if err != nil {
				t.Errorf("%s: no answer: %v", header, err)
				continue
			}
			_ = resp.Body.Close()
			if resp.StatusCode != 200 && (resp.StatusCode < 400 || resp.StatusCode > 499) {
				t.Errorf("%s of %d bytes: %d", header, len(value), resp.StatusCode)
			}
			if id := resp.Header.Get("X-Request-Id"); len(id) > 128 || strings.Contains(id, secret+"\u00e5") {
				t.Errorf("%s: a wrong X-Request-Id came back: %.60q", header, id)
			}
		}
	}
}
