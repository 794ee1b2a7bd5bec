package gateway

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
)

// ErrNoToken answers a request that shows no access token, or shows it in a way
// that leaves open which one is meant.
var ErrNoToken = fault.New(fault.Unauthenticated, "token-missing",
	"Anropet saknar åtkomsttoken. Skicka den som Authorization: Bearer.",
	"The request has no access token. Send it as Authorization: Bearer.")

// admit verifies the token and asks whether its roles may call the operation at
// all. Anyone who shows no good token is charged by address, and stopped before any
// signature work once that is used up. A public operation is charged likewise.
func (x *request) admit() error {
	token, shown := bearer(x.r.Header)
	if shown && !x.op.Public {
		if a, issuer, ok := x.g.Trust.Recall(token); ok {
			x.actor, x.issuer = a, issuer
			return x.called()
		}
	}
	from := x.remote()
	if wait := x.g.Strangers.May(from); wait > 0 {
		x.g.meters.tooMany(x.ctx, byAddress, "")
		return problem.ErrTooMany.After(wait)
	}
	if x.op.Public {
		x.g.Strangers.Charge(from, x.op.Cost)
		return nil
	}
	if !shown {
		x.g.Strangers.Charge(from, 1)
		x.challenge = challengeMissing
		x.g.meters.turnedAway(x.ctx, ErrNoToken)
		return ErrNoToken
	}
	a, issuer, err := x.g.Trust.Verify(x.ctx, token)
	x.actor, x.issuer = a, issuer
	if err != nil {
		x.g.meters.turnedAway(x.ctx, err)
		x.refused(from, err)
		return err
	}
	return x.called()
}

// The challenges of RFC 6750 section 3; no error code when no token was shown.
const (
	challengeMissing = `Bearer realm="finsam"`
	challengeInvalid = `Bearer realm="finsam", error="invalid_token"`
)

// refused charges a token that did not pass. One whose issuer's keys cannot be
// fetched is not the caller's fault.
func (x *request) refused(from netip.Addr, err error) {
	if f := fault.Of(err); f.Status == fault.Unauthenticated {
		x.g.Strangers.Charge(from, 1)
		x.challenge = challengeInvalid
		x.g.Log.InfoContext(x.ctx, "token refused", "operation", x.route, "issuer", x.issuer, "code", f.Code, "cause", causeOf(f))
	}
}

// causeOf returns a fault's private cause. Those of tokens name checks and
// algorithms, no content of the token.
func causeOf(f *fault.Error) string {
	if cause := errors.Unwrap(f); cause != nil {
		return cause.Error()
	}
	return ""
}

func (x *request) called() error {
	if !access.MayCall(x.op.ID, x.actor) {
		return fault.ErrForbidden
	}
	return nil
}

// bearer returns the token of the one Authorization header, false when there is
// none, several, or one of another scheme.
func bearer(h http.Header) (string, bool) {
	const scheme = "Bearer "
	all := h["Authorization"]
	if len(all) != 1 || len(all[0]) <= len(scheme) || !strings.EqualFold(all[0][:len(scheme)], scheme) {
		return "", false
	}
	return all[0][len(scheme):], true
}

// limited takes the operation's cost from the authority's limit, and tells in the
// headers what is left (draft-ietf-httpapi-ratelimit-headers).
func (x *request) limited() error {
	if x.op.Public || !x.g.Limits.Limits() {
		return nil
	}
	d := x.g.Limits.Take(x.ctx, x.actor.Association+"/"+x.actor.Authority, x.op.Cost)
	p := x.g.Limits.Policy()
	h := x.Header()
	h["Ratelimit-Policy"] = []string{`"authority";q=` + strconv.Itoa(p.Burst) + ";w=" + strconv.Itoa((p.Burst+p.PerSecond-1)/p.PerSecond)}
	h["Ratelimit"] = []string{`"authority";r=` + strconv.Itoa(d.Remaining) + ";t=" + strconv.Itoa(seconds(d.Reset))}
	if !d.Allowed {
		x.g.meters.tooMany(x.ctx, byAuthority, x.actor.Authority)
		return problem.ErrTooMany.After(d.RetryAfter)
	}
	return nil
}

// seconds rounds up, so that anyone who waits that long has waited enough.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// remote returns the caller's address: the connection's, or behind a proxy that is
// believed the last address that no such proxy has.
func (x *request) remote() netip.Addr {
	at, err := netip.ParseAddrPort(x.r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := at.Addr().Unmap()
	hops := x.r.Header["X-Forwarded-For"]
	if len(hops) == 0 || !x.g.believed(addr) {
		return addr
	}
	chain := strings.Split(strings.Join(hops, ","), ",")
	for i := len(chain) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(chain[i]))
		if err != nil {
			return addr
		}
		if addr = hop.Unmap(); !x.g.believed(addr) {
			return addr
		}
	}
	return addr
}

func (g *Gateway) believed(a netip.Addr) bool {
	for _, p := range g.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
