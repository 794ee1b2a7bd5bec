package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/rest"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/gateway/contract"
	"github.com/finsam/finsam/services/gateway/docs"
)

// pages answer what the gateway has itself: the contract, facts about the API, the
// documentation, and in a demo the token endpoint.
type pages struct {
	base      string                               // what links begin with: BasePath behind the prefix of the public address
	documents map[string]func() (*document, error) // by path
	docs      func() *docs.Page
	problems  func() (*docs.Problems, error)
	resource  func() (*document, error) // what describes the API to clients of OAuth
	token     http.Handler              // nil: no demo
	addresses addresses
}

// document is a text that stays the same until the next start.
type document struct {
	mediaType string
	etag      string
	text      []byte
}

func newPages(c Config, prefix string, info contract.Info, a addresses) (*pages, error) {
	base := prefix + BasePath
	facts, err := apiInfo(c, base, info)
	openAPI := renderOnce("application/json", func() ([]byte, error) { return contract.JSON(c.PublicURL) })
	return &pages{
		base: base, documents: map[string]func() (*document, error){
			"/api-info":          renderOnce("application/json", func() ([]byte, error) { return facts, nil }),
			"/openapi.json":      openAPI,
			"/api-docs":          openAPI,
			"/openapi.yaml":      renderOnce("application/yaml", func() ([]byte, error) { return contract.YAML(c.PublicURL) }),
			"/asyncapi.json":     renderOnce("application/json", func() ([]byte, error) { return contract.AsyncJSON(c.PublicURL) }),
			"/docs/openapi.json": renderOnce("application/json", func() ([]byte, error) { return contract.JSON(prefix) }),
		},
		docs:     sync.OnceValue(func() *docs.Page { return docs.NewPage(info.Title, c.Clients) }),
		problems: sync.OnceValues(docs.NewProblems), token: c.Token, addresses: a,
		resource: func() (*document, error) { return describeResource(c) },
	}, err
}

// resourcePath is where a client finds out who issues tokens for the API (RFC 9728 section 3).
const resourcePath = "/.well-known/oauth-protected-resource" + BasePath

// describeResource returns the protected resource metadata of RFC 9728. The issuers are
// those of the trust file at this moment.
func describeResource(c Config) (*document, error) {
	if c.PublicURL == "" {
		return nil, problem.ErrNoRoute
	}
	base := strings.TrimSuffix(c.PublicURL, "/") + BasePath
	text, err := json.Marshal(struct {
		Resource      string   `json:"resource"`
		Issuers       []string `json:"authorization_servers"`
		Methods       []string `json:"bearer_methods_supported"`
		Name          string   `json:"resource_name"`
		Documentation string   `json:"resource_documentation"`
	}{base, c.Trust.Issuers(), []string{"header"}, "finsam", base + "/docs"})
	return &document{mediaType: "application/json", etag: etagOf(text), text: text}, err
}

// renderOnce returns a function that renders a document at the first call, so that a start
// need not wait for it.
func renderOnce(mediaType string, render func() ([]byte, error)) func() (*document, error) {
	return sync.OnceValues(func() (*document, error) {
		text, err := render()
		return &document{mediaType: mediaType, etag: etagOf(text), text: text}, err
	})
}

// etagOf returns an entity tag of a text.
func etagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// apiInfo returns the facts that the national REST API profile asks for (VER.06).
func apiInfo(c Config, base string, info contract.Info) ([]byte, error) {
	documentation := base + "/docs"
	if c.PublicURL != "" {
		documentation = strings.TrimSuffix(c.PublicURL, "/") + BasePath + "/docs"
	}
	return json.Marshal(struct {
		Name          string     `json:"apiName"`
		Version       string     `json:"apiVersion"`
		Released      string     `json:"apiReleased"`
		Documentation string     `json:"apiDocumentation"`
		Status        string     `json:"apiStatus"`
		Software      string     `json:"softwareVersion,omitempty"`
		Revision      string     `json:"softwareRevision,omitempty"`
		Links         rest.Links `json:"_links"`
	}{info.Title, info.Version, info.Released, documentation, info.Status, c.Version, c.Revision,
		rest.Links{rest.NewLink("self", base+"/api-info"), rest.NewLink("documentation", base+"/docs"), rest.NewLink("openapi", base+"/openapi.json")}})
}

