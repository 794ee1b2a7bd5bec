package gateway

import "net/http"

// What a browser of an allowed origin may send and read.
var (
	corsMethods = []string{"GET, POST, PUT, PATCH, DELETE"}
	corsHeaders = []string{"Authorization, Content-Type, Accept-Language, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, Traceparent"}
	corsExposed = []string{"ETag, Location, Content-Disposition, Content-Language, RateLimit, RateLimit-Policy, Retry-After, Age, Traceparent, X-Request-Id, Deprecation, Sunset"}
	corsMaxAge  = []string{"600"}
)

// The headers of every answer. The slices are shared and never written to.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	nothing    = []string{"default-src 'none'; frame-ancestors 'none'"}
	noStore    = []string{"no-store"}
	strict     = []string{"max-age=31536000; includeSubDomains"}
)

// headers sets what every answer bears. The contract has most things personal,
// so nothing is stored unless the way of the request says otherwise.
func (g *Gateway) headers(h http.Header) {
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = nothing
	h["Cache-Control"] = noStore
	if g.secure {
		h["Strict-Transport-Security"] = strict
	}
}

// cors tells a browser whether its page's origin may call, and answers its
// question beforehand (a preflight) by itself: true means the answer is given.
func (x *request) cors() bool {
	if len(x.g.origins) == 0 {
		return false
	}
	h := x.Header()
	h.Add("Vary", "Origin")
	origin := x.r.Header.Get("Origin")
	if origin == "" || !x.g.origins[origin] {
		return false
	}
	h["Access-Control-Allow-Origin"] = []string{origin}
	h["Access-Control-Expose-Headers"] = corsExposed
	if x.r.Method != http.MethodOptions || x.r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h["Access-Control-Allow-Methods"] = corsMethods
	h["Access-Control-Allow-Headers"] = corsHeaders
	h["Access-Control-Max-Age"] = corsMaxAge
	x.WriteHeader(http.StatusNoContent)
	return true
}
