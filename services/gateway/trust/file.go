package trust

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
)

// File is the trust file: every issuer whose tokens are accepted.
type File struct {
	Issuers []Issuer `yaml:"issuers"`
	// PseudonymKey is the file, relative to the trust file, with the key of pseudonyms: text
	// of at least 43 characters, as openssl rand -base64 32 writes it.
	PseudonymKey string `yaml:"pseudonymKey,omitempty"`
}

// Issuer is one member authority's issuer of access tokens, and how its claims
// are read.
type Issuer struct {
	Issuer        string              `yaml:"issuer"`                 // the token's iss, letter for letter
	JWKS          string              `yaml:"jwks,omitempty"`         // https URL, or a path relative to the trust file; empty: by OpenID Connect Discovery
	Audience      string              `yaml:"audience"`               // must be among the token's aud
	Algorithms    []string            `yaml:"algorithms"`             // of ES256, RS256, PS256, EdDSA
	Typ           string              `yaml:"typ,omitempty"`          // the token's typ; empty: at+jwt (RFC 9068)
	Association   string              `yaml:"association"`            // the tenant that the tokens are for
	Authority     string              `yaml:"authority"`              // id of the authority, such as "fk"
	AuthorityKind actor.AuthorityKind `yaml:"authorityKind"`          // which kind of member it is
	Municipality  string              `yaml:"municipality,omitempty"` // the only municipality it may speak for
	Claims        Claims              `yaml:"claims"`
	MaxLifetime   time.Duration       `yaml:"maxLifetime,omitempty"` // longest exp − iat; zero: one hour
	Disabled      bool                `yaml:"disabled,omitempty"`    // none of its tokens is accepted
}

// Claims names where an issuer puts what an actor needs.
type Claims struct {
	Subject      SubjectClaim `yaml:"subject,omitempty"` // empty: sub
	Roles        RoleClaim    `yaml:"roles"`
	Unit         Path         `yaml:"unit,omitempty"`
	Municipality Path         `yaml:"municipality,omitempty"`
	Participant  Path         `yaml:"participant,omitempty"`
	// Name is of how colleagues read who somebody is, for staff; empty: tokens name nobody.
	Name Path `yaml:"name,omitempty"`
	// Scopes is of what the token lets the role integration do, such as referrals:write. Where
	// it is named, a token without it lets an integration do nothing; else nothing is limited.
	Scopes Path `yaml:"scopes,omitempty"`
	// PersonalIdentityNumber is of a participant's own number, from which the vault knows the
	// participant, also before the first application. It is written nowhere.
	PersonalIdentityNumber Path `yaml:"personalIdentityNumber,omitempty"`
}

// Path names a claim. In the trust file it is a text: the claim's whole name, else a path
// into nested ones, such as realm_access.roles; or a list of names, of which each is whole
// and may have dots.
type Path []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *Path) UnmarshalYAML(n *yaml.Node) error {
	var names []string
	if n.Kind == yaml.ScalarNode {
		names = []string{n.Value}
	} else if err := n.Decode(&names); err != nil {
		return fmt.Errorf("line %d: a claim is named by a text or a list of texts", n.Line)
	}
	*p = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	return nil
}