// writeMe answers GET /me: whom the token speaks for.
func (p *pages) writeMe(w http.ResponseWriter, r *http.Request, a actor.Actor) error {
	text, err := json.Marshal(struct {
		Subject       string              `json:"subject"`
		Association   string              `json:"association"`
		Authority     string              `json:"authority"`
		AuthorityKind actor.AuthorityKind `json:"authorityKind"`
		Unit          string              `json:"unit,omitempty"`
		Municipality  string              `json:"municipality,omitempty"`
		Participant   string              `json:"participant,omitempty"`
		Roles         []actor.Role        `json:"roles"`
		Scopes        []string            `json:"scopes,omitzero"`
		Links         rest.Links          `json:"_links"`
	}{a.Subject, a.Association, a.Authority, a.AuthorityKind, a.Unit, a.Municipality, a.Participant, a.Roles, a.Scopes, rest.Links{rest.NewLink("self", p.base+"/me")}})
	if err != nil {
		return err
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	if r.Method != http.MethodHead {
		_, err = w.Write(text)
	}
	return err
}

// besideDocs are the paths at which people look for the documentation, and where it is
// from there: relative, so that it is right behind any prefix.
var besideDocs = map[string]string{
	"/": "." + BasePath + "/docs", BasePath: "./v1/docs", BasePath + "/": "./docs", "/docs/": "../docs", BasePath + "/docs/": "../docs",
}

// pageSize is how large a page is that costs its reader's address as much as a try without a
// token. The contract has some five of them.
const pageSize = 64 << 10

// serve answers what is no operation of a service: a page, with or without the base path; a
// method that a path does not have, with those that it has; and what is no path of ours.
// It returns what was asked for, for the log.
func (p *pages) serve(w http.ResponseWriter, r *http.Request, allow string) (operation string, err error) {
	path := strings.TrimPrefix(r.URL.Path, BasePath)
	to, isBeside := besideDocs[r.URL.EscapedPath()]
	page, isDocs := strings.CutPrefix(path, "/docs")
	isDocs = isDocs && (page == "" || page[0] == '/')
	document := p.documents[path]
	isResource := r.URL.EscapedPath() == resourcePath
	if isResource {
		document = p.resource
	}
	switch {
	case !isPlain(r.URL) && !isBeside && !isResource:
		return unrouted, problem.ErrNoRoute
	case path == "/token" && p.token != nil:
		operation, allow = "token", "POST, OPTIONS"
	case document != nil || isDocs || isBeside:
		operation, allow = "documentation", "OPTIONS, GET, HEAD"
	case allow == "":
		return unrouted, problem.ErrNoRoute
	default:
		operation = unrouted
	}
	isRead := r.Method == http.MethodGet || r.Method == http.MethodHead
	if operation == "documentation" && isRead {
		if err := p.addresses.charge(r, 1); err != nil {
			return operation, err
		}
	}
	switch {
	case operation == "token" && r.Method == http.MethodPost:
		if err := p.addresses.charge(r, 0); err != nil {
			return operation, err
		}
		p.token.ServeHTTP(w, r)
		if a, ok := w.(*answer); ok && a.status >= 400 { // a failure costs as much as an invalid token
			p.addresses.limit.Charge(p.addresses.callerAddress(r), 1)
		}
		return operation, nil
	case operation == "documentation" && isRead && isBeside:
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
		return operation, nil
	case operation == "documentation" && isRead && document != nil:
		d, err := document()
		if err != nil {
			return operation, err
		}
		p.addresses.limit.Charge(p.addresses.callerAddress(r), len(d.text)/pageSize)
		h := w.Header()
		h["Etag"] = []string{d.etag}
		h["Cache-Control"] = []string{"public, max-age=300"}
		return operation, writeUnlessKnown(w, r, d.mediaType, d.text)
	case operation == "documentation" && isRead:
		return operation, p.serveDocs(w, r, strings.TrimPrefix(page, "/"))
	}
	w.Header().Set("Allow", allow)
	if r.Method != http.MethodOptions {
		return operation, problem.ErrMethod
	}
	w.WriteHeader(http.StatusNoContent)
	return operation, nil
}

// serveDocs answers with the documentation page, one of its files, or a page about
// problems.
func (p *pages) serveDocs(w http.ResponseWriter, r *http.Request, path string) error {
	found := false
	if code, ok := strings.CutPrefix(path, "problems"); ok && (code == "" || code[0] == '/') {
		problems, err := p.problems()
		if err != nil {
			return err
		}
		found = problems.Serve(w, strings.TrimPrefix(code, "/"))
	} else {
		found = p.docs().Serve(w, r, path)
	}
	if !found {
		return problem.ErrNoRoute
	}
	return nil
}

// writeUnlessKnown answers with a text, or with 304 when the caller has the ETag that the
// header has.
func writeUnlessKnown(w http.ResponseWriter, r *http.Request, mediaType string, text []byte) error {
	h := w.Header()
	if web.Matches(r.Header.Get("If-None-Match"), h["Etag"][0]) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h["Content-Type"] = []string{mediaType}
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(text)
	return err
}
