package tracecontext

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestAHeaderThatIsReadIsWrittenAgain(t *testing.T) {
	for header, want := range map[string]string{
		parent: parent,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
		"":               "",
		"00-1-2-3":       "",
		"no traceparent": "",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01":  "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01":  "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz":  "",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-001": "",
	} {
		if got := Header(Within(t.Context(), header)); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}

func TestACallersTraceIsFollowedAndNotWritten(t *testing.T) {
	const theirs = "00-19900304238000000000000000000000-1990030423800000-01"
	ours := Header(FromCaller(t.Context(), theirs))
	if len(ours) != len(theirs) || strings.Contains(ours, "19900304238") || !strings.HasSuffix(ours, "-01") {
		t.Errorf("got %q", ours)
	}
	if again := Header(FromCaller(t.Context(), theirs)); again != ours {
		t.Errorf("the same trace became %q and %q", ours, again)
	}
	if sibling := Header(FromCaller(t.Context(), theirs[:36]+"00f067aa0ba902b7-00")); sibling[:36] != ours[:36] || sibling[36:52] == ours[36:52] || !strings.HasSuffix(sibling, "-00") {
		t.Errorf("another span of the trace became %q, beside %q", sibling, ours)
	}
	if other := Header(FromCaller(t.Context(), parent)); other[:36] == ours[:36] {
		t.Error("two traces became one")
	}
	for _, header := range []string{"", "no traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"} {
		if ctx := FromCaller(t.Context(), header); Header(ctx) != "" {
			t.Errorf("%q became %q", header, Header(ctx))
		}
	}
}

func FuzzFromCaller(f *testing.F) {
	f.Add(parent)
	f.Add("00-19900304238000000000000000000000-1990030423800000-01")
	f.Fuzz(func(t *testing.T, header string) {
		ours := Header(FromCaller(t.Context(), header))
		if ours != "" && (len(ours) != len(parent) || ours[3:35] == header[3:35]) {
			t.Errorf("%q became %q", header, ours)
		}
	})
}

func TestEveryContextCanHaveATrace(t *testing.T) {
	first, second := Ensure(t.Context()), Ensure(t.Context())
	if h := Header(first); len(h) != len(parent) || !strings.HasSuffix(h, "-00") || h == Header(second) {
		t.Errorf("got %q and %q", h, Header(second))
	}
	if Ensure(first) != first {
		t.Error("a trace was replaced")
	}
	if ctx := Within(first, parent); Header(ctx) != parent || !trace.SpanContextFromContext(ctx).IsRemote() {
		t.Errorf("got %q", Header(ctx))
	}
}

func TestARequestKeepsItsIDUnlessThatCannotBeLogged(t *testing.T) {
	for chosen, kept := range map[string]bool{
		"my-own-1": true, "3F0C8A52-6A43-4D0E-9D3E-0D8C7A1B2C3D": true, "a.b_c~d": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "a\nb": false, "å": false, `"`: false, "a,b": false,
		"19121212-1212": false, "pnr-198001012387": false,
	} {
		got := RequestID(chosen)
		if (got == chosen) != kept || !kept && uuid.Validate(got) != nil {
			t.Errorf("%q became %q", chosen, got)
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	ctx := Within(b.Context(), parent)
	b.ReportAllocs()
	for b.Loop() {
		_ = Header(ctx)
	}
}

func TestAHeaderIsReadAsOpenTelemetryReadsIt(t *testing.T) {
	headers := []string{"", parent, strings.ToUpper(parent), parent + "-x", "01" + parent[2:], "ff" + parent[2:], strings.Replace(parent, "0", "g", 9), strings.Repeat("-", 55)}
	for i := range len(parent) {
		for _, c := range []string{"0", "1", "2", "a", "A", "-", " "} {
			headers = append(headers, parent[:i]+c+parent[i+1:])
		}
	}
	headers = append(headers, "00-"+strings.Repeat("0", 32)+parent[35:], parent[:36]+strings.Repeat("0", 16)+"-01")
	for _, header := range headers {
		got := trace.SpanContextFromContext(Within(t.Context(), header))
		want := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": header}))
		if !got.Equal(want) {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
