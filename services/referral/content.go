package referral

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"

	"github.com/finsam/finsam/pkg/fault"
)

const (
	// maxAttachment bounds an attachment, in bytes.
	maxAttachment = 10 << 20
	// sniffed is how much of a file tells its type, in bytes.
	sniffed = 3072
)

// plainText is the type that is served for every text.
const plainText = "text/plain"

// extensions are the types that an attachment may be of, with the ending of a
// file's name for each. Neither of them is a page that a browser would run.
var extensions = map[string]string{
	"application/pdf": ".pdf",
	"image/jpeg":      ".jpg",
	"image/png":       ".png",
	"image/tiff":      ".tif", // scanners
	"image/webp":      ".webp",
	plainText:         ".txt",
}

// texts are the types of texts that are taken as plain ones: a letter with commas
// may look like a table. Others, such as HTML, SVG or a script, are active.
var texts = []string{"text/plain", "text/csv", "text/tab-separated-values"}

// typeOf tells the type of a file by how it begins, whatever its name says.
// declared is what the sender says of it; empty or "application/octet-stream":
// nothing.
func typeOf(head []byte, declared string) (string, error) {
	if len(head) == 0 {
		return "", ErrAttachmentEmpty.AtField("/file")
	}
	found := mimetype.Detect(head)
	kind := ""
	for allowed := range extensions {
		if found.Is(allowed) {
			kind = allowed
		}
	}
	for _, text := range texts {
		if found.Is(text) {
			kind = plainText
		}
	}
	// The library finds a PDF behind other beginnings too, a page's for one.
	if kind == "" || kind == plainText && !isText(head) || kind == "application/pdf" && !bytes.HasPrefix(head, []byte("%PDF-")) {
		return "", ErrAttachmentType.AtField("/file")
	}
	if !declares(declared, kind) {
		return "", mismatchFault(kind)
	}
	return kind, nil
}

// isText reports whether a beginning is UTF-8 without NUL; the last character may
// be cut off.
func isText(head []byte) bool {
	rest, ok := text(head)
	return ok && len(rest) < utf8.UTFMax
}

// declares reports whether what is declared fits the type found.
func declares(declared, kind string) bool {
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
	if kind == plainText {
		for _, text := range texts {
			if media == text {
				return true
			}
		}
	}
	return media == kind || media == "application/octet-stream" || media == "image/jpg" && kind == "image/jpeg"
}

// content reads a file on its way in and checks it as it passes: no longer than
// it may be, and a text to its end.
type content struct {
	from io.Reader
	kind string
	size int64
	sum  hash.Hash
	tail []byte // of a text: a character that has not come whole yet
	err  error  // why it was refused, or could not be read
}

// newContent tells the type of a file and gives it to be read, from its beginning.
func newContent(from io.Reader, declared string) (*content, error) {
	head := make([]byte, sniffed)
	n, err := io.ReadFull(from, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	kind, err := typeOf(head[:n], declared)
	if err != nil {
		return nil, err
	}
	return &content{from: io.MultiReader(bytes.NewReader(head[:n]), from), kind: kind, sum: sha256.New()}, nil
}

// Read implements io.Reader.
func (c *content) Read(b []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.from.Read(b)
	c.size += int64(n)
	c.sum.Write(b[:n]) // never fails
	switch {
	case c.size > maxAttachment:
		err = ErrAttachmentLarge.AtField("/file")
	case c.kind == plainText && !c.goesOn(b[:n]), c.kind == plainText && err == io.EOF && len(c.tail) > 0:
		err = ErrAttachmentType.AtField("/file")
	}
	if err != nil {
		c.err = err
	}
	if err != nil && err != io.EOF {
		return 0, err
	}
	return n, err
}

// goesOn reports whether a text is one so far.
func (c *content) goesOn(b []byte) bool {
	if len(c.tail) > 0 {
		// At most as much as completes the character: the rest stays where it is.
		k := min(utf8.UTFMax, len(b))
		joined := append(c.tail, b[:k]...)
		r, size := utf8.DecodeRune(joined)
		if r == utf8.RuneError && size == 1 {
			if utf8.FullRune(joined) {
				return false
			}
			c.tail = joined
			return true
		}
		b = b[size-len(c.tail):]
		c.tail = nil
	}
	rest, ok := text(b)
	c.tail = append([]byte(nil), rest...)
	return ok
}

// text returns what is left over at the end of a text, less than a character, and
// whether all before it is UTF-8 without NUL.
func text(b []byte) (rest []byte, ok bool) {
	if bytes.IndexByte(b, 0) >= 0 {
		return nil, false
	}
	end := len(b)
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if start := b[len(b)-i]; utf8.RuneStart(start) {
			if !utf8.FullRune(b[len(b)-i:]) {
				end = len(b) - i
			}
			break
		}
	}
	return b[end:], utf8.Valid(b[:end])
}

// sha256 returns the digest of what has been read, in hexadecimal.
func (c *content) sha256() string { return hex.EncodeToString(c.sum.Sum(nil)) }

// What is said of a file that is not taken.
var (
	ErrAttachmentEmpty = fault.New(fault.Unprocessable, "attachment-empty",
		"Filen är tom.", "The file is empty.")
	ErrAttachmentLarge = fault.New(fault.TooLarge, "attachment-too-large",
		"Filen är för stor. Den får vara högst 10 MiB.", "The file is too large. It may be at most 10 MiB.")
	ErrAttachmentType = fault.New(fault.Unprocessable, "attachment-type",
		"Filen är av ett slag som inte tas emot. Skicka PDF, JPEG, PNG, TIFF, WebP eller ren text i UTF-8.",
		"The file is of a kind that is not taken. Send PDF, JPEG, PNG, TIFF, WebP or plain text in UTF-8.")
	ErrAttachmentMismatch = fault.New(fault.Unprocessable, "attachment-type-mismatch",
		"Filens innehåll är av ett annat slag än det som anges.", "The file's content is of another kind than declared.")
)

// mismatchFault says of which kind the content is.
func mismatchFault(kind string) error {
	f := *ErrAttachmentMismatch
	f.Text = fault.Text{
		SV: fmt.Sprintf("Filens innehåll är %s, men något annat anges.", kind),
		EN: fmt.Sprintf("The file's content is %s, but something else is declared.", kind),
	}
	return f.AtField("/file")
}
