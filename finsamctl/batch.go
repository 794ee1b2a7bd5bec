package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// batchItem is the answer to one row of a batch.
type batchItem struct {
	Index          int      `json:"index"`
	Status         int      `json:"status"`
	ID             string   `json:"id"`
	RegistryNumber string   `json:"registryNumber"`
	Problem        *problem `json:"problem"`
}

// batch posts referrals in one call, and those whose answer was "try later" again, up to
// maxAttempts times. Beside an error after the first answer it returns the last answer
// of each row.
func (p *poster) batch(ctx context.Context, items []item) ([]result, error) {
	results := make([]result, len(items))
	left := make([]int, len(items)) // indexes into items
	for i := range items {
		left[i] = i
	}
	for n := 0; ; n++ {
		answer, err := p.postBatch(ctx, items, left)
		if err != nil && n > 0 {
			return results, err
		}
		if err != nil {
			return nil, err
		}
		var again []int
		for _, a := range answer {
			i := left[a.Index]
			it := items[i]
			if a.Problem != nil {
				a.Problem.Status = a.Status
				results[i] = refused(it, a.Problem)
			} else {
				results[i] = result{Row: it.row, Reference: it.reference, Key: it.key, Status: a.Status, ID: a.ID, RegistryNumber: a.RegistryNumber}
			}
			if later(a.Status) {
				again = append(again, i)
			}
		}
		if left = again; len(left) == 0 || n == maxAttempts-1 {
			return results, nil
		}
		wait := min(500*time.Millisecond<<n, maxPause)
		p.notice("%d rader får vänta på servern. Nytt försök, %d av %d, om %s.", "%d rows have to wait for the server. Next attempt, %d of %d, in %s.", len(left), n+2, maxAttempts, wait)
		if err := pause(ctx, wait); err != nil {
			return results, err
		}
	}
}

// postBatch posts some of the items and returns one answer for each of them.
func (p *poster) postBatch(ctx context.Context, items []item, which []int) ([]batchItem, error) {
	list := make([]json.RawMessage, 0, len(which))
	for _, i := range which {
		list = append(list, withKey(items[i]))
	}
	body, err := json.Marshal(map[string]any{"items": list})
	if err != nil {
		return nil, errors.New(p.say("en rad kan inte skrivas som JSON", "a row cannot be written as JSON"))
	}
	var answer struct {
		Items []batchItem `json:"items"`
	}
	if err := p.call(ctx, http.MethodPost, "/referrals/batch", nil, body, &answer); err != nil {
		return nil, err
	}
	seen := make([]bool, len(which))
	for _, a := range answer.Items {
		if a.Index < 0 || a.Index >= len(which) || seen[a.Index] {
			return nil, unsure{errors.New(p.say("svaret har inte ett resultat per rad", "the answer does not contain one result per row"))}
		}
		seen[a.Index] = true
	}
	if len(answer.Items) != len(which) {
		return nil, unsure{errors.New(p.say("svaret har inte ett resultat per rad", "the answer does not contain one result per row"))}
	}
	return answer.Items, nil
}

// withKey returns a row as an item of a batch, where the key has the meaning of an
// Idempotency-Key.
func withKey(it item) json.RawMessage {
	return append(append([]byte(`{"key":"`+it.key+`","referral":`), it.body...), '}')
}
