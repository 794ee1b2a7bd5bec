package s3

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/finsam/finsam/pkg/blob"
)

func TestAWrongAddressIsRefusedWithASentence(t *testing.T) {
	good := map[string]string{AccessKeyVariable: "a", SecretKeyVariable: "s"}
	const address = "s3://bucket?endpoint=https://s3.example.se&region=eu-north-1"
	if _, err := Open(address, good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sentence, address, want string
		environ                 map[string]string
	}{
		{"another scheme", "gs://bucket", "must be like s3://", good},
		{"no bucket", "s3://?endpoint=https://s3.example.se&region=r", "must be like s3://", good},
		{"a path", "s3://bucket/a?endpoint=https://s3.example.se&region=r", "must be like s3://", good},
		{"credentials in the address", "s3://key:hemlig@bucket?endpoint=https://s3.example.se&region=r", "no credentials", good},
		{"credentials at the endpoint", "s3://bucket?endpoint=https://key:hemlig@s3.example.se&region=r", "the endpoint", good},
		{"a secret as a parameter", "s3://bucket?endpoint=https://s3.example.se&region=r&secret=hemlig", "and no", good},
		{"no endpoint", "s3://bucket?region=r", "the endpoint", good},
		{"an endpoint that is no address", "s3://bucket?endpoint=s3.example.se&region=r", "the endpoint", good},
		{"no region", "s3://bucket?endpoint=https://s3.example.se", "region", good},
		{"no credentials", address, SecretKeyVariable, map[string]string{AccessKeyVariable: "a"}},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			_, err := Open(c.address, c.environ)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "hemlig") {
				t.Errorf("it repeats a secret: %v", err)
			}
		})
	}
}

// TestNothingFollowsARequestWhoseBodyMayBeUnread: the store answers 412 and reads
// nothing, as some do.
func TestNothingFollowsARequestWhoseBodyMayBeUnread(t *testing.T) {
	var mu sync.Mutex
	refused := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if refused[r.RemoteAddr] {
			t.Errorf("%s comes on a connection whose body was not read", r.Method)
		}
		if r.Method == http.MethodPut {
			refused[r.RemoteAddr] = true
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer s.Close()
	store, err := Open("s3://bucket?endpoint="+s.URL+"&region=r", map[string]string{AccessKeyVariable: "a", SecretKeyVariable: "s"})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		err := store.Put(t.Context(), "insjoriket/a", func(w io.Writer) error {
			_, err := io.WriteString(w, "påhittat")
			return err
		})
		if !errors.Is(err, blob.ErrExists) {
			t.Fatal(err)
		}
		if _, err := store.Get(t.Context(), "insjoriket/a"); err == nil {
			t.Error("it is there")
		}
	}
	// A refusal may be lost where the server closes on the unread body; it is then tried
	// again, on one more connection.
	if len(refused) < 5 {
		t.Errorf("%d connections for five refused requests", len(refused))
	}
}
