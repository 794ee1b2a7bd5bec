package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/finsam/finsam/test/suite"
)

// newTrace invents the traceparent header of a sampled trace that begins at the caller.
func newTrace() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return "00-" + hex.EncodeToString(b[:16]) + "-" + hex.EncodeToString(b[16:]) + "-01"
}

// traceOf returns the id of the trace that an answer names; the caller's own is kept nowhere.
func traceOf(a suite.Answer) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(a.Header.Get("Traceparent"), "00-"), "-")
	return id
}

func TestOnePostIsOneTraceFromTheFrontDoorToTheStoreOfTheLastService(t *testing.T) {
	t.Parallel()
	c := startCollector(t)
	s := suite.FourProcesses(t, slices.Concat(unlimited, c.Env())...)
	header := newTrace()
	a := s.Must(t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: s.Token(t, fkSystem), Body: referral(adult, "Tolvan", "Spårlöst"),
		Header: map[string]string{"traceparent": header, "X-Request-Id": "trace-test-1", "Idempotency-Key": "trace-1"},
	})
	if got := a.Header.Get("X-Request-Id"); got != "trace-test-1" {
		t.Errorf("the answer has the X-Request-Id %q", got)
	}
	trace := traceOf(a)
	if strings.Contains(header, trace) {
		t.Errorf("the caller's trace %s was taken over", trace)
	}
	spans := c.Wait(trace, func(spans []span) bool {
		return in(spans, "finsam-gateway") > 0 && stores(spans, "finsam-referral") > 0 && stores(spans, "finsam-participant") > 0 && len(loose(spans)) == 0
	})
	for _, service := range []string{"finsam-gateway", "finsam-referral", "finsam-participant"} {
		if in(spans, service) == 0 {
			t.Errorf("no span of %s", service)
		}
	}
	for _, service := range []string{"finsam-referral", "finsam-participant"} {
		if stores(spans, service) == 0 {
			t.Errorf("no call of the store of %s", service)
		}
	}
	for _, what := range loose(spans) {
		t.Error(what)
	}
	impersonal(t, spans)
	if t.Failed() {
		t.Log(tree(spans))
	}
}

func in(spans []span, service string) (n int) {
	for _, s := range spans {
		if s.Service == service {
			n++
		}
	}
	return n
}

func stores(spans []span, service string) (n int) {
	for _, s := range spans {
		if s.Service == service && strings.HasPrefix(s.Name, "store ") {
			n++
		}
	}
	return n
}

// loose returns what does not hang below the caller through spans that are there, and the
// first spans of services that do not hang below another service's.
func loose(spans []span) (found []string) {
	byID, root := map[string]span{}, ""
	for _, s := range spans {
		byID[s.ID] = s
		if s.Service == "finsam-gateway" && s.Kind == "SERVER" {
			root = s.Parent
		}
	}
	for _, s := range spans {
		at := s
		for range 50 {
			parent, there := byID[at.Parent]
			if !there {
				break
			}
			at = parent
		}
		if at.Parent != root {
			found = append(found, fmt.Sprintf("%s of %s hangs below %q, which is neither the caller nor a span of the trace", at.Name, at.Service, at.Parent))
		}
		if s.Service == "finsam-gateway" || s.Kind != "SERVER" {
			continue
		}
		if parent := byID[s.Parent]; parent.Service == s.Service || parent.Service == "" {
			found = append(found, fmt.Sprintf("%s of %s was called by %q: not joined to another service", s.Name, s.Service, parent.Service))
		}
	}
	return found
}

var number = regexp.MustCompile(`[0-9]{6}[-+]?[0-9]{4}`)

// impersonal wants nothing in a span that could be about the person: neither what
// was sent nor an address with an id in it.
func impersonal(t *testing.T, spans []span) {
	t.Helper()
	for _, s := range spans {
		words := s.Name
		for k, v := range s.Attributes {
			words += " " + k + "=" + v
		}
		for _, secret := range []string{"Tolvan", "Spårlöst", adult, "123 45 67", "Påhittat exempel", "Bearer "} {
			if strings.Contains(words, secret) {
				t.Errorf("a span of %s reveals %q: %s", s.Service, secret, s.Name)
			}
		}
		if number.MatchString(s.Name) {
			t.Errorf("the name of a span of %s could be a personal number: %s", s.Service, s.Name)
		}
	}
}

// tree draws a trace for a failed test.
func tree(spans []span) string {
	var b strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&b, "%-20s %s < %s %-8s %s %v\n", s.Service, s.ID, s.Parent, s.Kind, s.Name, slices.Sorted(maps.Keys(s.Attributes)))
	}
	return b.String()
}

func TestTheAcceptanceAndTheEnrolmentThatFollowsAreOneTrace(t *testing.T) {
	t.Parallel()
	c := startCollector(t)
	s := suite.FourProcesses(t, slices.Concat(unlimited, c.Env())...)
	w := walk{s, t}
	made := s.Must(t, 201, suite.Request{
		Method: "POST", Path: "/referrals", Token: s.Token(t, fkSystem), Body: referral(adult, "Tolvan", "Spårlöst"),
	})
	thing := "/referrals/" + made.Text("id")
	accepted := s.Must(t, 200, suite.Request{
		Method: "POST", Path: thing + "/acceptance", Token: s.Token(t, intake),
		Body:   map[string]any{"initiative": "activera", "startDate": day(-1), "coach": "coach-1"},
		Header: map[string]string{"traceparent": newTrace(), "If-Match": made.Header.Get("ETag")},
	})
	w.state(intake, thing, "enrolled")
	trace := traceOf(accepted)
	spans := c.Wait(trace, func(spans []span) bool {
		return wrote(spans, "finsam-participant", "enrolments") && wrote(spans, "finsam-activity", "enrolments")
	})
	for _, service := range []string{"finsam-participant", "finsam-activity"} {
		if !wrote(spans, service, "enrolments") {
			t.Errorf("the trace does not reach the enrolment in %s:\n%s", service, tree(spans))
		}
	}
}

// wrote reports whether a service wrote to a collection within the trace.
func wrote(spans []span, service, collection string) bool {
	return slices.ContainsFunc(spans, func(s span) bool {
		return s.Service == service && (s.Name == "store insert "+collection || s.Name == "store replace "+collection)
	})
}
