package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/services/standalone"
)

// newLoggedData returns a data folder with two accesses in the participant service's log,
// and the log's head.
func newLoggedData(t *testing.T) (dir string, head accesslog.Head) {
	t.Helper()
	t.Setenv("FINSAM_STORE", "")
	dir = t.TempDir()
	db, err := launch.OpenStore(t.Context(), "sqlite:"+standalone.Layout(dir).Database(), "finsam")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l, err := accesslog.Open(t.Context(), db.Engine("participant"), "participant", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, authority := range []string{"fk", "molndal"} {
		ctx := actor.With(t.Context(), actor.Actor{Subject: "m-7", Authority: authority, Roles: []actor.Role{actor.Coach}})
		if err := l.Record(ctx, accesslog.Entry{Operation: "listNames", Participants: []string{"p-" + authority}, Outcome: accesslog.Done}); err != nil {
			t.Fatal(err)
		}
	}
	head = l.Head()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, head
}

func TestTheAccessLogIsVerifiedAgainstARecordedHead(t *testing.T) {
	dir, head := newLoggedData(t)
	at := fmt.Sprintf("%s/%d/%s", head.Chain, head.N, head.Hash)
	for range 2 { // looking adds nothing
		out, _, err := finsam(t, "access-log", "verify", "--data", dir, "--head", at)
		if err != nil || !strings.Contains(out, "participant: 2 entries in 3 blocks of 1 chains, 0 flaws\n") {
			t.Errorf("%q, %v", out, err)
		}
	}
	out, _, err := finsam(t, "access-log", "verify", "--data", dir, "--head", head.Chain+"/9/"+head.Hash)
	if err == nil || !strings.Contains(out, "differs from its recorded head") {
		t.Errorf("an end that was cut off: %q, %v", out, err)
	}
	if _, _, err := finsam(t, "access-log", "verify", "--data", t.TempDir()); err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, _, err := finsam(t, "access-log", "verify", "--data", dir, "--head", "x"); err == nil || !strings.Contains(err.Error(), "CHAIN/N/HASH") {
		t.Errorf("no head: %v", err)
	}
}

func TestEntriesAreReadByWhoAndWhoseAndWhen(t *testing.T) {
	dir, _ := newLoggedData(t)
	for flags, want := range map[string]int{
		"": 2, "--authority fk": 1, "--participant p-molndal": 1, "--participant p": 0, "--subject m-7": 2,
		"--from 2000-01-01": 2, "--to 2000-01-01": 0, "--subject m-7 --authority af": 0,
	} {
		out, _, err := finsam(t, append([]string{"access-log", "read", "--data", dir}, strings.Fields(flags)...)...)
		if err != nil || strings.Count(out, "\n") != want || strings.Count(out, `"operation":"listNames"`) != want || strings.Count(out, `"service":"participant"`) != want {
			t.Errorf("%s: %q, %v", flags, out, err)
		}
	}
}

// TestCase_B5_TheEntriesOfAllServicesAreReadInOneOrder is: in the order of time, whatever
// service they are of, and each names its service.
func TestCase_B5_TheEntriesOfAllServicesAreReadInOneOrder(t *testing.T) {
	t.Setenv("FINSAM_STORE", "")
	dir := t.TempDir()
	db, err := launch.OpenStore(t.Context(), "sqlite:"+standalone.Layout(dir).Database(), "finsam")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	logs := map[string]*accesslog.Log{}
	var want []string
	for _, service := range []string{"referral", "participant", "referral", "activity", "participant", "referral"} {
		now = now.Add(time.Minute)
		if logs[service] == nil {
			if logs[service], err = accesslog.Open(t.Context(), db.Engine(service), service, clock); err != nil {
				t.Fatal(err)
			}
		}
		ctx := actor.With(t.Context(), actor.Actor{Subject: "m-7", Authority: "molndal", Roles: []actor.Role{actor.Coach}})
		if err := logs[service].Record(ctx, accesslog.Entry{Operation: "listNames", Outcome: accesslog.Done}); err != nil {
			t.Fatal(err)
		}
		want = append(want, service+" "+now.Format(time.RFC3339))
	}
	for _, l := range logs {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	out, _, err := finsam(t, "access-log", "read", "--data", dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out) {
		var e struct{ Service, At string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(line, err)
		}
		got = append(got, e.Service+" "+e.At)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
