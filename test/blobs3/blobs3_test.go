// Package blobs3 proves the S3 engine of package blob on a real S3 server that
// others wrote.
package blobs3

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/blob/blobtest"
	"github.com/finsam/finsam/pkg/blob/s3"
)

func opened(t *testing.T, s server, environ map[string]string) *s3.Store {
	t.Helper()
	store, err := s3.Open(s.address, environ)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestTheBucketHoldsTheContract(t *testing.T) {
	s := startServer(t)
	blobtest.Run(t, opened(t, s, s.environ))
	// Parts of uploads that failed are kept by versitygw below .sgwtmp.
	var left []string
	err := filepath.WalkDir(filepath.Join(s.dir, ".sgwtmp"), func(path string, d os.DirEntry, err error) error {
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err == nil && !d.IsDir() {
			left = append(left, path)
		}
		return nil
	})
	if err != nil || len(left) > 0 {
		t.Errorf("parts were left behind: %v, %v", left, err)
	}
}

func TestWrongCredentialsAreAnErrorThatNamesNoObject(t *testing.T) {
	s := startServer(t)
	environ := s.environ
	environ[s3.SecretKeyVariable] = "fel-hemlighet"
	store := opened(t, s, environ)
	err := store.Put(t.Context(), "insjoriket/a", func(w io.Writer) error {
		_, err := io.WriteString(w, "x")
		return err
	})
	if err == nil || err.Error() != "s3: SignatureDoesNotMatch (403)" {
		t.Errorf("got %v", err)
	}
	if _, err := store.Get(t.Context(), "insjoriket/a"); err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
