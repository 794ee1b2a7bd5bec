package gateway

import "net/http"

// headers are those of every answer, and of answers to browsers.
type headers struct {
	isSecure bool            // the installation is reached by https
	origins  map[string]bool // of browsers that may call
}

// The slices are shared and never written to.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noStore    = []string{"no-store"}
	hsts       = []string{"max-age=31536000; includeSubDomains"}

	corsMethods = []string{"GET, POST, PUT, PATCH, DELETE"}
	corsHeaders = []string{"Authorization, Content-Type, Accept-Language, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, Traceparent"}
	corsExposed = []string{"ETag, Location, Content-Disposition, Content-Language, RateLimit, RateLimit-Policy, Retry-After, Age, Traceparent, X-Request-Id, Deprecation, Sunset"}
	corsMaxAge  = []string{"600"}
)

// set sets the headers of every answer, and those by which a browser knows whether its
// page's origin may call. Most of the contract is personal data, so nothing is stored
// unless a later stage says otherwise. It reports whether the request is only the browser's
// question (a preflight), which is then answered.
func (s *headers) set(h http.Header, r *http.Request) (isPreflight bool) {
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = noContent
	h["Cache-Control"] = noStore
	if s.isSecure {
		h["Strict-Transport-Security"] = hsts
	}
	if len(s.origins) == 0 {
		return false
	}
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !s.origins[origin] {
		return false
	}
	h["Access-Control-Allow-Origin"] = []string{origin}
	h["Access-Control-Expose-Headers"] = corsExposed
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h["Access-Control-Allow-Methods"] = corsMethods
	h["Access-Control-Allow-Headers"] = corsHeaders
	h["Access-Control-Max-Age"] = corsMaxAge
	return true
}
