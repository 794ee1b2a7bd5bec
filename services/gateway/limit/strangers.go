package limit

import (
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// maxStrangers bounds how many addresses are remembered; the ones seen least are
// forgotten first.
const maxStrangers = 65_536

// UnauthenticatedLimiter bounds how often an address may fail to say who it is: a token that
// passes costs nothing here, one that does not is charged. So signatures cannot be
// made up faster than the limit, and nobody behind a shared address is shut out
// by being many.
type UnauthenticatedLimiter struct {
	policy    Policy
	now       func() time.Time
	addresses *otter.Cache[netip.Prefix, *rate.Limiter]
}

// NewStrangers creates the limit; a PerSecond of zero is none.
func NewStrangers(p Policy, now func() time.Time) (*UnauthenticatedLimiter, error) {
	addresses, err := otter.New(&otter.Options[netip.Prefix, *rate.Limiter]{MaximumSize: maxStrangers})
	p.Burst = max(p.Burst, p.PerSecond)
	return &UnauthenticatedLimiter{policy: p, now: now, addresses: addresses}, err
}

// May returns zero when the address may try, else how long it must wait.
func (s *UnauthenticatedLimiter) May(a netip.Addr) time.Duration {
	if s.policy.PerSecond <= 0 {
		return 0
	}
	l, ok := s.addresses.GetIfPresent(network(a))
	if !ok {
		return 0
	}
	return fill(1-l.TokensAt(s.now()), s.policy)
}

// Charge notes a try of that cost that did not pass.
func (s *UnauthenticatedLimiter) Charge(a netip.Addr, cost int) {
	if s.policy.PerSecond <= 0 {
		return
	}
	key := network(a)
	l, ok := s.addresses.GetIfPresent(key)
	if !ok {
		l, _ = s.addresses.SetIfAbsent(key, rate.NewLimiter(rate.Limit(s.policy.PerSecond), s.policy.Burst))
	}
	l.AllowN(s.now(), min(cost, s.policy.Burst))
}

// network is the address, or of IPv6 the /64 that one subscriber has whole.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // an invalid address is one network of its own
	return p
}
