package style

import (
	"cmp"
	"fmt"
	"go/ast"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a reader can take in. A file may be as long as its subject, which is better
// than seven files that differ by a suffix; what counts is how many others it needs.
const (
	maxFileLines     = 800
	maxFunctionLines = 80
	maxPackageFiles  = 25
	maxArrowsPerFile = 3.5
	maxKnotFiles     = 12
	maxFunctionsPer  = 42 // 1,000 lines, over the tree
)

func TestFilesAndFunctionsAreShortEnoughToRead(t *testing.T) {
	for _, s := range sources(t) {
		if s.generated {
			continue
		}
		if s.lines > maxFileLines {
			report(t, s.path, "%s has %d lines, more than %d: a reader loses the thread; divide it by subject", s.path, s.lines, maxFileLines)
		}
		if s.test {
			continue
		}
		s.functions(func(d *ast.FuncDecl, lines int) {
			if lines > maxFunctionLines {
				report(t, s.path, "%s:%d: %s has %d lines, more than %d: nobody can see its beginning and its end together; name its parts", s.path, s.line(d.Pos()), d.Name.Name, lines, maxFunctionLines)
			}
		})
	}
}

func TestPackagesAreSmallEnoughToKnow(t *testing.T) {
	for dir, files := range written(t) {
		if len(files) > maxPackageFiles {
			report(t, dir, "%s has %d files, more than %d: take out what has its own storage or its own loop", dir, len(files), maxPackageFiles)
		}
	}
}

// written returns the files of each package that are neither tests nor generated.
func written(t *testing.T) map[string][]*source {
	packages := map[string][]*source{}
	for _, s := range sources(t) {
		if !s.test && !s.generated {
			packages[s.dir()] = append(packages[s.dir()], s)
		}
	}
	return packages
}

func TestNoTwoFilesDifferByASuffix(t *testing.T) {
	for dir, files := range written(t) {
		stems := map[string]string{}
		for _, s := range files {
			name := strings.TrimSuffix(filepath.Base(s.path), ".go")
			if other, ok := stems[stem(name)]; ok && withoutSystem(name) != withoutSystem(other) {
				report(t, dir, "%s: %s.go and %s.go differ by a suffix only, so nobody knows which one to open: make one of them, or name them by their subjects", dir, other, name)
			}
			stems[stem(name)] = name
		}
	}
}

func withoutSystem(file string) string {
	for _, system := range []string{"_linux", "_darwin", "_unix", "_other", "_amd64"} {
		file = strings.TrimSuffix(file, system)
	}
	return file
}

// stem returns a file's name without a plural, -er, -ing or -ment.
func stem(file string) string {
	file = withoutSystem(file)
	for _, suffixes := range [][]string{{"ies", "s"}, {"ment", "ing", "er", "or"}, {"e", "y"}} {
		for _, suffix := range suffixes {
			if short, ok := strings.CutSuffix(file, suffix); ok && len(short) > 2 && !strings.HasSuffix(short, "s") {
				file = short
				break
			}
		}
	}
	return file
}

func TestPackagesAreReadablePieceByPiece(t *testing.T) {
	for _, g := range graphs(t) {
		if g.perFile() > maxArrowsPerFile {
			report(t, g.dir, "%s has %.1f arrows a file, more than %.1f: to understand one file one must open too many others; merge what belongs together, take out what stands alone (%s)", g.dir, g.perFile(), maxArrowsPerFile, g.heaviest())
		}
		if len(g.knot) > maxKnotFiles {
			report(t, g.dir, "%s has a knot of %d files that all need one another, more than %d: nobody can hold it in mind; take one room out of it (%s)", g.dir, len(g.knot), maxKnotFiles, strings.Join(g.knot, " "))
		}
	}
}

func TestTheTreeHasFewFunctionsForItsLines(t *testing.T) {
	f := measure(t)
	if per := f.functionsPer1000(); per > maxFunctionsPer {
		report(t, ".", "the tree has %.1f functions in 1,000 lines, more than %d: inline helpers that hide a line or two, so that a narrative can be read at one place", per, maxFunctionsPer)
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			documented[s.dir()] = documented[s.dir()] || s.file.Doc != nil || s.generated
		}
	}
	for dir, ok := range documented {
		if !ok {
			report(t, dir, "package %s has no doc comment: say what the room is for", dir)
		}
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.generated || s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			for _, name := range undocumented(d) {
				report(t, s.path, "%s: %s has no doc comment: say what it means, its units, its errors", s.path, name)
			}
		}
	}
}

