package demo

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/golang-jwt/jwt/v5"

	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/pkg/jwks"
)

// key returns an authority's key. It makes the key if it is missing, and writes the
// key set beside it.
func (i *Issuer) key(id string) (*ecdsa.PrivateKey, error) {
	path := filepath.Join(i.folder, id+".key")
	key, err := readKey(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := createKey(path); err != nil {
			return nil, err
		}
		key, err = readKey(path)
	}
	if err != nil {
		return nil, err
	}
	set, err := jwks.Marshal(map[string]crypto.PublicKey{id: key.Public()})
	if err != nil {
		return nil, err
	}
	public := filepath.Join(i.folder, id+".jwks.json")
	if before, err := os.ReadFile(public); err == nil && string(before) == string(set) {
		return key, nil
	}
	return key, atomicfile.Write(public, set, 0o600)
}

// createKey writes a new key, unless another process was faster.
func createKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	err = atomicfile.Create(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := jwt.ParseECPrivateKeyFromPEM(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%s is not a key for ES256", path)
	}
	return key, nil
}
