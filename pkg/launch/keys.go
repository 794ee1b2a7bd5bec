package launch

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/jwks"
)

// The files of a folder of keys. A service needs its own private key, the public keys of
// all, and the key sets of pkg/encryption if it stores what is said about people.
const (
	publicKeysFile     = "internal-jwks.json"
	encryptionKeysFile = "seal.json"
	lookupKeysFile     = "prf.json"
)

// issuers are who may sign internal tokens; each has the private key <name>.key
// (Ed25519, PKCS #8 in PEM).
var issuers = []string{internaltoken.Gateway, "referral", "participant", "activity"}

// Keys is a folder of keys. Each method reads the files that it needs.
type Keys struct{ Dir string }

// Signer returns the signer of an issuer, by its own private key.
func (k Keys) Signer(issuer string, now func() time.Time) (*internaltoken.Signer, error) {
	private, err := readPrivate(filepath.Join(k.Dir, issuer+".key"))
	if err != nil {
		return nil, keysError(issuer+".key", err)
	}
	return internaltoken.NewSigner(issuer, private, now), nil
}

// Verifier returns the verifier of all issuers' tokens.
func (k Keys) Verifier(now func() time.Time) (*internaltoken.Verifier, error) {
	keys, err := readPublic(filepath.Join(k.Dir, publicKeysFile))
	if err != nil {
		return nil, keysError(publicKeysFile, err)
	}
	return internaltoken.NewVerifier(keys, now), nil
}

// Cipher returns the cipher of the two key sets.
func (k Keys) Cipher() (*encryption.Cipher, error) {
	a, err := os.ReadFile(filepath.Join(k.Dir, encryptionKeysFile))
	if err != nil {
		return nil, keysError(encryptionKeysFile, err)
	}
	p, err := os.ReadFile(filepath.Join(k.Dir, lookupKeysFile))
	if err != nil {
		return nil, keysError(lookupKeysFile, err)
	}
	s, err := encryption.New(a, p)
	if err != nil {
		return nil, fmt.Errorf("FINSAM_KEYS_DIR: %s and %s: %w", encryptionKeysFile, lookupKeysFile, err)
	}
	return s, nil
}

// keysError names the file and what is wrong, and nothing of its content.
func keysError(file string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("FINSAM_KEYS_DIR: %s is not in the folder", file)
	}
	return fmt.Errorf("FINSAM_KEYS_DIR: %s: %w", file, err)
}

func readPrivate(path string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("is not in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := key.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("is not an Ed25519 private key in PKCS #8")
	}
	return private, nil
}

// publicSet is the set of public keys by kid: the issuer, and while keys rotate
// also "<issuer>.next" or "<issuer>.before".
type publicSet map[string]ed25519.PublicKey

func readPublic(path string) (publicSet, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parsed, leftOut, err := jwks.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(leftOut) > 0 { // our own file: there is nothing that we do not understand
		return nil, errors.New(leftOut[0])
	}
	set := publicSet{}
	for id, key := range parsed {
		public, ok := key.Public.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("key %q is not an Ed25519 public key", id)
		}
		set[id] = public
	}
	return set, nil
}

func (s publicSet) write(path string) error {
	keys := map[string]crypto.PublicKey{}
	for id, key := range s {
		keys[id] = key
	}
	text, err := jwks.Marshal(keys)
	if err != nil {
		return err
	}
	return atomicfile.Write(path, text, 0o600)
}

// WriteKeys creates the keys that are missing in the folder, each file with mode 0600,
// and makes the set of public keys agree with the private ones. Existing keys never
// change: without seal.json nothing that is encrypted can be read again.
func WriteKeys(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the folder of the keys: %w", err)
	}
	if err := writeEncryptionKeys(dir); err != nil {
		return fmt.Errorf("create keys: %w", err)
	}
	set, err := readPublic(filepath.Join(dir, publicKeysFile))
	if errors.Is(err, fs.ErrNotExist) {
		set = publicSet{}
	} else if err != nil {
		return fmt.Errorf("create keys: %s: %w", publicKeysFile, err)
	}
	before := maps.Clone(set)
	for _, issuer := range issuers {
		if set[issuer], err = ensurePrivate(filepath.Join(dir, issuer+".key")); err != nil {
			return fmt.Errorf("create keys: %s.key: %w", issuer, err)
		}
	}
	if maps.EqualFunc(set, before, func(a, b ed25519.PublicKey) bool { return a.Equal(b) }) {
		return nil
	}
	return set.write(filepath.Join(dir, publicKeysFile))
}

// writeEncryptionKeys creates the two key sets; only both or none may be missing.
func writeEncryptionKeys(dir string) error {
	a, p := filepath.Join(dir, encryptionKeysFile), filepath.Join(dir, lookupKeysFile)
	hasA, hasP := exists(a), exists(p)
	switch {
	case hasA && hasP:
		return nil
	case hasA != hasP:
		return fmt.Errorf("only one of %s and %s is there; put the other one back, for new keys could not read what is stored", encryptionKeysFile, lookupKeysFile)
	}
	aeadKeys, prfKeys, err := encryption.Generate()
	if err != nil {
		return err
	}
	return errors.Join(atomicfile.Write(a, aeadKeys, 0o600), atomicfile.Write(p, prfKeys, 0o600))
}

// ensurePrivate creates an issuer's key if it is missing, and returns its public half.
func ensurePrivate(path string) (ed25519.PublicKey, error) {
	private, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, private, err = ed25519.GenerateKey(nil); err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return nil, err
		}
		return public(private), atomicfile.Write(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	return public(private), nil
}

func public(private ed25519.PrivateKey) ed25519.PublicKey {
	return private.Public().(ed25519.PublicKey)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
