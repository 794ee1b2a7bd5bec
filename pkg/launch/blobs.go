package launch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/finsam/finsam/pkg/blob/folder"
	"github.com/finsam/finsam/pkg/blob/s3"
	"github.com/finsam/finsam/pkg/blob/traced"
)

// folderScheme begins the address of a folder.
const folderScheme = "folder:"

// openBlobs opens the place that FINSAM_BLOBS names, if it names one. An S3 store
// is asked for nothing yet, nor by /readyz: while it is away only attachments are.
func (p *App) openBlobs(n Requirements, environ map[string]string) error {
	if !n.Blobs || p.Config.Blobs == "" {
		return nil
	}
	if path, ok := strings.CutPrefix(p.Config.Blobs, folderScheme); ok {
		f, err := folder.Open(path)
		if err != nil {
			return fmt.Errorf("FINSAM_BLOBS: %w", err)
		}
		p.Blobs = traced.Store(f, p.Service)
		return nil
	}
	b, err := s3.Open(p.Config.Blobs, environ)
	if err != nil {
		return fmt.Errorf("FINSAM_BLOBS: %w", err)
	}
	p.Blobs = traced.Store(b, p.Service)
	return nil
}

// checkBlobs refuses an address that is none, and never repeats it.
func checkBlobs(address string) error {
	if address == "" {
		return nil
	}
	if path, ok := strings.CutPrefix(address, folderScheme); ok {
		if !strings.HasPrefix(path, "/") {
			return errors.New("FINSAM_BLOBS: folder: must be followed by a whole path, such as folder:/var/lib/finsam/attachments")
		}
		return nil
	}
	if strings.HasPrefix(address, s3.Scheme) {
		if err := s3.CheckAddress(address); err != nil {
			return fmt.Errorf("FINSAM_BLOBS: %w", err)
		}
		return nil
	}
	return errors.New("FINSAM_BLOBS: must begin with folder: or s3://, such as folder:/var/lib/finsam/attachments")
}
