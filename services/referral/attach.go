package referral

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
)

// Upload is a file on its way in. Content is read once, to its end, and gives an
// error when it does not come whole.
type Upload struct {
	Title    string // empty: the file's name
	FileName string // as the sender calls it; may be empty
	Declared string // media type that the sender says; may be empty
	Content  io.Reader
}

const (
	// maxTransfers bounds the files under way at once in this process, and so what of
	// them is in memory: about 3 MiB each in a folder, 8 MiB in a bucket.
	maxTransfers = 16
	// transferPatience is how long a file waits for its place.
	transferPatience = 10 * time.Second
)

// transfer waits for a place to transfer a file; the caller calls leave.
func (s *Service) transfer(ctx context.Context) (leave func(), err error) {
	if s.Blobs == nil {
		return nil, ErrNoBlobs
	}
	wait := time.NewTimer(transferPatience)
	defer wait.Stop()
	select {
	case s.transfers <- struct{}{}:
		return func() { <-s.transfers }, nil
	case <-wait.C:
		return nil, ErrTransfers
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// AddAttachment adds a file to a referral. What stands in the way is told before
// any of the content is read; the same key with the same content and title gives
// the same answer for 24 hours.
func (s *Service) AddAttachment(ctx context.Context, id, key string, u Upload) (*AttachmentView, error) {
	r, err := s.load(ctx, "addAttachment", id)
	if err != nil {
		return nil, err
	}
	title, err := titled(u.Title, u.FileName)
	if err != nil {
		return nil, err
	}
	request := idempotency.Request{
		Actor: actor.From(ctx), Operation: "addAttachment/" + id, Key: key,
		Now: s.Now().UTC().Truncate(time.Millisecond), NewID: s.NewID,
	}
	attachment, repeated, err := request.Find(r.Value.receipt)
	if err != nil {
		return nil, err
	}
	if !repeated {
		if err := r.Value.refusal("addAttachment", request.Actor); err != nil {
			return nil, err
		}
		if err := r.Value.Attachable(); err != nil {
			return nil, err
		}
	}
	leave, err := s.transfer(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	c, err := newContent(u.Content, u.Declared)
	if err != nil {
		return nil, err
	}
	in := &incoming{referral: id, request: request, title: title, content: c}
	in.made.ID = attachment
	if repeated {
		return s.attachedBefore(ctx, r.Value, in)
	}
	return s.attach(ctx, in)
}

// incoming is a file that may come in.
type incoming struct {
	referral string
	request  idempotency.Request
	title    string
	content  *content
	made     Attachment
}

// attachedBefore reads a repeated file to its end, to know whether it is the same.
func (s *Service) attachedBefore(ctx context.Context, r *Referral, in *incoming) (*AttachmentView, error) {
	if _, err := io.Copy(io.Discard, in.content); err != nil {
		return nil, err
	}
	in.request.Fingerprint = s.printOf(in)
	return s.same(ctx, r, in)
}

// same returns what an earlier, same request has attached. What was removed since
// is not attached once more by the same key.
func (s *Service) same(ctx context.Context, r *Referral, in *incoming) (*AttachmentView, error) {
	was := r.attachment(in.made.ID)
	if err := in.request.Same(was.Attachment.Receipt); err != nil {
		return nil, err
	}
	if was.Attachment.Key == nil {
		return nil, idempotency.ErrKeyReused
	}
	return s.attachmentView(ctx, r, was)
}

// printOf returns the fingerprint of a file that has been read to its end.
func (s *Service) printOf(in *incoming) string {
	return s.Cipher.Fingerprint([]byte(in.title + "\x00" + in.content.kind + "\x00" + in.content.sha256()))
}

// receipt returns what was kept of the request that made an attachment.
func (r *Referral) receipt(attachment string) (idempotency.Receipt, bool) {
	s := r.attachment(attachment)
	if s == nil {
		return idempotency.Receipt{}, false
	}
	return s.Attachment.Receipt, true
}

// attach seals the file into a blob, and then writes it into the referral. Before
// either, it is noted that the blob may be nobody's.
func (s *Service) attach(ctx context.Context, in *incoming) (*AttachmentView, error) {
	association := in.request.Actor.Association
	in.made.Blob = s.NewID()
	if err := s.noteBlob(ctx, association, in.made.Blob, in.referral); err != nil {
		return nil, err
	}
	saved, err := s.keep(ctx, association, in)
	// Whose blob it is after a write without an answer, the sweeper finds out.
	if refused := new(fault.Error); err == nil || errors.As(err, &refused) && refused.Status != fault.Unavailable && refused.Status != fault.Internal {
		s.settleBlob(context.WithoutCancel(ctx), association, in.made.Blob, saved.Value)
	}
	if err != nil {
		return nil, err
	}
	s.publisher.Wake()
	return s.same(ctx, saved.Value, in)
}

// keep puts the blob and names it in the referral.
func (s *Service) keep(ctx context.Context, association string, in *incoming) (saved store.Versioned[Referral], err error) {
	sealing := attachmentContext(in.referral, in.made.ID)
	key, sealedKey, err := s.Cipher.NewStreamKey(sealing)
	if err != nil {
		return saved, fmt.Errorf("referral %s: %w", in.referral, err)
	}
	err = s.Blobs.Put(ctx, association+"/"+in.made.Blob, func(w io.Writer) error {
		sealed, err := key.Encrypt(w)
		if err != nil {
			return err
		}
		if _, err := io.Copy(sealed, in.content); err != nil {
			return err
		}
		return sealed.Close()
	})
	if in.content.err != nil && in.content.err != io.EOF {
		return saved, in.content.err // it is the file's fault, not the place's
	}
	if err != nil {
		return saved, blobFault(err)
	}
	label, err := json.Marshal(Label{Title: in.title, SHA256: in.content.sha256()})
	if err != nil {
		return saved, fmt.Errorf("referral %s: %w", in.referral, err)
	}
	if in.made.Label, err = s.Cipher.Encrypt(label, sealing); err != nil {
		return saved, fmt.Errorf("referral %s: %w", in.referral, err)
	}
	in.request.Fingerprint = s.printOf(in)
	in.made.Key, in.made.Type, in.made.Size = sealedKey, in.content.kind, in.content.size
	in.made.Receipt = idempotency.Receipt{Fingerprint: in.request.Fingerprint, At: in.request.Now}
	h := hand(ctx)
	return s.referrals.Update(ctx, association, in.referral, 0, func(r *Referral) error {
		if a := in.request.Actor; !access.Allows("addAttachment", a, r.ResourceTo("addAttachment", a)) {
			return s.handedOver("addAttachment", a, r) // while the file came
		}
		if r.attachment(in.made.ID) != nil {
			return store.Unchanged() // the same request was faster
		}
		if err := r.refusal("addAttachment", in.request.Actor); err != nil {
			return err
		}
		return r.Attach(h, s.Now(), in.made)
	})
}

// blobFault says that the place for blobs does not do what it should.
func blobFault(err error) error {
	var f *fault.Error
	if errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.ErrUnavailable.Because(err).After(5 * time.Second)
}

// RemoveAttachment removes an attachment from a referral that is still at
// ifVersion: its key first, with which nothing opens it any more, then the blob.
func (s *Service) RemoveAttachment(ctx context.Context, id string, ifVersion int64, attachment string) (*View, error) {
	r, err := s.loadAt(ctx, "removeAttachment", id, ifVersion)
	if err != nil {
		return nil, err
	}
	if s.Blobs == nil {
		return nil, ErrNoBlobs
	}
	blob, err := r.Value.Detach(hand(ctx), s.Now(), attachment)
	if err != nil {
		return nil, err
	}
	if err := s.noteBlob(ctx, r.Value.Association, blob, id); err != nil {
		return nil, err
	}
	v, err := s.save(ctx, r)
	if err != nil {
		return nil, err // the note stays: the sweeper finds out
	}
	s.settleBlob(context.WithoutCancel(ctx), v.Referral.Association, blob, v.Referral)
	return v, nil
}

// attachmentContext binds the key, the label and each segment of an attachment to
// it and to its referral.
func attachmentContext(referral, attachment string) string {
	return sealContext(referral) + "/attachment/" + attachment
}
