package mongowire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// OP_MSG is the one kind of message that today's drivers send; its layout is in
// the MongoDB wire protocol's documentation.
const (
	headerSize = 16
	opMsg      = 2013
	maxMessage = 48_000_000
)

// Command is what a message asks for.
type Command struct {
	Name  string
	Body  bson.Raw
	Lists map[string][]bson.Raw // documents that stand beside the body, by their name
}

// errNoCommand is why a message is forwarded without looking at it further.
var errNoCommand = errors.New("no command")

func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size < headerSize || size > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	m := make([]byte, size)
	copy(m, head[:])
	_, err := io.ReadFull(r, m[4:])
	return m, err
}

// parseCommand reads an OP_MSG: behind header and flags, sections of a kind, a
// size and their content; kind 0 is the command, kind 1 a named list.
func parseCommand(m []byte) (Command, error) {
	c := Command{Lists: map[string][]bson.Raw{}}
	if len(m) < headerSize+4 || binary.LittleEndian.Uint32(m[12:]) != opMsg {
		return c, errNoCommand
	}
	for rest := m[headerSize+4:]; len(rest) > 5; {
		kind, size := rest[0], int(binary.LittleEndian.Uint32(rest[1:]))
		if size < 5 || size > len(rest)-1 {
			return c, errNoCommand
		}
		section := rest[1 : 1+size]
		rest = rest[1+size:]
		switch kind {
		case 0:
			c.Body = section
		case 1:
			name, docs, err := parseList(section[4:])
			if err != nil {
				return c, err
			}
			c.Lists[name] = docs
		default:
			return c, errNoCommand
		}
	}
	first, err := c.Body.IndexErr(0)
	if err != nil {
		return c, errNoCommand
	}
	c.Name = first.Key()
	return c, nil
}

func parseList(b []byte) (string, []bson.Raw, error) {
	name, content, ok := strings.Cut(string(b), "\x00")
	if !ok {
		return "", nil, errNoCommand
	}
	var docs []bson.Raw
	for rest := []byte(content); len(rest) > 0; {
		if len(rest) < 5 {
			return "", nil, errNoCommand
		}
		size := int(binary.LittleEndian.Uint32(rest))
		if size < 5 || size > len(rest) {
			return "", nil, errNoCommand
		}
		docs = append(docs, rest[:size])
		rest = rest[size:]
	}
	return name, docs, nil
}
