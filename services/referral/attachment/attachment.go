// Package attachment keeps the files that belong to referrals, encrypted, in the store
// for blobs. The key of a file is in its referral and nowhere else.
package attachment

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/history"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/share"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
)

// The refusals of this package.
var (
	ErrEmpty = fault.New(fault.Unprocessable, "attachment-empty",
		"Filen är tom. Skicka en fil med innehåll.", "The file is empty. Send a file with content.")
	ErrTooLarge = fault.New(fault.TooLarge, "attachment-too-large",
		"Filen är för stor. Den får vara högst 10 MiB.", "The file is too large. It may be at most 10 MiB.")
	ErrType = fault.New(fault.Unprocessable, "attachment-type",
		"Filen är av en typ som inte tas emot. Skicka PDF, JPEG, PNG, TIFF, WebP eller ren text i UTF-8.", "The file is of a type that is not accepted. Send PDF, JPEG, PNG, TIFF, WebP or plain text in UTF-8.")
	ErrMismatch = fault.New(fault.Unprocessable, "attachment-type-mismatch",
		"Filens innehåll är av en annan typ än den som anges. Ange rätt typ eller ingen.", "The file's content is of another type than declared. Declare its type, or none.")
	ErrTitle = fault.New(fault.Unprocessable, "title-form",
		"Titeln får ha högst 200 tecken och inga radbrytningar.", "The title may have at most 200 characters and no line breaks.")
	ErrNotConfigured = fault.New(fault.Unavailable, "attachments-not-configured",
		"Bilagor kan inte tas emot eller visas, eftersom installationen saknar lagring för dem. Kontakta den som driver systemet.", "Attachments can be neither received nor shown, because the installation has no storage for them. Contact the operator of the system.")
	ErrBusy = fault.New(fault.Unavailable, "attachments-busy",
		"Det överförs många filer just nu. Försök igen om en stund.", "Many files are being transferred right now. Try again shortly.").After(5 * time.Second)
)

const (
	// maxTransfers bounds the transfers at once in this process, and so their memory:
	// about 3 MiB each in a folder, 8 MiB in a bucket. One authority has a quarter of
	// them at most, however slowly it sends.
	maxTransfers    = 16
	maxWaiting      = 64               // for one's turn
	transferTimeout = 10 * time.Second // of waiting for it
	settleTimeout   = 10 * time.Second
	sweepInterval   = 10 * time.Minute
	noteGrace       = time.Hour // after which a note is settled by the sweep: longer than any transfer
	maxSwept        = 100       // notes of one association in one round
)

// note says that a blob may belong to no referral: one that is being stored, or whose
// attachment is being removed. It is written before either begins, and deleted when the
// blob and the referral agree; what a crash leaves, the sweep settles. So no list of all
// blobs is ever read.
type note struct {
	Association string    `json:"association"`
	Blob        string    `json:"blob"`
	Referral    string    `json:"referral"`
	At          time.Time `json:"at"`
}

const notedKey = "at" // Unix milliseconds

// Collection declares how notes of blobs are stored.
var Collection = store.Schema[note]{
	Name:    "blob_notes",
	Indexes: []store.Index{{notedKey}},
	ID:      func(n *note) (string, string) { return n.Association, n.Blob },
	Version: func(*note) int64 { return 1 },
	Keys:    func(n *note) store.Keys { return store.Keys{notedKey: n.At.UnixMilli()} },
}

// Config is what attachments need.
type Config struct {
	parts.Parts
	Blobs     blob.Store // nil: attachments are neither received nor shown
	Referrals *store.Collection[referral.Referral]
}

// Service stores and reads the files. Its methods may be called at once. Who may read
// or change a referral, the caller has decided.
type Service struct {
	Config
	notes     *store.Collection[note]
	transfers *share.Places[string] // by authority

	// Job settles what has been left behind for an hour; nil without a store for blobs.
	Job *jobs.Job
}

