package style

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// graph says which files of a package need which others. An arrow goes from a file
// to another that declares a name of the package, or a method, which the first uses.
type graph struct {
	dir   string
	lines int
	files map[string]map[string]bool // base name -> the files that it needs
	knot  []string                   // the largest set of files that all reach one another
}

func (g graph) arrows() int {
	n := 0
	for _, needs := range g.files {
		n += len(needs)
	}
	return n
}

func (g graph) perFile() float64 { return float64(g.arrows()) / float64(len(g.files)) }

// heaviest names the files that need most others.
func (g graph) heaviest() string {
	names := slices.SortedFunc(maps.Keys(g.files), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(g.files[b]), len(g.files[a])), cmp.Compare(a, b))
	})
	var parts []string
	for _, name := range names[:min(5, len(names))] {
		parts = append(parts, fmt.Sprintf("%s %d", name, len(g.files[name])))
	}
	return "most: " + strings.Join(parts, ", ")
}

type listed struct {
	ImportPath, Dir, Export string
	GoFiles, CgoFiles       []string
	Imports, Deps           []string
	path                    string // below the project, "" for others
}

var listing struct {
	once     sync.Once
	packages []*listed
	err      error
}

// packages lists every package of the workspace and all that they reach, tests left
// out, each behind what it imports. Those of others come with the compiler's export
// data; ours are read from source, which costs no compilation.
func packages(t *testing.T) []*listed {
	t.Helper()
	listing.once.Do(func() {
		fields := "-json=ImportPath,Dir,Export,GoFiles,CgoFiles,Imports,Deps"
		if listing.packages, listing.err = goList(t, "-deps", fields, "work"); listing.err != nil {
			return
		}
		args := []string{"-export", fields}
		for _, p := range listing.packages {
			if p.path == "" && p.ImportPath != "unsafe" {
				args = append(args, p.ImportPath)
			}
		}
		others, err := goList(t, args...)
		exports := map[string]string{}
		for _, p := range others {
			exports[p.ImportPath] = p.Export
		}
		for _, p := range listing.packages {
			p.Export = exports[p.ImportPath]
		}
		listing.err = err
	})
	if listing.err != nil || len(listing.packages) < 100 {
		t.Fatalf("go list: %d packages, %v", len(listing.packages), listing.err)
	}
	return listing.packages
}

// goList runs go list in the workspace.
func goList(t *testing.T, args ...string) (all []*listed, err error) {
	root := projectRoot(t)
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work"))
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		if path, ok := strings.CutPrefix(p.ImportPath, prefix); ok {
			p.path = path
		}
		all = append(all, p)
	}
}

var drawn struct {
	once   sync.Once
	graphs []graph
}

// graphs returns the graph of every package of the project.
func graphs(t *testing.T) []graph {
	t.Helper()
	drawn.once.Do(func() {
		exports := map[string]string{}
		for _, p := range packages(t) {
			exports[p.ImportPath] = p.Export
		}
		fset := token.NewFileSet()
		imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
		checked := checkedImporter{others: imports, ours: map[string]*types.Package{}}
		for _, p := range packages(t) {
			if p.path == "" {
				continue
			}
			g := draw(t, fset, checked, p)
			if isBelow(p.path, *underFlag) {
				drawn.graphs = append(drawn.graphs, g)
			}
		}
	})
	return drawn.graphs
}

// checkedImporter imports the project's packages as they were read from source before.
type checkedImporter struct {
	others types.Importer
	ours   map[string]*types.Package
}

// Import implements types.Importer.
func (c checkedImporter) Import(path string) (*types.Package, error) {
	if p := c.ours[path]; p != nil {
		return p, nil
	}
	return c.others.Import(path)
}

func draw(t *testing.T, fset *token.FileSet, imports checkedImporter, p *listed) graph {
	g := graph{dir: p.path, files: map[string]map[string]bool{}}
	var files []*ast.File
	for _, name := range append(p.GoFiles, p.CgoFiles...) {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		if !ast.IsGenerated(file) {
			g.files[name] = map[string]bool{}
			g.lines += fset.File(file.Pos()).LineCount()
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: imports, Error: func(err error) { t.Errorf("%s: %v", p.path, err) }}
	pkg, _ := config.Check(p.ImportPath, fset, files, info)
	imports.ours[p.ImportPath] = pkg
	base := func(pos token.Pos) string { return filepath.Base(fset.File(pos).Name()) }
	for name, object := range info.Uses {
		if object.Pkg() != pkg || !isDeclaration(object, pkg) {
			continue
		}
		user, declarer := base(name.Pos()), base(object.Pos())
		if user != declarer && g.files[user] != nil && g.files[declarer] != nil {
			g.files[user][declarer] = true
		}
	}
	g.knot = knot(g.files)
	return g
}

// isDeclaration reports whether an object is a name of the package or a method.
func isDeclaration(object types.Object, pkg *types.Package) bool {
	if object.Parent() == pkg.Scope() {
		return true
	}
	f, ok := object.(*types.Func)
	return ok && f.Signature().Recv() != nil
}

// knot returns the largest strongly connected component of more than one file, by
// what each file reaches: packages are small.
func knot(files map[string]map[string]bool) []string {
	reach := map[string]map[string]bool{}
	for name := range files {
		seen, todo := map[string]bool{}, []string{name}
		for len(todo) > 0 {
			next := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for need := range files[next] {
				if !seen[need] {
					seen[need], todo = true, append(todo, need)
				}
			}
		}
		reach[name] = seen
	}
	var largest []string
	for name := range files {
		var set []string
		for other := range reach[name] {
			if reach[other][name] {
				set = append(set, other)
			}
		}
		slices.Sort(set)
		if len(set) > len(largest) || len(set) == len(largest) && slices.Compare(set, largest) < 0 {
			largest = set
		}
	}
	if len(largest) == 0 {
		return []string{""}[:min(1, len(files))]
	}
	return largest
}
