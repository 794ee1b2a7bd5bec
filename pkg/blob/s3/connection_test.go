package s3

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/finsam/finsam/pkg/blob"
)

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
	if len(refused) != 5 {
		t.Errorf("%d connections for five refused requests", len(refused))
	}
}
