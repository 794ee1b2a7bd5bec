package participant

import (
	"crypto/sha256"

	"github.com/finsam/finsam/pkg/personnummer"
)

// Identity is who a person is; it is stored sealed only.
type Identity struct {
	Number     personnummer.Number `json:"number"`
	GivenName  string              `json:"givenName"`
	FamilyName string              `json:"familyName"`
	Gender     string              `json:"gender,omitempty"` // as given, never derived
}

// Contact is how a person is reached; it is stored sealed only, and never for a
// person whose identity is protected.
type Contact struct {
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// Name returns the whole name.
func (i Identity) Name() string { return i.GivenName + " " + i.FamilyName }

// letters are those that nobody mistakes for one another (Crockford's base 32).
const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Alias is what stands where a protected person's name would. It follows from
// the participant's id, so it is the same everywhere and tells nothing more.
func Alias(id string) string {
	sum := sha256.Sum256([]byte("alias " + id))
	short := make([]byte, 4)
	for i := range short {
		short[i] = letters[sum[i]%32]
	}
	return "Deltagare " + string(short)
}
