package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// finsam runs the program and returns what it printed.
func finsam(t *testing.T, args ...string) (out, errOut string, err error) {
	t.Helper()
	var o, e bytes.Buffer
	c := rootCommand()
	c.SetArgs(args)
	c.SetOut(&o)
	c.SetErr(&e)
	err = c.ExecuteContext(t.Context())
	return o.String(), e.String(), err
}

func TestEachServiceIsASubcommandThatNamesAMissingVariable(t *testing.T) {
	t.Setenv("FINSAM_KEYS_DIR", "")
	for _, name := range []string{"gateway", "referral", "participant", "activity"} {
		if _, _, err := finsam(t, name); err == nil || !strings.Contains(err.Error(), "FINSAM_") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAProbeRepeatsUntilTheStatusIsTheWantedOne(t *testing.T) {
	requests := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests++; requests == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer s.Close()
	if out, _, err := finsam(t, "probe", "--within", "10s", s.URL); err != nil || out != s.URL+" answers 200\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, _, err := finsam(t, "probe", "--within", "700ms", s.URL+"=401"); err == nil || !strings.Contains(err.Error(), "answers 200, not 401") {
		t.Errorf("another answer: %v", err)
	}
}

func TestTheVersionIsPrinted(t *testing.T) {
	if out, _, err := finsam(t, "--version"); err != nil || !strings.HasPrefix(out, "finsam version ") {
		t.Errorf("%q, %v", out, err)
	}
}
