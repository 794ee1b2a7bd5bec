package launch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/store"
)

// proof is what a database keeps to tell its own keys from others: a known text
// under every key that has sealed in it, and what the look-up of that text is.
type proof struct {
	Sealed [][]byte `json:"sealed"`
	Lookup string   `json:"lookup"`
	Writes int64    `json:"writes"`
}

const (
	proofID = "-" // there is one
	proven  = "finsam"
	// proofTries bounds how often a start loses to another: each writes once.
	proofTries = 20
)

func proofs() store.Schema[proof] {
	return store.Schema[proof]{
		Name:    "keys_proof",
		ID:      func(*proof) (string, string) { return store.NoAssociation, proofID },
		Version: func(p *proof) int64 { return p.Writes },
	}
}

// prove holds the keys against the database, which gets its proof from those it
// is first started with. With other keys the service would run, name nobody, and
// seal what the right ones do not open.
func (p *App) prove(ctx context.Context) error {
	if p.Cipher == nil {
		return nil
	}
	all, err := store.Open(ctx, p.Engine, proofs())
	if err != nil {
		return fmt.Errorf("FINSAM_STORE: %w", err)
	}
	for range proofTries {
		have, err := all.Get(ctx, store.NoAssociation, proofID)
		if errors.Is(err, store.ErrNotFound) {
			have.Value, err = &proof{Lookup: p.Cipher.Lookup(proven)}, nil
		}
		if err != nil {
			return fmt.Errorf("FINSAM_STORE: %w", err)
		}
		if err := have.Value.holds(p.Cipher, p.Service); err != nil {
			return err
		}
		if slices.ContainsFunc(have.Value.Sealed, p.Cipher.UsesNewestKey) {
			return nil
		}
		if err := p.addProof(ctx, all, have); !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrStale) {
			return err
		}
		// Another process has written it meanwhile: it is looked at again.
	}
	return errors.New("FINSAM_STORE: the proof of the keys is being written by too many at once; start again")
}

// holds says which file of the keys is not the database's own.
func (v *proof) holds(s *encryption.Cipher, service string) error {
	wrong := ""
	if !slices.Contains(s.Lookups(proven), v.Lookup) {
		wrong = lookupKeys
	}
	for _, sealed := range v.Sealed {
		if clear, err := s.Decrypt(sealed, proofs().Name); err != nil || string(clear) != proven {
			wrong = sealKeys
		}
	}
	if wrong == "" {
		return nil
	}
	return fmt.Errorf("FINSAM_KEYS_DIR: %s is not what the database of the %s service was sealed with: put back the keys that belong to it; "+
		"they are older, newer or another installation's", wrong, service)
}

// addProof seals the known text with the key that seals now.
func (p *App) addProof(ctx context.Context, all *store.Collection[proof], have store.Versioned[proof]) error {
	sealed, err := p.Cipher.Encrypt([]byte(proven), proofs().Name)
	if err != nil {
		return err
	}
	v := have.Value
	v.Sealed, v.Writes = append(v.Sealed, sealed), v.Writes+1
	if have.Version == 0 {
		_, err = all.Insert(ctx, v)
	} else {
		_, err = all.Replace(ctx, have)
	}
	return err
}
