// Package contract reads the joined OpenAPI document as a developer outside
// would who has nothing else: which operations there are, what each takes, who
// may call it. It shares no code with what serves the document.
package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Schema is a node of the document; references are followed when it is read.
type Schema = map[string]any

// Document is the whole.
type Document struct {
	Operations []Operation // sorted by ID
	root       Schema
}

// Operation is one method of one path.
type Operation struct {
	ID, Method, Path string
	Tag              string
	Roles            []string // x-roles
	Public           bool     // security is []
	Personal         bool     // x-personal
	Params           []Param
	Body             Schema // of application/json; nil: takes none
	BodyLimit        int    // x-body-limit in bytes; 0: as for all
	Example          any    // the first example of the body
	Form             bool   // the body is multipart/form-data
}

// Param is a parameter of an operation.
type Param struct {
	Name, In string
	Required bool
	Schema   Schema
}

// methods of a path item that this API uses.
var methods = []string{"get", "post", "put", "patch", "delete"}

// Read takes the text of /openapi.json.
func Read(text []byte) (*Document, error) {
	d := &Document{}
	if err := json.Unmarshal(text, &d.root); err != nil {
		return nil, fmt.Errorf("the document is not JSON: %w", err)
	}
	for path, node := range object(d.root["paths"]) {
		item := object(node)
		for _, method := range methods {
			if op := object(item[method]); op != nil {
				d.Operations = append(d.Operations, d.operation(path, method, item, op))
			}
		}
	}
	if len(d.Operations) == 0 {
		return nil, fmt.Errorf("the document has no operations")
	}
	slices.SortFunc(d.Operations, func(a, b Operation) int { return strings.Compare(a.ID, b.ID) })
	return d, nil
}

// Operation returns the operation of that id; ok is false when no operation has it.
func (d *Document) Operation(id string) (op Operation, ok bool) {
	i := slices.IndexFunc(d.Operations, func(o Operation) bool { return o.ID == id })
	if i < 0 {
		return Operation{}, false
	}
	return d.Operations[i], true
}

func (d *Document) operation(path, method string, item, op Schema) Operation {
	o := Operation{Method: strings.ToUpper(method), Path: path}
	o.ID, _ = op["operationId"].(string)
	o.Personal, _ = op["x-personal"].(bool)
	if limit, ok := op["x-body-limit"].(float64); ok {
		o.BodyLimit = int(limit)
	}
	o.Roles = texts(op["x-roles"])
	if tags := texts(op["tags"]); len(tags) > 0 {
		o.Tag = tags[0]
	}
	if security, ok := op["security"].([]any); ok {
		o.Public = len(security) == 0
	}
	for _, p := range append(slices.Clone(array(item["parameters"])), array(op["parameters"])...) {
		p := d.Follow(object(p))
		param := Param{Schema: d.Follow(object(p["schema"]))}
		param.Name, _ = p["name"].(string)
		param.In, _ = p["in"].(string)
		param.Required, _ = p["required"].(bool)
		o.Params = append(o.Params, param)
	}
	bodies := object(d.Follow(object(op["requestBody"]))["content"])
	_, o.Form = bodies["multipart/form-data"]
	content := object(bodies["application/json"])
	o.Body = object(content["schema"])
	for _, example := range object(content["examples"]) {
		o.Example = d.Follow(object(example))["value"]
	}
	return o
}

// Follow returns what a node's $ref leads to, or the node itself. Schemas that are
// an allOf of one, as 3.0.3 needs them for a description beside a $ref, are it.
func (d *Document) Follow(s Schema) Schema {
	for range 16 {
		if all := array(s["allOf"]); len(all) == 1 {
			s = object(all[0])
			continue
		}
		ref, _ := s["$ref"].(string)
		if ref == "" {
			return s
		}
		var at any = d.root
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			at = object(at)[part]
		}
		s = object(at)
	}
	return s
}

func object(v any) Schema { o, _ := v.(map[string]any); return o }

func array(v any) []any { a, _ := v.([]any); return a }

func texts(v any) (all []string) {
	for _, t := range array(v) {
		if s, ok := t.(string); ok {
			all = append(all, s)
		}
	}
	return all
}
