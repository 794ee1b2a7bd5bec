// Package docs is the page on which people read and try the API, and the pages to which
// every problem's type leads, in Swedish and English. All of it is in the binary; no page
// loads anything from another host.
package docs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"regexp"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

// Config is what NewPage takes.
type Config struct {
	Title   string
	Clients []Client // the demo's invented clients; empty: no demo
}

// Client is an invented client of the demo's token endpoint.
type Client struct{ ID, Secret, Name string }

// Page is the interactive page with its assets.
type Page struct {
	assets http.Handler
	html   []byte
	// policy is the Content-Security-Policy, which allows the page its own files and exactly
	// its own scripts. Swagger UI sets styles on its elements, so those are allowed.
	policy string
}

// mount is the path of the assets in their own handler.
const mount = "/docs/"

// NewPage creates the page. Its addresses, of the contract and of its assets, are relative,
// so that they are right behind any prefix.
func NewPage(o Config) (*Page, error) {
	var top bytes.Buffer
	if err := intro.Execute(&top, o); err != nil {
		return nil, err
	}
	h := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: o.Title, SwaggerJSON: "./openapi.json", BasePath: "docs/", InternalBasePath: mount,
		PrependHTML: template.HTML(top.String()), HideCurl: false, //nolint:gosec // made by the template, which escapes
		SettingsUI: map[string]string{"tryItOutEnabled": "false", "persistAuthorization": "false", "filter": "true"},
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, mount, nil))
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("the documentation page answered %d", w.Code)
	}
	p := &Page{assets: h, html: bytes.TrimSpace(w.Body.Bytes()), policy: "default-src 'none'; script-src 'self'"}
	for _, m := range script.FindAllSubmatch(p.html, -1) {
		sum := sha256.Sum256(m[1])
		p.policy += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	p.policy += "; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'" +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return p, nil
}

// script matches the scripts in the page itself.
var script = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

// Serve answers with the page (rest empty) or one of its assets. It reports false for
// anything else, and has then written nothing.
func (p *Page) Serve(w http.ResponseWriter, r *http.Request, rest string) bool {
	h := w.Header()
	if rest == "" {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", p.policy)
		h.Set("Cache-Control", "no-cache")
		_, _ = w.Write(p.html)
		return true
	}
	if !assets[rest] {
		return false
	}
	asset := r.Clone(r.Context())
	asset.URL.Path, asset.URL.RawPath = mount+rest, ""
	h.Set("Cache-Control", "public, max-age=3600")
	p.assets.ServeHTTP(w, asset)
	return true
}

// assets are the files that the page asks for.
var assets = map[string]bool{
	"swagger-ui.css": true, "swagger-ui-bundle.js": true, "swagger-ui-standalone-preset.js": true,
	"favicon-16x16.png": true, "favicon-32x32.png": true, "oauth2-redirect.html": false,
}

var intro = template.Must(template.New("intro").Parse(`
<section style="max-width:1460px;margin:1.5rem auto;padding:0 20px;font-family:sans-serif;line-height:1.5">
<p lang="sv">Alla anrop görs med en åtkomsttoken från er egen utfärdare. Ett anrop som misslyckas får ett svar i form av ett problem (RFC 9457), vars typ är en länk till
<a href="docs/problems">sidorna om problemtyper</a>. Kontraktet: <a href="openapi.json">openapi.json</a>, <a href="openapi.yaml">openapi.yaml</a>.</p>
<p lang="en">Every call is made with an access token from your own issuer. A failed call is answered with a problem (RFC 9457) whose type is a link to
<a href="docs/problems">the pages about problem types</a>. The contract: <a href="openapi.json">openapi.json</a>, <a href="openapi.yaml">openapi.yaml</a>.</p>
{{if .Clients}}<details><summary><strong>Demo</strong>: POST /token, grant_type=client_credentials – påhittade klienter / invented clients</summary>
<pre style="overflow:auto">curl -d grant_type=client_credentials -d client_id={{(index .Clients 0).ID}} -d client_secret={{(index .Clients 0).Secret}} …/token</pre>
<table><thead><tr><th align="left">client_id</th><th align="left">client_secret</th><th align="left">Myndighet / Authority</th></tr></thead><tbody>
{{range .Clients}}<tr><td><code>{{.ID}}</code></td><td><code>{{.Secret}}</code></td><td>{{.Name}}</td></tr>
{{end}}</tbody></table></details>{{end}}
</section>`))
