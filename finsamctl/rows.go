package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// row is one referral of a file.
type row struct {
	n    int             // from 1, in the order of the file
	body json.RawMessage // as POST /referrals takes it
	err  error           // why it cannot be posted; without its content
}

// errRow says why a row cannot be posted, with a code for the report.
type errRow struct{ code, text string }

func (e *errRow) Error() string { return e.text }

// maxRow bounds one row, in bytes, as the API bounds the body of POST /referrals.
const maxRow = 1 << 20

// rows reads a file row by row, never as a whole. An error ends the file; a row that is
// wrong contains its own error.
func rows(name string, r io.Reader) (iter.Seq2[row, error], error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if bom, err := in.Peek(3); err == nil && bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		return csvRows(in)
	case ".jsonl", ".ndjson":
		return jsonRows(in, false), nil
	case ".json":
		return jsonRows(in, true), nil
	}
	return nil, errors.New("the file must end in .csv, .json or .jsonl")
}

// jsonRows reads objects one after the other; with array the file is a list, or a single
// object.
func jsonRows(in *bufio.Reader, array bool) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		d := json.NewDecoder(in)
		if array {
			for blank := true; blank; {
				first, err := in.ReadByte()
				if err != nil {
					yield(row{}, errors.New("the file is empty"))
					return
				}
				blank, array = strings.IndexByte(" \n\t\r", first) >= 0, first == '['
			}
			_ = in.UnreadByte() // never fails after a byte was read
			if array {
				_, _ = d.Token() // it is the bracket
			}
		}
		for n := 1; !array || d.More(); n++ {
			var body json.RawMessage
			if err := d.Decode(&body); errors.Is(err, io.EOF) && !array {
				return
			} else if err != nil {
				yield(row{}, fmt.Errorf("row %d is not JSON", n))
				return
			}
			if !yield(checked(n, body), nil) {
				return
			}
		}
		if _, err := d.Token(); array && err != nil {
			yield(row{}, errors.New("the list in the file does not end with ]"))
		}
	}
}

// checked returns a row without blanks, with an error if it is too large or not an
// object.
func checked(n int, body json.RawMessage) row {
	r := row{n: n}
	var b bytes.Buffer
	switch err := json.Compact(&b, body); {
	case err != nil || b.Len() == 0 || b.Bytes()[0] != '{':
		r.err = &errRow{"not-an-object", "The row is not a JSON object."}
	case !utf8.Valid(b.Bytes()):
		r.err = &errRow{"not-utf-8", "The row is not in UTF-8."}
	case b.Len() > maxRow:
		r.err = &errRow{"too-large", "The row is larger than 1 MiB."}
	default:
		r.body = b.Bytes()
	}
	return r
}
