package e2e

import (
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// silent is a receiver that accepts connections and never says a word.
type silent struct {
	net.Listener
	open, most, left atomic.Int64 // connections now, at most, and given up by the caller
}

func newSilent(t *testing.T) *silent {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &silent{Listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.most.Store(max(s.most.Load(), s.open.Add(1)))
			go func() {
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
				s.left.Add(1)
				s.open.Add(-1)
			}()
		}
	}()
	return s
}

// TestCase_G6_SilentReceiversCostOnlyTheirOwner is: twenty webhooks of one authority lead to
// a receiver that accepts and stays silent. Another's deliveries go out while the first of
// those attempts are still waiting.
func TestCase_G6_SilentReceiversCostOnlyTheirOwner(t *testing.T) {
	nobody, receiver := newSilent(t), newAuthority(t)
	w := walk{suite.OneProcess(t, append([]string{"FINSAM_WEBHOOK_ALLOW=127.0.0.0/8", "SSL_CERT_FILE=" + receiver.ca}, unlimited...)...), t}
	for range 20 {
		w.Must(t, 201, suite.Request{Method: "POST", Path: "/webhooks", Token: w.Token(t, fkSystem),
			Body: map[string]any{"url": "https://" + nobody.Addr().String() + "/", "active": true}})
	}
	w.Must(t, 201, suite.Request{Method: "POST", Path: "/webhooks", Token: w.Token(t, intake),
		Body: map[string]any{"url": receiver.URL + "/", "active": true}})
	r := rand.New(rand.NewPCG(15, 6))
	for n := 1; n <= 6; n++ {
		w.posted(r)
		receiver.gets(t, "se.finsam.referral.submitted", 204, n)
	}
	if nobody.left.Load() > 0 {
		t.Error("the other's deliveries waited until attempts at the silent receiver had ended")
	}
	eventually(t, "the silent receiver holds the share of its owner", func() bool { return nobody.open.Load() >= 12 })
	if most := nobody.most.Load(); most > 16 {
		t.Errorf("%d attempts at once", most)
	}
}
