package sqlite

import (
	"reflect"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// strict is how the standard library reads JSON, but that it knows every field.
// The standard library's own decoder takes three times as long
// (docs/performance.md).
var strict = json.JoinOptions(jsonv1.DefaultOptionsV1(), json.RejectUnknownMembers(true))

// document is the text of one, as it is stored.
type document struct {
	text  string
	known bool // it has been decoded, and had no field that is not known
}

// decode reads it strictly first: most often that is all, and Unknown has its
// answer for nothing. What a failed try has filled in is taken back.
func (d *document) decode(into any) error {
	target := reflect.ValueOf(into).Elem()
	before := reflect.Zero(target.Type())
	if !target.IsZero() {
		before = reflect.New(target.Type()).Elem()
		before.Set(target)
	}
	if d.known = d.unknown(into) == nil; d.known {
		return nil
	}
	target.Set(before)
	return jsonv1.Unmarshal([]byte(d.text), into)
}

func (d *document) unknown(into any) error {
	if d.known {
		return nil
	}
	return json.Unmarshal([]byte(d.text), into, strict)
}
