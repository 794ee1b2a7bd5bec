package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/labstack/echo/v4"
)

// maxFormHead bounds what a form holds beside its file, in bytes: names, headers
// and short fields, before the file and once more behind it. The reader of package
// multipart keeps them in memory, up to 10 MiB for each part.
const maxFormHead = 64 << 10

// ErrFormHead is what a reader of a form gets beyond that.
var ErrFormHead = errors.New("web: the form holds too much beside its file")

// formBody is the body of a form on its way in.
type formBody struct {
	io.ReadCloser
	file bool  // what comes is a file's content
	left int64 // bytes that may come while it is none
}

type formKey struct{}

// Read implements io.Reader.
func (f *formBody) Read(b []byte) (int, error) {
	if f.file {
		return f.ReadCloser.Read(b)
	}
	if f.left == 0 {
		return 0, ErrFormHead
	}
	n, err := f.ReadCloser.Read(b[:min(int64(len(b)), f.left)])
	f.left -= int64(n)
	return n, err
}

// FormFile tells that the file of the form of ctx begins here, or that it has
// ended: its content may be as long as the body may, all else together 64 KiB.
func FormFile(ctx context.Context, begins bool) {
	if f, ok := ctx.Value(formKey{}).(*formBody); ok {
		f.file, f.left = begins, maxFormHead
	}
}

// checkForm bounds a form. Its parts are the handler's: it reads them as they
// come, and they are never in memory together.
func (op *operation) checkForm(c echo.Context) error {
	r := c.Request()
	if !IsForm(r.Header.Get(echo.HeaderContentType)) {
		return ErrForm
	}
	if Encoded(r.Header) {
		return ErrEncoding
	}
	if r.ContentLength > op.bodyLimit {
		return TooLarge(op.bodyLimit)
	}
	f := &formBody{ReadCloser: http.MaxBytesReader(c.Response(), r.Body, op.bodyLimit), left: maxFormHead}
	r = r.WithContext(context.WithValue(r.Context(), formKey{}, f))
	r.Body = f
	c.SetRequest(r)
	return nil
}

// drain reads what is left of a refused form, no more than a form may have: a
// caller that still sends would not see the answer otherwise.
func (op *operation) drain(c echo.Context) {
	r := c.Request()
	if op.form && r.Body != nil {
		FormFile(r.Context(), true)
		_, _ = io.CopyN(io.Discard, r.Body, op.bodyLimit)
	}
}

// IsForm reports whether the media type is multipart/form-data with a boundary.
func IsForm(contentType string) bool {
	t, params, err := mime.ParseMediaType(contentType)
	return err == nil && t == formType && params["boundary"] != ""
}
