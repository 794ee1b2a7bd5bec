package encryption

import (
	"bytes"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

// Generate returns new key sets with one key each, as JSON in clear. They are secret: a
// file with them has mode 0600.
func Generate() (aeadKeys, prfKeys []byte, err error) {
	if aeadKeys, err = rotate(keyset.NewManager(), aead.AES256GCMKeyTemplate()); err != nil {
		return nil, nil, fmt.Errorf("encryption keys: %w", err)
	}
	if prfKeys, err = rotate(keyset.NewManager(), prf.HMACSHA256PRFKeyTemplate()); err != nil {
		return nil, nil, fmt.Errorf("look-up keys: %w", err)
	}
	return aeadKeys, prfKeys, nil
}

// Announce returns the encryption keys with a new one, which decrypts and does not
// encrypt yet: a program that knows it can read what others encrypt with it after
// Promote. A set in which a new key is waiting already stays as it is.
func Announce(aeadKeys []byte) ([]byte, error) {
	handle, err := read(aeadKeys)
	if err != nil {
		return nil, err
	}
	if newest(handle) != handle.KeysetInfo().GetPrimaryKeyId() {
		return aeadKeys, nil
	}
	m := keyset.NewManagerFromHandle(handle)
	if _, err := m.Add(aead.AES256GCMKeyTemplate()); err != nil {
		return nil, err
	}
	return write(m)
}

// Promote returns the encryption keys with the newest one in use: it encrypts, and the
// older ones still decrypt.
func Promote(aeadKeys []byte) ([]byte, error) {
	handle, err := read(aeadKeys)
	if err != nil {
		return nil, err
	}
	m := keyset.NewManagerFromHandle(handle)
	if err := m.SetPrimary(newest(handle)); err != nil {
		return nil, err
	}
	return write(m)
}

// newest is the id of the key that was added last.
func newest(handle *keyset.Handle) uint32 {
	keys := handle.KeysetInfo().GetKeyInfo()
	return keys[len(keys)-1].GetKeyId()
}

func rotate(m *keyset.Manager, template *tinkpb.KeyTemplate) ([]byte, error) {
	id, err := m.Add(template)
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, err
	}
	return write(m)
}

func write(m *keyset.Manager) ([]byte, error) {
	handle, err := m.Handle()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// read parses a key set. Its errors name no part of the text, which is secret.
func read(keys []byte) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(keys)))
	if err != nil {
		return nil, fmt.Errorf("not a tink key set in JSON (%d bytes)", len(keys))
	}
	return handle, nil
}
