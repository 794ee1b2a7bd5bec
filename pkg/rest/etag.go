package rest

import (
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/fault"
)

// ErrNoVersion answers a change that does not say which version it changes.
var ErrNoVersion = fault.New(fault.PreconditionRequired, "if-match-required",
	"Ange i If-Match vilken version du har läst (dess ETag).", "Say in If-Match which version you have read (its ETag).")

// ETag returns the entity tag of a version: its number in quotes.
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// Version reads the version that If-Match names: ErrNoVersion without one, and
// ErrStale when it is no version of ours, as it then cannot be the current one.
func Version(ifMatch *string) (int64, error) {
	if ifMatch == nil || strings.TrimSpace(*ifMatch) == "" {
		return 0, ErrNoVersion
	}
	n, ok := parseTag(strings.TrimSpace(*ifMatch))
	if !ok {
		return 0, fault.ErrStale
	}
	return n, nil
}

// NotModified reports whether If-None-Match names the version: the caller has it
// already. The comparison is the weak one (RFC 9110, 13.1.2).
func NotModified(ifNoneMatch *string, version int64) bool {
	if ifNoneMatch == nil {
		return false
	}
	for tag := range strings.SplitSeq(*ifNoneMatch, ",") {
		tag = strings.TrimSpace(tag)
		if n, ok := parseTag(strings.TrimPrefix(tag, "W/")); tag == "*" || ok && n == version {
			return true
		}
	}
	return false
}

// parseTag reads a strong entity tag of ours.
func parseTag(tag string) (int64, bool) {
	if len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return 0, false
	}
	n, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64)
	if err != nil || n < 1 || ETag(n) != tag {
		return 0, false
	}
	return n, true
}
