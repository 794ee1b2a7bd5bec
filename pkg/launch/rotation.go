package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/encryption"
)

// The stages of a rotation, in their order. Between two of them every program is
// restarted with the folder as it then is; so programs of neighbouring stages, and no
// others, run side by side, and each accepts what the other signs and encrypts.
const (
	Announce = "announce" // all programs know the new keys and none uses them
	Switch   = "switch"   // the new keys are used, the old ones still accepted
	Retire   = "retire"   // what the old keys sign is refused; what they encrypted can still be read
)

// The suffixes of an issuer's name in the set of public keys, and in the name of the file
// of a private key that is not in use yet.
const (
	next   = ".next"
	before = ".before"
)

// RotateKeys takes one stage of the rotation of the encryption keys and of all private
// keys. A stage that was interrupted is finished by calling it again; one out of order
// is refused. The look-up keys stay: people are found by them.
func RotateKeys(dir, stage string) error {
	set, err := readPublic(filepath.Join(dir, publicKeysFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate keys: %s is not in %s", publicKeysFile, dir)
	}
	if err != nil {
		return fmt.Errorf("rotate keys: %s: %w", publicKeysFile, err)
	}
	r := rotation{dir: dir, set: set}
	switch stage {
	case Announce:
		err = r.announce()
	case Switch:
		err = r.switchKeys()
	case Retire:
		err = r.retire()
	default:
		err = fmt.Errorf("%q is not one of %s, %s, %s", stage, Announce, Switch, Retire)
	}
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	return nil
}

type rotation struct {
	dir string
	set publicSet
}

func (r rotation) path(name string) string { return filepath.Join(r.dir, name) }

// announce creates the next private key of each issuer, adds its public half to the set,
// and adds an encryption key that does not encrypt yet.
func (r rotation) announce() error {
	if slices.ContainsFunc(issuers, func(i string) bool { return r.set[i+before] != nil }) {
		return errors.New("the previous rotation is not finished: retire its keys first")
	}
	for _, issuer := range issuers {
		if !exists(r.path(issuer + ".key")) {
			return fmt.Errorf("%s.key is not in the folder: all keys are rotated together", issuer)
		}
		public, err := ensurePrivate(r.path(issuer + next + ".key"))
		if err != nil {
			return fmt.Errorf("%s%s.key: %w", issuer, next, err)
		}
		r.set[issuer+next] = public
	}
	if err := r.changeEncryptionKeys(encryption.Announce); err != nil {
		return err
	}
	return r.set.write(r.path(publicKeysFile))
}

// switchKeys replaces each issuer's private key by the next one. The set of public keys
// is written first, as it has both public halves before and after.
func (r rotation) switchKeys() error {
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
		r.set[issuer+before] = public(old)
		r.set[issuer] = public(fresh)
		delete(r.set, issuer+next)
	}
	if err := errors.Join(r.set.write(r.path(publicKeysFile)), r.changeEncryptionKeys(encryption.Promote)); err != nil {
		return err
	}
	for _, issuer := range waiting {
		if err := os.Rename(r.path(issuer+next+".key"), r.path(issuer+".key")); err != nil {
			return err
		}
	}
	return nil
}

// retire removes the old public keys.
func (r rotation) retire() error {
	switch {
	case slices.ContainsFunc(issuers, func(i string) bool { return exists(r.path(i + next + ".key")) }):
		return errors.New("the new keys are not in use yet: switch to them first")
	case !slices.ContainsFunc(issuers, func(i string) bool { return r.set[i+before] != nil }):
		return errors.New("there are no old keys")
	}
	for _, issuer := range issuers {
		delete(r.set, issuer+before)
	}
	return r.set.write(r.path(publicKeysFile))
}

// changeEncryptionKeys rewrites the file of the encryption keys.
func (r rotation) changeEncryptionKeys(change func([]byte) ([]byte, error)) error {
	keys, err := os.ReadFile(r.path(encryptionKeysFile))
	if err != nil {
		return err
	}
	if keys, err = change(keys); err != nil {
		return fmt.Errorf("%s: %w", encryptionKeysFile, err)
	}
	return atomicfile.Write(r.path(encryptionKeysFile), keys, 0o600)
}
