package rest

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/referral"
)

// maxTitleBytes bounds the part title; its rule is the noun's.
const maxTitleBytes = 4 << 10

// What is said of a form that is not the contract's.
var (
	ErrFormPart = fault.New(fault.Invalid, "form-part",
		"Formuläret ska bestå av delen file, och före den delen title om det finns en titel.",
		"The form must consist of the part file, and before it the part title if there is a title.")
	errNoFile = ErrFormPart.At(fault.Field{Pointer: "/file", Code: "required",
		Text: fault.Text{SV: "Skicka med en fil.", EN: "Send a file."}})
)

// upload reads a form as far as its file, which comes last. The file itself is
// read by anyone who reads Content; its end is the end of the form.
func upload(ctx context.Context, form *multipart.Reader) (u referral.Upload, err error) {
	titled := false
	for {
		part, err := form.NextPart()
		switch {
		case err == io.EOF:
			return u, errNoFile
		case err != nil:
			return u, broken(err)
		}
		switch part.FormName() {
		case "title":
			if titled {
				return u, ErrFormPart.AtField("/title")
			}
			titled = true
			text, err := io.ReadAll(io.LimitReader(part, maxTitleBytes+1))
			if err != nil {
				return u, broken(err)
			}
			if len(text) > maxTitleBytes {
				return u, referral.ErrTitle.AtField("/title")
			}
			u.Title = string(text)
		case "file":
			u.FileName, u.Declared = part.FileName(), declared(part.Header.Get("Content-Type"))
			u.Content = &last{ctx: ctx, form: form, part: part}
			contract.SetInFile(ctx, true)
			return u, nil
		default:
			return u, ErrFormPart.AtField("/?")
		}
	}
}

// last reads the last part of a form, and sees to it that it is.
type last struct {
	ctx  context.Context // the request's
	form *multipart.Reader
	part *multipart.Part
	err  error // once it has ended
}

// Read implements io.Reader.
func (l *last) Read(b []byte) (n int, err error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err = l.part.Read(b)
	if err != nil && err != io.EOF {
		err = broken(err)
	}
	if err == io.EOF {
		err = l.end()
	}
	l.err = err
	return n, err
}

// end returns io.EOF when the form ends behind the part.
func (l *last) end() error {
	contract.SetInFile(l.ctx, false)
	_, err := l.form.NextPart()
	switch err {
	case nil:
		return ErrFormPart.AtField("/?")
	case io.EOF:
		return io.EOF
	}
	return broken(err)
}

// broken says why a form could not be read to its end.
func broken(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return problem.TooLarge(large.Limit)
	}
	if errors.Is(err, contract.ErrFormHead) {
		return ErrFormPart
	}
	return problem.ErrBodyBroken.Because(err)
}
