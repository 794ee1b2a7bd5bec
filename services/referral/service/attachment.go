package service

import (
	"context"
	"io"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/guard"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/attachment"
)

// Upload is a file that is sent. Content is read once, to its end, and returns an error
// when it does not come whole.
type Upload struct {
	Title    string // empty: the file's name
	FileName string // as the sender calls it; may be empty
	Declared string // media type that the sender says; may be empty
	Content  io.Reader
}

// AddAttachment adds a file to a referral. What prevents that is answered before any of
// the content is read. The same key with the same content and title returns the same
// attachment for 24 hours.
func (s *Service) AddAttachment(ctx context.Context, id, key string, u Upload) (*referral.AttachmentView, error) {
	const operation = "addAttachment"
	a := actor.From(ctx)
	call := guard.Call{Operation: operation, ID: id}
	r, err := s.documents.Load(ctx, a, call)
	if err != nil {
		return nil, err
	}
	v, err := s.addAttachment(ctx, a, r.Value, key, u)
	if err != nil {
		return nil, s.documents.Fail(ctx, a, call, r.Value, err)
	}
	return v, nil
}

func (s *Service) addAttachment(ctx context.Context, a actor.Actor, r *referral.Referral, key string, u Upload) (*referral.AttachmentView, error) {
	title, err := attachment.Title(u.Title, u.FileName)
	if err != nil {
		return nil, err
	}
	request := idempotency.Request{Actor: a, Operation: "addAttachment/" + r.ID, Key: key, Now: history.Stamp(s.Now()), NewID: s.NewID}
	id, repeated, err := request.Find(func(id string) (idempotency.Receipt, bool) {
		if step := r.Attachment(id); step != nil {
			return step.Attachment.Receipt, true
		}
		return idempotency.Receipt{}, false
	})
	if err != nil {
		return nil, err
	}
	status := r.Status()
	if !repeated {
		if err := status.Refuse("addAttachment", status.VisibilityFor(a)); err != nil {
			return nil, err
		}
		if err := r.CheckAttach(); err != nil {
			return nil, err
		}
	}
	end, err := s.Attachments.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	content, err := attachment.NewContent(u.Content, u.Declared)
	if err != nil {
		return nil, err
	}
	fingerprint := func() string { // once the content has been read
		return s.Cipher.Fingerprint([]byte(title + "\x00" + content.Type + "\x00" + content.SHA256()))
	}
	if repeated { // read to its end, to know whether it is the same
		_, err = io.Copy(io.Discard, content)
	} else {
		r, err = s.Attachments.Put(ctx, r.Association, r.ID, id, title, content, func(x referral.Attachment) (*referral.Referral, error) {
			x.Receipt = idempotency.Receipt{Fingerprint: fingerprint(), At: request.Now}
			return s.attach(ctx, a, r.Association, r.ID, x)
		})
		if err == nil {
			s.publisher.Wake()
		}
	}
	if err != nil {
		return nil, err
	}
	request.Fingerprint = fingerprint()
	step := r.Attachment(id)
	if err := request.Same(step.Attachment.Receipt); err != nil {
		return nil, err
	}
	if step.Attachment.Key == nil { // removed since: the same key does not add it again
		return nil, idempotency.ErrKeyReused
	}
	status = r.Status()
	v, err := s.attachmentView(a, status, r, step)
	v.Version = status.VisibleVersion(status.VisibilityFor(a))
	return v, err
}

// attach names a stored file in its referral, unless the caller may not any more.
func (s *Service) attach(ctx context.Context, a actor.Actor, association, id string, x referral.Attachment) (*referral.Referral, error) {
	by := guard.Author(ctx)
	saved, err := s.referrals.Update(ctx, association, id, 0, func(r *referral.Referral) error {
		status := r.Status()
		if !access.Allows("addAttachment", a, status.ResourceTo("addAttachment", a)) {
			return s.handedOver(a, "addAttachment", r) // while the file was transferred
		}
		if r.Attachment(x.ID) != nil {
			return store.ErrUnchanged // the same request was faster
		}
		if err := status.Refuse("addAttachment", status.VisibilityFor(a)); err != nil {
			return err
		}
		return r.Attach(by, s.Now(), x)
	})
	return saved.Value, err
}

// RemoveAttachment removes an attachment from a referral that is still at ifVersion: its
// key first, without which it cannot be decrypted any more, then the blob.
func (s *Service) RemoveAttachment(ctx context.Context, id string, ifVersion int64, attachmentID string) (*referral.View, error) {
	blob := ""
	v, err := s.change(ctx, "removeAttachment", id, ifVersion, "", func(_ actor.Actor, r versioned, by history.Author, _ []byte) error {
		if s.Attachments.Blobs == nil {
			return attachment.ErrNotConfigured
		}
		detached, err := r.Value.Detach(by, s.Now(), attachmentID)
		if err != nil {
			return err
		}
		blob = detached
		return s.Attachments.Note(ctx, r.Value.Association, blob, id) // remains when the save fails: the sweep finds out
	})
	if err != nil {
		return nil, err
	}
	s.Attachments.Settle(context.WithoutCancel(ctx), v.Referral.Association, blob, v.Referral)
	return v, nil
}

// File is an attachment with its content, to be read once and closed.
type File struct {
	Title   string
	Type    string
	Size    int64
	Version int64         // of the referral, as the caller sees it
	Content io.ReadCloser // ends in io.EOF only when all of it was read as it had been encrypted
}

// Attachment returns an attachment's content. A file that cannot be decrypted at all is
// an error here.
func (s *Service) Attachment(ctx context.Context, id, attachmentID string) (*File, error) {
	r, err := s.documents.Load(ctx, actor.From(ctx), guard.Call{
		Operation: "getAttachment", ID: id, Thing: "referral/" + id + "/attachment/" + attachmentID,
	})
	if err != nil {
		return nil, err
	}
	step := r.Value.Attachment(attachmentID)
	if step == nil || step.Attachment.Key == nil {
		return nil, fault.ErrNotFound
	}
	label, err := s.Attachments.Label(r.Value, step.Attachment)
	if err != nil {
		return nil, err
	}
	end, err := s.Attachments.Begin(ctx)
	if err != nil {
		return nil, err
	}
	content, err := s.Attachments.Open(ctx, r.Value, step.Attachment, end)
	if err != nil {
		return nil, err
	}
	status := r.Value.Status()
	version := status.VisibleVersion(status.VisibilityFor(actor.From(ctx)))
	return &File{Title: label.Title, Version: version, Type: step.Attachment.Type, Size: step.Attachment.Size, Content: content}, nil
}
