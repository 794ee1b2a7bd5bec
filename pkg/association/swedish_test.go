package association

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// TestEverySentenceOfTheChecksIsInBothLanguages reads the calls of checker.want in the source:
// each sentence is in the table, with the same values in the same order, and none is there
// that nobody says.
func TestEverySentenceOfTheChecksIsInBothLanguages(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) >= 3 {
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "want" {
					sentence, err := strconv.Unquote(call.Args[2].(*ast.BasicLit).Value)
					if err != nil {
						t.Fatal(err)
					}
					said[sentence] = true
				}
			}
			return true
		})
	}
	value := regexp.MustCompile(`%[a-z]`)
	for sentence := range said {
		sv, ok := swedish[sentence]
		if !ok || !slices.Equal(value.FindAllString(sv, -1), value.FindAllString(sentence, -1)) {
			t.Errorf("%q is in Swedish %q", sentence, sv)
		}
	}
	for sentence := range swedish {
		if !said[sentence] {
			t.Errorf("nobody says %q", sentence)
		}
	}
	if p := (Problem{Want: "want four digits, got \"1\"", SV: "Ange fyra siffror."}); p.Text().EN != "Expected four digits, got \"1\"." || p.Text().SV != "Ange fyra siffror." {
		t.Errorf("got %+v", p.Text())
	}
}
