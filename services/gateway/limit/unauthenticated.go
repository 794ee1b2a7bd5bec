package limit

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/finsam/finsam/pkg/web/server"
)

// maxAddresses bounds how many addresses are remembered; those not seen for longest are
// forgotten first.
const maxAddresses = 65_536

// UnauthenticatedLimiter bounds how often an address may try without a valid token. A
// valid one costs nothing, so signatures cannot be guessed faster than the limit, and
// nobody behind a shared address is shut out because they are many.
type UnauthenticatedLimiter struct {
	policy    Policy
	now       func() time.Time
	addresses *lru.Cache[netip.Prefix, *rate.Limiter]
}

// NewUnauthenticated creates the limiter.
func NewUnauthenticated(p Policy, now func() time.Time) (*UnauthenticatedLimiter, error) {
	addresses, err := lru.New[netip.Prefix, *rate.Limiter](maxAddresses)
	p.Burst = max(p.Burst, p.PerSecond)
	return &UnauthenticatedLimiter{policy: p, now: now, addresses: addresses}, err
}

// Wait returns how long the address must wait before another try; zero: not at all.
func (s *UnauthenticatedLimiter) Wait(a netip.Addr) time.Duration {
	if s.policy.PerSecond <= 0 {
		return 0
	}
	l, ok := s.addresses.Get(server.Network(a))
	if !ok {
		return 0
	}
	return fillTime(1-l.TokensAt(s.now()), s.policy)
}

// Charge takes the cost of a failed try.
func (s *UnauthenticatedLimiter) Charge(a netip.Addr, cost int) {
	if s.policy.PerSecond <= 0 {
		return
	}
	key := server.Network(a)
	l, ok := s.addresses.Get(key)
	if !ok {
		l = rate.NewLimiter(rate.Limit(s.policy.PerSecond), s.policy.Burst)
		if before, ok, _ := s.addresses.PeekOrAdd(key, l); ok {
			l = before
		}
	}
	if now := s.now(); !l.AllowN(now, min(cost, s.policy.Burst)) {
		l.AllowN(now, int(l.TokensAt(now))) // what is left
	}
}
