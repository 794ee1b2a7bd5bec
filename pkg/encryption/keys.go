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

// Generate makes new key sets with one key each, as JSON. Anyone who writes them to
// a file does it with mode 0600.
func Generate() (aeadKeys, prfKeys []byte, err error) {
	if aeadKeys, err = rotate(keyset.NewManager(), aead.AES256GCMKeyTemplate()); err != nil {
		return nil, nil, fmt.Errorf("sealing keys: %w", err)
	}
	if prfKeys, err = rotate(keyset.NewManager(), prf.HMACSHA256PRFKeyTemplate()); err != nil {
		return nil, nil, fmt.Errorf("look-up keys: %w", err)
	}
	return aeadKeys, prfKeys, nil
}

// Announce returns the sealing keys with a new one behind, which opens and does not
// seal yet: a program that knows it reads what others seal with it once it is in
// front (Promote). Keys with a new one that waits already stay as they are.
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

// Promote returns the sealing keys with the newest in front: what is sealed from
// now on uses it, and what was sealed before still opens.
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
	all := handle.KeysetInfo().GetKeyInfo()
	return all[len(all)-1].GetKeyId()
}

// RotateLookup returns the look-up keys with a new one in front. What is filed
// under the older key is found by Lookups until it is filed anew.
func RotateLookup(prfKeys []byte) ([]byte, error) {
	handle, err := read(prfKeys)
	if err != nil {
		return nil, err
	}
	return rotate(keyset.NewManagerFromHandle(handle), prf.HMACSHA256PRFKeyTemplate())
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

// write returns a key set as JSON, in clear.
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
