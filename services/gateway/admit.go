package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/metrics"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/gateway/limit"
	"github.com/finsam/finsam/services/gateway/trust"
)

// ErrNoToken answers a request without an access token, or with one in a way that leaves
// open which one is meant.
var ErrNoToken = fault.New(fault.Unauthenticated, "token-missing",
	"Anropet saknar åtkomsttoken. Skicka den som Authorization: Bearer.",
	"The request has no access token. Send it as Authorization: Bearer.")

// caller is who asks, by the access token.
type caller struct {
	actor.Actor
	issuer string // empty until it is known to be a trusted one
	isRest bool   // its token was verified although its address had used up its limit
}

// place returns whose places the caller has.
func (c caller) place() [2]string { return [2]string{c.Association, c.Authority} }

// admission lets callers in.
type admission struct {
	trust     *trust.Verifier
	limits    *limit.Limiter
	policy    []string // of limits, as the header RateLimit-Policy
	addresses addresses
	meters    *meters
	log       *slog.Logger
	resource  string // the address of the resource's metadata; empty: unknown
	rest      *rate.Limiter
}

// restPerSecond is how many tokens are verified of addresses that have used up their limit,
// in all: at a tenth of a millisecond each that costs a tenth of a processor. Somebody who
// sends invalid ones then stops nobody who has the same address, as behind an ingress that
// is not trusted.
const restPerSecond = 1000

// admit verifies the token. A request without a valid one is charged to its address. Once
// that is used up it is stopped before any signature work, but for a token that may be valid
// by all that can be seen without, as long as the rest lasts. A public operation is charged
// likewise.
func (a *admission) admit(h http.Header, r *http.Request, op *operation) (caller, error) {
	ctx := r.Context()
	const scheme = "Bearer "
	token := "" // none with several headers, or with one of another scheme
	if all := r.Header["Authorization"]; len(all) == 1 && len(all[0]) > len(scheme) && strings.EqualFold(all[0][:len(scheme)], scheme) {
		token = all[0][len(scheme):]
	}
	if token != "" && !op.Public {
		if who, issuer, ok := a.trust.Recall(token); ok {
			return caller{who, issuer, false}, nil
		}
	}
	if op.Public {
		return caller{}, a.addresses.charge(r, op.Cost)
	}
	address := a.addresses.callerAddress(r)
	isRest := false
	if wait := a.addresses.limit.Wait(address); wait > 0 {
		if isRest = token != "" && a.trust.IsPlausible(token) && a.rest.Allow(); !isRest {
			return caller{}, a.addresses.refuse(ctx, wait)
		}
	}
	// No error code without a token: RFC 6750 section 3.
	if token == "" {
		a.addresses.limit.Charge(address, 1)
		h["Www-Authenticate"] = a.challenge("")
		a.meters.refused.Add(ctx, 1, metrics.Labels{"reason": ErrNoToken.Code}.Option())
		return caller{}, ErrNoToken
	}
	who, issuer, err := a.trust.Verify(ctx, token)
	if err == nil {
		return caller{who, issuer, false}, nil
	}
	f := fault.Of(err)
	a.meters.refused.Add(ctx, 1, metrics.Labels{"reason": f.Code}.Option())
	if f.Status == fault.Unauthenticated { // else our fault, or the issuer's
		a.addresses.limit.Charge(address, 1)
		h["Www-Authenticate"] = a.challenge("invalid_token")
		// The causes of token faults name checks and algorithms, no content of the token.
		if isRest {
			return caller{issuer: issuer, isRest: true}, err
		}
		a.log.InfoContext(ctx, "token refused", "operation", op.ID, "issuer", issuer, "code", f.Code, "cause", errors.Unwrap(f))
	}
	return caller{issuer: issuer}, err
}

// challenge returns the header that says how to come in (RFC 6750 section 3, RFC 9728
// section 5.1).
func (a *admission) challenge(code string) []string {
	text := `Bearer realm="finsam"`
	if code != "" {
		text += `, error="` + code + `"`
	}
	if a.resource != "" {
		text += `, resource_metadata="` + a.resource + `"`
	}
	return []string{text}
}

// take takes the operation's cost from the limit of the caller's authority, and says in
// the headers what is left (draft-ietf-httpapi-ratelimit-headers).
func (a *admission) take(h http.Header, r *http.Request, op *operation, who caller) error {
	if op.Public || !a.limits.IsLimited() {
		return nil
	}
	cost := op.Cost
	for name, more := range op.Dear {
		if r.URL.RawQuery != "" && r.URL.Query().Has(name) {
			cost += more
		}
	}
	d := a.limits.Take(r.Context(), who.Owner(), cost)
	h["Ratelimit-Policy"] = a.policy
	// Rounded up: who waits that long has waited enough.
	h["Ratelimit"] = []string{`"authority";r=` + strconv.Itoa(d.Remaining) + ";t=" + strconv.Itoa(int((d.Reset+time.Second-1)/time.Second))}
	if !d.Allowed {
		a.meters.limited.Add(r.Context(), 1, metrics.Labels{"authority": who.Authority, "by": byAuthority}.Option())
		return problem.ErrTooMany.After(d.RetryAfter)
	}
	return nil
}

// addresses limits callers without a valid token by their address.
type addresses struct {
	limit   *limit.UnauthenticatedLimiter
	proxies []netip.Prefix
	meters  *meters
	warn    func() // that a proxy is not trusted
}

// charge takes the cost of what anybody may ask for from the limit of the caller's address.
// The error answers one that has used it up.
func (s addresses) charge(r *http.Request, cost int) error {
	address := s.callerAddress(r)
	if wait := s.limit.Wait(address); wait > 0 {
		return s.refuse(r.Context(), wait)
	}
	if cost > 0 {
		s.limit.Charge(address, cost)
	}
	return nil
}

// refuse counts a request that is refused, and returns the error that answers it.
func (s addresses) refuse(ctx context.Context, wait time.Duration) error {
	s.meters.limited.Add(ctx, 1, metrics.Labels{"authority": "", "by": byAddress}.Option())
	return problem.ErrTooMany.After(wait)
}

// callerAddress returns the caller's address: the connection's, or behind a trusted proxy the last
// address that no such proxy has.
func (s addresses) callerAddress(r *http.Request) netip.Addr {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := remote.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			if hops[i] != "" && addr == remote.Addr().Unmap() && addr.IsPrivate() {
				s.warn()
			}
			return addr
		}
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return addr
		}
		addr = hop.Unmap()
	}
	return addr
}
