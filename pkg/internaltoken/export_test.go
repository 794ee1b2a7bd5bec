package internaltoken

// MaxKept is the bound that the tests hold Kept against.
const MaxKept = maxKept

// Kept returns how many tokens the signer remembers.
func (s *Signer) Kept() int { return s.kept.size() }
