package send

import (
	"net/http"
	"testing"
	"time"
)

// FuzzRetryAfter hands in what receivers may write into Retry-After: nobody waits
// less than nothing, and only who is busy is waited for.
func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "0", "120", "-1", "99999999999999999999", "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "1.5", "120, 3", "soon"} {
		f.Add(text, 503)
		f.Add(text, 429)
		f.Add(text, 500)
	}
	f.Fuzz(func(t *testing.T, text string, status int) {
		wait := retryAfter(&http.Response{StatusCode: status, Header: http.Header{"Retry-After": {text}}})
		busy := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
		if wait < 0 || !busy && wait != 0 || text == "120" && busy && wait != 2*time.Minute {
			t.Errorf("%q at %d: %s", text, status, wait)
		}
	})
}