// SubjectClaim names the claim of who asks; in the trust file, a path or an object.
type SubjectClaim struct {
	Claim Path `yaml:"claim,omitempty"`
	// Pseudonym: a keyed pseudonym replaces the claim's value, for issuers that have a
	// personal identity number there.
	Pseudonym bool `yaml:"pseudonym,omitempty"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *SubjectClaim) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return n.Decode(&s.Claim)
	}
	for i := 0; i < len(n.Content); i += 2 { // KnownFields does not reach here
		if key := n.Content[i].Value; key != "claim" && key != "pseudonym" {
			return fmt.Errorf("line %d: claims.subject has claim and pseudonym, not %s", n.Line, key)
		}
	}
	type plain SubjectClaim
	return n.Decode((*plain)(s))
}

// RoleClaim maps the values of one claim to roles. A value that is not in the map is no
// role, so the map is also the list of roles that the issuer may assign.
type RoleClaim struct {
	Claim Path                  `yaml:"claim"`
	Map   map[string]actor.Role `yaml:"map"`
}

// algorithms are those a trust file may name: asymmetric only, each with keys
// of one type (RFC 8725 section 3.1).
var algorithms = []string{"ES256", "RS256", "PS256", "EdDSA"}

// kinds are the authority kinds a trust file may name; empty is the
// association's own staff.
var kinds = []actor.AuthorityKind{"", actor.EmploymentService, actor.SocialInsurance, actor.Region,
	actor.Municipality, actor.PrivateCare, actor.Self}

var (
	idForm           = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	municipalityForm = regexp.MustCompile(`^[0-9]{4}$`)
)

// ParseFile reads a trust file; every error names the issuer and the field. An
// unknown field is an error: a misspelt "disabled" must not pass unseen.
func ParseFile(text []byte) (File, error) {
	var f File
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return File{}, fmt.Errorf("the trust file cannot be read: %w", err)
	}
	if len(f.Issuers) == 0 {
		return File{}, errors.New("the trust file names no issuer under issuers")
	}
	seen := map[string]bool{}
	for i := range f.Issuers {
		is := &f.Issuers[i]
		is.Typ = cmp.Or(is.Typ, "at+jwt") // RFC 9068 section 2.1
		is.MaxLifetime = cmp.Or(is.MaxLifetime, time.Hour)
		if len(is.Claims.Subject.Claim) == 0 {
			is.Claims.Subject.Claim = Path{"sub"}
		}
		err := is.check()
		if err == nil && is.Claims.Subject.Pseudonym && f.PseudonymKey == "" {
			err = errors.New("claims.subject.pseudonym needs pseudonymKey, the file of the key, beside issuers")
		}
		if err != nil {
			return File{}, fmt.Errorf("issuer %d (%q) of the trust file: %w", i+1, is.Issuer, err)
		}
		if seen[is.Issuer] {
			return File{}, fmt.Errorf("the trust file has the issuer %q twice", is.Issuer)
		}
		seen[is.Issuer] = true
	}
	return f, nil
}

func (is *Issuer) check() error {
	switch {
	case is.Issuer == "":
		return errors.New("issuer is missing")
	case is.Audience == "":
		return errors.New("audience is missing")
	case len(is.Algorithms) == 0:
		return fmt.Errorf("algorithms is missing; name one or more of %v", algorithms)
	case !idForm.MatchString(is.Association):
		return fmt.Errorf("association %q is not an id of lower-case letters, digits and \"-\"", is.Association)
	case !idForm.MatchString(is.Authority):
		return fmt.Errorf("authority %q is not an id of lower-case letters, digits and \"-\"", is.Authority)
	case !slices.Contains(kinds, is.AuthorityKind):
		return fmt.Errorf("authorityKind %q is not one of %v", is.AuthorityKind, kinds[1:])
	case is.Municipality != "" && !municipalityForm.MatchString(is.Municipality):
		return fmt.Errorf("municipality %q is not a code of four digits", is.Municipality)
	case is.MaxLifetime < time.Minute || is.MaxLifetime > 24*time.Hour:
		return fmt.Errorf("maxLifetime %s is not between 1m and 24h", is.MaxLifetime)
	case len(is.Claims.Roles.Claim) == 0 || len(is.Claims.Roles.Map) == 0:
		return errors.New("claims.roles needs both claim and map, which says what roles the issuer may assign")
	}
	for _, alg := range is.Algorithms {
		if !slices.Contains(algorithms, alg) {
			return fmt.Errorf("algorithm %q is not one of %v", alg, algorithms)
		}
	}
	for value, role := range is.Claims.Roles.Map {
		if !slices.Contains(actor.Roles, role) {
			return fmt.Errorf("claims.roles.map: %q maps to %q, which is not one of %v", value, role, actor.Roles)
		}
	}
	if is.JWKS == "" && !isFetchable(is.Issuer) {
		return errors.New("jwks is missing; name an https URL or a file, unless issuer is an https URL by which the keys are discovered")
	}
	return checkJWKS(is.JWKS)
}

// checkJWKS accepts nothing, a file path, or what isFetchable.
func checkJWKS(source string) error {
	u, err := url.Parse(source)
	if err != nil {
		return fmt.Errorf("jwks %q is neither a URL nor a path", source)
	}
	if u.Scheme == "" || filepath.IsAbs(source) || isFetchable(source) {
		return nil
	}
	return fmt.Errorf("jwks %q must be https (http only to a loopback address), or a path", source)
}

// isFetchable reports whether keys may be fetched from an address: by https, or from this
// machine, and without a password.
func isFetchable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	isLoopback := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback
}

// isURL reports whether a checked jwks is fetched over HTTP.
func isURL(source string) bool {
	u, err := url.Parse(source)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http")
}
