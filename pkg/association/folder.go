package association

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// content is what a folder held at one look.
type content struct {
	texts map[string][]byte // by the file's name
	err   string            // why it could not be read; empty: it could
}

func (c content) equal(d content) bool {
	return c.err == d.err && maps.EqualFunc(c.texts, d.texts, bytes.Equal)
}

// look reads a folder. The texts themselves are compared, not times or inodes:
// Kubernetes changes a mounted ConfigMap by pointing one symbolic link elsewhere.
func look(dir string) content {
	texts, err := readTexts(dir)
	if err != nil {
		return content{err: err.Error()}
	}
	return content{texts: texts}
}

// readTexts reads the .yaml and .yml files of a folder, by name, and of each no
// more than shows that it is too large.
func readTexts(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || (ext != ".yaml" && ext != ".yml") {
			continue
		}
		if texts[e.Name()], err = readText(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// parseAll parses the texts; the error names each file that is wrong and why.
func parseAll(texts map[string][]byte) ([]*Association, error) {
	var all []*Association
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		a, err := Parse(texts[name])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			continue
		}
		all = append(all, a)
	}
	return all, errors.Join(wrong...)
}
