package docs

import (
	_ "embed"
	"encoding/json"
	"html"
	"net/http"
	"slices"
	"strconv"
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
	var rows strings.Builder
	for _, problem := range p.all {
		fill := strings.NewReplacer("{CODE}", html.EscapeString(problem.Code), "{STATUS}", strconv.Itoa(problem.Status),
			"{SV}", html.EscapeString(problem.SV), "{EN}", html.EscapeString(problem.EN))
		rows.WriteString(fill.Replace(row))
		p.pages[problem.Code] = []byte(fill.Replace(page))
	}
	p.index = []byte(strings.Replace(list, "{ROWS}", rows.String(), 1))
	return p, nil
}

// Serve answers with the list (code empty) or with one problem's page. It reports false
// for an unknown code, and has then written nothing.
func (p *Problems) Serve(w http.ResponseWriter, code string) bool {
	text, ok := p.pages[code]
	if code == "" {
		text, ok = p.index, true
	}
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(text)
	return true
}

const (
	head = `<!doctype html><html lang="sv"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>body{font-family:sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;line-height:1.5}code{background:#eee;padding:0 .2em}td{padding:.2em .8em .2em 0;vertical-align:top}</style>
`
	list = head + `<title>Problemtyper / Problem types – Finsam</title></head><body>
<h1>Problemtyper / <span lang="en">Problem types</span></h1>
<p>Varje fel svarar med <code>application/problem+json</code> (RFC 9457). / <span lang="en">Every failure answers with a problem.</span></p>
<table><tbody>
{ROWS}</tbody></table></body></html>
`
	row = `<tr><td><a href="problems/{CODE}"><code>{CODE}</code></a></td><td>{STATUS}</td><td>{SV}<br><span lang="en">{EN}</span></td></tr>
`
	page = head + `<title>{CODE} – Finsam</title></head><body>
<p><a href="../problems">Alla problemtyper / <span lang="en">All problem types</span></a></p>
<h1><code>{CODE}</code></h1><p>HTTP {STATUS}</p>
<h2>Svenska</h2><p>{SV}</p>
<p>Fältet <code>detail</code> kan visas som det är för en handläggare. Ange <code>traceId</code> när ni frågar supporten om ett visst svar.</p>
<h2 lang="en">English</h2><div lang="en"><p>{EN}</p>
<p>The field <code>detail</code> may be shown to a case worker as it is. Give the <code>traceId</code> when you ask support about a particular answer.</p></div>
</body></html>
`
)
