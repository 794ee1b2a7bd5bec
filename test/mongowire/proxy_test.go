package mongowire

import (
	"bytes"
	"encoding/binary"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// message builds an OP_MSG with a list of documents before or behind the command.
func message(tb testing.TB, command bson.D, listFirst bool) []byte {
	tb.Helper()
	doc, err := bson.Marshal(command)
	if err != nil {
		tb.Fatal(err)
	}
	body := append([]byte{0}, doc...)
	list := append([]byte{1}, binary.LittleEndian.AppendUint32(nil, uint32(4+len("documents")+1+len(doc)))...)
	list = append(append(append(list, "documents"...), 0), doc...)
	m := make([]byte, headerSize+4)
	if listFirst {
		m = append(append(m, list...), body...)
	} else {
		m = append(append(m, body...), list...)
	}
	binary.LittleEndian.PutUint32(m, uint32(len(m)))
	binary.LittleEndian.PutUint32(m[12:], opMsg)
	return m
}

func TestTheCommandIsFoundInEitherOrderOfAMessage(t *testing.T) {
	for _, listFirst := range []bool{false, true} {
		m := message(t, bson.D{{Key: "update", Value: "things"}, {Key: "$db", Value: "x"}}, listFirst)
		c, err := parseCommand(m)
		if err != nil || c.Name != "update" || len(c.Lists["documents"]) != 1 {
			t.Errorf("list first %v: got %+v, %v", listFirst, c, err)
		}
		read, err := readMessage(bytes.NewReader(m))
		if err != nil || !bytes.Equal(read, m) {
			t.Errorf("a message must pass unchanged: %v", err)
		}
	}
}

func TestWritesAreDistinguishedFromReads(t *testing.T) {
	for command, want := range map[string]bool{
		"insert": true, "update": true, "delete": true, "findAndModify": true, "findandmodify": true, "createIndexes": true, "create": true,
		"drop": true, "dropDatabase": true, "find": false, "aggregate": false, "hello": false, "ping": false, "getMore": false, "": false,
	} {
		if isWrite(command) != want {
			t.Errorf("%q: want %v", command, want)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add(message(f, bson.D{{Key: "find", Value: "things"}}, false))
	f.Add(message(f, bson.D{{Key: "insert", Value: "things"}}, true))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, m []byte) {
		if c, err := parseCommand(m); err == nil && len(c.Name) > len(m) {
			t.Fatal("a name longer than its message")
		}
	})
}
