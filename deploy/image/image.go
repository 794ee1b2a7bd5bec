package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"io"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user runs the program; distroless images use the same number.
const user = "65532:65532"

// build returns an image of two layers: what seldom changes, and the program.
func build(program []byte, arch string, labels map[string]string, created time.Time) (v1.Image, error) {
	base, err := layer(
		entry{"etc/", 0o755, nil},
		entry{"etc/passwd", 0o644, []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n")},
		entry{"etc/group", 0o644, []byte("root:x:0:\nnonroot:x:65532:\n")},
		entry{"etc/ssl/", 0o755, nil},
		entry{"etc/ssl/certs/", 0o755, nil},
		entry{"etc/ssl/certs/ca-certificates.crt", 0o644, authorities()},
		entry{"tmp/", 0o1777, nil},
	)
	if err != nil {
		return nil, err
	}
	app, err := layer(entry{"finsam", 0o755, program})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, base, app)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: created}
	config.Config = v1.Config{
		Entrypoint: []string{"/finsam"}, User: user, WorkingDir: "/", Labels: labels,
		Env: []string{"PATH=/"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}, "9090/tcp": {}},
	}
	return mutate.ConfigFile(img, config)
}

// entry is a file, or a folder if its name ends in a slash. It has no time, so
// that the same content is the same layer.
type entry struct {
	name    string
	mode    int64
	content []byte
}

func layer(entries ...entry) (v1.Layer, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.content)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
}

// authorities returns the public certificate authorities that Mozilla trusts, in
// PEM, from the pinned Go module. Those that Mozilla trusts only under conditions
// are left out: a file cannot express the conditions.
func authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // never fails on a buffer
		}
	}
	return out.Bytes()
}
