package accesslog_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/metrics/metricstest"
)

func TestEntriesAreCountedByAuthorityAndNeverByPerson(t *testing.T) {
	m := metricstest.New(t)
	l, err := accesslog.Open(t.Context(), newMemory(), "participant", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ctx := actor.With(t.Context(), actor.Actor{Subject: "anna-andersson", Association: "insjoriket", Authority: "molndal"})
	for _, o := range []accesslog.Outcome{accesslog.Done, accesslog.Refused, accesslog.Refused} {
		if err := l.Record(ctx, accesslog.Entry{Operation: "readIdentities", Thing: "participant/p-1", Participants: []string{"p-1", "p-2"}, Outcome: o}); err != nil {
			t.Fatal(err)
		}
	}
	got := m.Read(t)
	for series, want := range map[string]float64{
		"finsam.access_log.entries{authority=molndal component=participant outcome=done}":    1,
		"finsam.access_log.entries{authority=molndal component=participant outcome=refused}": 2,
		"finsam.access_log.people{authority=molndal component=participant outcome=done}":     2,
		"finsam.access_log.blocks{component=participant}":                                    3,
		"finsam.access_log.failures{component=participant}":                                  0,
		"finsam.access_log.wait{component=participant}":                                      3,
		"finsam.access_log.queued{component=participant}":                                    0,
	} {
		if v, there := got[series]; !there || v != want {
			t.Errorf("%s is %v (%t), want %v", series, v, there, want)
		}
	}
	for series := range got {
		if strings.Contains(series, "anna") || strings.Contains(series, "p-1") {
			t.Errorf("%s names somebody", series)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(ctx, accesslog.Entry{}); !errors.Is(err, accesslog.ErrNotLogged) {
		t.Errorf("a closed log took an entry: %v", err)
	}
	if v := m.Read(t)["finsam.access_log.failures{component=participant}"]; v != 1 {
		t.Errorf("%v failures", v)
	}
}
