package rest

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web/contract"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/attachment"
	"github.com/finsam/finsam/services/referral/service"
)

func (h handlers) AddAttachment(ctx context.Context, r api.AddAttachmentRequestObject) (api.AddAttachmentResponseObject, error) {
	u, err := upload(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	v, err := h.service.AddAttachment(ctx, r.Id, rest.Value(r.Params.IdempotencyKey), u)
	if err != nil {
		return nil, err
	}
	self := h.paths.Link("self", "getAttachment", v.Referral, v.ID)
	at, tag := self.Href(), rest.ETag(v.Version)
	return api.AddAttachment201JSONResponse{
		Body: h.attachmentBody(v), Headers: api.AddAttachment201ResponseHeaders{ETag: &tag, Location: &at},
	}, nil
}

func (h handlers) RemoveAttachment(ctx context.Context, r api.RemoveAttachmentRequestObject) (api.RemoveAttachmentResponseObject, error) {
	v, err := rest.AtVersion(r.Params.IfMatch, func(version int64) (*referral.View, error) {
		return h.service.RemoveAttachment(ctx, r.Id, version, r.Attachment)
	})
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version)
	return api.RemoveAttachment204Response{Headers: api.RemoveAttachment204ResponseHeaders{ETag: &tag}}, nil
}

func (h handlers) GetAttachment(ctx context.Context, r api.GetAttachmentRequestObject) (api.GetAttachmentResponseObject, error) {
	f, err := h.service.Attachment(ctx, r.Id, r.Attachment)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (h handlers) attachmentBody(v *referral.AttachmentView) api.Attachment {
	links := api.Links{}
	if v.Readable {
		links = append(links, h.paths.Link("self", "getAttachment", v.Referral, v.ID))
	}
	if v.Removable {
		links = append(links, h.paths.Link("removal", "removeAttachment", v.Referral, v.ID))
	}
	return api.Attachment{
		Id: v.ID, Version: rest.Optional(v.Version), Title: v.Title, Type: api.AttachmentType(v.Type), Size: v.Size, Sha256: v.SHA256,
		AddedAt: v.AddedAt, Authority: v.Authority, UnderscoreLinks: links,
	}
}

// file is the answer with an attachment's content.
type file struct{ *service.File }

// Close implements io.Closer, for an answer that is not sent.
func (f file) Close() error { return f.Content.Close() }

// VisitGetAttachmentResponse sends the content. When it cannot be read whole, the
// connection ends: nobody must take a part of it for all.
func (f file) VisitGetAttachmentResponse(w http.ResponseWriter) error {
	defer f.Content.Close()
	h := w.Header()
	h.Set("Content-Type", f.Type)
	if f.Type == "text/plain" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	h.Set("Content-Disposition", disposition(attachment.FileName(f.Title, f.Type)))
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", rest.ETag(f.Version))
	w.WriteHeader(http.StatusOK)
	buffer := make([]byte, 32<<10)
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{f.Content}, buffer); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// disposition returns the header of a file to be saved under this name (RFC 6266, RFC
// 8187): in ASCII for old programs, and as it is written.
func disposition(name string) string {
	ascii := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || strings.ContainsRune(`"\%`, c) {
			return '_'
		}
		return c
	}, name)
	encoded := strings.NewReplacer("+", "%20", "'", "%27", "(", "%28", ")", "%29", "*", "%2A").Replace(url.QueryEscape(name))
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + encoded
}

// maxTitleBytes bounds the part title; its rule is that of package attachment.
const maxTitleBytes = 4 << 10

// The refusals of a form that is not the contract's.
var (
	ErrFormPart = fault.New(fault.Invalid, "form-part",
		"Formuläret ska bestå av delen file, och före den delen title om det finns en titel.", "The form must consist of the part file, preceded by the part title if there is a title.")
	errNoFile = ErrFormPart.At(fault.Field{Pointer: "/file", Code: "required",
		Text: fault.Text{SV: "Filen saknas. Skicka med en fil.", EN: "The file is missing. Send a file."}})
)

// upload reads a form as far as its file, which comes last. The file itself is read by
// reading Content; its end is the end of the form.
func upload(ctx context.Context, form *multipart.Reader) (u service.Upload, err error) {
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
				return u, attachment.ErrTitle.AtField("/title")
			}
			u.Title = string(text)
		case "file":
			u.FileName, u.Declared = part.FileName(), part.Header.Get("Content-Type")
			if _, _, err := mime.ParseMediaType(u.Declared); u.Declared != "" && err != nil {
				u.Declared = "unreadable" // and so of another type than what is found
			}
			u.Content = &last{ctx: ctx, form: form, part: part}
			contract.SetInFile(ctx, true)
			return u, nil
		default:
			return u, ErrFormPart.AtField("/?")
		}
	}
}

// last reads the last part of a form, and fails when another one follows.
type last struct {
	ctx  context.Context // the request's
	form *multipart.Reader
	part *multipart.Part
	err  error // once it has ended
}

func (l *last) Read(b []byte) (n int, err error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err = l.part.Read(b)
	if err == io.EOF {
		contract.SetInFile(l.ctx, false)
		if _, err = l.form.NextPart(); err == nil {
			l.err = ErrFormPart.AtField("/?")
			return n, l.err
		}
	}
	if err != nil && err != io.EOF {
		err = broken(err)
	}
	l.err = err
	return n, err
}

// broken returns why a form could not be read to its end.
func broken(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return problem.TooLarge(large.Limit)
	}
	if errors.Is(err, contract.ErrFormHead) {
		return ErrFormPart
	}
	return problem.Broken(err)
}
