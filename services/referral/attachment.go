package referral

import (
	"time"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
)

const (
	// MaxAttachmentBytes bounds one attachment. The contract's x-body-limit of
	// addAttachment and proxy-body-size of the chart's ingress leave room for it.
	MaxAttachmentBytes = 10 << 20
	maxAttachments     = 10 // of one referral at once
)

// Attachment is a file that belongs to the referral, as its step stores it. The file
// itself is a blob; its key is here and nowhere else. When the attachment is removed,
// all that says something of its content is destroyed, and the step remains.
type Attachment struct {
	ID      string              `json:"id"`
	Blob    string              `json:"blob,omitempty"`  // random; within the association's
	Key     []byte              `json:"key,omitempty"`   // encrypted: decrypts the blob; empty: removed
	Label   []byte              `json:"label,omitempty"` // encrypted: Label as JSON
	Type    string              `json:"type,omitempty"`  // media type, found by the content
	Size    int64               `json:"size,omitempty"`  // bytes
	Receipt idempotency.Receipt `json:"receipt"`
}

// Label is what describes an attachment and is personal data.
type Label struct {
	Title  string `json:"title"`
	SHA256 string `json:"sha256"` // hexadecimal, of the content
}

// AttachmentView is an attachment as one caller may see it.
type AttachmentView struct {
	Label
	ID        string
	Referral  string
	Version   int64 // of the referral, as the caller sees it; only of one that was just added
	Type      string
	Size      int64
	AddedAt   time.Time
	Authority string // that added it
	Readable  bool   // the content can be read
	Removable bool   // the caller may remove it now
}

// Attachments returns the steps that added the present attachments, in order.
func (r *Referral) Attachments() []*Step {
	var steps []*Step
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Kind == AttachmentAdded && s.Attachment.Key != nil {
			steps = append(steps, s)
		}
	}
	return steps
}

// Attachment returns the step that added an attachment, which may have been removed
// since; nil: there was none of that id.
func (r *Referral) Attachment(id string) *Step {
	for i := range r.Steps {
		if s := &r.Steps[i]; s.Kind == AttachmentAdded && s.Attachment.ID == id {
			return s
		}
	}
	return nil
}

// CheckAttach returns what prevents one more attachment.
func (r *Referral) CheckAttach() error {
	if err := r.Status().Check(AttachmentAdded); err != nil {
		return err
	}
	if len(r.Attachments()) >= maxAttachments {
		return ErrTooManyAttachments.AtField("/file")
	}
	return nil
}

// Attach adds a file whose blob is stored already.
func (r *Referral) Attach(by history.Author, now time.Time, a Attachment) error {
	if err := r.CheckAttach(); err != nil {
		return err
	}
	return r.Take(by, now, Step{Kind: AttachmentAdded, Attachment: &a})
}

// Detach removes an attachment that the author's authority added, destroys its key, and
// returns the name of its blob.
func (r *Referral) Detach(by history.Author, now time.Time, id string) (blob string, err error) {
	s := r.Attachment(id)
	if s == nil || s.Attachment.Key == nil {
		return "", fault.ErrNotFound
	}
	if err := r.Status().Check(AttachmentRemoved); err != nil {
		return "", err
	}
	if s.Authority != by.Authority {
		return "", ErrOthersAttachment
	}
	blob = s.Attachment.Blob
	was := *s.Attachment
	was.Blob, was.Key, was.Label = "", nil, nil
	s.Attachment = &was
	return blob, r.Take(by, now, Step{Kind: AttachmentRemoved, Attachment: &Attachment{ID: id}})
}
