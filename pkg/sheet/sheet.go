// Package sheet makes files for spreadsheet programs, in memory and within a bound: a
// file is whole before its first byte is sent, so that a failure is an answer that says
// so and never half a file that looks whole.
package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"unicode/utf16"
)

// MaxBytes is how large a file may be: within what the gateway passes on.
const MaxBytes = 15 << 20

// Sheet is a file that is being made.
type Sheet interface {
	// Write adds a row; full when the file would be larger than it may.
	Write(cells []string) error

	// File ends the file and returns it, with its length. It is called once, after the last
	// row.
	File() (io.Reader, int64, error)
}

// pieces is a file in memory that grows without being copied. One that doubles whenever it
// is full takes three times its size meanwhile.
type pieces struct {
	net.Buffers
	size int
}

const minPiece, maxPiece = 4 << 10, 256 << 10

// Write implements io.Writer.
func (p *pieces) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		last := len(p.Buffers) - 1
		if last < 0 || len(p.Buffers[last]) == cap(p.Buffers[last]) {
			p.Buffers = append(p.Buffers, make([]byte, 0, min(max(p.size, minPiece), maxPiece)))
			last++
		}
		piece := p.Buffers[last]
		n := min(len(rest), cap(piece)-len(piece))
		p.Buffers[last] = append(piece, rest[:n]...)
		p.size, rest = p.size+n, rest[n:]
	}
	return len(b), nil
}

// bom makes a Swedish Excel read a CSV file as UTF-8.
const bom = "\ufeff"

// text is a CSV file: semicolons, UTF-8 with a BOM, CRLF.
type text struct {
	file pieces
	w    *csv.Writer
	full error
}

// NewCSV begins a CSV file; full is what a row too much is answered with.
func NewCSV(full error) Sheet {
	t := &text{full: full}
	_, _ = io.WriteString(&t.file, bom)
	t.w = csv.NewWriter(&t.file)
	t.w.Comma, t.w.UseCRLF = ';', true
	return t
}

func (t *text) Write(cells []string) error {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = inert(c)
	}
	if err := t.w.Write(safe); err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	if t.file.size > MaxBytes {
		return t.full
	}
	return nil
}

func (t *text) File() (io.Reader, int64, error) {
	t.w.Flush()
	if t.file.size > MaxBytes {
		return nil, 0, t.full
	}
	return &t.file.Buffers, int64(t.file.size), t.w.Error()
}

// inert puts an apostrophe before what a spreadsheet program would take for a
// formula (OWASP, CSV injection).
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// book is an XLSX file of one sheet (ISO/IEC 29500): a zip of five parts. Its cells are
// texts by type, which no program computes. It is packed as it is written.
type book struct {
	file pieces
	zip  *zip.Writer
	rows io.Writer // the sheet's part
	row  bytes.Buffer
	n    int
	size int // of the cells, in bytes
	full error
}

const (
	// maxCells bounds the texts of an XLSX file, in bytes: what a program reads from it
	// when it is unpacked.
	maxCells = MaxBytes
	// maxCellLength is how long a cell may be, in UTF-16 units. A program refuses a file
	// with a longer one, so the rest of it is left out.
	maxCellLength = 32_767
)

const (
	packages      = "http://schemas.openxmlformats.org/package/2006/"
	documents     = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	spreadsheets  = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	mediaType     = "application/vnd.openxmlformats-officedocument.spreadsheetml."
	relationships = xml.Header + `<Relationships xmlns="` + packages + `relationships"><Relationship Id="rId1" Type="` + documents
)

// bookParts are the parts of every book, and how its sheet begins.
var bookParts = [][2]string{
	{"[Content_Types].xml", xml.Header + `<Types xmlns="` + packages + `content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Override PartName="/xl/workbook.xml" ContentType="` + mediaType + `sheet.main+xml"/>` +
		`<Override PartName="/xl/worksheets/sheet1.xml" ContentType="` + mediaType + `worksheet+xml"/></Types>`},
	{"_rels/.rels", relationships + `/officeDocument" Target="xl/workbook.xml"/></Relationships>`},
	{"xl/_rels/workbook.xml.rels", relationships + `/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`},
	{"xl/workbook.xml", xml.Header + `<workbook xmlns="` + spreadsheets + `" xmlns:r="` + documents + `">` +
		`<sheets><sheet name="` + sheetName + `" sheetId="1" r:id="rId1"/></sheets></workbook>`},
	{"xl/worksheets/sheet1.xml", xml.Header + `<worksheet xmlns="` + spreadsheets + `"><sheetData>`},
}

// sheetName is replaced by the name of the sheet.
const sheetName = "{name}"

// NewXLSX begins an XLSX file whose sheet has a name, of at most 31 letters and blanks; full
// is what a row too much is answered with.
func NewXLSX(name string, full error) (Sheet, error) {
	b := &book{full: full}
	b.zip = zip.NewWriter(&b.file)
	for _, part := range bookParts {
		var err error
		if b.rows, err = b.zip.Create(part[0]); err == nil {
			_, err = io.WriteString(b.rows, strings.ReplaceAll(part[1], sheetName, name))
		}
		if err != nil {
			return nil, fmt.Errorf("sheet: %w", err)
		}
	}
	return b, nil
}

func (b *book) Write(cells []string) error {
	b.n++
	number := strconv.Itoa(b.n)
	b.row.Reset()
	b.row.WriteString(`<row r="` + number + `">`)
	for i, c := range cells {
		if c == "" { // an empty cell is left out
			continue
		}
		b.size += len(c)
		b.row.WriteString(`<c r="` + column(i) + number + `" t="inlineStr"><is><t xml:space="preserve">`)
		// Programs read _xHHHH_ as the character of that number; _x005F_ is "_".
		if err := xml.EscapeText(&b.row, []byte(strings.ReplaceAll(fitting(c), "_x", "_x005F_x"))); err != nil {
			return fmt.Errorf("sheet: %w", err)
		}
		b.row.WriteString(`</t></is></c>`)
	}
	b.row.WriteString(`</row>`)
	if b.size > maxCells || b.file.size > MaxBytes {
		return b.full
	}
	if _, err := b.rows.Write(b.row.Bytes()); err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	return nil
}

// column returns the name of the column with that index: A to Z, AA, AB and so on.
func column(i int) string {
	name := ""
	for ; i >= 0; i = i/26 - 1 {
		name = string(rune('A'+i%26)) + name
	}
	return name
}

// fitting returns as much of a text as a cell may hold.
func fitting(text string) string {
	if len(text) <= maxCellLength { // no text has more units than bytes
		return text
	}
	units := 0
	for i, r := range text {
		if units += utf16.RuneLen(r); units > maxCellLength {
			return text[:i]
		}
	}
	return text
}

func (b *book) File() (io.Reader, int64, error) {
	if _, err := io.WriteString(b.rows, `</sheetData></worksheet>`); err != nil {
		return nil, 0, fmt.Errorf("sheet: %w", err)
	}
	if err := b.zip.Close(); err != nil {
		return nil, 0, fmt.Errorf("sheet: %w", err)
	}
	if b.file.size > MaxBytes {
		return nil, 0, b.full
	}
	return &b.file.Buffers, int64(b.file.size), nil
}