// New opens the notes on the engine.
func New(ctx context.Context, c Config) (*Service, error) {
	notes, err := store.Open(ctx, c.Engine, Collection)
	if err != nil {
		return nil, fmt.Errorf("attachments: %w", err)
	}
	s := &Service{Config: c, notes: notes, transfers: share.NewPlaces[string](share.PlacesConfig{
		Most: maxTransfers, Alone: .25, Queue: maxWaiting, Wait: transferTimeout,
	})}
	if c.Blobs != nil {
		s.Job = jobs.Every(sweepInterval, jobs.Config{
			Service: "referral", Name: "sweep-blobs", Do: jobs.ForEach(c.Associations, s.sweepAssociation), Log: c.Log,
		})
	}
	return s, nil
}

// Begin waits for its turn to transfer a file: ErrNotConfigured, ErrBusy, share.ErrShare.
// The caller calls end when the transfer is over.
func (s *Service) Begin(ctx context.Context) (end func(), err error) {
	if s.Blobs == nil {
		return nil, ErrNotConfigured
	}
	who := actor.From(ctx).Owner()
	if _, err := s.transfers.Enter(ctx, who); errors.Is(err, share.ErrFull) {
		return nil, ErrBusy
	} else if err != nil {
		return nil, err
	}
	return func() { s.transfers.Leave(who, 0) }, nil
}

// bindingContext binds the key, the label and each segment of a file to its attachment
// and referral.
func bindingContext(r, attachment string) string {
	return referral.TextContext(r) + "/attachment/" + attachment
}

// Put encrypts a file into a blob and lets save name it in its referral, given by id.
// Before either, a note of the blob is written. save returns the referral as stored, or
// nil beside an error.
func (s *Service) Put(ctx context.Context, in, id, attachment, title string, c *Content, save func(referral.Attachment) (*referral.Referral, error)) (*referral.Referral, error) {
	a := referral.Attachment{ID: attachment, Blob: s.NewID()}
	if err := s.Note(ctx, in, a.Blob, id); err != nil {
		return nil, err
	}
	err := s.put(ctx, in, id, title, c, &a)
	var saved *referral.Referral
	if err == nil {
		saved, err = save(a)
	}
	// Whether a write without an answer has named the blob, the sweep finds out.
	if f := fault.Of(err); err == nil || f.Status != fault.Unavailable && f.Status != fault.Internal {
		s.Settle(context.WithoutCancel(ctx), in, a.Blob, saved)
	}
	return saved, err
}

func (s *Service) put(ctx context.Context, in, id, title string, c *Content, a *referral.Attachment) error {
	binding := bindingContext(id, a.ID)
	key, encryptedKey, err := s.Cipher.NewStreamKey(binding)
	if err != nil {
		return fmt.Errorf("referral %s: %w", id, err)
	}
	err = s.Blobs.Put(ctx, in+"/"+a.Blob, func(w io.Writer) error {
		encrypted, err := key.Encrypt(w)
		if err != nil {
			return err
		}
		if _, err := io.Copy(encrypted, c); err != nil {
			return err
		}
		return encrypted.Close()
	})
	if c.err != nil && c.err != io.EOF {
		return c.err // the file's fault, not the store's
	}
	if err != nil {
		return unavailable(err)
	}
	label, err := json.Marshal(referral.Label{Title: title, SHA256: c.SHA256()})
	if err == nil {
		a.Label, err = s.Cipher.Encrypt(label, binding)
	}
	if err != nil {
		return fmt.Errorf("referral %s: %w", id, err)
	}
	a.Key, a.Type, a.Size = encryptedKey, c.Type, c.Size
	return nil
}

// unavailable returns an error of the store for blobs as a fault of this service.
func unavailable(err error) error {
	var f *fault.Error
	if errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.ErrUnavailable.Because(err).After(5 * time.Second)
}

// Note notes that a blob may belong to no referral. One that is noted already is left
// as it is: a removal is tried again.
func (s *Service) Note(ctx context.Context, in, blob, id string) error {
	_, err := s.notes.Insert(ctx, &note{Association: in, Blob: blob, Referral: id, At: history.Stamp(s.Now())})
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// Settle deletes a blob unless the referral names it, and then its note. r is the
// referral as it is stored now; nil: it does not name the blob. What fails is left to
// the sweep.
func (s *Service) Settle(ctx context.Context, in, blob string, r *referral.Referral) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	err := error(nil)
	if r == nil || !slices.ContainsFunc(r.Attachments(), func(s *referral.Step) bool { return s.Attachment.Blob == blob }) {
		err = s.Blobs.Delete(ctx, in+"/"+blob)
	}
	if err == nil {
		err = s.notes.Delete(ctx, in, blob, 1)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.Log.WarnContext(ctx, "cleaning up after an upload failed; a later sweep does it", "cause", err)
	}
}

