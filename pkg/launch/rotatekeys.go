package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/encryption"
)

// The stages of a rotation, in their order. Between two of them every program is
// started anew with the folder as it then is; so programs of neighbouring stages,
// and no others, run side by side, and each takes what the other signs and seals.
const (
	Announce = "announce" // new keys are known to all and used by none
	Switch   = "switch"   // the new ones are used, the old ones still accepted
	Retire   = "retire"   // what the old ones sign is refused; what they sealed still opens
)

// What stands behind an issuer's name in the set of public keys, and in the name
// of a private key that waits.
const (
	next   = ".next"
	before = ".before"
)

// RotateKeys takes one stage of the rotation of the sealing keys and of all
// private keys. A stage that was taken in part, by a program that died, is
// finished when it is asked for again; one out of order is refused. The look-up
// keys stay: people are filed under them.
func RotateKeys(dir, stage string) error {
	set, err := publicSet(dir)
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	if len(set.Keys) == 0 {
		return fmt.Errorf("rotate keys: %s is not in %s", publicKeys, dir)
	}
	r := rotation{dir: dir, set: set}
	switch stage {
	case Announce:
		err = r.announce()
	case Switch:
		err = r.use()
	case Retire:
		err = r.retire()
	default:
		err = fmt.Errorf("%q is none of %s, %s, %s", stage, Announce, Switch, Retire)
	}
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	return nil
}

type rotation struct {
	dir string
	set *jwks
}

func (r rotation) path(name string) string { return filepath.Join(r.dir, name) }

// announce creates a private key that waits for each issuer, tells its public half,
// and adds a sealing key that does not seal yet.
func (r rotation) announce() error {
	if r.set.with(before) {
		return errors.New("the rotation before is not at its end: retire its keys first")
	}
	for _, issuer := range issuers {
		if !exists(r.path(issuer + ".key")) {
			return fmt.Errorf("%s.key is not in the folder: all keys are rotated together", issuer)
		}
		x, err := privateKey(r.path(issuer + next + ".key"))
		if err != nil {
			return fmt.Errorf("%s%s.key: %w", issuer, next, err)
		}
		r.set.put(issuer+next, x)
	}
	if err := r.seal(encryption.Announce); err != nil {
		return err
	}
	return r.save()
}

// use returns each issuer the private key that waits. The set of public keys is
// written first, as it holds both halves before and after.
func (r rotation) use() error {
	waiting := slices.DeleteFunc(slices.Clone(issuers), func(i string) bool { return !exists(r.path(i + next + ".key")) })
	if len(waiting) == 0 {
		return errors.New("no new keys have been announced")
	}
	for _, issuer := range waiting {
		old, err := readPrivate(r.path(issuer + ".key"))
		if err != nil {
			return fmt.Errorf("%s.key: %w", issuer, err)
		}
		fresh, err := readPrivate(r.path(issuer + next + ".key"))
		if err != nil {
			return fmt.Errorf("%s%s.key: %w", issuer, next, err)
		}
		r.set.put(issuer+before, public(old))
		r.set.put(issuer, public(fresh))
		r.set.remove(issuer + next)
	}
	if err := errors.Join(r.save(), r.seal(encryption.Promote)); err != nil {
		return err
	}
	for _, issuer := range waiting {
		if err := os.Rename(r.path(issuer+next+".key"), r.path(issuer+".key")); err != nil {
			return err
		}
	}
	return nil
}

// retire forgets the old public keys.
func (r rotation) retire() error {
	switch {
	case slices.ContainsFunc(issuers, func(i string) bool { return exists(r.path(i + next + ".key")) }):
		return errors.New("the new keys are not in use yet: switch to them first")
	case !r.set.with(before):
		return errors.New("there are no old keys")
	}
	for _, issuer := range issuers {
		r.set.remove(issuer + before)
	}
	return r.save()
}

// seal changes the sealing keys.
func (r rotation) seal(change func([]byte) ([]byte, error)) error {
	keys, err := os.ReadFile(r.path(sealKeys))
	if err != nil {
		return err
	}
	if keys, err = change(keys); err != nil {
		return fmt.Errorf("%s: %w", sealKeys, err)
	}
	return atomicfile.Write(r.path(sealKeys), keys, 0o600)
}

// save writes the set of public keys.
func (r rotation) save() error {
	text, err := json.MarshalIndent(r.set, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(r.path(publicKeys), text, 0o600)
}

// with reports whether a key with that suffix is in the set.
func (s *jwks) with(suffix string) bool {
	return slices.ContainsFunc(s.Keys, func(k jwk) bool { return strings.HasSuffix(k.ID, suffix) })
}

func (s *jwks) remove(id string) {
	s.Keys = slices.DeleteFunc(s.Keys, func(k jwk) bool { return k.ID == id })
}
