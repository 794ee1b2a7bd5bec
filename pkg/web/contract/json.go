package contract

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
)

// parseJSON reads a text as one JSON value: nil, bool, float64, string, []any or
// map[string]any, as the validator expects it. It is stricter than encoding/json: it
// refuses a name that occurs twice in an object, text that is not UTF-8, a NUL, and
// nesting deeper than depth. What it accepts, encoding/json accepts.
func parseJSON(text []byte, depth int) (any, error) {
	p := parser{Decoder: jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true)), source: text, text: string(text), maxDepth: depth}
	v, err := p.value()
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
	text     string // of source; strings are parts of it
	maxDepth int
}

func (p *parser) value() (any, error) {
	if p.PeekKind() == '"' {
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
			return nil, p.invalid("too-deep", p.StackPointer())
		}
		var v any
		if kind == '{' {
			v, err = p.object()
		} else {
			array := []any{}
			for p.PeekKind() != ']' {
				item, err := p.value()
				if err != nil {
					return nil, err
				}
				array = append(array, item)
			}
			v = array
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
		return "", p.invalid("not-a-character", p.StackPointer())
	}
	return string(s), nil
}

// object reads the fields of an object, and not its end.
func (p *parser) object() (map[string]any, error) {
	object := make(map[string]any, 8)
	for p.PeekKind() != '}' {
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if _, ok := object[name]; ok {
			return nil, p.invalid("duplicate-field", p.StackPointer())
		}
		if object[name], err = p.value(); err != nil {
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
			return p.invalid("not-a-character", syntax.JSONPointer)
		}
	}
	line := 1 + bytes.Count(p.source[:min(at, int64(len(p.source)))], []byte{'\n'})
	return problem.ErrNotJSON.At(fault.Field{Pointer: "line " + strconv.Itoa(line), Code: "not-json", Text: messages["not-json"]})
}

// invalid names the value at a place.
func (p *parser) invalid(code string, at jsontext.Pointer) error {
	var path []string
	for name := range at.Tokens() {
		if n, err := strconv.Atoi(name); err != nil || n < 0 || len(name) > 6 { // a short number is an index, no personal number
			name = printable(name)
		}
		path = append(path, name)
	}
	return invalid([]fault.Field{newField(pointer(path), code, nil)})
}
