// Package demo is an issuer of access tokens for trying things out: the real rules on
// invented people, without a real identity provider.
//
// It has a key, a key set and an entry in a trust file for each authority, as the
// members themselves would have, so that what works here works there. It issues a
// token with any role to every caller, so no other machine may reach it: CheckAddr.
package demo

import (
	"cmp"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.yaml.in/yaml/v3"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/atomicfile"
	"github.com/finsam/finsam/services/gateway/trust"
)

// Audience is what the demo's tokens are for.
const Audience = "https://finsam.example/finsam/v1"

// issuerPrefix comes before an authority's id in the name of its issuer.
const issuerPrefix = "https://demo.finsam.example/"

// firstAssociation is the one whose issuers have the authorities' ids alone.
const firstAssociation = "insjoriket"

// defaultLifetime is that of a token without another one.
const defaultLifetime = 12 * time.Hour

// Issuer issues tokens as any of the demo's authorities.
type Issuer struct {
	folder, association string

	mu   sync.Mutex
	keys map[string]*ecdsa.PrivateKey
}

// Claims are what a token says. Authority and Roles are required; an empty unit and
// municipality become the authority's own, an empty subject one such as
// "coach-molndal-1".
type Claims struct {
	Subject      string
	Authority    string
	Unit         string
	Municipality string
	Participant  string
	Name         string // how colleagues read who somebody is; an invented one
	// PersonalNumber is a participant's own number, for the first application.
	PersonalNumber string
	Roles          []actor.Role
	Lifetime       time.Duration
}

// Open prepares the folder of the keys and the trust file: it makes keys that are missing
// and adds authorities that the trust file lacks. What is there is not changed. The tokens
// are for the association; empty: insjoriket.
func Open(folder, association string) (*Issuer, error) {
	i := &Issuer{folder: folder, association: cmp.Or(association, firstAssociation), keys: map[string]*ecdsa.PrivateKey{}}
	if !idForm.MatchString(i.association) {
		return nil, fmt.Errorf("association %q is not an id of lower-case letters, digits and \"-\"", i.association)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("demo issuer: %w", err)
	}
	if err := i.add(authorities...); err != nil {
		return nil, fmt.Errorf("demo issuer: %w", err)
	}
	return i, nil
}

// TrustFile returns the path of the trust file for the gateway.
func (i *Issuer) TrustFile() string { return filepath.Join(i.folder, "trust.yaml") }

// Token signs a token. An authority that the demo does not know is added to the trust
// file; the gateway accepts it once it has read the file again.
func (i *Issuer) Token(c Claims) (string, error) {
	a, err := i.complete(&c)
	if err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key, ok := i.keys[c.Authority]
	if !ok {
		if err := i.add(a); err != nil {
			return "", fmt.Errorf("demo issuer: %w", err)
		}
		key = i.keys[c.Authority]
	}
	now := time.Now().Truncate(time.Second)
	claims := jwt.MapClaims{
		"iss": issuerPrefix + i.issuerID(c.Authority), "aud": Audience, "sub": c.Subject, "client_id": c.Subject,
		"iat": now.Unix(), "exp": now.Add(c.Lifetime).Unix(), "roles": c.Roles,
	}
	for name, value := range map[string]string{"unit": c.Unit, "municipality": c.Municipality, "participant": c.Participant, "name": c.Name, "personal_identity_number": c.PersonalNumber} {
		if value != "" {
			claims[name] = value
		}
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	t.Header["typ"], t.Header["kid"] = "at+jwt", i.issuerID(c.Authority)
	return t.SignedString(key)
}

// issuerID returns the id of an authority's issuer. An issuer is for one association
// only, so the id differs from that of the authority's namesake in another.
func (i *Issuer) issuerID(authority string) string {
	if i.association == firstAssociation {
		return authority
	}
	return i.association + "." + authority
}

// complete sets the claims that the caller left out, and refuses those that no token
// of the authority could have.
func (i *Issuer) complete(c *Claims) (authority, error) {
	if len(c.Roles) == 0 {
		return authority{}, fmt.Errorf("name at least one role of %v", actor.Roles)
	}
	for _, r := range c.Roles {
		if !slices.Contains(actor.Roles, r) {
			return authority{}, fmt.Errorf("%q is not a role; the roles are %v", r, actor.Roles)
		}
	}
	a := authority{id: c.Authority, kind: actor.PrivateCare, unit: c.Authority + "-1"} // of one that the demo does not know
	var ids []string
	for _, known := range authorities {
		ids = append(ids, known.id)
		if known.id == c.Authority {
			a = known
		}
	}
	switch {
	case !idForm.MatchString(c.Authority):
		return a, fmt.Errorf("authority %q is not an id of lower-case letters, digits and \"-\", such as %s", c.Authority, strings.Join(ids, ", "))
	case a.municipality != "" && c.Municipality != "" && c.Municipality != a.municipality:
		return a, fmt.Errorf("%s is the municipality %s and has no tokens for %s", a.id, a.municipality, c.Municipality)
	}
	c.Subject = cmp.Or(c.Subject, strings.ReplaceAll(string(c.Roles[0]), "_", "-")+"-"+c.Authority+"-1")
	c.Unit = cmp.Or(c.Unit, a.unit)
	c.Municipality = cmp.Or(c.Municipality, a.municipality)
	c.Lifetime = cmp.Or(c.Lifetime, defaultLifetime)
	return a, nil
}

// add makes keys and entries of the trust file for authorities. What is there already
// is not changed, nor is an entry that was disabled by hand. The caller holds mu,
// except in Open.
func (i *Issuer) add(all ...authority) error {
	var file trust.File
	before, err := os.ReadFile(i.TrustFile())
	if err == nil {
		file, err = trust.ParseFile(before)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	roles := map[string]actor.Role{}
	for _, r := range actor.Roles {
		roles[string(r)] = r
	}
	added := false
	for _, a := range all {
		if i.keys[a.id], err = i.key(i.issuerID(a.id)); err != nil {
			return err
		}
		entry := trust.Issuer{
			Issuer: issuerPrefix + i.issuerID(a.id), JWKS: i.issuerID(a.id) + ".jwks.json", Audience: Audience, Algorithms: []string{"ES256"}, Typ: "at+jwt",
			Association: i.association, Authority: a.id, AuthorityKind: a.kind, Municipality: a.municipality, MaxLifetime: 24 * time.Hour,
			Claims: trust.Claims{Roles: trust.RoleClaim{Claim: trust.Path{"roles"}, Map: roles},
				Unit: trust.Path{"unit"}, Municipality: trust.Path{"municipality"}, Participant: trust.Path{"participant"}},
		}
		if a.kind == actor.Self {
			entry.Claims.PersonalIdentityNumber = trust.Path{"personal_identity_number"}
		} else {
			entry.Claims.Name = trust.Path{"name"}
		}
		if !slices.ContainsFunc(file.Issuers, func(is trust.Issuer) bool { return is.Issuer == entry.Issuer }) {
			file.Issuers = append(file.Issuers, entry)
			added = true
		}
	}
	if !added {
		return nil
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		return err
	}
	return atomicfile.Write(i.TrustFile(), text, 0o600)
}

// ErrExposed stops a demo that another machine could reach.
var ErrExposed = errors.New("the demo issues tokens with any role to every caller, so --demo serves loopback addresses only, such as 127.0.0.1:8080")

// CheckAddr returns ErrExposed unless addr listens on this machine alone.
func CheckAddr(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not host:port: %w", addr, err)
	}
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%w; %q is not one", ErrExposed, addr)
}
