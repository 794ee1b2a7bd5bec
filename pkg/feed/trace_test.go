package feed

import (
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestAnEventIsHandledWithinTheTraceThatLedToIt(t *testing.T) {
	for header, want := range map[string]string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 true",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00": "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 false",
		"":               none,
		"00-1-2-3":       none,
		"no traceparent": none,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01":  none,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01":  none,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz":  none,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-001": none,
	} {
		sc := trace.SpanContextFromContext(Event{TraceParent: header}.within(t.Context()))
		got := sc.TraceID().String() + " " + sc.SpanID().String()
		if sc.IsSampled() {
			got += " true"
		} else {
			got += " false"
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

// none is the trace of an event that has none.
const none = "00000000000000000000000000000000 0000000000000000 false"
