package redis

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
)

// keys names what is kept, for one process of the server.
type keys struct{ epoch string }

func (k keys) value(key string) string      { return "finsam:" + k.epoch + ":v:" + key }
func (k keys) generation(tag string) string { return "finsam:" + k.epoch + ":g:" + tag }
func (k keys) dropped(tag string) string    { return "finsam:" + k.epoch + ":d:" + tag }

func (k keys) generations(tags []string) []string {
	all := make([]string, len(tags))
	for i, tag := range tags {
		all[i] = k.generation(tag)
	}
	return all
}

// newGeneration returns a number that was never given before, also not before the
// server lost its data.
func newGeneration() string { return rand.Text() }

// packed is a value with the generations that its tags had when it was set.
type packed struct {
	value []byte
	tags  []string
	gens  []string
}

// mark begins each value, so that foreign ones are known for what they are.
const mark = "finsam1\x00"

// pack writes mark, the number of tags, each tag and its generation with their
// lengths, and the value.
func (p packed) pack() []byte {
	b := binary.AppendUvarint([]byte(mark), uint64(len(p.tags)))
	for i, tag := range p.tags {
		b = appendText(appendText(b, tag), p.gens[i])
	}
	return append(b, p.value...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// unpack reads what pack wrote; false for anything else.
func unpack(b []byte) (packed, bool) {
	rest, ok := bytes.CutPrefix(b, []byte(mark))
	if !ok {
		return packed{}, false
	}
	n, size := binary.Uvarint(rest)
	if size <= 0 || n > uint64(len(rest)) {
		return packed{}, false
	}
	rest = rest[size:]
	var p packed
	for range n {
		var tag, gen string
		if tag, rest, ok = cutText(rest); !ok {
			return packed{}, false
		}
		if gen, rest, ok = cutText(rest); !ok {
			return packed{}, false
		}
		p.tags, p.gens = append(p.tags, tag), append(p.gens, gen)
	}
	p.value = rest
	return p, true
}

func cutText(b []byte) (string, []byte, bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return "", nil, false
	}
	b = b[size:]
	return string(b[:n]), b[n:], true
}

// holds reports whether the tags' generations are still what they were.
func (p packed) holds(now []any) bool {
	for i, g := range p.gens {
		if s, ok := now[i].(string); !ok || s != g {
			return false
		}
	}
	return true
}
