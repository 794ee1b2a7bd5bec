package attachment

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"

	"github.com/finsam/finsam/services/referral"
)

const (
	maxTitle = 200  // characters
	maxHead  = 3072 // bytes of a file that show its type
)

// plainText is the type that is served for every text.
const plainText = "text/plain"

// extensions are the types that an attachment may be of, with the file extension of
// each. A browser runs none of them.
var extensions = map[string]string{
	"application/pdf": ".pdf",
	"image/jpeg":      ".jpg",
	"image/png":       ".png",
	"image/tiff":      ".tif", // scanners
	"image/webp":      ".webp",
	plainText:         ".txt",
}

// textTypes are accepted as plain text: a letter with commas may look like a table.
// Others, such as HTML, SVG or a script, are active.
var textTypes = []string{"text/plain", "text/csv", "text/tab-separated-values"}

// detectType returns the type of a file by its beginning, whatever its name says.
// declared is what the sender says of it; empty or "application/octet-stream": nothing.
func detectType(head []byte, declared string) (string, error) {
	if len(head) == 0 {
		return "", ErrEmpty.AtField("/file")
	}
	found := mimetype.Detect(head)
	kind := ""
	for allowed := range extensions {
		if found.Is(allowed) {
			kind = allowed
		}
	}
	if slices.ContainsFunc(textTypes, func(t string) bool { return found.Is(t) }) {
		kind = plainText
	}
	if kind == plainText {
		_, _, err := encoding.UTF8Validator.Transform(make([]byte, len(head)), head, false)
		if errors.Is(err, encoding.ErrInvalidUTF8) || bytes.IndexByte(head, 0) >= 0 {
			kind = ""
		}
	}
	// The library finds a PDF behind other beginnings too, such as that of a page.
	if kind == "" || kind == "application/pdf" && !bytes.HasPrefix(head, []byte("%PDF-")) {
		return "", ErrType.AtField("/file")
	}
	if !isDeclared(declared, kind) {
		return "", ErrMismatch.WithText(
			fmt.Sprintf("Filens innehåll är %s, men något annat anges. Ange rätt typ eller ingen.", kind),
			fmt.Sprintf("The file's content is %s, but something else is declared. Declare its type, or none.", kind)).AtField("/file")
	}
	return kind, nil
}

// isDeclared reports whether what is declared fits the type found.
func isDeclared(declared, kind string) bool {
	if declared == "" {
		return true
	}
	media, params, err := mime.ParseMediaType(declared)
	if err != nil {
		return false
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return false
	}
	return media == kind || media == "application/octet-stream" || media == "image/jpg" && kind == "image/jpeg" ||
		kind == plainText && slices.Contains(textTypes, media)
}

// Content reads a file that is uploaded and checks it as it passes: no longer than it
// may be, and a text to its end.
type Content struct {
	Type string // media type, found by the content
	Size int64  // bytes read so far

	from io.Reader
	sum  hash.Hash
	err  error // why it was refused, or could not be read
}

// NewContent detects the type of a file; the content reads it from its beginning.
func NewContent(from io.Reader, declared string) (*Content, error) {
	head := make([]byte, maxHead)
	n, err := io.ReadFull(from, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	kind, err := detectType(head[:n], declared)
	if err != nil {
		return nil, err
	}
	from = io.MultiReader(bytes.NewReader(head[:n]), from)
	if kind == plainText {
		from = transform.NewReader(from, encoding.UTF8Validator)
	}
	return &Content{from: from, Type: kind, sum: sha256.New()}, nil
}

// Read implements io.Reader.
func (c *Content) Read(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.from.Read(b)
	c.Size += int64(n)
	c.sum.Write(b[:n]) // never fails
	switch {
	case c.Size > referral.MaxAttachmentBytes:
		err = ErrTooLarge.AtField("/file")
	case errors.Is(err, encoding.ErrInvalidUTF8), c.Type == plainText && bytes.IndexByte(b[:n], 0) >= 0:
		err = ErrType.AtField("/file")
	}
	if err != nil {
		c.err = err
	}
	if err != nil && err != io.EOF {
		return 0, err
	}
	return n, err
}

// SHA256 returns the digest of what has been read, in hexadecimal.
func (c *Content) SHA256() string { return hex.EncodeToString(c.sum.Sum(nil)) }

// Title returns an attachment's title: the one given, else the name of the file, else a
// word. The name is whatever the sender's disk calls it, so what cannot be part of a
// title is left out of it: line breaks, controls, and what turns the direction of writing.
// A given title with such characters is refused.
func Title(title, fileName string) (string, error) {
	if title = strings.TrimSpace(title); title != "" {
		if !utf8.ValidString(title) || utf8.RuneCountInString(title) > maxTitle || strings.ContainsFunc(title, func(c rune) bool { return !unicode.IsPrint(c) }) {
			return "", ErrTitle.AtField("/title")
		}
		return title, nil
	}
	name := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return -1
		}
		return c
	}, fileName[strings.LastIndexAny(fileName, `/\`)+1:])
	if name = strings.TrimSpace(name); name == "" {
		return "Bilaga", nil
	}
	if runes := []rune(name); len(runes) > maxTitle {
		name = string(runes[:maxTitle])
	}
	return name, nil
}

// FileName returns the name of a file of this title and type on a disk.
func FileName(title, kind string) string {
	extension := extensions[kind]
	name := strings.Map(func(c rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, c) {
			return '_'
		}
		return c
	}, title)
	if !strings.HasSuffix(strings.ToLower(name), extension) {
		name += extension
	}
	return name
}
