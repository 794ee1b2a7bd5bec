package style

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	rootFlag  = flag.String("root", "", "the `folder` of go.work to examine instead of the current one")
	underFlag = flag.String("under", "", "report only what is below this `path` of the project")
)

// source is one Go file of the project.
type source struct {
	path      string // below the project
	lines     int
	test      bool
	generated bool
	file      *ast.File
	fset      *token.FileSet
}

func (s *source) dir() string { return filepath.ToSlash(filepath.Dir(s.path)) }

func (s *source) line(p token.Pos) int { return s.fset.Position(p).Line }

// report fails the test for a violation at a path.
func report(t *testing.T, path, format string, args ...any) {
	t.Helper()
	if isBelow(path, *underFlag) {
		t.Errorf(format, args...)
	}
}

// isBelow reports whether a path is a folder or in it; every path is in "".
func isBelow(path, folder string) bool {
	return folder == "" || path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}

// projectRoot is the folder of go.work.
func projectRoot(t *testing.T) string {
	t.Helper()
	if *rootFlag != "" {
		return *rootFlag
	}
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOWORK").Output()
	file := strings.TrimSpace(string(out))
	if err != nil || filepath.Base(file) != "go.work" {
		t.Fatalf("no go.work: %q, %v", file, err)
	}
	return filepath.Dir(file)
}

// walk calls f with every file of the project that people write, by its path below it.
func walk(t *testing.T, f func(path string, text []byte) error) {
	t.Helper()
	root := projectRoot(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		short, _ := filepath.Rel(root, path)
		switch short = filepath.ToSlash(short); {
		case d.IsDir() && (name == ".git" || name == "testdata" || short == "bin" || short == "dist" || short == "data"):
			return filepath.SkipDir
		case !d.Type().IsRegular() || !isWritten(name):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return f(short, text)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// isWritten reports whether a file is of a sort that people write.
func isWritten(name string) bool {
	switch filepath.Ext(name) {
	case ".go", ".md", ".gotmpl", ".yaml", ".yml", ".tpl", ".txt", ".sh", ".js", ".html":
		return true
	}
	return name == "Makefile" || name == "run"
}

var parsed struct {
	once    sync.Once
	sources []*source
}

// sources returns every Go file of the project, parsed once.
func sources(t *testing.T) []*source {
	t.Helper()
	parsed.once.Do(func() {
		walk(t, func(path string, text []byte) error {
			if filepath.Ext(path) != ".go" {
				return nil
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
			if err != nil {
				return err
			}
			parsed.sources = append(parsed.sources, &source{
				path, bytes.Count(text, []byte("\n")), strings.HasSuffix(path, "_test.go"), ast.IsGenerated(file), file, fset,
			})
			return nil
		})
	})
	if len(parsed.sources) < 30 {
		t.Fatalf("only %d Go files found", len(parsed.sources))
	}
	return parsed.sources
}

// functions calls f with every function of a file.
func (s *source) functions(f func(d *ast.FuncDecl, lines int)) {
	for _, d := range s.file.Decls {
		if d, ok := d.(*ast.FuncDecl); ok {
			f(d, s.line(d.End())-s.line(d.Pos())+1)
		}
	}
}
