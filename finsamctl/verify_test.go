package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	other  = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// headersFor returns the headers of a message.
func headersFor(t testing.TB, at time.Time, body string) string {
	t.Helper()
	w, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := w.Sign("a/1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("Webhook-Id: a/1\nwebhook-timestamp: %d\nWebhook-Signature: v1,AAAA %s\n", at.Unix(), signed)
}

func TestASignatureIsHeldAgainstBodySecretAndClock(t *testing.T) {
	now, body := time.Now(), `{"type":"x"}`
	good := headersFor(t, now, body)
	for sentence, c := range map[string]struct {
		secret, head, body string
		anyTime, valid     bool
	}{
		"as it came":       {secret, good, body, false, true},
		"a changed body":   {secret, good, body + " ", false, false},
		"another secret":   {other, good, body, false, false},
		"too old":          {secret, headersFor(t, now.Add(-time.Hour), body), body, false, false},
		"old, any time":    {secret, headersFor(t, now.Add(-time.Hour), body), body, true, true},
		"without headers":  {secret, "", body, true, false},
		"another time":     {secret, strings.Replace(good, fmt.Sprint(now.Unix()), fmt.Sprint(now.Unix()-1), 1), body, false, false},
		"secret with line": {secret + "\n", good, body, false, true},
	} {
		if why, err := verifies(c.secret, []byte(c.head), []byte(c.body), c.anyTime); err != nil || (why == "") != c.valid {
			t.Errorf("%s: %q %v", sentence, why, err)
		}
	}
	if _, err := verifies("nothing", []byte(good), []byte(body), false); err == nil {
		t.Error("what is no secret is taken for one")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(headersFor(f, time.Unix(1_772_445_600, 0), "x"), "x") // of another secret: no body makes it valid
	f.Add("webhook-id: a\nwebhook-timestamp: 1\nwebhook-signature: v1,", "")
	f.Fuzz(func(t *testing.T, head, body string) {
		if why, err := verifies(other, []byte(head), []byte(body), true); err != nil || why == "" {
			t.Fatalf("valid without the secret: %q %q %v", head, body, err)
		}
	})
}
