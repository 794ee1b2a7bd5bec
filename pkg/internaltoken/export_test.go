package internaltoken

// MaxRemembered is the bound that the tests compare Remembered with.
const MaxRemembered = maxRemembered

// Remembered returns how many tokens the signer remembers.
func (s *Signer) Remembered() int { return s.signed.Len() }
