package style

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The words of one person's dialect, which no reader of Go expects: "X gives" is "X
// returns", "X tells whether" is "X reports whether".
var banned = regexp.MustCompile(`(?i)\b(gives|tells|told|bears|stands|anew|whoever|is none|of now|there is nobody)\b`)

const plainWords = "use Go's own verbs (returns, reports whether, creates, is, has) and plain English: a stranger reads it once, and grep finds it"

// TestCommentsSpeakPlainEnglish examines comments and what programs say, in tests too.
func TestCommentsSpeakPlainEnglish(t *testing.T) {
	for _, s := range sources(t) {
		if s.generated || s.dir() == "pkg/style" {
			continue
		}
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				for i, line := range strings.Split(c.Text, "\n") {
					for _, word := range banned.FindAllString(line, -1) {
						report(t, s.path, "%s:%d: the comment says %q: %s", s.path, s.line(c.Pos())+i, word, plainWords)
					}
				}
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil || !strings.Contains(text, " ") {
				return true
			}
			for _, word := range banned.FindAllString(text, -1) {
				report(t, s.path, "%s:%d: a text says %q: %s", s.path, s.line(literal.Pos()), word, plainWords)
			}
			return true
		})
	}
}

// TestDocumentsSpeakPlainEnglish examines documents, contracts, the chart and scripts.
func TestDocumentsSpeakPlainEnglish(t *testing.T) {
	walk(t, func(path string, text []byte) error {
		if filepath.Ext(path) == ".go" {
			return nil
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, word := range banned.FindAllString(line, -1) {
				report(t, path, "%s:%d says %q: %s", path, i+1, word, plainWords)
			}
		}
		return nil
	})
}

// A function is a verb or the noun that it returns; as a name these say neither.
var notNames = []string{
	"told", "tells", "gives", "bears", "stands", "anew", "whoever",
	"asked", "begun", "shown", "kept", "settled", "opened", "sealed",
	"at", "from", "of", "one", "all", "each", "every", "beside", "how",
}

var capital = regexp.MustCompile(`([A-Z])`)

// TestNamesOfTestsArePlainEnglish examines what a failed run prints first. The name is
// read as the sentence that it is.
func TestNamesOfTestsArePlainEnglish(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		s.functions(func(d *ast.FuncDecl, _ int) {
			sentence := capital.ReplaceAllString(d.Name.Name, " $1")
			for _, word := range banned.FindAllString(sentence, -1) {
				report(t, s.path, "%s:%d: the name of a test says %q: %s", s.path, s.line(d.Pos()), word, plainWords)
			}
		})
	}
}

// TestFunctionsAreNamedByVerbOrNoun examines the functions and methods that are not exported.
func TestFunctionsAreNamedByVerbOrNoun(t *testing.T) {
	for _, s := range sources(t) {
		if s.generated || s.test {
			continue
		}
		s.functions(func(d *ast.FuncDecl, _ int) {
			if slices.Contains(notNames, d.Name.Name) {
				report(t, s.path, "%s:%d: a function is called %q: name it by a verb or by the noun that it returns, so that a call can be read alone", s.path, s.line(d.Pos()), d.Name.Name)
			}
		})
	}
}

var numberedError = regexp.MustCompile(`^err[0-9]+$`)

// TestNoBuiltinIsShadowed keeps `len`, `new` and their like what a reader takes them for.
func TestNoBuiltinIsShadowed(t *testing.T) {
	builtins := []string{"append", "any", "cap", "clear", "close", "copy", "delete", "error", "len", "make", "max", "min", "new", "print", "println", "string"}
	for _, s := range sources(t) {
		if s.generated || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			var names []*ast.Ident
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					if name, ok := e.(*ast.Ident); ok && n.Tok == token.DEFINE {
						names = append(names, name)
					}
				}
			case *ast.FuncDecl:
				if n.Recv == nil {
					names = append(names, n.Name)
				}
				names = append(names, fieldNames(n.Type.Params)...)
			case *ast.FuncLit:
				names = fieldNames(n.Type.Params)
			case *ast.ValueSpec:
				names = n.Names
			}
			for _, name := range names {
				if numberedError.MatchString(name.Name) {
					report(t, s.path, "%s:%d: %q: a number does not say which error this is; name it by what failed, or handle it where it occurs", s.path, s.line(name.Pos()), name.Name)
				}
				if slices.Contains(builtins, name.Name) {
					report(t, s.path, "%s:%d: %q is a builtin of Go: the name hides it from the lines below", s.path, s.line(name.Pos()), name.Name)
				}
			}
			return true
		})
	}
}

func fieldNames(list *ast.FieldList) []*ast.Ident {
	var names []*ast.Ident
	for _, f := range list.List {
		names = append(names, f.Names...)
	}
	return names
}
