package consent

import "testing"

func TestWhatAConsentSharesWithTheSender(t *testing.T) {
	for _, c := range []struct {
		sentence                    string
		scope                       Scope
		identity, progress, outcome bool
	}{
		{"no consent shares nothing", Scope{}, false, false, false},
		{"a whole one shares all", Scope{InForce: true}, true, true, true},
		{"the progress can be left out", Scope{true, []string{Progress}}, true, false, true},
		{"the outcome can be left out", Scope{true, []string{Outcome}}, true, true, false},
		{"both can be left out", Scope{true, []string{Progress, Outcome}}, true, false, false},
		{"one that is withdrawn shares nothing", Scope{}, false, false, false},
		{"nor what it had shared in part", Scope{false, []string{Outcome}}, false, false, false},
	} {
		for category, want := range map[string]bool{Identity: c.identity, Progress: c.progress, Outcome: c.outcome} {
			if got := c.scope.Shares(category); got != want {
				t.Errorf("%s: %s: %t", c.sentence, category, got)
			}
		}
	}
}
