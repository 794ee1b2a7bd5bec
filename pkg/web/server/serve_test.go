package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/feed/feedhttp"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/pkg/web/webtest"
)

// served starts a server on free ports; stop ends it and returns what Serve returned.
func served(t *testing.T, s server.Server) (addr, admin string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	started, ended := make(chan [2]string, 1), make(chan error, 1)
	s.Addr, s.AdminAddr = "127.0.0.1:0", "127.0.0.1:0"
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.Started = func(addr, admin string) { started <- [2]string{addr, admin} }
	go func() { ended <- s.Run(ctx) }()
	select {
	case a := <-started:
		return "http://" + a[0], "http://" + a[1], func() error { cancel(); return <-ended }
	case err := <-ended:
		t.Fatal(err)
	}
	return "", "", nil
}

// get returns status and body of an address; 0 when nobody answers.
func get(url string, header ...string) (int, string) {
	transport := &http.Transport{DisableKeepAlives: true}
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return 0, err.Error()
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestTheAdminPortHasLivenessReadinessAndMetrics(t *testing.T) {
	ready, log := error(nil), &webtest.Lines{}
	_, admin, stop := served(t, server.Server{
		Log:     slog.New(slog.NewTextHandler(log, nil)),
		Handler: http.NotFoundHandler(),
		Ready:   func(context.Context) error { return ready },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "requests 1") }),
	})
	for path, want := range map[string]string{"/livez": "ok\n", "/readyz": "ok\n", "/metrics": "requests 1"} {
		if status, body := get(admin + path); status != 200 || body != want {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	ready = errors.New("the disk of Anna is full")
	for range 3 {
		if status, body := get(admin + "/readyz"); status != 503 || body != "not ready\n" {
			t.Errorf("%d %q", status, body)
		}
	}
	if n := strings.Count(log.String(), "not ready"); n != 1 {
		t.Errorf("the same cause is logged %d times", n)
	}
	ready = nil
	get(admin + "/readyz")
	ready = errors.New("the disk of Anna is full")
	get(admin + "/readyz")
	if n := strings.Count(log.String(), "not ready"); n != 2 {
		t.Errorf("a cause that comes back is logged %d times", n)
	}
	if status, _ := get(admin + "/livez"); status != 200 {
		t.Errorf("a service that is not ready lives all the same: %d", status)
	}
	if status, _ := get(admin + "/other"); status != 404 {
		t.Errorf("%d", status)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestAStoppedServerFinishesWhatItHasBegun(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	addr, admin, stop := served(t, server.Server{
		Linger: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				close(begun)
				<-finish
			}
			fmt.Fprint(w, "done")
		}),
	})
	answered := make(chan string, 1)
	go func() { _, body := get(addr + "/slow"); answered <- body }()
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	time.Sleep(50 * time.Millisecond)
	if status, body := get(admin + "/readyz"); status != 503 || body != "stopping\n" {
		t.Errorf("while it lingers it is not ready: %d %q", status, body)
	}
	if resp, err := http.Get(addr + "/quick"); err != nil || resp.StatusCode != 200 || !resp.Close {
		t.Errorf("while it lingers it still serves, and keeps no connection: %+v %v", resp, err)
	} else {
		_ = resp.Body.Close()
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if status, _ := get(addr + "/quick"); status == 0 {
			break
		}
	}
	close(finish)
	if body := <-answered; body != "done" {
		t.Errorf("the request under way got %q", body)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if status, _ := get(addr + "/quick"); status != 0 {
		t.Errorf("it still serves: %d", status)
	}
}

func TestCase_G5_ABodyThatNobodyReadsHoldsItsConnectionForASecond(t *testing.T) {
	s := newService(t)
	addr, _, stop := served(t, server.Server{Handler: s})
	token := "Authorization: Bearer " + s.Trust.Token(t, webtest.Coach) + "\r\n"
	type heads map[string]struct {
		line, head string
		status     int
	}
	send := func(line, head, body string) (*http.Response, net.Conn, *bufio.Reader) {
		c, err := net.Dial("tcp", strings.TrimPrefix(addr, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		_, _ = fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n%s", line, head, body)
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		return resp, c, in
	}
	t.Run("its rest does not come", func(t *testing.T) {
		for sentence, c := range (heads{
			"without a token":    {"POST " + web.BasePath + "/things", "Content-Length: 1000\r\n", 401},
			"in pieces":          {"POST " + web.BasePath + "/things", "Transfer-Encoding: chunked\r\n", 401},
			"at no address":      {"POST /nowhere", token + "Content-Length: 1000\r\n", 404},
			"too large":          {"POST " + web.BasePath + "/things", token + "Content-Length: 99999999\r\n", 413},
			"where none belongs": {"GET " + web.BasePath + "/things", token + "Content-Length: 1000\r\n", 200},
		}) {
			t.Run(sentence, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				resp, conn, in := send(c.line, c.head, "")
				defer conn.Close()
				_, _ = io.Copy(io.Discard, in) // until the server closes it
				if since := time.Since(start); resp.StatusCode != c.status || since > 4*time.Second {
					t.Errorf("%d after %s", resp.StatusCode, since)
				}
			})
		}
	})
	for range 2 { // one that has come keeps its connection
		resp, conn, in := send("POST "+web.BasePath+"/things", "Content-Length: 2\r\n", "{}")
		_, _ = io.Copy(io.Discard, resp.Body)
		_, _ = fmt.Fprint(conn, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
		if next, err := http.ReadResponse(in, nil); resp.StatusCode != 401 || err != nil || next.StatusCode != 401 {
			t.Errorf("%d, and then %v", resp.StatusCode, err)
		}
		_ = conn.Close()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAnUnusableAddressIsReportedInOneSentence(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct{ addr, admin, want string }{
		"taken":           {taken.Addr().String(), "", "FINSAM_ADDR: another program already listens on " + taken.Addr().String()},
		"taken, admin":    {"127.0.0.1:0", taken.Addr().String(), "FINSAM_ADMIN_ADDR: another program"},
		"not an address":  {"somewhere", "", "FINSAM_ADDR: cannot listen on"},
		"another machine": {"192.0.2.1:80", "", "FINSAM_ADDR: cannot listen on"},
	} {
		t.Run(name, func(t *testing.T) {
			err := server.Server{Handler: http.NotFoundHandler(), Addr: c.addr, AdminAddr: c.admin}.Run(context.Background())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestTheFeedIsServedToServicesAndEndsWhenTheServerDoes(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	log, err := feed.OpenLog(t.Context(), db.Engine("things"), "/services/things")
	if err != nil {
		t.Fatal(err)
	}
	trust := webtest.NewTrust(t, nil)
	o := webtest.ThingsConfig(trust, io.Discard)
	o.Feed, o.Internal = log, map[string]http.Handler{"/internal/more": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})}
	e, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	addr, _, stop := served(t, server.Server{Handler: e})
	own := "Bearer " + trust.Token(t, actor.ForService("referral", ""))
	for name, c := range map[string]struct {
		authorization string
		status        int
	}{
		"a service":          {own, 200},
		"the gateway itself": {"Bearer " + trust.Token(t, actor.ForService("gateway", "")), 200},
		"a coach":            {"Bearer " + trust.Token(t, webtest.Coach), 403},
		"somebody unknown":   {"Bearer x", 401},
		"without a token":    {"", 401},
	} {
		if status, body := get(addr+feedhttp.Path+"?after=0", "Authorization", c.authorization); status != c.status {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if status, body := get(addr+"/internal/more", "Authorization", c.authorization); status != c.status {
			t.Errorf("%s reads what else is internal: %d %s", name, status, body)
		}
	}
	polled := make(chan int, 1)
	go func() {
		status, _ := get(addr+feedhttp.Path+"?after=0&wait=25", "Authorization", own)
		polled <- status
	}()
	time.Sleep(100 * time.Millisecond)
	start := time.Now()
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if <-polled; time.Since(start) > 5*time.Second {
		t.Fatalf("a long poll held the end up for %s", time.Since(start))
	}
}
