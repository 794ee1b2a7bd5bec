package contract

import (
	"strings"
	"testing"
)

const small = `{"paths": {"/things/{id}": {
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

func read(t *testing.T) (*Document, Operation) {
	t.Helper()
	d, err := Read([]byte(small))
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
	d, op := read(t)
	if op.Method != "POST" || op.Path != "/things/{id}" || len(op.Roles) != 1 || len(op.Params) != 1 || op.Params[0].Name != "id" {
		t.Errorf("got %+v", op)
	}
	if get, _ := d.Operation("getThing"); !get.Public || get.Body != nil {
		t.Errorf("got %+v", get)
	}
}

func TestTheSampleIsWhole(t *testing.T) {
	d, op := read(t)
	v := object(d.Sample(op.Body, true))
	if v["name"] != "a" || v["kind"] != "x" || v["weeks"] != 1.0 || len(array(v["days"])) != 2 {
		t.Errorf("got %v", v)
	}
	if less := object(d.Sample(op.Body, false)); len(less) != 2 {
		t.Errorf("required only: %v", less)
	}
}

func TestEveryRuleOfTheSchemaIsBrokenOnce(t *testing.T) {
	d, op := read(t)
	var all []string
	for _, b := range d.BadValues(op.Body) {
		all = append(all, b.Pointer+" "+b.Why)
	}
	for _, want := range []string{
		"/unknownField an unknown field", "/name the required field is missing", "/days the required field is missing",
		"/name of another type", "/name empty", "/name longer than 3", "/name a word", "/kind no value of the enumeration",
		"/days too few", "/days too many", "/days/0 a day that no calendar has", "/weeks too small", "/weeks too large", "/weeks not whole", " null",
	} {
		if !strings.Contains("\n"+strings.Join(all, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("nothing breaks it: %q among\n%s", want, strings.Join(all, "\n"))
		}
	}
}
