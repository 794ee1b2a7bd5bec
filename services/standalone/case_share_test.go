package standalone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/standalone/demo"
)

// crowd is many requests of one caller at once that do not end by themselves.
type crowd struct {
	*office
	who  demo.Claims
	stop context.CancelFunc

	silent  atomic.Int64 // of whose bodies more is waited for than has come
	done    sync.WaitGroup
	mu      sync.Mutex
	answers []*httptest.ResponseRecorder // of those that have ended
}

type reader func([]byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }

// held is a writer that takes nothing of a body until the context ends.
type held struct {
	*httptest.ResponseRecorder
	until context.Context
}

func (h held) Write(b []byte) (int, error) {
	if h.Code == http.StatusOK {
		<-h.until.Done()
	}
	return h.ResponseRecorder.Write(b)
}

// sends sends n requests at once, with what each sends of its body before it stays silent.
func (o *office) sends(who demo.Claims, n int, method, path, contentType string, beginning []byte) *crowd {
	ctx, stop := context.WithCancel(o.t.Context())
	c := &crowd{office: o, who: who, stop: stop}
	token, err := o.issuer.Token(who)
	if err != nil {
		o.t.Fatal(err)
	}
	for range n {
		r := httptest.NewRequestWithContext(ctx, method, gateway.BasePath+path, http.NoBody)
		if beginning != nil {
			rest := reader(func([]byte) (int, error) {
				c.silent.Add(1)
				<-ctx.Done()
				return 0, io.ErrUnexpectedEOF
			})
			r.Body, r.ContentLength = io.NopCloser(io.MultiReader(bytes.NewReader(beginning), rest)), -1
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", contentType)
		c.done.Go(func() {
			w := held{httptest.NewRecorder(), ctx}
			o.door.ServeHTTP(w, r)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.answers = append(c.answers, w.ResponseRecorder)
		})
	}
	o.t.Cleanup(c.ends)
	return c
}

// refused waits until one of them is refused, and wants each refusal to be that of its
// authority, with the time to come again.
func (c *crowd) refused() {
	c.t.Helper()
	c.eventually("one more than a share is refused", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.answers) > 0
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.answers {
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/problem+json") {
			c.t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
}

func (c *crowd) ends() {
	c.stop()
	c.done.Wait()
}

// file begins a form with a PDF file.
func file(t *testing.T, content string) (text []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", "intyg.pdf")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, content)
	return b.Bytes(), form.FormDataContentType()
}

// TestCase_G5_SlowUploadsAndPollsOfOneAuthorityLeaveRoomForOthers is: however many files one
// authority sends without going on, and however many of its systems wait for events, another's
// file is taken and another is woken.
func TestCase_G5_SlowUploadsAndPollsOfOneAuthorityLeaveRoomForOthers(t *testing.T) {
	o := open(t, newData(t))
	id, _ := o.refer(15, nil)
	at := "/referrals/" + id + "/attachments"
	beginning, contentType := file(t, "%PDF-1.7\n% Ett påhittat intyg")
	slow := o.sends(sender, 100, http.MethodPost, at, contentType, beginning)
	o.eventually("as many are received as may be", func() bool { return slow.silent.Load() >= 4 })
	whole := append(bytes.Clone(beginning), "\n%%EOF\n\r\n--"+contentType[strings.Index(contentType, "boundary=")+len("boundary="):]+"--\r\n"...)
	if w := o.call(receiver, http.MethodPost, at, map[string]string{"Content-Type": contentType}, whole); w.Code != 201 {
		t.Errorf("another's file: %d %s", w.Code, w.Body)
	}
	slow.ends()

	after := func(who demo.Claims) string { // a position is its authority's own
		t.Helper()
		var position struct{ After string }
		o.eventually("the first events are read", func() bool {
			w := o.ask(who, http.MethodGet, "/events?limit=200", "", nil)
			return json.Unmarshal(w.Body.Bytes(), &position) == nil && bytes.Contains(w.Body.Bytes(), []byte("attach"))
		})
		return "/events?wait=25&after=" + position.After
	}
	own := after(receiver)
	o.sends(sender, 300, http.MethodGet, after(sender), "", nil).refused()
	woken := make(chan *httptest.ResponseRecorder)
	go func() {
		woken <- o.ask(receiver, http.MethodGet, own, "", nil)
	}()
	time.Sleep(50 * time.Millisecond) // so that it waits
	o.refer(16, nil)
	if w := <-woken; w.Code != 200 || !bytes.Contains(w.Body.Bytes(), []byte("submitted")) {
		t.Errorf("another who waits: %d %s", w.Code, w.Body)
	}
}

// TestCase_G15_ExportsOfOneAuthorityKeepNoOtherWaiting is: twenty exports of one authority
// that does not read them, and another's is made at once.
func TestCase_G15_ExportsOfOneAuthorityKeepNoOtherWaiting(t *testing.T) {
	o := open(t, newData(t))
	o.refer(17, nil)
	const file = "/referral-exports?format=xlsx"
	many := o.sends(receiver, 20, http.MethodGet, file, "", nil)
	many.refused()
	o.want(200, partille, http.MethodGet, file, "", nil)
	many.ends()
	o.want(200, receiver, http.MethodGet, file, "", nil)
}
