package style

import (
	"cmp"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code    = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notSlug = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// TestLinksLeadSomewhere follows the links between the documents of the project.
func TestLinksLeadSomewhere(t *testing.T) {
	root := projectRoot(t)
	walk(t, func(path string, text []byte) error {
		if filepath.Ext(path) != ".md" {
			return nil
		}
		for _, m := range link.FindAllSubmatch(code.ReplaceAll(text, nil), -1) {
			to, anchor, _ := strings.Cut(string(m[1]), "#")
			if strings.Contains(to, ":") || strings.Contains(to, "{") {
				continue
			}
			target := filepath.Join(root, filepath.Dir(path), to)
			if to == "" {
				target = filepath.Join(root, path)
			}
			if _, err := os.Stat(target); err != nil {
				report(t, path, "%s links to %s, which does not exist: a reader is lost", path, m[1])
			} else if anchor != "" && filepath.Ext(target) == ".md" && !slices.Contains(anchors(t, target), anchor) {
				report(t, path, "%s links to %s, which has no such heading", path, m[1])
			}
		}
		return nil
	})
}

// anchors returns the names of a document's headings, as a link writes them.
func anchors(t *testing.T, file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		all = append(all, strings.ReplaceAll(notSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

var place = regexp.MustCompile("\\[`([^`]+)`\\]\\(\\.\\./([^)]+)\\)((?: `[^`]+`,?)*)")

// TestRulesAreWhereTheIndexSays holds docs/rules.md against the code: each place is a
// linked file, followed by what decides in it, such as `MarkOverdue` or `Referral.Withdraw`.
func TestRulesAreWhereTheIndexSays(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(projectRoot(t), "docs", "rules.md"))
	if err != nil {
		report(t, "docs/rules.md", "%v", err)
	}
	places := place.FindAllStringSubmatch(string(text), -1)
	if len(places) < 20 {
		report(t, "docs/rules.md", "docs/rules.md names only %d places", len(places))
	}
	for _, m := range places {
		if m[1] != m[2] {
			report(t, "docs/rules.md", "docs/rules.md: %s is written, %s is linked", m[1], m[2])
		}
		names := declared(t, m[2])
		for _, name := range strings.FieldsFunc(m[3], func(r rune) bool { return strings.ContainsRune("` ,", r) }) {
			if !names(name) {
				report(t, "docs/rules.md", "docs/rules.md: %s has no %s: the rule has moved, name its new place", m[2], name)
			}
		}
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| rule") && !place.MatchString(line) {
			report(t, "docs/rules.md", "docs/rules.md: no file is named: %s", strings.TrimSpace(line))
		}
	}
}

// declared returns a function that reports whether a file declares a name; in a file
// that is not Go, whether it contains it.
func declared(t *testing.T, path string) func(name string) bool {
	if filepath.Ext(path) != ".go" {
		text, err := os.ReadFile(filepath.Join(projectRoot(t), path))
		if err != nil {
			report(t, "docs/rules.md", "docs/rules.md: %v", err)
		}
		return func(name string) bool { return strings.Contains(string(text), name) }
	}
	i := slices.IndexFunc(sources(t), func(s *source) bool { return s.path == path })
	if i < 0 {
		report(t, "docs/rules.md", "docs/rules.md: there is no file %s", path)
		return func(string) bool { return true }
	}
	names := map[string]bool{}
	for _, d := range sources(t)[i].file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names[strings.TrimPrefix(receiver(d)+"."+d.Name.Name, ".")] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names[spec.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range spec.Names {
						names[n.Name] = true
					}
				}
			}
		}
	}
	return func(name string) bool { return names[name] }
}

// TestNoDataFolderIsInTheProject: a folder that a program was started on holds private
// keys and a database. It belongs below data/, which git ignores.
func TestNoDataFolderIsInTheProject(t *testing.T) {
	root, files := projectRoot(t), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		short, _ := filepath.Rel(root, path)
		switch short = filepath.ToSlash(short); {
		case d.IsDir() && slices.Contains([]string{".git", ".finsam", "bin", "dist", "data"}, short):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		files++
		if slices.Contains([]string{".key", ".pem", ".db", ".lock"}, filepath.Ext(path)) {
			report(t, short, "%s: neither a key nor a database belongs into the project, but below data/", short)
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files, %v", files, err)
	}
}

// TestTheGlossaryIsAlphabetical keeps a word where a reader looks for it.
func TestTheGlossaryIsAlphabetical(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(projectRoot(t), "docs", "glossary.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(text), "|---|---|---|\n")
	var words []string
	for line := range strings.Lines(rows) {
		word, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		words = append(words, strings.ReplaceAll(strings.ToLower(word), "-", " "))
	}
	if len(words) < 60 || !slices.IsSortedFunc(words, func(a, b string) int { return cmp.Compare(a, b) }) {
		t.Errorf("docs/glossary.md: %d words, or not in alphabetical order: %v", len(words), words)
	}
}
