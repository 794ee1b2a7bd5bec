package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/finsam/finsam/pkg/fault"
)

// Cursor is a place in an ordered list: the sort values and the id of the last
// document seen. The zero Cursor is the beginning.
type Cursor struct {
	Values []any // one per Order; nil where the document lacks the key
	ID     string
}

// ErrCursor answers a cursor that this system never gave out.
var ErrCursor = fault.New(fault.Invalid, "bad-cursor",
	"Markören är inte giltig. Börja om från listans början.", "The cursor is not valid. Start again from the beginning of the list.")

// String returns the cursor as text for a client to hand back.
func (c Cursor) String() string {
	if c.ID == "" {
		return ""
	}
	b, err := json.Marshal(append(append([]any{}, c.Values...), c.ID))
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads what String gave, for a query sorted by orders keys;
// anything else is ErrCursor.
func ParseCursor(text string, orders int) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Cursor{}, ErrCursor.Because(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var parts []any
	if err := d.Decode(&parts); err != nil || len(parts) != orders+1 || d.More() {
		return Cursor{}, ErrCursor.Because(err)
	}
	id, ok := parts[orders].(string)
	if !ok || id == "" {
		return Cursor{}, ErrCursor
	}
	for i, p := range parts[:orders] {
		switch v := p.(type) {
		case nil, string, bool:
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return Cursor{}, ErrCursor.Because(err)
			}
			parts[i] = n
		default:
			return Cursor{}, ErrCursor
		}
	}
	return Cursor{Values: parts[:orders], ID: id}, nil
}
