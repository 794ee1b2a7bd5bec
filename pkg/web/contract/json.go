package contract

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
)

// maxValues bounds the values that are kept of one text, its fields and items included:
// the largest body of our contracts has 11,002.
const maxValues = 20_000

// parseJSON reads a text as one JSON value: nil, bool, float64, string, []any or
// map[string]any, as the validator expects it; its strings are parts of text, which must
// not change. It is stricter than encoding/json: it refuses a name that occurs twice in an
// object, text that is not UTF-8, a NUL, and nesting deeper than depth. What it accepts,
// encoding/json accepts.
//
// What it keeps is bounded by the schema (nil: any), whatever the text holds: of a list
// that is too long one item too many, of the names that a closed object does not know
// problem.MaxFields without their values, and maxValues in all. The rest is read and
// dropped, and counts too, so that the work is bounded as well. What an empty schema leaves
// to the handler is kept as it came, as json.RawMessage.
func parseJSON(text []byte, s *Schema, depth int) (any, error) {
	p := parser{Decoder: jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true)), source: text, text: unsafe.String(unsafe.SliceData(text), len(text)), maxDepth: depth}
	v, err := p.value(s)
	if err != nil {
		return nil, err
	}
	if _, err := p.ReadToken(); err != io.EOF {
		return nil, p.notJSON(err)
	}
	return v, nil
}

type parser struct {
	*jsontext.Decoder
	source   []byte
	text     string // source; strings are parts of it
	maxDepth int
	values   int // that were kept
}

func (p *parser) value(s *Schema) (any, error) {
	if p.values++; p.values > maxValues {
		return nil, p.invalid("too-many-values", p.StackPointer(), nil)
	}
	for s != nil && len(s.AllOf) == 1 && s.Items == nil && s.Properties == nil { // a reference with words of its own
		s = s.AllOf[0]
	}
	switch kind := p.PeekKind(); {
	case kind != 'n' && s != nil && s.isEmpty():
		raw, err := p.ReadValue()
		if err != nil {
			return nil, p.notJSON(err)
		}
		return json.RawMessage(raw), nil // a part of the source
	case kind == '"':
		return p.string()
	}
	t, err := p.ReadToken()
	if err != nil {
		return nil, p.notJSON(err)
	}
	switch kind := t.Kind(); kind {
	case 't', 'f':
		return t.Bool(), nil
	case '0':
		f, err := t.Float()
		if err != nil {
			return nil, p.notJSON(nil)
		}
		return f, nil
	case '{', '[':
		if p.StackDepth() > p.maxDepth {
			return nil, p.invalid("too-deep", p.StackPointer(), nil)
		}
		var v any
		if kind == '{' {
			v, err = p.object(s)
		} else {
			v, err = p.array(s)
		}
		if err != nil {
			return nil, err
		}
		_, err = p.ReadToken() // its end
		return v, err
	}
	return nil, nil
}

func (p *parser) string() (string, error) {
	quoted, err := p.ReadValue()
	if err != nil {
		return "", p.notJSON(err)
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		end := int(p.InputOffset()) - 1
		return p.text[end-len(quoted)+2 : end], nil
	}
	s, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return "", p.notJSON(err)
	}
	if bytes.IndexByte(s, 0) >= 0 {
		return "", p.invalid("not-a-character", p.StackPointer(), nil)
	}
	return string(s), nil
}

// drop reads a value of which nothing is kept, as it is wrong where it is: the code says
// why, at the place of so many names. It is the error once it has gone on for too long.
func (p *parser) drop(code string, s *Schema, names int) error {
	for depth := p.StackDepth(); ; {
		if _, err := p.ReadToken(); err != nil {
			return p.notJSON(err)
		}
		if p.values++; p.values > maxValues {
			at := p.StackPointer()
			for n := strings.Count(string(at), "/"); n > names; n-- {
				at = at.Parent()
			}
			return p.invalid(code, at, s)
		}
		switch d := p.StackDepth(); {
		case d > p.maxDepth:
			return p.invalid("too-deep", p.StackPointer(), nil)
		case d <= depth:
			return nil
		}
	}
}

// array reads the items of an array, and not its end.
func (p *parser) array(s *Schema) ([]any, error) {
	array := []any{}
	var items *Schema
	if s != nil {
		items = s.Items
	}
	for p.PeekKind() != ']' {
		if s != nil && s.MaxItems != nil && len(array) > *s.MaxItems {
			if err := p.drop("max-items", s, p.StackDepth()-1); err != nil {
				return nil, err
			}
			continue
		}
		item, err := p.value(items)
		if err != nil {
			return nil, err
		}
		array = append(array, item)
	}
	return array, nil
}

// object reads the fields of an object, and not its end.
func (p *parser) object(s *Schema) (map[string]any, error) {
	object, unknown := make(map[string]any, 8), 0
	for p.PeekKind() != '}' {
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if _, ok := object[name]; ok {
			return nil, p.invalid("duplicate-field", p.StackPointer(), nil)
		}
		var property *Schema
		if s != nil {
			if property = cmp.Or(s.Properties[name], s.Others); property == nil && s.Closed {
				if unknown++; unknown <= problem.MaxFields {
					object[name] = nil
				}
				if err := p.drop("unknown-field", nil, p.StackDepth()); err != nil {
					return nil, err
				}
				continue
			}
		}
		if object[name], err = p.value(property); err != nil {
			return nil, err
		}
	}
	return object, nil
}

// surrogate is half a surrogate pair, which JSON's grammar lets through.
var surrogate = regexp.MustCompile(`^\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)

// notJSON names the line where the text stops being JSON, not what it says there.
func (p *parser) notJSON(err error) error {
	at := p.InputOffset()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		at = syntax.ByteOffset
		if surrogate.Match(p.source[min(at, int64(len(p.source))):]) {
			return p.invalid("not-a-character", syntax.JSONPointer, nil)
		}
		if strings.Contains(syntax.Err.Error(), "max depth") { // of package jsontext, 10,000 levels
			return p.invalid("too-deep", "", nil)
		}
	}
	line := 1 + bytes.Count(p.source[:min(at, int64(len(p.source)))], []byte{'\n'})
	return problem.ErrNotJSON.At(fault.Field{Pointer: "line " + strconv.Itoa(line), Code: "not-json", Text: messages["not-json"]})
}

// invalid names the value at a place.
func (p *parser) invalid(code string, at jsontext.Pointer, s *Schema) error {
	var path []string
	for name := range at.Tokens() {
		if n, err := strconv.Atoi(name); err != nil || n < 0 || len(name) > 6 { // a short number is an index, no personal number
			name = printable(name)
		}
		path = append(path, name)
	}
	return invalid([]fault.Field{newField(pointer(path), code, s)})
}
