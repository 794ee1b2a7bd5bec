package trust

import "github.com/finsam/finsam/pkg/fault"

// KeysByAuthority tells of each authority whose issuers are let in how many of
// their public keys are known; 0 means that none of its tokens can pass.
func (v *Verifier) KeysByAuthority() map[string]int {
	known := map[string]int{}
	for _, is := range v.set.Load().issuers {
		if is.Disabled {
			continue
		}
		n := 0
		if keys := is.keys.current(); keys != nil {
			n = len(keys.keys)
		}
		known[is.Authority] += n
	}
	return known
}

// Wrong reports whether the trust file, as it is now, cannot be taken.
func (v *Verifier) Wrong() bool { return v.wrong.Load() }

// Faults are all the ways in which a token can fail.
func Faults() []*fault.Error {
	return []*fault.Error{ErrToken, ErrExpired, ErrIssuer, ErrSubject, ErrRoles, ErrKeys}
}
