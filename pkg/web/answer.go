package web

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
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
