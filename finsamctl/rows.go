package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

// row is one referral of a file.
type row struct {
	n         int             // of a sheet: the row that a spreadsheet shows; otherwise from 1, in the order of the file
	reference string          // its externalReference
	body      json.RawMessage // as POST /referrals takes it
	err       error           // why it cannot be posted; without its content
}

// errRow says why a row cannot be posted, with a code for the report.
type errRow struct{ code, text string }

func (e *errRow) Error() string { return e.text }

// maxRow bounds one row, in bytes, as the API bounds the body of POST /referrals.
const maxRow = 1 << 20

// rows reads a file row by row, never as a whole. An error ends the file; a row that is
// wrong contains its own error.
func rows(name string, in io.ReadSeeker, l language) (iter.Seq2[row, error], error) {
	kind := strings.ToLower(filepath.Ext(name))
	switch kind {
	case ".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson":
	case ".xlsx", ".xls", ".ods":
		return nil, errors.New(l.say("filen är en arbetsbok; spara bladet som CSV UTF-8", "the file is a workbook; save the sheet as CSV UTF-8"))
	default:
		return nil, errors.New(l.say("filens namn måste sluta på .csv, .json eller .jsonl", "the name of the file must end in .csv, .json or .jsonl"))
	}
	sheet := kind == ".csv" || kind == ".tsv" || kind == ".txt"
	text, err := decoded(in, sheet, l)
	switch {
	case err != nil:
		return nil, err
	case sheet:
		return csvRows(text, l)
	}
	return jsonRows(text, kind == ".json", l), nil
}

// jsonRows reads objects one after the other; with array the file is a list, or a single
// object.
func jsonRows(in *bufio.Reader, array bool, l language) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		d := json.NewDecoder(in)
		if array {
			for blank := true; blank; {
				first, err := in.ReadByte()
				if err != nil {
					yield(row{}, errors.New(l.say("filen är tom", "the file is empty")))
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
				yield(row{}, errors.New(l.say("rad %d är inte JSON", "row %d is not JSON", n)))
				return
			}
			if !yield(checked(n, body, l), nil) {
				return
			}
		}
		if _, err := d.Token(); array && err != nil {
			yield(row{}, errors.New(l.say("listan i filen slutar inte med ]", "the list in the file does not end with ]")))
		}
	}
}

// checked returns a row without blanks, with an error if it is too large or not an
// object.
func checked(n int, body json.RawMessage, l language) row {
	r := row{n: n}
	var b bytes.Buffer
	switch err := json.Compact(&b, body); {
	case err != nil || b.Len() == 0 || b.Bytes()[0] != '{':
		r.err = &errRow{"not-an-object", l.say("Raden är inte ett JSON-objekt.", "The row is not a JSON object.")}
	case !utf8.Valid(b.Bytes()):
		r.err = &errRow{"not-utf-8", l.say("Raden är inte i UTF-8.", "The row is not in UTF-8.")}
	case b.Len() > maxRow:
		r.err = &errRow{"too-large", l.say("Raden är större än 1 MiB.", "The row is larger than 1 MiB.")}
	default:
		r.body = b.Bytes()
	}
	var named struct {
		Reference any `json:"externalReference"`
	}
	if r.body != nil && json.Unmarshal(r.body, &named) == nil {
		text, _ := named.Reference.(string) // something else is for the API to refuse
		r.reference = safeReference(text)
	}
	return r
}

// number is how a personal identity number begins a text, also a coordination number.
var number = regexp.MustCompile(`^\d{2}[01]\d{3}[-+ ]?\d{4}`)

// safeReference returns a reference as the report may have it: empty when it contains a personal
// identity number, which the API refuses.
func safeReference(reference string) string {
	for i := range reference {
		if found := number.FindString(reference[i:]); found != "" && hasCheckDigit(found) {
			return ""
		}
	}
	return reference
}

// hasCheckDigit reports whether the digits of a text end with their check digit (Luhn).
func hasCheckDigit(text string) bool {
	sum, double := 0, true
	for _, r := range text {
		if r < '0' || r > '9' {
			continue
		}
		d := int(r - '0')
		if double {
			d = d*2/10 + d*2%10
		}
		sum, double = sum+d, !double
	}
	return sum%10 == 0
}
