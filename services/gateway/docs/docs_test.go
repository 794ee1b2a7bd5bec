package docs

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/fault"
)

var update = flag.Bool("update", false, "write problems.json from the code")

// kinds are the names by which the code calls the kinds of fault.
var kinds = map[string]fault.Status{
	"Internal": fault.Internal, "Invalid": fault.Invalid, "Unauthenticated": fault.Unauthenticated, "Forbidden": fault.Forbidden,
	"NotFound": fault.NotFound, "MethodNotAllowed": fault.MethodNotAllowed, "NotAcceptable": fault.NotAcceptable,
	"Conflict": fault.Conflict, "Stale": fault.Stale, "TooLarge": fault.TooLarge, "Unsupported": fault.Unsupported,
	"Unprocessable": fault.Unprocessable, "PreconditionRequired": fault.PreconditionRequired, "TooMany": fault.TooMany, "HeadersTooLarge": fault.HeadersTooLarge,
	"Unavailable": fault.Unavailable, "Timeout": fault.Timeout,
}

// declared finds every fault that is declared in pkg and the services.
func declared(t *testing.T) []Problem {
	t.Helper()
	byCode := map[string]Problem{}
	root := filepath.Join("..", "..", "..")
	for _, dir := range []string{"pkg", "services"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if p, ok := problemOf(n); ok {
					if before, twice := byCode[p.Code]; !twice || p.SV < before.SV {
						byCode[p.Code] = p
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []Problem
	for _, p := range byCode {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Problem) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// problemOf reads fault.New(kind, "code", "sv", "en"); in package fault itself New.
func problemOf(n ast.Node) (Problem, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 4 || !strings.HasSuffix(name(call.Fun), "New") {
		return Problem{}, false
	}
	kind, known := kinds[name(call.Args[0])]
	code, ok1 := literal(call.Args[1])
	sv, ok2 := literal(call.Args[2])
	en, ok3 := literal(call.Args[3])
	return Problem{code, kind.HTTP(), sv, en}, known && ok1 && ok2 && ok3
}

func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		a, ok1 := literal(e.X)
		b, ok2 := literal(e.Y)
		return a + b, ok1 && ok2
	}
	return "", false
}

func TestTheListOfProblemsIsThatOfTheCode(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(declared(t)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("problems.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(b.Bytes(), problemsJSON) {
		t.Error("problems.json is not what the code declares, so a problem's type would lead nowhere; run: go generate ./services/gateway/docs")
	}
}

func TestEveryProblemHasAPageInBothLanguages(t *testing.T) {
	p, err := NewProblems()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.all) < 20 {
		t.Fatalf("only %d problems", len(p.all))
	}
	for _, one := range p.all {
		w := httptest.NewRecorder()
		if !p.Serve(w, one.Code) || !strings.Contains(w.Body.String(), `lang="en"`) || one.SV == "" || one.EN == "" || one.Status < 400 {
			t.Errorf("%+v: %s", one, w.Body)
		}
	}
	if p.Serve(httptest.NewRecorder(), "../secret") {
		t.Error("a page for what is no code")
	}
	w := httptest.NewRecorder()
	if !p.Serve(w, "") || strings.Count(w.Body.String(), "<tr>") != len(p.all) {
		t.Error("the list is not whole")
	}
}

// elsewhere finds addresses of other hosts that a browser would load.
var elsewhere = regexp.MustCompile(`(?i)(?:src|href)\s*=\s*["'](?:https?:)?//|url\(\s*["']?https?:|@import`)

func TestThePageLoadsNothingFromOtherHosts(t *testing.T) {
	p := NewPage("Finsam", []Client{{"fk-integration", "demo", "Försäkringskassan"}})
	for rest := range assets {
		if !assets[rest] {
			continue
		}
		w := httptest.NewRecorder()
		if !p.Serve(w, httptest.NewRequest("GET", "/finsam/v1/docs/"+rest, nil), rest) || w.Code != 200 || w.Body.Len() < 100 {
			t.Errorf("%s: %d, %d bytes", rest, w.Code, w.Body.Len())
		}
		if strings.HasSuffix(rest, ".css") && elsewhere.Match(w.Body.Bytes()) {
			t.Errorf("%s loads from elsewhere", rest)
		}
	}
	w := httptest.NewRecorder()
	p.Serve(w, httptest.NewRequest("GET", "/finsam/v1/docs", nil), "")
	if elsewhere.Match(w.Body.Bytes()) || !strings.Contains(w.Body.String(), "fk-integration") {
		t.Errorf("%s", w.Body)
	}
	for _, ref := range regexp.MustCompile(`(?:src|href)="(docs/[^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		if rest := strings.TrimPrefix(ref[1], "docs/"); !assets[rest] && !strings.HasPrefix(rest, "problems") {
			t.Errorf("the page asks for %s, which is not served", ref[1])
		}
	}
	if p.Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), "../docs.go") {
		t.Error("a file that is no asset was served")
	}
}

func TestThePagesPolicyAllowsItsOwnScriptsAndNoOthers(t *testing.T) {
	p := NewPage("Finsam", nil)
	w := httptest.NewRecorder()
	p.Serve(w, httptest.NewRequest("GET", "/finsam/v1/docs", nil), "")
	policy := w.Header().Get("Content-Security-Policy")
	if n := strings.Count(policy, "'sha256-"); n != len(script.FindAllString(w.Body.String(), -1)) || n == 0 {
		t.Errorf("%d hashes in %s", n, policy)
	}
	scripts := policy[strings.Index(policy, "script-src"):]
	if strings.Contains(scripts[:strings.Index(scripts, ";")], "unsafe-inline") {
		t.Error("any script could run: " + policy)
	}
	if bytes.Contains(w.Body.Bytes(), []byte("onclick=")) {
		t.Error("a handler in an attribute cannot run under this policy")
	}
}

func TestWhatComesFromElsewhereIsEscaped(t *testing.T) {
	w := httptest.NewRecorder()
	NewPage("<T>", []Client{{"<i>", "<s>", "<n>"}}).Serve(w, httptest.NewRequest("GET", "/finsam/v1/docs", nil), "")
	for _, text := range []string{"<title>&lt;T&gt; - ", "client_id=&lt;i&gt; ", "<code>&lt;s&gt;</code>", "<td>&lt;n&gt;</td>"} {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("the page has no %s: %s", text, w.Body)
		}
	}
}
