package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
)

// target is a process that is scraped.
type target struct {
	url    string
	labels map[string]string
	last   map[uint64]labels.Labels // what the last scrape found, by the hash of the labels
}

// scrape scrapes the targets at each interval until ctx ends. A target that does not answer
// is down, which is no error; an error is what Prometheus would not take of one that does.
func scrape(ctx context.Context, into *memory, targets []*target) error {
	var wrong error
	for tick := time.NewTicker(interval); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return wrong
		case <-tick.C:
		}
		for _, t := range targets {
			if err := t.scrape(ctx, into); err != nil && ctx.Err() == nil && wrong == nil {
				wrong = fmt.Errorf("%s: %w", t.url, err)
			}
		}
	}
}

// scrape keeps what the target has now, whether it is up, and that a series has ended which
// the target had before.
func (t *target) scrape(ctx context.Context, into *memory) error {
	now := time.Now().UnixMilli()
	text, kind, up := t.get(ctx)
	found := map[uint64]labels.Labels{}
	var wrong error
	if up == 1 {
		wrong = t.read(text, kind, func(l labels.Labels, v float64) error {
			found[l.Hash()] = l
			return into.add(l, now, v)
		})
	}
	for hash, l := range t.last {
		if _, ok := found[hash]; !ok {
			wrong = errors.Join(wrong, into.add(l, now, math.Float64frombits(value.StaleNaN)))
		}
	}
	t.last = found
	own := labels.NewBuilder(labels.FromMap(t.labels))
	return errors.Join(wrong, into.add(own.Set("__name__", "up").Labels(), now, up))
}

// get asks for the metrics in the form that Prometheus likes best; up is 1 when it has them.
func (t *target) get(ctx context.Context) (text []byte, kind string, up float64) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return nil, "", 0
	}
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", 0
	}
	defer func() { _ = answer.Body.Close() }()
	if text, err = io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return nil, "", 0
	}
	return text, answer.Header.Get("Content-Type"), 1
}

// read calls add for each sample of the text, with the labels of the target. No metric has
// a label that the target has too: Prometheus would rename it.
func (t *target) read(text []byte, kind string, add func(labels.Labels, float64) error) error {
	p, err := textparse.New(text, kind, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		return err
	}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var own labels.Labels
		p.Labels(&own)
		all := labels.NewBuilder(own)
		for name, value := range t.labels {
			if own.Has(name) {
				return fmt.Errorf("%s has a label of the target", own)
			}
			all.Set(name, value)
		}
		_, _, v := p.Series()
		if err := add(all.Labels(), v); err != nil {
			return err
		}
	}
}
