package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

const (
	boundary = "pahittad-grans"
	formType = "multipart/form-data; boundary=" + boundary
	pdf      = "%PDF-1.7\n% Ett påhittat intyg\n%%EOF\n"
)

// form writes a form with a file, as a browser does.
func form(title, kind, content string) []byte {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary(boundary)
	if title != "" {
		_ = w.WriteField("title", title)
	}
	h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="intyg.pdf"`}}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	part, _ := w.CreatePart(h)
	_, _ = io.WriteString(part, content)
	_ = w.Close()
	return b.Bytes()
}

// attach attaches a file to a referral, by its path.
func (w walk) attach(c suite.Caller, at string, body []byte) suite.Answer {
	w.t.Helper()
	return w.Must(w.t, 201, suite.Request{
		Method: "POST", Path: at + "/attachments", Token: w.Token(w.t, c), Body: body, Header: map[string]string{"Content-Type": formType},
	})
}

func TestAFileGoesThroughTheFrontDoorAndComesBackInOneProcess(t *testing.T) {
	t.Parallel()
	filesGoThrough(walk{suite.OneProcess(t, unlimited...), t})
}

func TestAFileGoesThroughTheFrontDoorAndComesBackInFourProcesses(t *testing.T) {
	t.Parallel()
	filesGoThrough(walk{suite.FourProcesses(t, unlimited...), t})
}

func filesGoThrough(w walk) {
	made := w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(w.t, fkSystem), Body: referral(adult, "Tolvan", "Påhittad")})
	at := "/referrals/" + made.Text("id")
	largest := pdf + strings.Repeat("%\x00\xff\n", (10<<20-len(pdf))/4)
	a := w.attach(fkSystem, at, form("Påhittat intyg", "application/pdf", largest))
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(largest))); a.Text("sha256") != want || a.Text("title") != "Påhittat intyg" {
		w.t.Errorf("%s", a.Raw)
	}
	file := at + "/attachments/" + a.Text("id")
	for _, reader := range []suite.Caller{fkSystem, fkOfficer, intake} {
		got := w.get(reader, file)
		if string(got.Raw) != largest {
			w.t.Errorf("%s got %d bytes of %d", reader.Role, len(got.Raw), len(largest))
		}
		for header, want := range map[string]string{"Content-Type": "application/pdf", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
			if got.Header.Get(header) != want {
				w.t.Errorf("%s: %q", header, got.Header.Get(header))
			}
		}
		if !strings.Contains(got.Header.Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment; ") {
			w.t.Errorf("a browser may show it: %v", got.Header)
		}
	}
	shown := w.get(intake, at)
	if shown.Text("attachments.0.id") != a.Text("id") || shown.Text("_links.attachments.href") == "" || shown.At("attachments.0._links.removal") != nil {
		w.t.Errorf("the receiver sees %s", shown.Raw)
	}
	for _, foreigner := range []suite.Caller{afOfficer, {Role: "intake", Authority: "partille", Municipality: "1402", Subject: "intake-9"}} {
		w.Must(w.t, 404, suite.Request{Method: "GET", Path: file, Token: w.Token(w.t, foreigner)})
		w.Must(w.t, 404, suite.Request{Method: "DELETE", Path: file, Token: w.Token(w.t, foreigner), Header: map[string]string{"If-Match": `"2"`}})
	}
	w.refusesFiles(at, largest)
	w.Must(w.t, 204, suite.Request{Method: "DELETE", Path: file, Token: w.Token(w.t, fkOfficer), Header: map[string]string{"If-Match": `"2"`}})
	w.Must(w.t, 404, suite.Request{Method: "GET", Path: file, Token: w.Token(w.t, intake)})
}

// refusesFiles sends what is not taken; each refusal must arrive, also of a body
// of which much has not been read.
func (w walk) refusesFiles(at, largest string) {
	w.t.Helper()
	send := func(want int, code string, body io.Reader) {
		w.t.Helper()
		req, _ := http.NewRequest("POST", w.Base+at+"/attachments", body)
		req.Header.Set("Authorization", "Bearer "+w.Token(w.t, fkSystem))
		req.Header.Set("Content-Type", formType)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			w.t.Errorf("%s: %v", code, err)
			return
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want || !strings.Contains(string(text), `"`+code+`"`) {
			w.t.Errorf("%d %s, %v, want %d %s", resp.StatusCode, text, err, want, code)
		}
	}
	page := form("", "", "<!doctype html><html>"+largest)
	send(422, "attachment-type", bytes.NewReader(page))
	send(422, "attachment-type", struct{ io.Reader }{bytes.NewReader(page)}) // its length is not known in advance
	send(422, "attachment-type-mismatch", bytes.NewReader(form("", "image/png", largest)))
	send(413, "attachment-too-large", bytes.NewReader(form("", "", largest+"xxxx")))
	send(413, "body-too-large", bytes.NewReader(form("", "", largest+largest)))
	send(413, "attachment-too-large", struct{ io.Reader }{bytes.NewReader(form("", "", largest+strings.Repeat("x", 30<<10)))})
}

// attachedLoad is what a load with files leaves: they must be there after a restore.
type attachedLoad struct {
	walk
	at    string
	kept  map[string]string // content by id
	calls atomic.Int64
}

// newAttachedLoad attaches some files to a referral of its own.
func newAttachedLoad(w walk) *attachedLoad {
	made := w.Must(w.t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(w.t, fkSystem), Body: referral(adult, "Tolvan", "Påhittad")})
	l := &attachedLoad{walk: w, at: "/referrals/" + made.Text("id"), kept: map[string]string{}}
	for i := range 5 {
		content := pdf + strings.Repeat(fmt.Sprint("% påhittat ", i), 100_000)
		l.kept[l.attach(fkSystem, l.at, form("", "", content)).Text("id")] = content
	}
	return l
}

// run attaches and removes files until done.
func (l *attachedLoad) run(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		id := l.attach(fkSystem, l.at, form("", "", pdf)).Text("id")
		etag := l.get(fkSystem, l.at).Header.Get("ETag")
		l.Must(l.t, 204, suite.Request{Method: "DELETE", Path: l.at + "/attachments/" + id, Token: l.Token(l.t, fkSystem), Header: map[string]string{"If-Match": etag}})
		if l.calls.Add(1) == 80 { // a referral has only so many steps
			<-done
			return
		}
	}
}

// readBack wants every file that was kept, and that whatever the referral shows
// can be read.
func (l *attachedLoad) readBack(s *suite.Suite) {
	l.Suite = s
	shown := l.get(intake, l.at)
	all, _ := shown.At("attachments").([]any)
	if len(all) < len(l.kept) {
		l.t.Errorf("%d attachments of %d are shown", len(all), len(l.kept))
	}
	for i := range all {
		id := shown.Text(fmt.Sprintf("attachments.%d.id", i))
		got := l.get(intake, l.at+"/attachments/"+id)
		if want, kept := l.kept[id]; kept && string(got.Raw) != want {
			l.t.Errorf("%s: %d bytes came back of %d", id, len(got.Raw), len(want))
		}
	}
}
