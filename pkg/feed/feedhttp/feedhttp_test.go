package feedhttp

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/feed"
)

// fixed is a log that always answers the same and remembers what it was asked.
type fixed struct {
	events []feed.Event
	err    error
	after  int64
	limit  int
	wait   time.Duration
}

func (f *fixed) After(_ context.Context, after int64, limit int, wait time.Duration) ([]feed.Event, error) {
	f.after, f.limit, f.wait = after, limit, wait
	return f.events, f.err
}

func serve(t *testing.T, l feed.Reader) *Client {
	t.Helper()
	s := httptest.NewServer(Handler(l))
	t.Cleanup(s.Close)
	return &Client{Base: s.URL, HTTP: s.Client(), Token: func() (string, error) { return "token", nil }}
}

func TestAFeedIsTheSameOnTheOtherSide(t *testing.T) {
	log := &fixed{events: []feed.Event{{
		Sequence: 4, ID: "r1/2", Source: "/services/referral", Type: "se.finsam.referral.accepted", Subject: "r1",
		Time: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Association: "insjoriket", Authority: "fk",
		Data: map[string]string{"municipality": "1481"},
	}}}
	got, err := serve(t, log).After(t.Context(), 3, 7, 2*time.Second)
	if err != nil || !reflect.DeepEqual(got, log.events) {
		t.Errorf("got %+v, %v", got, err)
	}
	if log.after != 3 || log.limit != 7 || log.wait != 2*time.Second {
		t.Errorf("asked for %d %d %v", log.after, log.limit, log.wait)
	}
}

func TestAReaderMayNotAskForMoreThanThereIsRoomFor(t *testing.T) {
	log := &fixed{}
	if _, err := serve(t, log).After(t.Context(), 0, 1_000_000, time.Hour); err != nil {
		t.Fatal(err)
	}
	if log.limit != feed.MaxLimit || log.wait != feed.MaxWait {
		t.Errorf("was given %d and %v", log.limit, log.wait)
	}
}

func TestAFeedThatCannotBeReadIsUnavailable(t *testing.T) {
	for sentence, log := range map[string]feed.Reader{
		"its store is away": &fixed{err: errors.New("disk: /var/secret")},
	} {
		if _, err := serve(t, log).After(t.Context(), 0, 1, 0); !errors.Is(err, fault.ErrUnavailable) {
			t.Errorf("%s: %v", sentence, err)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	defer s.Close()
	proxy := &Client{Base: s.URL, HTTP: s.Client(), Token: func() (string, error) { return "", nil }}
	if _, err := proxy.After(t.Context(), 0, 1, 0); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a page of a proxy: %v", err)
	}
	gone := &Client{Base: "http://127.0.0.1:1", HTTP: http.DefaultClient, Token: func() (string, error) { return "", nil }}
	if _, err := gone.After(t.Context(), 0, 1, 0); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestWhatIsNoNumberIsRefused(t *testing.T) {
	for _, query := range []string{"after=x", "after=-1", "limit=1e3", "wait=%00"} {
		w := httptest.NewRecorder()
		Handler(&fixed{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path+"?"+query, nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", query, w.Code)
		}
	}
}
