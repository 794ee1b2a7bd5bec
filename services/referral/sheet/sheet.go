// Package sheet makes files for spreadsheet programs, in memory and within a bound: a
// file is whole before its first byte is sent, so that a failure is an answer that says
// so and never half a file that looks whole.
package sheet

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"strings"

	"github.com/xuri/excelize/v2"
)

// MaxBytes is how large a file may be: within what the gateway passes on.
const MaxBytes = 15 << 20

// Sheet is a file that is being made.
type Sheet interface {
	// Write adds a row; full when the file would be larger than it may.
	Write(cells []string) error

	// File ends the file and returns it. It is called once, after the last row.
	File() ([]byte, error)
}

// bom makes a Swedish Excel read a CSV file as UTF-8.
const bom = "\ufeff"

// text is a CSV file: semicolons, UTF-8 with a BOM, CRLF.
type text struct {
	buf  bytes.Buffer
	w    *csv.Writer
	full error
}

// NewCSV begins a CSV file; full is what a row too much is answered with.
func NewCSV(full error) Sheet {
	t := &text{full: full}
	t.buf.WriteString(bom)
	t.w = csv.NewWriter(&t.buf)
	t.w.Comma, t.w.UseCRLF = ';', true
	return t
}

// Write implements Sheet.
func (t *text) Write(cells []string) error {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = inert(c)
	}
	if err := t.w.Write(safe); err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	if t.buf.Len() > MaxBytes {
		return t.full
	}
	return nil
}

// File implements Sheet.
func (t *text) File() ([]byte, error) {
	t.w.Flush()
	if t.buf.Len() > MaxBytes {
		return nil, t.full
	}
	return t.buf.Bytes(), t.w.Error()
}

// inert puts an apostrophe before what a spreadsheet program would take for a
// formula (OWASP, CSV injection).
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// book is an XLSX file of one sheet. Its cells are texts by type, which no
// program computes.
type book struct {
	file *excelize.File
	rows *excelize.StreamWriter
	n    int
	size int // of the cells, in bytes
	full error
}

// maxCells bounds the texts of an XLSX file, in bytes. Until it is packed, a sheet
// is in memory as XML, some four times as long.
const maxCells = MaxBytes

// noFolder is where temporary files cannot be made. The library would put a sheet
// above 16 MiB in one, in clear; as it cannot, it keeps it in memory.
const noFolder = os.DevNull

// NewXLSX begins an XLSX file; full is what a row too much is answered with.
func NewXLSX(full error) (Sheet, error) {
	f := excelize.NewFile(excelize.Options{TmpDir: noFolder})
	const name = "Remisser"
	if err := f.SetSheetName("Sheet1", name); err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	w, err := f.NewStreamWriter(name)
	if err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	return &book{file: f, rows: w, full: full}, nil
}

// Write implements Sheet.
func (b *book) Write(cells []string) error {
	values := make([]any, len(cells))
	for i, c := range cells {
		b.size += len(c)
		if c != "" { // an empty cell is left out
			values[i] = c
		}
	}
	if b.size > maxCells {
		return b.full
	}
	b.n++
	at, err := excelize.CoordinatesToCellName(1, b.n)
	if err == nil {
		err = b.rows.SetRow(at, values)
	}
	if err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	return nil
}

// File implements Sheet.
func (b *book) File() ([]byte, error) {
	if err := b.rows.Flush(); err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	var buf bytes.Buffer
	if err := b.file.Write(&buf); err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	if err := b.file.Close(); err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	if buf.Len() > MaxBytes {
		return nil, b.full
	}
	return buf.Bytes(), nil
}
