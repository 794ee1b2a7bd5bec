package main

import (
	"bytes"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func newImage(t *testing.T, program string) v1.Image {
	t.Helper()
	img, err := build([]byte(program), "amd64", map[string]string{"a": "b"}, time.Unix(1, 0).UTC())
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func digest(t *testing.T, img v1.Image) v1.Hash {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTheSameProgramMakesTheSameImage(t *testing.T) {
	first, second, other := digest(t, newImage(t, "program")), digest(t, newImage(t, "program")), digest(t, newImage(t, "another"))
	if first != second || first == other {
		t.Errorf("%v, %v; another program: %v", first, second, other)
	}
}

func TestTheImageRunsTheProgramUnprivileged(t *testing.T) {
	c, err := newImage(t, "program").ConfigFile()
	if err != nil || c.Config.User != "65532:65532" || c.Config.Entrypoint[0] != "/finsam" || c.OS != "linux" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestItHoldsThePublicCertificateAuthorities(t *testing.T) {
	pem := authorities()
	if n := bytes.Count(pem, []byte("BEGIN CERTIFICATE")); n < 100 || !x509.NewCertPool().AppendCertsFromPEM(pem) {
		t.Errorf("%d authorities", n)
	}
}

// TestTheArchivePassesThroughARegistry does what "crane push" and "crane pull" do.
func TestTheArchivePassesThroughARegistry(t *testing.T) {
	server := httptest.NewServer(registry.New())
	defer server.Close()
	tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/finsam/finsam:0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "finsam.tar")
	if err := tarball.WriteToFile(file, tag, newImage(t, "program")); err != nil {
		t.Fatal(err)
	}
	archived, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, archived); err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	want, err := archived.ConfigName()
	if got, err2 := pulled.ConfigName(); err != nil || err2 != nil || got != want {
		t.Errorf("pushed %v, pulled %v (%v, %v)", want, got, err, err2)
	}
}

func TestTheBillOfMaterialsNamesEveryModuleOnce(t *testing.T) {
	info := &buildinfo.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Path: ownPrefix + "services/standalone"},
		Deps: []*debug.Module{{Path: ownPrefix + "pkg", Version: "v0.0.0"}, {Path: "example.test/b", Version: "v1.0.0+incompatible"}},
	}
	path := filepath.Join(t.TempDir(), "sbom.json")
	if err := writeSBOM(path, info, "1.2.3", []byte("binary")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bom
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	want := []string{"pkg:golang/example.test/b@v1.0.0%2Bincompatible", "pkg:golang/" + ownPrefix + "pkg@1.2.3", "pkg:golang/stdlib@1.26.8"}
	for i, c := range b.Components {
		if len(b.Components) != len(want) || c.PURL != want[i] {
			t.Errorf("%d: %s", i, c.PURL)
		}
	}
	if len(b.SerialNumber) != len("urn:uuid:")+36 || len(b.Metadata.Component.Hashes) != 1 {
		t.Errorf("%+v", b)
	}
}