// undocumented lists the exported names of a declaration that have no comment; a
// comment on a group documents the group.
func undocumented(d ast.Decl) []string {
	var names []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || ast.IsExported(receiver(d))) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && spec.Doc == nil && d.Doc == nil {
					names = append(names, spec.Name.Name)
				}
			case *ast.ValueSpec:
				if spec.Names[0].IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
					names = append(names, spec.Names[0].Name)
				}
			}
		}
	}
	return names
}

// receiver returns the name of a method's type, "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func TestNothingIsLeftOpenInTheCode(t *testing.T) {
	marks := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:"}
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, m := range marks {
				if strings.Contains(group.Text(), m) {
					report(t, s.path, "%s:%d says %s: finish it, or file an issue", s.path, s.line(group.Pos()), m)
				}
			}
		}
	}
}

// figures are the shape of the tree, without tests and generated files.
type figures struct {
	lines, tests, comments int
	packages               int
	files, functions       []int // lines of each, in order
}

func (f figures) functionsPer1000() float64 {
	return 1000 * float64(len(f.functions)) / float64(f.lines)
}

func measure(t *testing.T) figures {
	var f figures
	packages := map[string]bool{}
	for _, s := range sources(t) {
		switch {
		case s.generated:
			continue
		case s.test:
			f.tests += s.lines
			continue
		}
		packages[s.dir()] = true
		f.lines += s.lines
		f.files = append(f.files, s.lines)
		s.functions(func(_ *ast.FuncDecl, lines int) { f.functions = append(f.functions, lines) })
		for _, group := range s.file.Comments {
			f.comments += s.line(group.End()) - s.line(group.Pos()) + 1
		}
	}
	f.packages = len(packages)
	slices.Sort(f.files)
	slices.Sort(f.functions)
	return f
}

// quantile returns the value below which a share of an ordered list lies.
func quantile(ordered []int, share float64) int {
	return ordered[min(int(share*float64(len(ordered))), len(ordered)-1)]
}

// TestShape measures the tree, and prints the figures with -v.
func TestShape(t *testing.T) {
	out := io.Discard
	if testing.Verbose() {
		out = os.Stdout
	}
	f := measure(t)
	if f.lines < 10_000 || f.packages < 50 || len(f.functions) < 1000 {
		t.Errorf("only %d lines, %d packages and %d functions were measured", f.lines, f.packages, len(f.functions))
	}
	fmt.Fprintf(out, "lines %d, tests %d (%.2f), packages per 10k lines %.1f\n", f.lines, f.tests, float64(f.tests)/float64(f.lines), 1e4*float64(f.packages)/float64(f.lines))
	fmt.Fprintf(out, "files %d: median %d, p90 %d, max %d\n", len(f.files), quantile(f.files, .5), quantile(f.files, .9), f.files[len(f.files)-1])
	fmt.Fprintf(out, "functions %d: median %d, p90 %d, max %d; per 1,000 lines %.1f\n", len(f.functions), quantile(f.functions, .5), quantile(f.functions, .9), f.functions[len(f.functions)-1], f.functionsPer1000())
	fmt.Fprintf(out, "comments %.1f %%\n\n", 100*float64(f.comments)/float64(f.lines))

	lines := map[string]int{}
	for dir, files := range written(t) {
		top := dir
		if p := strings.Split(dir, "/"); len(p) > 2 {
			top = strings.Join(p[:2], "/")
		}
		for _, s := range files {
			lines[top] += s.lines
		}
	}
	for _, top := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(out, "%6d  %s\n", lines[top], top)
	}

	all := graphs(t)
	slices.SortFunc(all, func(a, b graph) int { return cmp.Or(cmp.Compare(b.perFile(), a.perFile()), cmp.Compare(a.dir, b.dir)) })
	fmt.Fprintf(out, "\n%-36s %5s %6s %6s %6s %5s\n", "package", "files", "lines", "arrows", "a file", "knot")
	for _, g := range all {
		if len(g.files) > 1 {
			fmt.Fprintf(out, "%-36s %5d %6d %6d %6.1f %5d\n", g.dir, len(g.files), g.lines, g.arrows(), g.perFile(), len(g.knot))
		}
	}
}
