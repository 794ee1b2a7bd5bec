// Command image makes the container image of the suite from one binary, without
// a registry, a daemon or a base image: the binary, the public certificate
// authorities, an unprivileged user, and nothing else. The same binary gives the
// same image, bit by bit. Beside it, it writes the bill of materials.
//
//	image -binary bin/finsam -tag finsam:1.2.3 -o dist/finsam.tar -sbom dist/finsam.cdx.json
package main

import (
	"debug/buildinfo"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "", "the program, linked statically")
	flag.StringVar(&o.tag, "tag", "finsam:dev", "name:tag within the archive")
	flag.StringVar(&o.out, "o", "", "the archive to write (docker load, ctr images import, crane push)")
	flag.StringVar(&o.sbom, "sbom", "", "the bill of materials to write (CycloneDX 1.5)")
	flag.StringVar(&o.version, "version", "dev", "the release")
	flag.StringVar(&o.revision, "revision", "", "the commit")
	flag.Int64Var(&o.created, "created", 0, "when the commit was made, in seconds since 1970: SOURCE_DATE_EPOCH")
	registry := flag.String("registry", "", "serve a registry on this machine for a trial, with a base image, until the program is killed; its address is written to this file")
	flag.Parse()
	run := o.run
	if *registry != "" {
		run = func() error { return serve(*registry) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

type options struct {
	binary, tag, out, sbom, version, revision string
	created                                   int64
}

// maxBytes is what the image may weigh, unpacked (docs/operations.md).
const maxBytes = 60_000_000

func (o options) run() error {
	info, err := buildinfo.ReadFile(o.binary)
	if err != nil {
		return fmt.Errorf("-binary: %w", err)
	}
	file, err := os.ReadFile(o.binary)
	if err != nil {
		return err
	}
	if len(file) > maxBytes {
		return fmt.Errorf("%s weighs %d MB, more than the %d MB that the image may have", o.binary, len(file)/1e6, maxBytes/1_000_000)
	}
	img, err := build(file, setting(info, "GOARCH"), o.labels(), time.Unix(o.created, 0).UTC())
	if err != nil {
		return err
	}
	ref, err := name.NewTag(o.tag)
	if err != nil {
		return fmt.Errorf("-tag: %w", err)
	}
	if err := tarball.WriteToFile(o.out, ref, img); err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	if o.sbom != "" {
		if err := writeSBOM(o.sbom, info, o.version, file); err != nil {
			return err
		}
	}
	fmt.Printf("%s %s %.1f MB unpacked\n", o.tag, digest, float64(len(file))/1e6)
	return nil
}

func (o options) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    "finsam",
		"org.opencontainers.image.version":  o.version,
		"org.opencontainers.image.revision": o.revision,
		"org.opencontainers.image.source":   "https://github.com/finsam/finsam",
	}
}

func setting(info *buildinfo.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
