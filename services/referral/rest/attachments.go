package rest

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	api "github.com/finsam/finsam/pkg/api/referral"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/services/referral"
)

// AddAttachment answers POST /referrals/{id}/attachments.
func (h handlers) AddAttachment(ctx context.Context, r api.AddAttachmentRequestObject) (api.AddAttachmentResponseObject, error) {
	u, err := upload(ctx, r.Body)
	if err != nil {
		return nil, err
	}
	v, err := h.service.AddAttachment(ctx, r.Id, value(r.Params.IdempotencyKey), u)
	if err != nil {
		return nil, err
	}
	at, tag := "attachments/"+v.ID, rest.ETag(1)
	return api.AddAttachment201JSONResponse{
		Body: attachment(v, fromAct), Headers: api.AddAttachment201ResponseHeaders{ETag: &tag, Location: &at},
	}, nil
}

// RemoveAttachment answers DELETE /referrals/{id}/attachments/{attachment}.
func (h handlers) RemoveAttachment(ctx context.Context, r api.RemoveAttachmentRequestObject) (api.RemoveAttachmentResponseObject, error) {
	version, err := rest.Version(r.Params.IfMatch)
	if err != nil {
		return nil, err
	}
	v, err := h.service.RemoveAttachment(ctx, r.Id, version, r.Attachment)
	if err != nil {
		return nil, err
	}
	tag := rest.ETag(v.Version)
	return api.RemoveAttachment204Response{Headers: api.RemoveAttachment204ResponseHeaders{ETag: &tag}}, nil
}

// GetAttachment answers GET /referrals/{id}/attachments/{attachment}.
func (h handlers) GetAttachment(ctx context.Context, r api.GetAttachmentRequestObject) (api.GetAttachmentResponseObject, error) {
	f, err := h.service.Attachment(ctx, r.Id, r.Attachment)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func attachment(v *referral.AttachmentView, from depth) api.Attachment {
	self := api.Link{Href: string(from) + "referrals/" + v.Referral + "/attachments/" + v.ID}
	all := api.Links{}
	if v.Readable {
		all["self"] = self
	}
	if v.Removable {
		all["removal"] = self
	}
	return api.Attachment{
		Id: v.ID, Title: v.Title, Type: api.AttachmentType(v.Type), Size: v.Size, Sha256: v.SHA256,
		AddedAt: v.AddedAt, Authority: v.Authority, UnderscoreLinks: all,
	}
}

// file is the answer that bears an attachment's content.
type file struct{ *referral.File }

// Close implements io.Closer, for an answer that is not sent.
func (f file) Close() error { return f.Content.Close() }

// VisitGetAttachmentResponse sends the content. One that does not come whole ends
// the connection: nobody shall take a part of it for all.
func (f file) VisitGetAttachmentResponse(w http.ResponseWriter) error {
	defer f.Content.Close()
	h := w.Header()
	h.Set("Content-Type", f.Type)
	if f.Type == "text/plain" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	h.Set("Content-Disposition", disposition(referral.FileName(f.Title, f.Type)))
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", rest.ETag(1))
	w.WriteHeader(http.StatusOK)
	buffer := make([]byte, 32<<10)
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{f.Content}, buffer); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// disposition says that a file is to be saved, under this name (RFC 6266, RFC
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

// declared returns what a part says its content is; a media type that cannot be
// read counts as said wrongly.
func declared(header string) string {
	if header == "" {
		return ""
	}
	if _, _, err := mime.ParseMediaType(header); err != nil {
		return "unreadable"
	}
	return header
}
