package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/store"
)

// proof is how a database recognises its own keys: a known text, encrypted by every key
// that has been used for it, and the look-up of that text.
type proof struct {
	Sealed [][]byte `json:"sealed"`
	Lookup string   `json:"lookup"`
	Writes int64    `json:"writes"`
}

const (
	proofID   = "-" // there is one
	proofText = "finsam"
	// maxProofTries bounds how often a start loses to another: each writes once.
	maxProofTries = 20
)

var proofSchema = store.Schema[proof]{
	Name:    "keys_proof",
	ID:      func(*proof) (string, string) { return store.NoAssociation, proofID },
	Version: func(p *proof) int64 { return p.Writes },
}

// verifyKeys verifies the keys by the proof in the database, which the first start
// writes. With other keys the service would run, know nobody, and encrypt what the right
// keys cannot decrypt.
func (p *App) verifyKeys(ctx context.Context) error {
	if p.Cipher == nil {
		return nil
	}
	proofs, err := store.Open(ctx, p.Engine, proofSchema)
	if err != nil {
		return fmt.Errorf("FINSAM_STORE: %w", err)
	}
	for range maxProofTries {
		have, err := proofs.Get(ctx, store.NoAssociation, proofID)
		if errors.Is(err, store.ErrNotFound) {
			have.Value, err = &proof{Lookup: p.Cipher.Lookup(proofText)}, nil
		}
		if err != nil {
			return fmt.Errorf("FINSAM_STORE: %w", err)
		}
		wrong := "" // the file of keys that is not the database's own
		if !slices.Contains(p.Cipher.Lookups(proofText), have.Value.Lookup) {
			wrong = lookupKeysFile
		}
		for _, sealed := range have.Value.Sealed {
			if text, err := p.Cipher.Decrypt(sealed, proofSchema.Name); err != nil || string(text) != proofText {
				wrong = encryptionKeysFile
			}
		}
		if wrong != "" {
			return fmt.Errorf("FINSAM_KEYS_DIR: %s is not what the database of the %s service was encrypted with: put back the keys that belong to it; "+
				"they are older, newer or another installation's", wrong, p.Service)
		}
		if slices.ContainsFunc(have.Value.Sealed, p.Cipher.UsesNewestKey) {
			return nil
		}
		sealed, err := p.Cipher.Encrypt([]byte(proofText), proofSchema.Name)
		if err != nil {
			return err
		}
		have.Value.Sealed, have.Value.Writes = append(have.Value.Sealed, sealed), have.Value.Writes+1
		if have.Version == 0 {
			_, err = proofs.Insert(ctx, have.Value)
		} else {
			_, err = proofs.Replace(ctx, have)
		}
		if !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrStale) {
			return err
		}
		// Another process has written it meanwhile: read it again.
	}
	return errors.New("FINSAM_STORE: the proof of the keys is being written by too many at once; start again")
}
