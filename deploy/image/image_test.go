package main

import (
	"bytes"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func made(t *testing.T, program string) v1.Image {
	t.Helper()
	img, err := build([]byte(program), "amd64", map[string]string{"a": "b"}, time.Unix(1, 0).UTC())
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestTheSameProgramGivesTheSameImage(t *testing.T) {
	one, err1 := made(t, "program").Digest()
	two, err2 := made(t, "program").Digest()
	other, err3 := made(t, "another").Digest()
	if err1 != nil || err2 != nil || err3 != nil || one != two || one == other {
		t.Errorf("%v %v %v, %v %v %v", one, two, other, err1, err2, err3)
	}
}

func TestTheImageRunsTheProgramAsNobodyInParticular(t *testing.T) {
	c, err := made(t, "program").ConfigFile()
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

func TestTheBillOfMaterialsNamesEveryModuleOnce(t *testing.T) {
	info := &buildinfo.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Path: own + "services/standalone"},
		Deps: []*debug.Module{{Path: own + "pkg", Version: "v0.0.0"}, {Path: "example.test/b", Version: "v1.0.0+incompatible"}},
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
	want := []string{"pkg:golang/example.test/b@v1.0.0%2Bincompatible", "pkg:golang/" + own + "pkg@1.2.3", "pkg:golang/stdlib@1.26.8"}
	for i, c := range b.Components {
		if len(b.Components) != len(want) || c.PURL != want[i] {
			t.Errorf("%d: %s", i, c.PURL)
		}
	}
	if len(b.SerialNumber) != len("urn:uuid:")+36 || len(b.Metadata.Component.Hashes) != 1 {
		t.Errorf("%+v", b)
	}
}
