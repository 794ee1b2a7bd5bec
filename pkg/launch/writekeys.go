package launch

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/encryption"
)

// WriteKeys creates the keys that are missing in the folder, each file with mode
// 0600, and makes the set of public keys agree with the private ones. Keys that
// are there are never changed: without seal.json nothing sealed can be read again.
func WriteKeys(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the keys: %w", err)
	}
	if err := writeSealKeys(dir); err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	set, err := publicSet(dir)
	if err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	changed := false
	for _, issuer := range issuers {
		x, err := privateKey(filepath.Join(dir, issuer+".key"))
		if err != nil {
			return fmt.Errorf("make keys: %s.key: %w", issuer, err)
		}
		changed = set.put(issuer, x) || changed
	}
	if !changed {
		return nil
	}
	text, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, publicKeys), text, 0o600)
}

// writeSealKeys creates the two key sets; only both or none may be missing.
func writeSealKeys(dir string) error {
	a, p := filepath.Join(dir, sealKeys), filepath.Join(dir, lookupKeys)
	hasA, hasP := exists(a), exists(p)
	switch {
	case hasA && hasP:
		return nil
	case hasA != hasP:
		return fmt.Errorf("only one of %s and %s is there; put the other one back, for new keys could not read what is stored", sealKeys, lookupKeys)
	}
	aeadKeys, prfKeys, err := encryption.Generate()
	if err != nil {
		return err
	}
	return errors.Join(atomicfile.Write(a, aeadKeys, 0o600), atomicfile.Write(p, prfKeys, 0o600))
}

// privateKey reads an issuer's key, or makes it, and gives its public half.
func privateKey(path string) (ed25519.PublicKey, error) {
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

// publicSet reads the set of public keys, to be completed.
func publicSet(dir string) (*jwks, error) {
	text, err := os.ReadFile(filepath.Join(dir, publicKeys))
	if errors.Is(err, fs.ErrNotExist) {
		return &jwks{}, nil
	}
	if err != nil {
		return nil, err
	}
	set := new(jwks)
	if err := json.Unmarshal(text, set); err != nil {
		return nil, fmt.Errorf("%s is not a set of public keys (JWKS)", publicKeys)
	}
	return set, nil
}

// put sets the key of an issuer, and reports whether that changed anything.
func (s *jwks) put(issuer string, x ed25519.PublicKey) bool {
	k := jwk{KeyType: "OKP", Curve: "Ed25519", Algorithm: "EdDSA", Use: "sig", ID: issuer, X: base64.RawURLEncoding.EncodeToString(x)}
	i := slices.IndexFunc(s.Keys, func(k jwk) bool { return k.ID == issuer })
	switch {
	case i < 0:
		s.Keys = append(s.Keys, k)
	case s.Keys[i] == k:
		return false
	default:
		s.Keys[i] = k
	}
	return true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
