package launch

import (
	"errors"
	"fmt"
	"io/fs"
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
	set, err := readPublic(filepath.Join(dir, publicKeys))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate keys: %s is not in %s", publicKeys, dir)
	}
	if err != nil {
		return fmt.Errorf("rotate keys: %s: %w", publicKeys, err)
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
	set publicSet
}

func (r rotation) path(name string) string { return filepath.Join(r.dir, name) }

// announce creates a private key that waits for each issuer, tells its public half,
// and adds a sealing key that does not seal yet.
func (r rotation) announce() error {
	if r.hasOld() {
		return errors.New("the rotation before is not at its end: retire its keys first")
	}
	for _, issuer := range issuers {
		if !exists(r.path(issuer + ".key")) {
			return fmt.Errorf("%s.key is not in the folder: all keys are rotated together", issuer)
		}
		public, err := privateKey(r.path(issuer + next + ".key"))
		if err != nil {
			return fmt.Errorf("%s%s.key: %w", issuer, next, err)
		}
		r.set[issuer+next] = public
	}
	if err := r.seal(encryption.Announce); err != nil {
		return err
	}
	return r.set.write(r.path(publicKeys))
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
		r.set[issuer+before] = public(old)
		r.set[issuer] = public(fresh)
		delete(r.set, issuer+next)
	}
	if err := errors.Join(r.set.write(r.path(publicKeys)), r.seal(encryption.Promote)); err != nil {
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
	case !r.hasOld():
		return errors.New("there are no old keys")
	}
	for _, issuer := range issuers {
		delete(r.set, issuer+before)
	}
	return r.set.write(r.path(publicKeys))
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

func (r rotation) hasOld() bool {
	for id := range r.set {
		if strings.HasSuffix(id, before) {
			return true
		}
	}
	return false
}
