package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// Header is a header of an answer; without a value it is not sent.
type Header struct {
	Name  string
	Value *string
}

// buffers are the memory of answers that have been sent, for the next ones.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept bounds the memory of one answer that is kept, in bytes.
const maxKept = 64 << 10

var asEncodingJSON = jsonv1.DefaultOptionsV1()

// Answer writes what body points at as JSON, in the bytes of package encoding/json. Beside
// an error that is not the connection's, nothing has been sent.
func Answer(w http.ResponseWriter, status int, body any, headers ...Header) error {
	return answer(w, status, body, false, headers)
}

// AnswerRead is Answer to who reads: an entity tag, which has the version of what is read,
// follows the whole body, with what else it shows. Who has that body already (If-None-Match,
// see Conditional) is answered 304.
func AnswerRead(w http.ResponseWriter, status int, body any, headers ...Header) error {
	return answer(w, status, body, true, headers)
}

// Conditional is the writer of the answer to a request with If-None-Match.
type Conditional struct {
	http.ResponseWriter
	IfNoneMatch string
}

// Unwrap returns the writer behind it, as http.ResponseController asks for it.
func (c *Conditional) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Matches reports whether If-None-Match names an entity tag, by the weak comparison (RFC
// 9110, 13.1.2).
func Matches(ifNoneMatch, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
	}
	return false
}

// isKnown reports whether who waits for the answer has the body of an entity tag.
func isKnown(w http.ResponseWriter, tag string) bool {
	for {
		if c, ok := w.(*Conditional); ok {
			return Matches(c.IfNoneMatch, tag)
		}
		behind, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = behind.Unwrap()
	}
}

// digestLength is how many characters an entity tag has of the body's digest: 60 bits.
const digestLength = 10

func answer(w http.ResponseWriter, status int, body any, isRead bool, headers []Header) error {
	b := buffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= maxKept {
			b.Reset()
			buffers.Put(b)
		}
	}()
	if err := json.MarshalWrite(b, body, asEncodingJSON); err != nil {
		return err
	}
	_ = b.WriteByte('\n')
	for i, h := range headers {
		if !isRead || h.Name != "ETag" || h.Value == nil {
			continue
		}
		sum := sha256.Sum256(b.Bytes())
		tag := strings.TrimSuffix(*h.Value, `"`) + "-" + base64.RawURLEncoding.EncodeToString(sum[:9])[:digestLength] + `"`
		if headers[i].Value = &tag; isKnown(w, tag) {
			return AnswerEmpty(w, http.StatusNotModified, headers...)
		}
	}
	return AnswerFile(w, status, "application/json", int64(b.Len()), b, headers...)
}

// AnswerFile writes a body as it comes, of length bytes or, with 0, of unknown length.
func AnswerFile(w http.ResponseWriter, status int, contentType string, length int64, body io.Reader, headers ...Header) error {
	if open, ok := body.(io.Closer); ok {
		defer func() { _ = open.Close() }()
	}
	h, values := w.Header(), []string{contentType, strconv.FormatInt(length, 10)}
	if h["Content-Type"] = values[:1:1]; length != 0 {
		h["Content-Length"] = values[1:]
	}
	if err := AnswerEmpty(w, status, headers...); err != nil {
		return err
	}
	_, err := io.Copy(w, body)
	return err
}

// AnswerEmpty writes a status and headers. The error is nil.
func AnswerEmpty(w http.ResponseWriter, status int, headers ...Header) error {
	for _, h := range headers {
		if h.Value != nil {
			w.Header().Set(h.Name, *h.Value)
		}
	}
	w.WriteHeader(status)
	return nil
}
