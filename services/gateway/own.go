package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/finsam/finsam/pkg/web/problem"
	"github.com/finsam/finsam/services/gateway/contract"
	"github.com/finsam/finsam/services/gateway/docs"
)

// ownPages are what the gateway answers by itself: the contract, facts about the
// API, the documentation, and in a demo the token endpoint.
type ownPages struct {
	info, json, yaml, local func() (*document, error)
	page                    func() (*docs.Page, error)
	problems                func() (*docs.Problems, error)
}

// document is a text that is rendered once, with its entity tag.
type document struct {
	media string
	etag  string
	text  []byte
}

func newOwnPages(g *Gateway) (*ownPages, error) {
	info, err := apiInfo(g)
	if err != nil {
		return nil, err
	}
	return &ownPages{
		info:  once("application/json", func() ([]byte, error) { return info, nil }),
		json:  once("application/json", func() ([]byte, error) { return contract.JSON(g.PublicURL) }),
		local: once("application/json", contract.LocalJSON),
		yaml:  once("application/yaml", func() ([]byte, error) { return contract.YAML(g.PublicURL) }),
		page: sync.OnceValues(func() (*docs.Page, error) {
			return docs.NewPage(docs.Options{Title: g.info.Title, Clients: g.Clients})
		}),
		problems: sync.OnceValues(docs.NewProblems),
	}, nil
}

// once renders a document at the first call: a start need not wait for it.
func once(media string, render func() ([]byte, error)) func() (*document, error) {
	return sync.OnceValues(func() (*document, error) {
		text, err := render()
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		return &document{media: media, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, text: text}, nil
	})
}

// apiInfo is the answer that the national REST API profile asks for (VER.06).
func apiInfo(g *Gateway) ([]byte, error) {
	documentation := "docs"
	if g.PublicURL != "" {
		documentation = strings.TrimSuffix(g.PublicURL, "/") + BasePath + "/docs"
	}
	type link struct {
		Href string `json:"href"`
	}
	return json.Marshal(struct {
		Name          string          `json:"apiName"`
		Version       string          `json:"apiVersion"`
		Released      string          `json:"apiReleased"`
		Documentation string          `json:"apiDocumentation"`
		Status        string          `json:"apiStatus"`
		Software      string          `json:"softwareVersion,omitempty"`
		Revision      string          `json:"softwareRevision,omitempty"`
		Links         map[string]link `json:"_links"`
	}{g.info.Title, g.info.Version, g.info.Released, documentation, g.info.Status, g.Options.Version, g.Options.Revision,
		map[string]link{"self": {"api-info"}, "documentation": {"docs"}, "openapi": {"openapi.json"}}})
}

// serve answers for an own page; false when the path is none.
func (o *ownPages) serve(x *request) (bool, error) {
	path := strings.TrimPrefix(x.r.URL.Path, BasePath)
	if path == "/token" && x.g.Token != nil {
		return true, o.token(x)
	}
	answer := o.find(path)
	if answer == nil {
		return false, nil
	}
	x.route = "documentation"
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		return true, x.methodNotAllowed("OPTIONS, GET, HEAD")
	}
	return true, answer(x)
}

// find returns who answers for a path, which stands with and without the base path.
func (o *ownPages) find(path string) func(*request) error {
	switch path {
	case "/api-info":
		return func(x *request) error { return x.document(o.info) }
	case "/openapi.json", "/api-docs":
		return func(x *request) error { return x.document(o.json) }
	case "/openapi.yaml":
		return func(x *request) error { return x.document(o.yaml) }
	case "/docs/openapi.json":
		return func(x *request) error { return x.document(o.local) }
	}
	rest, ok := strings.CutPrefix(path, "/docs")
	if !ok || rest != "" && rest[0] != '/' {
		return nil
	}
	rest = strings.TrimPrefix(rest, "/")
	if code, ok := strings.CutPrefix(rest, "problems"); ok && (code == "" || code[0] == '/') {
		return func(x *request) error { return o.problem(x, strings.TrimPrefix(code, "/")) }
	}
	return func(x *request) error {
		p, err := o.page()
		if err == nil && !p.Serve(x, x.r, rest) {
			err = problem.ErrNoRoute
		}
		return err
	}
}

func (o *ownPages) problem(x *request, code string) error {
	p, err := o.problems()
	if err == nil && !p.Serve(x, code) {
		err = problem.ErrNoRoute
	}
	return err
}

// token answers for the demo's token endpoint; anyone who fails there is charged as
// one who shows a bad token.
func (o *ownPages) token(x *request) error {
	x.route = "token"
	if x.r.Method != http.MethodPost {
		return x.methodNotAllowed("POST, OPTIONS")
	}
	from := x.remote()
	if wait := x.g.Strangers.May(from); wait > 0 {
		return problem.ErrTooMany.After(wait)
	}
	x.g.Token.ServeHTTP(x, x.r)
	if x.status >= 400 {
		x.g.Strangers.Charge(from, 1)
	}
	return nil
}

// document answers with a text that is the same until the next start.
func (x *request) document(get func() (*document, error)) error {
	d, err := get()
	if err != nil {
		return err
	}
	h := x.Header()
	h["Etag"] = []string{d.etag}
	h["Cache-Control"] = publicly
	if has(x.r.Header.Get("If-None-Match"), d.etag) {
		x.WriteHeader(http.StatusNotModified)
		return nil
	}
	h["Content-Type"] = []string{d.media}
	h["Content-Length"] = []string{strconv.Itoa(len(d.text))}
	x.WriteHeader(http.StatusOK)
	if x.r.Method != http.MethodHead {
		_, err = x.Write(d.text)
	}
	return err
}

var publicly = []string{"public, max-age=300"}
