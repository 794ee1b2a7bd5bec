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
}

// Issuer is one member authority's issuer of access tokens, and how its claims
// are read.
type Issuer struct {
	Issuer        string              `yaml:"issuer"`                 // the token's iss, letter for letter
	JWKS          string              `yaml:"jwks"`                   // https URL, or a path relative to the trust file
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

// Claims names where an issuer puts what an actor needs. A name is that of a
// claim, or a path into nested ones, such as realm_access.roles.
type Claims struct {
	Subject      string    `yaml:"subject,omitempty"` // empty: sub
	Roles        RoleClaim `yaml:"roles"`
	Unit         string    `yaml:"unit,omitempty"`
	Municipality string    `yaml:"municipality,omitempty"`
	Participant  string    `yaml:"participant,omitempty"`
}

// RoleClaim maps the values of one claim to roles. A value that is not in the map is no
// role, so the map is also the list of roles that the issuer may assign.
type RoleClaim struct {
	Claim string                `yaml:"claim"`
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
		is.Claims.Subject = cmp.Or(is.Claims.Subject, "sub")
		if err := is.check(); err != nil {
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
	case is.Claims.Roles.Claim == "" || len(is.Claims.Roles.Map) == 0:
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
	return checkJWKS(is.JWKS)
}

// checkJWKS accepts a file path, an https URL, or an http URL to this machine.
func checkJWKS(source string) error {
	if source == "" {
		return errors.New("jwks is missing; name an https URL or a file")
	}
	u, err := url.Parse(source)
	if err != nil {
		return fmt.Errorf("jwks %q is neither a URL nor a path", source)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	isLoopback := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	if u.Scheme == "https" && u.Host != "" && u.User == nil || u.Scheme == "http" && isLoopback || u.Scheme == "" || filepath.IsAbs(source) {
		return nil
	}
	return fmt.Errorf("jwks %q must be https (http only to a loopback address), or a path", source)
}

// isURL reports whether a checked jwks is fetched over HTTP.
func isURL(source string) bool {
	u, err := url.Parse(source)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http")
}
