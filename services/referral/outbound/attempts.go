package outbound

import (
	"sync"
	"time"

	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/share"
)

const (
	// maxAttemptsPerWebhook bounds the attempts under way, so that a slow receiver
	// delays no other, and maxAttemptsUnderWay those of all in one process, of which one
	// owner's webhooks together have a quarter at most.
	maxAttemptsPerWebhook = 4
	maxAttemptsUnderWay   = 64
)

// silencePauses is how long a receiver that did not answer is left alone, by the number of
// attempts in a row that had no answer. It is attempted by one delivery at a time until it
// answers: all that wait for it need not each find out.
var silencePauses = backoff.Backoff{First: 5 * time.Second, Max: time.Minute}

// attempts are those under way in this process, and what it knows of receivers.
type attempts struct {
	places   *share.Places[string] // by owner
	underWay sync.WaitGroup

	mu        sync.Mutex
	receivers map[string]*receiver // by webhook: attempted now, or silent the last time
}

type receiver struct {
	underWay int
	silent   int       // attempts in a row without an answer
	until    time.Time // when it may be attempted again, if it is silent
}

// forgive lets a silent receiver be attempted at once, as its owner wants.
func (r *receiver) forgive() { r.silent = 0 }

// free returns how many more attempts a webhook may have under way.
func (a *attempts) free(webhook string, now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r := a.receivers[webhook]; {
	case r == nil:
		return maxAttemptsPerWebhook
	case r.silent == 0:
		return maxAttemptsPerWebhook - r.underWay
	case r.underWay > 0 || now.Before(r.until):
		return 0
	}
	return 1
}

// change changes what is known of a webhook's receiver.
func (a *attempts) change(webhook string, change func(r *receiver)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.receivers[webhook]
	if r == nil {
		r = &receiver{}
		a.receivers[webhook] = r
	}
	if change(r); r.underWay == 0 && r.silent == 0 {
		delete(a.receivers, webhook)
	}
}
