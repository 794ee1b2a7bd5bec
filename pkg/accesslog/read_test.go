package accesslog_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// TestReadMergesServicesAndProcessesByTime writes to two services' logs by turns, in
// two processes of one of them, so that chains overlap and follow one another.
func TestReadMergesServicesAndProcessesByTime(t *testing.T) {
	db, err := sqlite.Open(t.Context(), t.TempDir()+"/x.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	process := func(service string) *accesslog.Log {
		l, err := accesslog.Open(t.Context(), db.Engine(service), service, clock)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	referral, participant := process("referral"), process("participant")
	var want []string
	write := func(l *accesslog.Log, service, thing string) {
		now = now.Add(time.Second)
		if err := l.Record(official(), accesslog.Entry{Operation: "x", Thing: thing}); err != nil {
			t.Fatal(err)
		}
		want = append(want, service+" "+thing)
	}
	write(participant, "participant", "1")
	write(referral, "referral", "2")
	write(participant, "participant", "3")
	second := process("referral")
	write(second, "referral", "4")
	write(referral, "referral", "5")
	write(second, "referral", "6")
	write(participant, "participant", "7")

	logs := map[string]*accesslog.Log{"referral": referral, "participant": participant, "activity": process("activity")}
	var got []string
	if err := accesslog.Read(t.Context(), logs, func(service string, e accesslog.Entry) error {
		got = append(got, service+" "+e.Thing)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}

	stop, n := errors.New("enough"), 0
	err = accesslog.Read(t.Context(), logs, func(string, accesslog.Entry) error {
		if n++; n == 3 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 3 {
		t.Errorf("read %d entries, %v", n, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := accesslog.Read(ended, logs, func(string, accesslog.Entry) error { return nil }); err == nil {
		t.Error("an unreadable log was read as an empty one")
	}
}
