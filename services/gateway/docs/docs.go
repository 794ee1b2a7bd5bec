// Package docs is the page on which people read and try the API, and the pages to which
// every problem's type leads, in Swedish and English. All of it is in the binary; no page
// loads anything from another host.
package docs

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"net/http"
	"regexp"
	"strings"

	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"
)

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

// pageHTML is the page, with {TITLE} and {DEMO} in it. Neither this nor another page is
// made by html/template, which finds methods by their names: no program that contains it can
// leave out a method of any type.
//
//go:embed page.html
var pageHTML string

// NewPage creates the page; without clients it shows no demo. Its addresses, of the
// contract and of its assets, are relative, so that they are right behind any prefix.
func NewPage(title string, clients []Client) *Page {
	text := strings.NewReplacer("{TITLE}", html.EscapeString(title), "{DEMO}", demo(clients)).Replace(pageHTML)
	p := &Page{assets: statigz.FileServer(static.FS), html: []byte(text), policy: "default-src 'none'; script-src 'self'"}
	for _, m := range script.FindAllSubmatch(p.html, -1) {
		sum := sha256.Sum256(m[1])
		p.policy += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	p.policy += "; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'" +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return p
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
	asset.URL.Path, asset.URL.RawPath = "/"+rest, ""
	h.Set("Cache-Control", "public, max-age=3600")
	p.assets.ServeHTTP(w, asset)
	return true
}

// assets are the files that the page asks for.
var assets = map[string]bool{
	"swagger-ui.css": true, "swagger-ui-bundle.js": true, "swagger-ui-standalone-preset.js": true,
	"favicon-16x16.png": true, "favicon-32x32.png": true, "oauth2-redirect.html": false,
}

// demo returns the part of the page that lists the demo's clients; empty without any.
func demo(clients []Client) string {
	if len(clients) == 0 {
		return ""
	}
	var b strings.Builder
	write := func(texts ...string) {
		for _, text := range texts {
			b.WriteString(text)
		}
	}
	first := clients[0]
	write(`<details><summary><strong>Demo</strong>: POST /token, grant_type=client_credentials – påhittade klienter / invented clients</summary>
<pre style="overflow:auto">curl -d grant_type=client_credentials -d client_id=`, html.EscapeString(first.ID), ` -d client_secret=`, html.EscapeString(first.Secret), ` …/token</pre>
<table><thead><tr><th align="left">client_id</th><th align="left">client_secret</th><th align="left">Myndighet / Authority</th></tr></thead><tbody>
`)
	for _, c := range clients {
		write("<tr><td><code>", html.EscapeString(c.ID), "</code></td><td><code>", html.EscapeString(c.Secret), "</code></td><td>", html.EscapeString(c.Name), "</td></tr>\n")
	}
	write("</tbody></table></details>")
	return b.String()
}
