package referral

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/finsam/finsam/pkg/store"
)

// blobNote says that a blob may be nobody's: one that is being put, or whose
// attachment is being removed. It is written before either begins, and gone when
// both the blob and the referral tell the same; what a death leaves, the sweeper
// settles. So no list of all blobs is ever read.
type blobNote struct {
	Association string    `json:"association"`
	Blob        string    `json:"blob"`
	Referral    string    `json:"referral"`
	At          time.Time `json:"at"`
}

const keyNoted = "at" // Unix milliseconds

// noteCollection declares how the notes are kept.
func noteCollection() store.Schema[blobNote] {
	return store.Schema[blobNote]{
		Name:    "blob_notes",
		Indexes: []store.Index{{keyNoted}},
		ID:      func(n *blobNote) (string, string) { return n.Association, n.Blob },
		Version: func(*blobNote) int64 { return 1 },
		Keys:    func(n *blobNote) store.Keys { return store.Keys{keyNoted: n.At.UnixMilli()} },
	}
}

const (
	// sweepBlobsEvery is how often the sweeper looks, on average.
	sweepBlobsEvery = 10 * time.Minute
	// sweepBlobsAfter is when a note is nobody's any more: no transfer lasts as long.
	sweepBlobsAfter = time.Hour
	// sweepBlobsAtOnce bounds a round, per association.
	sweepBlobsAtOnce = 100
)

// noteBlob notes that a blob may be nobody's. One that is noted already stays so: a
// removal that was overtaken is tried again.
func (s *Service) noteBlob(ctx context.Context, association, blob, referral string) error {
	_, err := s.notes.Insert(ctx, &blobNote{Association: association, Blob: blob, Referral: referral, At: s.Now().UTC().Truncate(time.Millisecond)})
	if errors.Is(err, store.ErrExists) {
		return nil
	}
	return err
}

// settleBlob destroys a blob unless the referral names it, and then forgets the
// note. r is the referral as it is stored now; nil when it has not been changed.
// What fails is left to the sweeper.
func (s *Service) settleBlob(ctx context.Context, association, blob string, r *Referral) {
	ctx, cancel := context.WithTimeout(ctx, transferPatience)
	defer cancel()
	if err := s.settleOnce(ctx, association, blob, r); err != nil {
		s.Log.WarnContext(ctx, "a blob is left to the sweeper", "cause", err)
	}
}

func (s *Service) settleOnce(ctx context.Context, association, blob string, r *Referral) error {
	if r == nil || !r.holds(blob) {
		if err := s.Blobs.Delete(ctx, association+"/"+blob); err != nil {
			return err
		}
	}
	err := s.notes.Delete(ctx, association, blob, 1)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// holds reports whether an attachment of the referral is in this blob.
func (r *Referral) holds(blob string) bool {
	for _, s := range r.attachments() {
		if s.Attachment.Blob == blob {
			return true
		}
	}
	return false
}

// sweepBlobs settles what was left behind, now and then until the context ends.
func (s *Service) sweepBlobs(ctx context.Context) error {
	if s.Blobs == nil {
		return nil
	}
	for {
		// Not all processes at once, and not at a start, which has enough to do.
		wait := time.NewTimer(sweepBlobsEvery/2 + rand.N(sweepBlobsEvery))
		select {
		case <-wait.C:
			s.SweepBlobs(ctx)
		case <-ctx.Done():
			wait.Stop()
			return nil
		}
	}
}

// SweepBlobs settles once what has been left behind for an hour.
func (s *Service) SweepBlobs(ctx context.Context) {
	for _, in := range s.Associations.All() {
		association := in.ID
		page, err := s.notes.Find(ctx, store.Query{
			Association: association, Sort: []store.Order{{Key: keyNoted}}, Limit: sweepBlobsAtOnce,
			Where: []store.Cond{{Key: keyNoted, Op: store.Lt, Value: s.Now().Add(-sweepBlobsAfter).UnixMilli()}},
		})
		if err != nil {
			s.Log.WarnContext(ctx, "the sweeper cannot read its notes", "cause", err)
			return
		}
		for _, n := range page.Items {
			r, err := s.referrals.Get(ctx, association, n.Value.Referral)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				s.Log.WarnContext(ctx, "the sweeper cannot read a referral", "cause", err)
				continue
			}
			s.settleBlob(ctx, association, n.Value.Blob, r.Value)
		}
	}
}
