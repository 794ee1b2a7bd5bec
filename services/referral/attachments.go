package referral

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/fault"
)

// AttachmentView is an attachment as one caller may see it.
type AttachmentView struct {
	Label
	ID        string
	Referral  string
	Type      string
	Size      int64
	AddedAt   time.Time
	Authority string // that added it
	Readable  bool   // whether the content can be read
	Removable bool   // whether the caller may remove it now
}

// attachmentView opens what is said of an attachment. Who may see it at all, the
// caller has decided.
func (s *Service) attachmentView(ctx context.Context, r *Referral, step *Step) (*AttachmentView, error) {
	a, who := step.Attachment, actor.From(ctx)
	v := &AttachmentView{
		ID: a.ID, Referral: r.ID, Type: a.Type, Size: a.Size, AddedAt: step.At, Authority: step.Authority,
		Readable: s.Blobs != nil,
	}
	v.Removable = s.Blobs != nil && step.Authority == who.Authority && r.May(AttachmentRemoved) && access.Allows("removeAttachment", who, r.ResourceFor(who))
	text, err := s.Cipher.Decrypt(a.Label, attachmentContext(r.ID, a.ID))
	if err != nil {
		return nil, fmt.Errorf("referral %s: attachment %s: %w", r.ID, a.ID, err)
	}
	if err := json.Unmarshal(text, &v.Label); err != nil {
		return nil, fmt.Errorf("referral %s: attachment %s: its label of %d bytes is none", r.ID, a.ID, len(text))
	}
	return v, nil
}

// view returns what the actor may see of the referral, with its attachments where
// its texts are shown.
func (s *Service) view(ctx context.Context, r *Referral) (*View, error) {
	a := actor.From(ctx)
	v, err := see(r, a, s.Cipher, s.Now())
	if err != nil {
		return nil, err
	}
	for _, step := range r.attachments() {
		if v.Texts == nil {
			break
		}
		attached, err := s.attachmentView(ctx, r, step)
		if err != nil {
			return nil, err
		}
		v.Attachments = append(v.Attachments, attached)
	}
	return s.offeredPlaces(v), s.fillQueuePositions(ctx, v)
}

// offeredPlaces leaves out what cannot be done for want of a place.
func (s *Service) offeredPlaces(v *View) *View {
	if s.Blobs != nil {
		return v
	}
	v.Acts = slices.DeleteFunc(v.Acts, func(operation string) bool { return operation == "addAttachment" })
	return v
}

// File is an attachment with its content, to be read once and closed.
type File struct {
	Title   string
	Type    string
	Size    int64
	Content io.ReadCloser // ends in io.EOF only when all of it came as it was sealed
}

// Attachment returns an attachment's content. Its first part is opened before it is
// given: what does not open at all is an error here.
func (s *Service) Attachment(ctx context.Context, id, attachment string) (*File, error) {
	r, err := s.loadPart(ctx, "getAttachment", id, "referral/"+id+"/attachment/"+attachment)
	if err != nil {
		return nil, err
	}
	step := r.Value.attachment(attachment)
	if step == nil || step.Attachment.Key == nil {
		return nil, fault.ErrNotFound
	}
	v, err := s.attachmentView(ctx, r.Value, step)
	if err != nil {
		return nil, err
	}
	leave, err := s.transfer(ctx)
	if err != nil {
		return nil, err
	}
	content, err := s.opened(ctx, r.Value, step.Attachment)
	if err != nil {
		leave()
		return nil, err
	}
	content.leave = leave
	return &File{Title: v.Title, Type: v.Type, Size: v.Size, Content: content}, nil
}

// opened opens a blob and reads its beginning.
func (s *Service) opened(ctx context.Context, r *Referral, a *Attachment) (*opening, error) {
	fails := func(err error) error {
		return fmt.Errorf("referral %s: attachment %s: %w", r.ID, a.ID, err)
	}
	key, err := s.Cipher.OpenStreamKey(a.Key, attachmentContext(r.ID, a.ID))
	if err != nil {
		return nil, fails(err)
	}
	sealed, err := s.Blobs.Get(ctx, r.Association+"/"+a.Blob)
	if err != nil {
		return nil, fails(blobFault(err))
	}
	clear, err := key.Decrypt(sealed)
	if err != nil {
		_ = sealed.Close()
		return nil, fails(err)
	}
	o := &opening{clear: clear, sealed: sealed, left: a.Size, failed: func(err error) {
		if ctx.Err() != nil {
			return // the caller left, or was too slow
		}
		s.Log.ErrorContext(ctx, "an attachment does not open to its end", "referral", r.ID, "attachment", a.ID, "cause", err)
	}}
	head := make([]byte, min(a.Size, 512))
	if _, err := io.ReadFull(o, head); err != nil {
		_ = sealed.Close()
		return nil, fails(encryption.ErrDecrypt.Because(err))
	}
	o.clear, o.left = io.MultiReader(bytes.NewReader(head), clear), a.Size
	return o, nil
}

// opening is the content of an attachment on its way out.
type opening struct {
	clear  io.Reader
	sealed io.Closer
	left   int64 // bytes that must still come
	failed func(error)
	leave  func()
}

// Read implements io.Reader. The last byte is given only when nothing is left
// behind it: anyone who has all the bytes has what was sealed.
func (o *opening) Read(b []byte) (int, error) {
	n, err := o.clear.Read(b)
	if o.left -= int64(n); o.left == 0 && err == nil {
		var more [1]byte
		var k int
		if k, err = io.ReadFull(o.clear, more[:]); k > 0 {
			err = encryption.ErrDecrypt
		}
	}
	if o.left < 0 || o.left > 0 && err == io.EOF {
		err = encryption.ErrDecrypt
	}
	if err != nil && err != io.EOF {
		o.failed(err)
		return 0, err
	}
	return n, err
}

// Close implements io.Closer.
func (o *opening) Close() error {
	if o.leave != nil {
		o.leave()
		o.leave = nil
	}
	return o.sealed.Close()
}
