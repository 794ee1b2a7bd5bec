package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/finsam/finsam/pkg/fault"
)

// Cursor is a position in an ordered list: the sort values and the id of the last
// document that was read. The zero Cursor is the beginning.
type Cursor struct {
	Values []any // one for each Order: string, int64 or bool; nil where the document lacks the key
	ID     string
	Order  string // Query.OrderName, with which the text begins
}

// ErrCursorWithPage answers a list that is asked for by page and by cursor.
var ErrCursorWithPage = fault.New(fault.Invalid, "cursor-with-page",
	"En lista läses med page eller med cursor, inte med båda. Utelämna den ena.", "A list is read by page or by cursor, not by both. Leave one of them out.")

// ErrCursor answers a text that is not a cursor of this list.
var ErrCursor = fault.New(fault.Invalid, "bad-cursor",
	"Markören (cursor) är inte giltig. Börja om från listans början.", "The cursor is not valid. Start again from the beginning of the list.").AtField("cursor")

// String returns the cursor as URL-safe text for a client to send back, empty for
// the zero Cursor. Clients can read what is in it: it is encoded, not encrypted.
func (c Cursor) String() string {
	if c.ID == "" {
		return ""
	}
	b, err := json.Marshal(append(append([]any{}, c.Values...), c.ID))
	if err != nil {
		return ""
	}
	return c.Order + base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads what String returned without the order's name, for a query with so
// many orders. Any other text is ErrCursor, beside the zero Cursor.
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