func (s *Service) sweepAssociation(ctx context.Context, in *association.Association) error {
	page, err := s.notes.Find(ctx, store.Query{
		Association: in.ID, Sort: []store.Order{{Key: notedKey}}, Limit: maxSwept,
		Where: []store.Cond{{Key: notedKey, Op: store.Lt, Value: s.Now().Add(-noteGrace).UnixMilli()}},
	})
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range page.Items {
		r, err := s.Referrals.Get(ctx, in.ID, n.Value.Referral)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			errs = append(errs, err)
			continue
		}
		s.Settle(ctx, in.ID, n.Value.Blob, r.Value)
	}
	return errors.Join(errs...)
}

// Label decrypts what describes an attachment of a referral.
func (s *Service) Label(r *referral.Referral, a *referral.Attachment) (label referral.Label, err error) {
	text, err := s.Cipher.Decrypt(a.Label, bindingContext(r.ID, a.ID))
	if err != nil {
		return label, fmt.Errorf("referral %s: attachment %s: %w", r.ID, a.ID, err)
	}
	if err := json.Unmarshal(text, &label); err != nil {
		return label, fmt.Errorf("referral %s: attachment %s: invalid label of %d bytes", r.ID, a.ID, len(text))
	}
	return label, nil
}

// Open opens a file to be read once and closed, which calls end. Its beginning is
// decrypted before Open returns, so a file that cannot be decrypted at all is an error
// here. It ends in io.EOF only when all of it was read as it had been encrypted.
func (s *Service) Open(ctx context.Context, r *referral.Referral, a *referral.Attachment, end func()) (io.ReadCloser, error) {
	fails := func(err error) error {
		end()
		return fmt.Errorf("referral %s: attachment %s: %w", r.ID, a.ID, err)
	}
	key, err := s.Cipher.OpenStreamKey(a.Key, bindingContext(r.ID, a.ID))
	if err != nil {
		return nil, fails(err)
	}
	encrypted, err := s.Blobs.Get(ctx, r.Association+"/"+a.Blob)
	if err != nil {
		return nil, fails(unavailable(err))
	}
	plain, err := key.Decrypt(encrypted)
	if err != nil {
		_ = encrypted.Close()
		return nil, fails(err)
	}
	f := &file{plain: plain, encrypted: encrypted, left: a.Size, end: end, failed: func(err error) {
		if ctx.Err() == nil { // else the caller left, or was too slow
			s.Log.ErrorContext(ctx, "an attachment cannot be decrypted to its end", "referral", r.ID, "attachment", a.ID, "cause", err)
		}
	}}
	head := make([]byte, min(a.Size, 512))
	if _, err := io.ReadFull(f, head); err != nil {
		_ = encrypted.Close()
		return nil, fails(encryption.ErrDecrypt.Because(err))
	}
	f.plain, f.left = io.MultiReader(bytes.NewReader(head), plain), a.Size
	return f, nil
}

// file is the content of an attachment that is read.
type file struct {
	plain     io.Reader
	encrypted io.Closer
	left      int64 // bytes that are still missing
	failed    func(error)
	end       func()
}

// Read implements io.Reader. The last byte is returned only when nothing follows it:
// who has all the bytes has what was encrypted.
func (f *file) Read(b []byte) (int, error) {
	n, err := f.plain.Read(b)
	if f.left -= int64(n); f.left == 0 && err == nil {
		var more [1]byte
		var k int
		if k, err = io.ReadFull(f.plain, more[:]); k > 0 {
			err = encryption.ErrDecrypt
		}
	}
	if f.left < 0 || f.left > 0 && err == io.EOF {
		err = encryption.ErrDecrypt
	}
	if err != nil && err != io.EOF {
		f.failed(err)
		return 0, err
	}
	return n, err
}

func (f *file) Close() error {
	if f.end != nil {
		f.end()
		f.end = nil
	}
	return f.encrypted.Close()
}
