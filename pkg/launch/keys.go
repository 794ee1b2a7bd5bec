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
	"time"

	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/internaltoken"
)

// The files of a folder of keys. A service needs its own private key, the public
// keys of all, and the key sets of pkg/encryption if it keeps what is said of people.
const (
	publicKeys = "internal-jwks.json"
	sealKeys   = "seal.json"
	lookupKeys = "prf.json"
)

// issuers are who may sign internal tokens; each has the private key <name>.key
// (Ed25519, PKCS #8 in PEM).
var issuers = []string{internaltoken.Gateway, "referral", "participant", "activity"}

// Keys is a folder of keys, read when asked for.
type Keys struct{ dir string }

// ReadKeys returns the keys of a folder.
func ReadKeys(dir string) Keys { return Keys{dir: dir} }

// Signer returns the signer of an issuer, by its own private key.
func (k Keys) Signer(issuer string, now func() time.Time) (*internaltoken.Signer, error) {
	private, err := readPrivate(filepath.Join(k.dir, issuer+".key"))
	if err != nil {
		return nil, keyFault(issuer+".key", err)
	}
	return internaltoken.NewSigner(issuer, private, now), nil
}

// Verifier returns the verifier of all issuers' tokens.
func (k Keys) Verifier(now func() time.Time) (*internaltoken.Verifier, error) {
	keys, err := readPublic(filepath.Join(k.dir, publicKeys))
	if err != nil {
		return nil, keyFault(publicKeys, err)
	}
	return internaltoken.NewVerifier(keys, now), nil
}

// Sealer returns the sealer of the two key sets.
func (k Keys) Sealer() (*encryption.Cipher, error) {
	a, err := os.ReadFile(filepath.Join(k.dir, sealKeys))
	if err != nil {
		return nil, keyFault(sealKeys, err)
	}
	p, err := os.ReadFile(filepath.Join(k.dir, lookupKeys))
	if err != nil {
		return nil, keyFault(lookupKeys, err)
	}
	s, err := encryption.New(a, p)
	if err != nil {
		return nil, fmt.Errorf("FINSAM_KEYS_DIR: %s and %s: %w", sealKeys, lookupKeys, err)
	}
	return s, nil
}

// keyFault names the file and why it is of no use, and nothing of its content.
func keyFault(file string, err error) error {
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

// jwk is a public Ed25519 key (RFC 8037).
type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	ID        string `json:"kid"` // the issuer; while keys rotate also "<issuer>.next" or "<issuer>.before"
	X         string `json:"x"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

func readPublic(path string) (map[string]ed25519.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var set jwks
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) == 0 {
		return nil, errors.New("is not a set of public keys (JWKS)")
	}
	keys := map[string]ed25519.PublicKey{}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(k.X)
		switch {
		case k.KeyType != "OKP" || k.Curve != "Ed25519" || err != nil || len(x) != ed25519.PublicKeySize || k.ID == "":
			return nil, fmt.Errorf("key %q is not an Ed25519 public key with a kid", k.ID)
		case keys[k.ID] != nil:
			return nil, fmt.Errorf("key %q stands twice", k.ID)
		}
		keys[k.ID] = x
	}
	return keys, nil
}
