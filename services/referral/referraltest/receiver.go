package referraltest

import (
	"context"
	"strings"
	"sync"

	"github.com/finsam/finsam/services/referral/outbound"
)

// Receiver is the network and the receivers of webhooks.
type Receiver struct {
	mu     sync.Mutex
	Answer func(outbound.Message) outbound.Answer // nil: OK
	got    []outbound.Message
}

// Check implements outbound.Sender: names that begin with "closed." are closed.
func (r *Receiver) Check(_ context.Context, url string) error {
	if err := outbound.CheckURL(url, false); err != nil {
		return err
	}
	if strings.HasPrefix(url, "https://closed.") {
		return outbound.ErrAddressClosed.AtField("/url")
	}
	return nil
}

// Send implements outbound.Sender.
func (r *Receiver) Send(_ context.Context, m outbound.Message) outbound.Answer {
	r.mu.Lock()
	r.got = append(r.got, m)
	answer := r.Answer
	r.mu.Unlock()
	if answer == nil {
		return outbound.Answer{Outcome: outbound.OK, Status: 204}
	}
	return answer(m)
}

// Set changes how it answers from now on.
func (r *Receiver) Set(answer func(outbound.Message) outbound.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Answer = answer
}

// Got returns what has been received, in order.
func (r *Receiver) Got() []outbound.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]outbound.Message(nil), r.got...)
}
