package rest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/webtest"
	"github.com/finsam/finsam/services/referral/referraltest"
)

const (
	boundary     = "pahittad-grans"
	formType     = "multipart/form-data; boundary=" + boundary
	noAttachment = "3e5a6d0c-3f0e-5c7b-9a53-0d6f3c1b2a41"
)

// pdf begins as a PDF does; all in it is invented.
const pdf = "%PDF-1.7\n% Påhittat intyg om Tolvan Kanariefågelsson\n%%EOF\n"

// form writes a form; a title or a type that is empty is left out.
func form(title, name, kind, content string) []byte {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary(boundary)
	if title != "" {
		_ = w.WriteField("title", title)
	}
	h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename="%s"`, name)}}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	part, _ := w.CreatePart(h)
	_, _ = io.WriteString(part, content)
	_ = w.Close()
	return b.Bytes()
}

// parts writes a form of text fields.
func parts(fields ...string) []byte {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary(boundary)
	for i := 0; i < len(fields); i += 2 {
		_ = w.WriteField(fields[i], fields[i+1])
	}
	_ = w.Close()
	return b.Bytes()
}

func badForms() []refusal {
	with := func(sentence string, body []byte) refusal { return refusal{sentence, webtest.Request{Body: body}} }
	content := func(sentence, kind, text string) refusal { return with(sentence, form("", "fil", kind, text)) }
	whole := form("", "intyg.pdf", "", pdf)
	return []refusal{
		{"as JSON", webtest.Request{Body: map[string]any{"file": "x"}, Header: map[string]string{"Content-Type": "application/json"}}},
		{"as a form without a boundary", webtest.Request{Header: map[string]string{"Content-Type": "multipart/form-data"}}},
		{"compressed", webtest.Request{Header: map[string]string{"Content-Encoding": "gzip"}}},
		with("with an empty body", []byte{}),
		with("without a file", parts("title", "Påhittat")),
		with("with a part that it does not have", parts("title", "Påhittat", "personnummer", "x")),
		with("with two titles", parts("title", "Påhittat", "title", "Påhittat")),
		with("with a title too long", form(strings.Repeat("å", 201), "a.pdf", "", pdf)),
		with("with a title far too long", form(strings.Repeat("å", 10_000), "a.pdf", "", pdf)),
		with("with a title of two lines", form("Påhittat\nintyg", "a.pdf", "", pdf)),
		with("with two files", bytes.Replace(whole, []byte("--"+boundary+"--"), whole, 1)),
		with("with a part that has no end of headers", bytes.Replace(whole, []byte("Content-Disposition"), []byte("X: "+strings.Repeat("x", 1<<20)+"\r\nContent-Disposition"), 1)),
		with("with such a part behind the file", bytes.Replace(whole, []byte("--"+boundary+"--"), []byte("--"+boundary+"\r\nX: "+strings.Repeat("x", 1<<20)), 1)),
		with("cut off in the file", whole[:len(whole)-40]),
		content("with an empty file", "", ""),
		content("with a page", "", "<!doctype html><html><script>alert(1)</script>"),
		content("with a page that says to be a text", "text/plain", "<html><body>Påhittat</body></html>"),
		content("with a drawing that can run", "image/svg+xml", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
		content("with a page that has a PDF in it", "", "<html><script>alert(1)</script>"+pdf),
		content("with a program", "application/pdf", "\x7fELF\x02\x01\x01\x00"),
		content("with an archive", "", "PK\x03\x04\x14\x00\x00\x00"),
		content("with an image that says to be a PDF", "application/pdf", "\x89PNG\r\n\x1a\n"),
		content("with a PDF that says to be an image", "image/png", pdf),
		content("with a text in Latin-1", "text/plain", "P\xe5hittat"),
		content("with a text that says to be in Latin-1", "text/plain; charset=iso-8859-1", "Pahittat"),
		content("with a text that ends in the middle of a letter", "text/plain", strings.Repeat("å", 5000)+"\xc3"),
		content("with a text that goes over into something else", "text/plain", strings.Repeat("Påhittat. ", 1000)+"\x00\x01"),
		content("with a file too large", "application/pdf", pdf+strings.Repeat("x", 10<<20)),
		with("larger than any form", form("", "a.pdf", "", pdf+strings.Repeat("x", 11<<20))),
	}
}

// attach attaches a file and returns the answer.
func (f *front) attach(t *testing.T, a actor.Actor, id, key string, body []byte) *webtest.Response {
	t.Helper()
	header := map[string]string{"Content-Type": formType}
	if key != "" {
		header["Idempotency-Key"] = key
	}
	return f.do(t, webtest.Request{Method: "POST", Path: "/referrals/" + id + "/attachments", As: a, Body: body,
		Header: header})
}

func (f *front) attached(t *testing.T, a actor.Actor, id, key string, body []byte) api.Attachment {
	t.Helper()
	var b api.Attachment
	f.attach(t, a, id, key, body).Into(t, 201, &b)
	return b
}

func (f *front) fetch(t *testing.T, a actor.Actor, id, attachment string) *webtest.Response {
	t.Helper()
	return f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + id + "/attachments/" + attachment, As: a})
}

func TestAnAttachmentIsSentReadAndRemoved(t *testing.T) {
	f := newFront(t)
	id := read(t, f.post(t, "FK-A", "a"), 201).Id
	sent := f.attach(t, referraltest.Officer, id, "k", form("Intyg för Tolvan", "x.pdf", "application/pdf", pdf))
	var a api.Attachment
	sent.Into(t, 201, &a)
	if sent.Header.Get("Location") != "/finsam/v1/referrals/"+id+"/attachments/"+a.Id || a.Title != "Intyg för Tolvan" || a.Type != "application/pdf" || int(a.Size) != len(pdf) {
		t.Errorf("%v %+v", sent.Header, a)
	}
	again := f.attach(t, referraltest.Officer, id, "k", form("Intyg för Tolvan", "x.pdf", "application/pdf", pdf))
	if !bytes.Equal(again.Body, sent.Body) || again.Status != 201 {
		t.Errorf("the repeat answered %d %s", again.Status, again.Body)
	}
	if p := f.attach(t, referraltest.Officer, id, "k", form("Annat", "x.pdf", "", pdf)).Problem(t, 422); p.Code != "idempotency-key-reused" {
		t.Errorf("%+v", p)
	}
	got := f.fetch(t, referraltest.Intake, id, a.Id)
	if got.Status != 200 || string(got.Body) != pdf {
		t.Fatalf("%d %q", got.Status, got.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Disposition": `attachment; filename="Intyg f_r Tolvan.pdf"; filename*=UTF-8''Intyg%20f%C3%B6r%20Tolvan.pdf`,
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %s", name, got.Header.Get(name))
		}
	}
	if !strings.Contains(got.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Error("nothing keeps a browser from running it")
	}
	whole := read(t, f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + id, As: referraltest.Officer}), 200)
	if whole.Attachments == nil || len(*whole.Attachments) != 1 || (*whole.Attachments)[0].UnderscoreLinks.Href("removal") != "/finsam/v1/referrals/"+id+"/attachments/"+a.Id {
		t.Fatalf("%+v", whole.Attachments)
	}
	remove := webtest.Request{Method: "DELETE", Path: "/referrals/" + id + "/attachments/" + a.Id, As: referraltest.Officer, Header: map[string]string{"If-Match": `"2"`}}
	if gone := f.do(t, remove); gone.Status != 204 || gone.Header.Get("ETag") != `"3"` {
		t.Fatalf("%d %s", gone.Status, gone.Body)
	}
	f.fetch(t, referraltest.Intake, id, a.Id).Problem(t, 404)
	whole = read(t, f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + id, As: referraltest.Officer}), 200)
	if whole.Attachments != nil || len(whole.Timeline) != 3 || *whole.Timeline[2].Attachment != a.Id {
		t.Errorf("%s", indented(t, whole))
	}
}

func TestAFileOfAnyKindTakenComesBackAsItWas(t *testing.T) {
	f := newFront(t)
	id := read(t, f.post(t, "FK-A", "a"), 201).Id
	for kind, content := range map[string]string{
		"application/pdf": pdf + strings.Repeat("%\x00\xff", 1<<20),
		"image/png":       "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
		"image/jpeg":      "\xff\xd8\xff\xe0\x00\x10JFIF",
		"image/tiff":      "II*\x00\x08\x00\x00\x00",
		"image/webp":      "RIFF\x24\x00\x00\x00WEBPVP8 ",
		"text/plain":      strings.Repeat("Påhittad åäö €, 😀.\n", 5000),
	} {
		a := f.attached(t, referraltest.Officer, id, "", form("", "fil", "", content))
		got := f.fetch(t, referraltest.Officer, id, a.Id)
		media, _, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
		if string(a.Type) != kind || err != nil || media != kind || string(got.Body) != content {
			t.Errorf("%s: %+v, %d bytes of %d as %s", kind, a, len(got.Body), len(content), got.Header.Get("Content-Type"))
		}
	}
}

func TestWithoutAPlaceForFilesAllButAttachmentsWorks(t *testing.T) {
	f := newFront(t)
	id := read(t, f.post(t, "FK-A", "a"), 201).Id
	a := f.attached(t, referraltest.Officer, id, "", form("Påhittat", "a.pdf", "", pdf))
	f.Service.Attachments.Blobs = nil
	at := "/referrals/" + id + "/attachments"
	for _, r := range []webtest.Request{
		{Method: "POST", Path: at, Body: form("Påhittat", "a.pdf", "", pdf), Header: map[string]string{"Content-Type": formType}},
		{Method: "GET", Path: at + "/" + a.Id},
		{Method: "DELETE", Path: at + "/" + a.Id, Header: map[string]string{"If-Match": `"2"`}},
	} {
		r.As = referraltest.Officer
		if p := f.trust.Do(t, f.handler, r).Problem(t, 503); p.Code != "attachments-not-configured" {
			t.Errorf("%s answered %+v", r.Method, p)
		}
	}
	whole := read(t, f.do(t, webtest.Request{Method: "GET", Path: "/referrals/" + id, As: referraltest.Officer}), 200)
	if whole.Attachments == nil || len((*whole.Attachments)[0].UnderscoreLinks) != 0 {
		t.Errorf("what is there is not listed, or cannot be followed: %+v", whole.Attachments)
	}
	if whole.UnderscoreLinks.Href("attachments") != "" {
		t.Error("it offers to take a file")
	}
	read(t, f.post(t, "FK-B", "b"), 201)
}

// TestASpoiltBlobBreaksTheAnswer spoils sealed files in the folder itself.
func TestASpoiltBlobBreaksTheAnswer(t *testing.T) {
	content := pdf + strings.Repeat("x", 3<<20)
	for name, spoil := range map[string]func([]byte) []byte{
		"a bit in the last segment": func(b []byte) []byte { b[len(b)-20] ^= 1; return b },
		"the last segment left out": func(b []byte) []byte { return b[:3<<20] },
		"a byte less":               func(b []byte) []byte { return b[:len(b)-1] },
		"a byte more":               func(b []byte) []byte { return append(b, 0) },
		"two segments changed places": func(b []byte) []byte {
			return bytes.Join([][]byte{b[:1<<20], b[2<<20 : 3<<20], b[1<<20 : 2<<20], b[3<<20:]}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t)
			id := read(t, f.post(t, "FK-A", "a"), 201).Id
			a := f.attached(t, referraltest.Officer, id, "k", form("", "a.pdf", "", content))
			spoilBlob(t, f.Dir, spoil)
			server := httptest.NewServer(f.handler)
			defer server.Close()
			req, _ := http.NewRequest("GET", server.URL+web.BasePath+"/referrals/"+id+"/attachments/"+a.Id, nil)
			req.Header.Set("Authorization", "Bearer "+f.trust.Token(t, referraltest.Intake))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if !errors.Is(err, io.ErrUnexpectedEOF) || resp.StatusCode != 200 || len(got) >= len(content) || !strings.HasPrefix(content, string(got)) {
				t.Errorf("%d bytes of %d, %v", len(got), len(content), err)
			}
		})
	}
	t.Run("a bit at the beginning: nothing is sent at all", func(t *testing.T) {
		f := newFront(t)
		id := read(t, f.post(t, "FK-A", "a"), 201).Id
		a := f.attached(t, referraltest.Officer, id, "k", form("", "a.pdf", "", content))
		spoilBlob(t, f.Dir, func(b []byte) []byte { b[100] ^= 1; return b })
		r := f.trust.Do(t, f.handler, webtest.Request{Method: "GET", Path: "/referrals/" + id + "/attachments/" + a.Id, As: referraltest.Intake})
		r.Problem(t, 500)
	})
}

// spoilBlob changes the one blob of the folder.
func spoilBlob(t *testing.T, dir string, spoil func([]byte) []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "attachments", "insjoriket", "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], spoil(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzForm(f *testing.F) {
	for _, c := range badForms() {
		if b, ok := c.request.Body.([]byte); ok && len(b) < 100_000 {
			f.Add(b)
		}
	}
	f.Add(form("Påhittat", "a.pdf", "application/pdf", pdf))
	f.Fuzz(func(t *testing.T, body []byte) {
		front := newFront(t)
		id := read(t, front.post(t, "FK-A", "a"), 201).Id
		r := front.attach(t, referraltest.Officer, id, "", body)
		switch r.Status {
		case 201:
			var a api.Attachment
			if err := json.Unmarshal(r.Body, &a); err != nil {
				t.Fatal(err)
			}
			got := front.fetch(t, referraltest.Officer, id, a.Id)
			if got.Status != 200 || int64(len(got.Body)) != a.Size || !bytes.Contains(body, got.Body) {
				t.Errorf("%d: %d bytes of %d", got.Status, len(got.Body), a.Size)
			}
		case 400, 413, 415, 422:
			files, _ := filepath.Glob(filepath.Join(front.Dir, "attachments", "insjoriket", "*"))
			if len(files) != 0 {
				t.Errorf("refused with %d, and a blob stays: %s", r.Status, r.Body)
			}
		default:
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

func TestCase_G5_AFormThatIsRefusedHoldsItsConnectionForASecond(t *testing.T) {
	s := httptest.NewServer(newFront(t).handler)
	defer s.Close()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	_ = conn.SetDeadline(start.Add(30 * time.Second))
	_, _ = fmt.Fprintf(conn, "POST %s/referrals/%s/attachments HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 1000\r\n\r\n-", web.BasePath, noAttachment, formType)
	answer, _ := io.ReadAll(conn) // until the service closes it
	if since := time.Since(start); !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") || since > 4*time.Second {
		t.Errorf("after %s: %.200s", since, answer)
	}
}
