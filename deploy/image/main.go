// Command image packs the container image of finsam from one binary, without a
// registry, a daemon or a base image: the binary, the public certificate
// authorities, an unprivileged user, and nothing else. The same binary makes the
// same image, bit by bit. It also writes the bill of materials.
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

// maxBytes is the largest program that is packed (docs/operations/install.md).
const maxBytes = 60_000_000

type options struct {
	binary, tag, out, sbom, version, revision string
	created                                   int64
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "", "the program, linked statically")
	flag.StringVar(&o.tag, "tag", "finsam:dev", "name:tag within the archive")
	flag.StringVar(&o.out, "o", "", "the archive to write (docker load, ctr images import, crane push)")
	flag.StringVar(&o.sbom, "sbom", "", "the bill of materials to write (CycloneDX 1.5)")
	flag.StringVar(&o.version, "version", "dev", "the release")
	flag.StringVar(&o.revision, "revision", "", "the commit")
	flag.Int64Var(&o.created, "created", 0, "when the commit was made, in seconds since 1970: SOURCE_DATE_EPOCH")
	flag.Parse()
	if err := pack(o); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func pack(o options) error {
	info, err := buildinfo.ReadFile(o.binary)
	if err != nil {
		return fmt.Errorf("-binary: %w", err)
	}
	program, err := os.ReadFile(o.binary)
	if err != nil {
		return err
	}
	if len(program) > maxBytes {
		return fmt.Errorf("%s is %d MB, more than the %d MB allowed", o.binary, len(program)/1e6, maxBytes/1_000_000)
	}
	arch := ""
	for _, s := range info.Settings {
		if s.Key == "GOARCH" {
			arch = s.Value
		}
	}
	img, err := build(program, arch, map[string]string{
		"org.opencontainers.image.title":    "finsam",
		"org.opencontainers.image.version":  o.version,
		"org.opencontainers.image.revision": o.revision,
		"org.opencontainers.image.source":   "https://github.com/finsam/finsam",
	}, time.Unix(o.created, 0).UTC())
	if err != nil {
		return err
	}
	tag, err := name.NewTag(o.tag)
	if err != nil {
		return fmt.Errorf("-tag: %w", err)
	}
	if err := tarball.WriteToFile(o.out, tag, img); err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	if o.sbom != "" {
		if err := writeSBOM(o.sbom, info, o.version, program); err != nil {
			return err
		}
	}
	fmt.Printf("%s %s %.1f MB unpacked\n", o.tag, digest, float64(len(program))/1e6)
	return nil
}
