package docs

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:generate go test . -run TestTheListOfProblemsIsThatOfTheCode -update

// problemsJSON lists every fault of the suite. It is generated from the code, and a test
// fails when it is not current.
//
//go:embed problems.json
var problemsJSON []byte

// Problem is one type of problem.
type Problem struct {
	Code   string `json:"code"`
	Status int    `json:"status"`
	SV     string `json:"sv"`
	EN     string `json:"en"`
}

// Problems are the pages about problem types.
type Problems struct {
	all   []Problem
	index []byte
	pages map[string][]byte
}

// NewProblems renders the pages.
func NewProblems() (*Problems, error) {
	p := &Problems{pages: map[string][]byte{}}
	if err := json.Unmarshal(problemsJSON, &p.all); err != nil {
		return nil, err
	}
	slices.SortFunc(p.all, func(a, b Problem) int { return strings.Compare(a.Code, b.Code) })
	var b bytes.Buffer
	if err := list.Execute(&b, p.all); err != nil {
		return nil, err
	}
	p.index = bytes.Clone(b.Bytes())
	for _, problem := range p.all {
		b.Reset()
		if err := page.Execute(&b, problem); err != nil {
			return nil, err
		}
		p.pages[problem.Code] = bytes.Clone(b.Bytes())
	}
	return p, nil
}

// Serve answers with the list (code empty) or with one problem's page. It reports false
// for an unknown code, and has then written nothing.
func (p *Problems) Serve(w http.ResponseWriter, code string) bool {
	html, ok := p.pages[code]
	if code == "" {
		html, ok = p.index, true
	}
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(html)
	return true
}

const head = `<!doctype html><html lang="sv"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>%TITLE% – Finsam</title><style>body{font-family:sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;line-height:1.5}code{background:#eee;padding:0 .2em}td{padding:.2em .8em .2em 0;vertical-align:top}</style></head><body>`

var list = template.Must(template.New("list").Parse(strings.Replace(head, "%TITLE%", "Problemtyper / Problem types", 1) + `
<h1>Problemtyper / <span lang="en">Problem types</span></h1>
<p>Varje fel svarar med <code>application/problem+json</code> (RFC 9457). / <span lang="en">Every failure answers with a problem.</span></p>
<table><tbody>
{{range .}}<tr><td><a href="problems/{{.Code}}"><code>{{.Code}}</code></a></td><td>{{.Status}}</td><td>{{.SV}}<br><span lang="en">{{.EN}}</span></td></tr>
{{end}}</tbody></table></body></html>
`))

var page = template.Must(template.New("page").Parse(strings.Replace(head, "%TITLE%", "{{.Code}}", 1) + `
<p><a href="../problems">Alla problemtyper / <span lang="en">All problem types</span></a></p>
<h1><code>{{.Code}}</code></h1><p>HTTP {{.Status}}</p>
<h2>Svenska</h2><p>{{.SV}}</p>
<p>Fältet <code>detail</code> kan visas som det är för en handläggare. Ange <code>traceId</code> när ni frågar supporten om ett visst svar.</p>
<h2 lang="en">English</h2><div lang="en"><p>{{.EN}}</p>
<p>The field <code>detail</code> may be shown to a case worker as it is. Give the <code>traceId</code> when you ask support about a particular answer.</p></div>
</body></html>
`))
