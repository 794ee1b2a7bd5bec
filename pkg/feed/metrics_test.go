package feed_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/metrics/metricstest"
)

// until reads the metrics until they are as wanted.
func until(t *testing.T, m *metricstest.Meter, what string, as func(map[string]float64) bool) {
	t.Helper()
	var got map[string]float64
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = m.Read(t); as(got) {
			return
		}
	}
	t.Fatalf("%s: %v", what, got)
}

func TestMetricsShowHowFarAFeedHasComeAndHowFarAFollowerLags(t *testing.T) {
	m := metricstest.New(t)
	e := engine(t)
	paths, log := open(t, e)
	p := feed.NewPublisher(log, quiet, feed.FromCollection(paths, "se.finsam.test.", pathEvent))
	ctx, stop := context.WithCancel(t.Context())
	go func() { _ = p.Run(ctx) }()
	ill := make(chan struct{})
	f, err := feed.NewFollower(ctx, e, quiet, "x:test", log, func(context.Context, feed.Event) error {
		select {
		case <-ill:
			return nil
		default:
			return errors.New("ill")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = f.Measured("other", "test").Run(ctx) }()
	for _, id := range []string{"a", "b"} {
		if _, err := paths.Insert(ctx, &path{ID: id, Steps: []string{"begun"}}); err != nil {
			t.Fatal(err)
		}
	}
	p.Wake()
	const labels = "{component=other source=test}"
	until(t, m, "the follower is ill", func(v map[string]float64) bool {
		return v["finsam.feed.head{source=test}"] == 2 && v["finsam.publisher.backlog{source=test}"] == 0 &&
			v["finsam.follower.position"+labels] == 0 && v["finsam.follower.lag"+labels] > 0 && v["finsam.follower.failures"+labels] > 0
	})
	close(ill)
	until(t, m, "the follower is well", func(v map[string]float64) bool {
		return v["finsam.follower.position"+labels] == 2 && v["finsam.follower.lag"+labels] == 0 && v["finsam.follower.delay"+labels] == 2
	})
	stop()
	<-done
	if _, there := m.Read(t)["finsam.follower.position"+labels]; there {
		t.Error("a follower that has ended still shows its position")
	}
}
