// Package chartvalues brings a values file of the Helm chart up to date: keys
// that were renamed move to where they are read now, comments along with them.
package chartvalues

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// table is the chart's own (deploy/helm/finsam/files/renamed.yaml), copied here
// because a binary can only embed what its module holds.
//
//go:embed renamed.yaml
var table []byte

// Rename says that a key, as a path parted by dots, is now read elsewhere.
type Rename struct {
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

// Renames gives the table, in the order in which it is applied.
func Renames() ([]Rename, error) {
	var t struct {
		Renamed []Rename `yaml:"renamed"`
	}
	if err := yaml.Unmarshal(table, &t); err != nil {
		return nil, fmt.Errorf("the table of renamed keys: %w", err)
	}
	return t.Renamed, nil
}

// Migrate moves every renamed key of a values file, and gives the new file with
// what was moved; without a change it gives the file as it was. It refuses a file
// in which both the old and the new key stand: which one is meant is not for a
// program to say.
func Migrate(file []byte) ([]byte, []Rename, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return nil, nil, fmt.Errorf("the values are not YAML: %w", err)
	}
	if doc.Kind == 0 { // empty
		return file, nil, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, nil, errors.New("the values are not keys with values")
	}
	all, err := Renames()
	if err != nil {
		return nil, nil, err
	}
	var moved []Rename
	for _, r := range all {
		done, err := r.apply(root)
		if err != nil {
			return nil, nil, err
		}
		if done {
			moved = append(moved, r)
		}
	}
	if len(moved) == 0 {
		return file, nil, nil
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(&doc), e.Close()); err != nil {
		return nil, nil, err
	}
	return out.Bytes(), moved, nil
}

// apply moves the key with its comments, if it is there.
func (r Rename) apply(root *yaml.Node) (bool, error) {
	from, to := strings.Split(r.From, "."), strings.Split(r.To, ".")
	parent := root
	for _, name := range from[:len(from)-1] {
		if parent = child(parent, name); parent == nil {
			return false, nil
		}
	}
	i := index(parent, from[len(from)-1])
	if i < 0 {
		return false, nil
	}
	key, value := parent.Content[i], parent.Content[i+1]
	target, err := r.target(root, to[:len(to)-1])
	if err != nil {
		return false, err
	}
	if index(target, to[len(to)-1]) >= 0 {
		return false, fmt.Errorf("both %s and %s are set: keep the one that is meant, as %s", r.From, r.To, r.To)
	}
	parent.Content = append(parent.Content[:i:i], parent.Content[i+2:]...)
	key.Value = to[len(to)-1]
	target.Content = append(target.Content, key, value)
	return true, nil
}

// target gives the mapping at the path, made where it is missing.
func (r Rename) target(root *yaml.Node, path []string) (*yaml.Node, error) {
	at := root
	for _, name := range path {
		next := child(at, name)
		if next == nil {
			next = &yaml.Node{Kind: yaml.MappingNode}
			at.Content = append(at.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, next)
		}
		if next.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("%s cannot move to %s: %s is not keys with values", r.From, r.To, name)
		}
		at = next
	}
	return at, nil
}

// child gives the value of a key, nil when it is not there.
func child(n *yaml.Node, name string) *yaml.Node {
	if i := index(n, name); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

// index finds a key among a mapping's nodes, -1 when it is not there.
func index(n *yaml.Node, name string) int {
	if n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return i
		}
	}
	return -1
}
