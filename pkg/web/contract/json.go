package contract

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/web/problem"
)

// parseJSON reads a text as one JSON value: nil, bool, float64, string, []any or
// map[string]any, as the validator wants it. It is stricter than encoding/json:
// a name that stands twice in an object, text that is not UTF-8, a NUL, and
// nesting deeper than depth are refused. What it accepts, encoding/json accepts.
func parseJSON(text []byte, depth int) (any, error) {
	p := parser{text: text}
	v, err := p.value(depth)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at != len(p.text) {
		return nil, p.broken()
	}
	return v, nil
}

type parser struct {
	text []byte
	at   int
	path []string // where in the value, in the caller's words
}

// broken says where the text stops being JSON, by its place, not its contents.
func (p *parser) broken() error {
	line := 1 + bytes.Count(p.text[:min(p.at, len(p.text))], []byte{'\n'})
	at := "line " + strconv.Itoa(line)
	return problem.ErrNotJSON.At(fault.Field{Pointer: at, Code: "not-json", Text: messages["not-json"]})
}

func (p *parser) wrong(code string) error {
	path := make([]string, len(p.path))
	for i, name := range p.path {
		if path[i] = name; !isIndex(name) {
			path[i] = printable(name)
		}
	}
	return problem.ErrInvalid.At(newField(pointer(path), code, nil))
}

// isIndex reports whether a step of the path is a place in an array. A name that
// looks alike is short, and so no personal number.
func isIndex(name string) bool {
	n, err := strconv.Atoi(name)
	return err == nil && n >= 0 && len(name) <= 6
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\n', '\t', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips white space and gives the byte that follows; 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value(depth int) (any, error) {
	switch c := p.next(); {
	case c == '{' || c == '[':
		if depth == 0 {
			return nil, p.wrong("too-deep")
		}
		if c == '{' {
			return p.object(depth - 1)
		}
		return p.array(depth - 1)
	case c == '"':
		return p.str()
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	}
	for _, w := range words {
		if bytes.HasPrefix(p.text[p.at:], []byte(w.text)) {
			p.at += len(w.text)
			return w.value, nil
		}
	}
	return nil, p.broken()
}

var words = []struct {
	text  string
	value any
}{{"true", true}, {"false", false}, {"null", nil}}

func (p *parser) object(depth int) (any, error) {
	object := make(map[string]any, 8)
	for first := true; ; first = false {
		end, err := p.more('{', '}', first)
		if err != nil || end {
			return object, err
		}
		if p.next() != '"' {
			return nil, p.broken()
		}
		name, err := p.str()
		if err != nil {
			return nil, err
		}
		if p.next() != ':' {
			return nil, p.broken()
		}
		p.at++
		p.path = append(p.path, name)
		if _, twice := object[name]; twice {
			return nil, p.wrong("duplicate-field")
		}
		if object[name], err = p.value(depth); err != nil {
			return nil, err
		}
		p.path = p.path[:len(p.path)-1]
	}
}

func (p *parser) array(depth int) (any, error) {
	array := []any{}
	for first := true; ; first = false {
		end, err := p.more('[', ']', first)
		if err != nil || end {
			return array, err
		}
		p.path = append(p.path, strconv.Itoa(len(array)))
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
		p.path = p.path[:len(p.path)-1]
	}
}

// more steps over the opening bracket, the comma or the closing bracket, and
// tells whether it was the closing one.
func (p *parser) more(opening, closing byte, first bool) (bool, error) {
	if first {
		p.at++ // the caller has seen the opening bracket
		if p.next() == closing {
			p.at++
			return true, nil
		}
		return false, nil
	}
	switch p.next() {
	case closing:
		p.at++
		return true, nil
	case ',':
		p.at++
		return false, nil
	}
	return false, p.broken()
}

// str reads a string; those with escapes are rare and left to encoding/json.
func (p *parser) str() (string, error) {
	start := p.at
	escaped := false
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '\\':
			escaped = true
			p.at++
		case c < ' ':
			return "", p.broken()
		case c == '"':
			p.at++
			return p.unquoted(p.text[start:p.at], escaped)
		}
	}
	p.at = len(p.text)
	return "", p.broken()
}

func (p *parser) unquoted(quoted []byte, escaped bool) (string, error) {
	if !utf8.Valid(quoted) {
		return "", p.broken()
	}
	if !escaped {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil || bytes.IndexByte([]byte(s), 0) >= 0 {
		return "", p.broken()
	}
	return s, nil
}

// number reads a number by JSON's grammar, which is narrower than Go's.
func (p *parser) number() (any, error) {
	start := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] == '0' {
		p.at++
	} else if !p.digits() {
		return nil, p.broken()
	}
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		if !p.digits() {
			return nil, p.broken()
		}
	}
	if p.at < len(p.text) && p.text[p.at]|0x20 == 'e' {
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if !p.digits() {
			return nil, p.broken()
		}
	}
	f, err := strconv.ParseFloat(string(p.text[start:p.at]), 64)
	if err != nil {
		return nil, p.broken()
	}
	return f, nil
}

func (p *parser) digits() bool {
	start := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at > start
}
