package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// join is the document in the making.
type join struct {
	root  *yaml.Node
	owner map[string]string // "schemas/Link" to the service that brought it
	seen  map[string]bool   // operation ids, and methods with their paths
}

// claim notes the components of the frame as the service's.
func (j *join) claim(service string) {
	_ = entries(get(j.root, "components"), func(kind string, all *yaml.Node) error {
		return entries(all, func(name string, _ *yaml.Node) error {
			j.owner[kind+"/"+name] = service
			return nil
		})
	})
}

// add puts a service's document into the whole and gives its operations.
func (j *join) add(service string, doc *yaml.Node) ([]Operation, error) {
	if v := text(doc, "openapi"); v != "3.0.3" {
		return nil, fmt.Errorf("openapi is %q, not 3.0.3", v)
	}
	if doc != j.root {
		if err := j.components(service, get(doc, "components")); err != nil {
			return nil, err
		}
		if err := j.tags(get(doc, "tags")); err != nil {
			return nil, err
		}
	}
	var operations []Operation
	err := entries(get(doc, "paths"), func(path string, item *yaml.Node) error {
		some, err := j.path(service, path, item, doc == j.root)
		operations = append(operations, some...)
		return err
	})
	return operations, err
}

// components takes what is new. Two of one name must be the same: a client
// generated from the whole has one type of that name.
func (j *join) components(service string, components *yaml.Node) error {
	return entries(components, func(kind string, all *yaml.Node) error {
		into := under(get(j.root, "components"), kind)
		return entries(all, func(name string, c *yaml.Node) error {
			key := kind + "/" + name
			if before, ok := j.owner[key]; ok {
				if !same(child(into, name), c) {
					return fmt.Errorf("component %s differs from the one of the same name of %s", key, before)
				}
				return nil
			}
			j.owner[key] = service
			set(into, name, c)
			return nil
		})
	})
}

func (j *join) tags(tags *yaml.Node) error {
	into := get(j.root, "tags")
	for _, tag := range items(tags) {
		if text(tag, "x-internal") == "true" {
			continue
		}
		same := func(t *yaml.Node) bool { return text(t, "name") == text(tag, "name") }
		if slices.ContainsFunc(into.Content, same) {
			return fmt.Errorf("tag %q is there already", text(tag, "name"))
		}
		into.Content = append(into.Content, tag)
	}
	return nil
}

// methods are those a path may have.
var methods = []string{"get", "post", "put", "patch", "delete"}

// path takes a path's public operations; internal ones are left out, and with
// the last of them the path.
func (j *join) path(service, path string, item *yaml.Node, own bool) ([]Operation, error) {
	var operations []Operation
	for _, method := range methods {
		op := child(item, method)
		if op == nil {
			continue
		}
		if text(op, "x-internal") == "true" {
			remove(item, method)
			continue
		}
		o, err := j.operation(service, strings.ToUpper(method), path, item, op)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", strings.ToUpper(method), path, err)
		}
		operations = append(operations, o)
	}
	if len(operations) == 0 || own {
		return operations, nil
	}
	paths := get(j.root, "paths")
	if child(paths, path) != nil {
		return nil, fmt.Errorf("path %s is another document's already", path)
	}
	set(paths, path, item)
	return operations, nil
}

// once refuses a name that was there before.
func (j *join) once(what string) error {
	if j.seen[what] {
		return fmt.Errorf("%s is there already", what)
	}
	j.seen[what] = true
	return nil
}

// resolved checks that every reference of the whole leads somewhere in it.
func (j *join) resolved() error {
	var lost []error
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if ref := text(n, "$ref"); ref != "" {
			rest, ok := strings.CutPrefix(ref, "#/")
			if !ok || get(j.root, strings.Split(rest, "/")...) == nil {
				lost = append(lost, fmt.Errorf("the reference %s leads nowhere", ref))
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(j.root)
	return errors.Join(lost...)
}
