package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// schema is a node of the document; references are followed when it is read.
type schema = map[string]any

// document is the joined OpenAPI document, read as a developer outside would who has
// nothing else: which operations there are, what each takes, who may call it. It shares no
// code with what serves the document.
type document struct {
	Operations []operation // sorted by ID
	root       schema
}

// operation is one method of one path.
type operation struct {
	ID, Method, Path string
	Tag              string
	Roles            []string // x-roles
	Public           bool     // security is []
	Personal         bool     // x-personal
	Params           []parameter
	Body             schema // of application/json; nil: takes none
	BodyLimit        int    // x-body-limit in bytes; 0: as for all
	Example          any    // the first example of the body
	Form             bool   // the body is multipart/form-data
}

// parameter is a parameter of an operation.
type parameter struct {
	Name, In string
	Required bool
	Schema   schema
}

// methods of a path item that this API uses.
var methods = []string{"get", "post", "put", "patch", "delete"}

// readDocument takes the text of /openapi.json.
func readDocument(text []byte) (*document, error) {
	d := &document{}
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
	slices.SortFunc(d.Operations, func(a, b operation) int { return strings.Compare(a.ID, b.ID) })
	return d, nil
}

// Operation returns the operation of that id; ok is false when no operation has it.
func (d *document) Operation(id string) (op operation, ok bool) {
	i := slices.IndexFunc(d.Operations, func(o operation) bool { return o.ID == id })
	if i < 0 {
		return operation{}, false
	}
	return d.Operations[i], true
}

func (d *document) operation(path, method string, item, op schema) operation {
	o := operation{Method: strings.ToUpper(method), Path: path}
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
		param := parameter{Schema: d.Follow(object(p["schema"]))}
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
func (d *document) Follow(s schema) schema {
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

func object(v any) schema { o, _ := v.(map[string]any); return o }

func array(v any) []any { a, _ := v.([]any); return a }

func texts(v any) (all []string) {
	for _, t := range array(v) {
		if s, ok := t.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// Sample returns a value that the schema allows: every required field, and the
// optional ones too when whole is set.
func (d *document) Sample(s schema, whole bool) any {
	s = d.Follow(s)
	if example, ok := s["example"]; ok {
		return example
	}
	if enum := array(s["enum"]); len(enum) > 0 {
		return enum[0]
	}
	switch s["type"] {
	case "object":
		required, value := texts(s["required"]), map[string]any{}
		for name, p := range object(s["properties"]) {
			if whole || slices.Contains(required, name) {
				value[name] = d.Sample(object(p), whole)
			}
		}
		return value
	case "array":
		items, value := d.Follow(object(s["items"])), []any{}
		least, _ := s["minItems"].(float64)
		for i := range max(int(least), 1) {
			if enum := array(items["enum"]); i < len(enum) {
				value = append(value, enum[i])
				continue
			}
			value = append(value, d.Sample(items, whole))
		}
		return value
	case "integer", "number":
		if least, ok := s["minimum"].(float64); ok {
			return least
		}
		return 1.0
	case "boolean":
		return true
	}
	switch s["format"] {
	case "uuid":
		return "5b7c1c0e-52f4-4a0a-9d3e-6f0a4f6d2c11"
	case "date":
		return time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	case "date-time":
		return time.Now().UTC().Format(time.RFC3339)
	case "email":
		return "invented@example.org"
	}
	for _, text := range samples {
		if fits(s, text) {
			return text
		}
	}
	return ""
}

// samples are texts that satisfy the patterns of the contract; the first that does
// is taken.
var samples = []string{"a", "1481", "191212121212", "invented@example.org", "031-123456", "2026-W48", "a1", strings.Repeat("0", 64)}

const smallDocument = `{"paths": {"/things/{id}": {
  "parameters": [{"$ref": "#/components/parameters/Id"}],
  "post": {"operationId": "makeThing", "x-roles": ["coach"], "requestBody": {"content": {"application/json": {
    "schema": {"$ref": "#/components/schemas/Thing"}, "examples": {"one": {"value": {"name": "a"}}}}}}},
  "get": {"operationId": "getThing", "security": []}}},
 "components": {"parameters": {"Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}}},
  "schemas": {
   "Day": {"type": "string", "format": "date"},
   "Thing": {"type": "object", "additionalProperties": false, "required": ["name", "days"], "properties": {
     "name": {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z]+$"},
     "kind": {"type": "string", "enum": ["x", "y"]},
     "days": {"type": "array", "minItems": 2, "maxItems": 3, "items": {"$ref": "#/components/schemas/Day"}},
     "weeks": {"type": "integer", "minimum": 1, "maximum": 5}}}}}}`

func readSmall(t *testing.T) (*document, operation) {
	t.Helper()
	d, err := readDocument([]byte(smallDocument))
	if err != nil {
		t.Fatal(err)
	}
	op, ok := d.Operation("makeThing")
	if !ok {
		t.Fatal("no makeThing")
	}
	return d, op
}

func TestAnOperationIsReadWithWhatItsPathSays(t *testing.T) {
	d, op := readSmall(t)
	if op.Method != "POST" || op.Path != "/things/{id}" || len(op.Roles) != 1 || len(op.Params) != 1 || op.Params[0].Name != "id" {
		t.Errorf("got %+v", op)
	}
	if get, _ := d.Operation("getThing"); !get.Public || get.Body != nil {
		t.Errorf("got %+v", get)
	}
}

func TestTheSampleIsWhole(t *testing.T) {
	d, op := readSmall(t)
	v := object(d.Sample(op.Body, true))
	if v["name"] != "a" || v["kind"] != "x" || v["weeks"] != 1.0 || len(array(v["days"])) != 2 {
		t.Errorf("got %v", v)
	}
	if less := object(d.Sample(op.Body, false)); len(less) != 2 {
		t.Errorf("required only: %v", less)
	}
}
