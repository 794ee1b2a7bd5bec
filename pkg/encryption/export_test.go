package encryption

import (
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
)

// RotateLookup returns the look-up keys with a new one in use.
func RotateLookup(prfKeys []byte) ([]byte, error) {
	handle, err := read(prfKeys)
	if err != nil {
		return nil, err
	}
	return rotate(keyset.NewManagerFromHandle(handle), prf.HMACSHA256PRFKeyTemplate())
}
